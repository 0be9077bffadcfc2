"""What the commands are told, and the project that they open by it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from taskdisc.config import Config
    from taskdisc.narrow import Narrowing
    from taskdisc.project import Project


class Options(NamedTuple):
    """The options that commands share; None and () mean not given."""

    targets: tuple[str, ...] = ()
    directory: str | None = None
    profile: str | None = None
    params: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    """The texts of --override."""
    sweeps: tuple[str, ...] = ()
    workers: int | None = None
    executor: str | None = None
    store: str | None = None
    plugins: tuple[str, ...] = ()
    dry_run: bool = False
    exit_code: bool = False
    verbosity: int = 0
    json: str | None = None
    no_code_check: bool = False
    captured: bool = True
    pdb: bool = False
    durations: int | None = None
    junit: str | None = None
    limits: tuple[str, ...] = ()
    keywords: str | None = None
    tags: str | None = None
    last_failed: bool = False
    maxfail: int | None = None
    force: bool = False
    force_all: bool = False


def narrowing(options: Options) -> "Narrowing | None":
    """Return how the targets are restricted, or None."""
    if options.keywords is None and options.tags is None and not options.last_failed:
        return None
    from taskdisc.narrow import Narrowing

    return Narrowing(options.keywords, options.tags, options.last_failed)


@contextmanager
def opened(options: Options) -> "Iterator[tuple[Project, list[str]]]":
    """Open the project in the current folder or in `-C`; yield it and the targets, their paths relative to its root.

    The root becomes the working folder, and `.env` part of the environment, for tasks and plugins alike.
    """
    with opened_with(configured(options), options) as found:
        yield found


def configured(options: Options) -> "Config":
    """Return the configuration of the project in the current folder or in `-C`. Raises ConfigError, UsageError."""
    from taskdisc.config import load

    overrides = {
        "workers": options.workers,
        "executor": options.executor,
        "store": options.store,
        "plugins": options.plugins,
    }
    return load(
        os.getcwd(),
        directory=options.directory,
        profile=options.profile,
        overrides=overrides,
        params=options.params,
        replaced=options.replaced,
        sweeps=options.sweeps,
        limits=options.limits,
    )


@contextmanager
def opened_with(config: "Config", options: Options) -> "Iterator[tuple[Project, list[str]]]":
    """Open the project of a configuration, as `opened` does."""
    from taskdisc.project import Project

    start = os.getcwd()
    os.environ.update(config.environment)
    os.chdir(config.root)
    targets = [_from_root(target, start, config.root) for target in options.targets]
    project = Project(config, _paths(targets))
    try:
        _tell(project)
        yield project, targets
        _tell(project)
    finally:
        project.close()


def _tell(project: "Project") -> None:
    """Say what was found in the store, once."""
    if project.remarks:
        from taskdisc.cli.output import remark

        for text in project.remarks:
            remark(f"warning: {text}")
        project.remarks.clear()


def _from_root(target: str, start: str, root: str) -> str:
    """A path in a target is meant as seen from the folder where the command was given."""
    path, colons, name = target.partition("::")
    if (colons or path.endswith((".py", "/"))) and os.path.exists(os.path.join(start, path)):
        path = os.path.relpath(os.path.join(start, path), root)
    return f"{path}{colons}{name}"


def _paths(targets: Sequence[str]) -> list[str]:
    """The modules that targets name explicitly: collected whatever they are called."""
    paths = [target.partition("::")[0] for target in targets]
    return [path for path in paths if path.endswith(".py") and os.path.isfile(path)]
