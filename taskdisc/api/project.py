"""`Project`: what the commands do, from Python."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from taskdisc.api.artifacts import Artifact
from taskdisc.api.runs import FinishedRun
from taskdisc.api.surroundings import interruptible, surroundings
from taskdisc.api.watched import WatchedRun
from taskdisc.config import Config, ParamLayer, load
from taskdisc.errors import NothingMatched, UnusableIndex, UsageError
from taskdisc.marks import MARK, innermost
from taskdisc.model import Decision
from taskdisc.project import Project as OpenProject

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import networkx

    from taskdisc.api.given import Opener
    from taskdisc.select import Selection

T = TypeVar("T")

Target = str | Callable[..., Any]
"""What the command line takes, or a task's function."""

SILENT = "no:terminal"
"""The plugin that prints, left out."""


class Settings(NamedTuple):
    """What one use of a project is told."""

    params: Mapping[str, Any] | None = None
    workers: int | None = None
    executor: str | None = None
    progress: bool = False
    sweep: Mapping[str, Any] | None = None
    overrides: Mapping[str, Any] | None = None
    limits: Mapping[str, float] | None = None


class Project:
    """A project for programs and notebooks. Every use reads anew what has been edited, and leaves nothing open."""

    def __init__(
        self, start: str, directory: str | None, opener: Opener, *, profile: str | None, store: str | None, live: bool
    ) -> None:
        """Not for callers: see `discover`, `from_module` and `from_functions`."""
        self._start, self._directory, self._opener = os.path.abspath(start), directory, opener
        self._profile, self._store, self._live = profile, store, live
        with self._opened(Settings()) as project:
            self.root = project.config.root
            """The folder in which tasks work, and to which all paths are relative."""

    @classmethod
    def discover(
        cls, start: str | os.PathLike[str] = ".", *, profile: str | None = None, store: str | None = None
    ) -> Project:
        """Return the project around a folder, with the modules that the command would find there.

        `profile` and `store` are those of the command line. Raises TaskdiscError for what the command would refuse.
        """
        start = os.fspath(start)
        if not os.path.isdir(start):
            raise UsageError(f"Project.discover({start!r}): there is no such folder.")
        return cls(start, None, OpenProject, profile=profile, store=store, live=False)

    @classmethod
    def from_module(
        cls,
        module: ModuleType,
        *,
        root: str | os.PathLike[str] | None = None,
        profile: str | None = None,
        store: str | None = None,
    ) -> Project:
        """Return a project of one module's tasks, whatever the module is called.

        `root` is the folder of a pyproject.toml with [tool.taskdisc] around the module, else the current one, unless
        it is given. A module without a file, and the program itself, count by their functions: see `from_functions`.
        """
        from taskdisc.api.given import ModuleProject, public_functions, root_around

        name, file = module.__name__, getattr(module, "__file__", None)
        if name == "__main__" or not file or not file.endswith(".py"):
            return cls.from_functions(*public_functions(module), root=root, profile=profile, store=store)
        place = os.path.abspath(file)

        def opener(config: Config) -> OpenProject:
            return ModuleProject(config, name, place)

        folder = os.fspath(root) if root is not None else root_around(place)
        return cls(folder, os.path.abspath(folder), opener, profile=profile, store=store, live=False)

    @classmethod
    def from_functions(
        cls,
        *functions: Callable[..., Any],
        root: str | os.PathLike[str] | None = None,
        profile: str | None = None,
        store: str | None = None,
    ) -> Project:
        """Return a project of just these functions, from wherever they are: a program, a notebook, another function.

        Parameters mean each other's results, and the axes and files among the globals of their modules. `root` is the
        root around the current folder unless it is given. No text is read: what counts as code is the functions as
        compiled, and all that they reach by their globals, functions, classes, constants and plain data.
        """
        from taskdisc.api.given import LiveProject

        if not functions:
            raise UsageError("Project.from_functions: give it functions.")

        def opener(config: Config) -> OpenProject:
            return LiveProject(config, functions)

        directory = None if root is None else os.path.abspath(os.fspath(root))
        return cls(os.getcwd(), directory, opener, profile=profile, store=store, live=True)

    def __repr__(self) -> str:
        return f"<project {self.root}>"

    def run(
        self,
        *targets: Target,
        params: Mapping[str, Any] | None = None,
        sweep: Mapping[str, Iterable[Any]] | None = None,
        overrides: Mapping[str, Any] | None = None,
        workers: int | None = None,
        executor: str | Executor | None = None,
        progress: bool = False,
        check: bool = True,
        limits: Mapping[str, float] | None = None,
    ) -> FinishedRun:
        """Compute what is missing of the targets (names, ids, slices, functions), and return what was done.

        `params` are values of settings, axes and open parameters, by "name" or "task.name", as -p gives them; `sweep`
        gives several values each, and the run is the union of the runs with each of them. `overrides` puts values in
        the place of tasks, outputs and fixtures, and paths in that of input files. `workers` is -j. `executor` is a
        name, or any executor of `concurrent.futures`, which is used and never shut down. `limits={"gpu": 1}` restricts
        resources, channels and tasks, as --limit does.
        `progress` prints what the command prints, on stderr.

        Raises TaskFailed if something failed, unless `check` is False; TaskdiscError for what cannot be run; and
        KeyboardInterrupt, after which what was finished is kept.
        """
        pool = None if executor is None or isinstance(executor, str) else _checked_pool(executor)
        name = executor if isinstance(executor, str) else None
        settings = Settings(params, workers, name, progress, sweep, overrides, limits)
        texts = tuple(map(_target_text, targets))

        def execute() -> FinishedRun:
            with self._opened(settings) as project:
                if name is not None:
                    project.plugins.factory("executors", name)
                run = WatchedRun(project, texts, pool=pool)
                report = run.execute(guard=interruptible)
                config = project.config
            if report.interrupted:
                raise KeyboardInterrupt
            return FinishedRun(run, report, lambda: self._within(config), again)

        def again() -> WatchedRun:
            return execute()._run

        finished = self._without_damage(execute)
        if check:
            finished.raise_for_failures()
        return finished

    def artifact(self, target: Target, *, params: Mapping[str, Any] | None = None) -> Artifact:
        """Return the kept result of one instance, without running anything.

        Raises NothingMatched where nothing up to date is kept, and UsageError where the target means several.
        """
        text = _target_text(target)
        settings = Settings(params)

        def look() -> Artifact:
            with self._opened(settings) as project:
                run = WatchedRun(project, (text,), age_counts=False)
                decisions = run.preview()
                project.save_caches()
                selection, node = _only_instance(run, text)
                block, row = run.expansion.place(node)
                if decisions.get(node) != Decision.CACHED or project.index is None:
                    name = run.id_of(node)
                    raise NothingMatched(f"{name}: no result that is up to date. Run it: project.run({name!r})")
                found = project.index.result(run.plan.artifacts[block.number][row])
                config = project.config

            def value() -> Any:
                with self._within(config):
                    try:
                        return run.values(selection, [node])[0][1]
                    finally:
                        project.close_index()

            return Artifact(run.id_of(node), found, config.root, config.store, value)

        return self._without_damage(look)

    def clear(self, *targets: Target, downstream: bool = False) -> int:
        """Forget the kept results of the targets, so that they run again; return how many there were.

        Of all code and settings; with `downstream` those of what depends on the targets, too.
        """
        from taskdisc.kept import forget, instances_of, kept_rows

        texts = list(map(_target_text, targets))
        if not texts:
            raise UsageError("project.clear: name targets.")

        def clear() -> int:
            with self._opened(Settings()) as project:
                instances = instances_of(project, texts, downstream=downstream)
                rows = kept_rows(project, instances)
                forget(project, instances, [row for _, row in rows])
                return len(rows)

        return self._without_damage(clear)

    def graph(self) -> networkx.DiGraph[str]:
        """Return the graph of tasks, each an edge's end after what it depends on.

        Nodes are names; their attributes are `function`, `place` ("file:line"), `axes`, `outputs` and `tags`.
        """
        from taskdisc.drawing import digraph

        with self._opened(Settings()) as project:
            return digraph(project.graph)

    # Opening

    @contextmanager
    def _opened(self, settings: Settings) -> Iterator[OpenProject]:
        config = self._config(settings)
        with self._within(config):
            project = self._opener(config)
            try:
                yield project
                _tell(project)
            finally:
                project.close()

    def _within(self, config: Config) -> AbstractContextManager[None]:
        return surroundings(config.root, config.environment, live=self._live)

    def _config(self, settings: Settings) -> Config:
        overrides = {"workers": settings.workers, "executor": settings.executor, "store": self._store}
        config = load(
            self._start,
            directory=self._directory,
            profile=self._profile,
            overrides=overrides,
            limits=settings.limits or (),
        )
        if settings.params:
            layer = ParamLayer("params", _checked_params(settings.params), False)
            config = config._replace(layers=(layer, *config.layers))
        if settings.sweep:
            swept = {name: list(values) for name, values in _checked_params(settings.sweep).items()}
            config = config._replace(sweeps=ParamLayer("sweep", swept, False))
        if settings.overrides:
            config = config._replace(replaced=ParamLayer("overrides", dict(settings.overrides), False))
        return config if settings.progress else config._replace(plugins=(*config.plugins, SILENT))

    def _without_damage(self, use: Callable[[], T]) -> T:
        """An index that proves to be damaged while it is used is moved aside, and everything begins anew."""
        try:
            return use()
        except UnusableIndex as error:
            from taskdisc.store.database import set_aside

            warnings.warn(set_aside(error), stacklevel=3)
            return use()


def run(
    *targets: Target,
    start: str | os.PathLike[str] = ".",
    params: Mapping[str, Any] | None = None,
    sweep: Mapping[str, Iterable[Any]] | None = None,
    overrides: Mapping[str, Any] | None = None,
    workers: int | None = None,
    executor: str | Executor | None = None,
    progress: bool = False,
    check: bool = True,
    limits: Mapping[str, float] | None = None,
) -> FinishedRun:
    """Run targets of the project around `start`, the current folder: see `Project.run`."""
    project = Project.discover(start)
    return project.run(
        *targets,
        params=params,
        sweep=sweep,
        overrides=overrides,
        workers=workers,
        executor=executor,
        progress=progress,
        check=check,
        limits=limits,
    )


def _tell(project: OpenProject) -> None:
    """Say what was found in the store."""
    for text in project.remarks:
        warnings.warn(text, stacklevel=5)
    project.remarks.clear()


def _target_text(target: Target) -> str:
    if isinstance(target, str):
        return target
    function = innermost(target)
    if function is None:
        raise UsageError(f"a target is a name, an id, or the function of a task, not {target!r}.")
    options = getattr(target, MARK, None) or getattr(function, MARK, None)
    return (options and options.name) or function.__name__


def _checked_params(params: Mapping[str, Any]) -> dict[str, Any]:
    for name in params:
        if not isinstance(name, str):
            raise UsageError(f"params: {name!r} is no name of a setting, such as 'fraction' or 'model.metric'.")
    return {name: list(value) if isinstance(value, range) else value for name, value in params.items()}


def _checked_pool(executor: Any) -> Executor:
    if not callable(getattr(executor, "submit", None)):
        raise UsageError(f"executor takes a name or an executor of concurrent.futures, not {executor!r}.")
    pool: Executor = executor
    return pool


def _only_instance(run: WatchedRun, text: str) -> tuple[Selection, int]:
    found = [(selection, node) for selection in run.selections for node in run.nodes_of(selection)]
    if len(found) != 1:
        names = [run.id_of(node) for _, node in found[:5]]
        shown = f": {', '.join(names)}{', ...' if len(found) > 5 else ''}" if names else ""
        raise UsageError(f"artifact({text!r}) takes exactly one instance, and there are {len(found)}{shown}.")
    return found[0]
