"""The hooks: what a plugin can supply or observe. Each docstring is its manual.

A plugin is a module or an object with functions of these names; no decorator is needed, `hookimpl` gives options
(`@hookimpl(trylast=True)`). It is found through the entry-point group `taskdisc`, or named in `plugins = [...]`.
A function may leave out arguments that it does not use. Hooks run in the process of `taskdisc run`, unless they say
otherwise. Plugins that were registered later are called first: built-ins come before installed plugins, then those
that are named, then the project's own modules, which may implement every hook from `taskdisc_modify_tasks` on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

from taskdisc.supply import Override

if TYPE_CHECKING:
    from concurrent.futures import Executor as Pool

    from taskdisc.config import Config
    from taskdisc.hookrecords import Attempt, Forecast
    from taskdisc.model import Retry, RunReport, StepEnd, Task
    from taskdisc.pluginoptions import CommandLine
    from taskdisc.protocols import Codec, Executor, Launcher, ObjectStore, RemoteStore
    from taskdisc.run import Run

PREFIX = "taskdisc_"

hookspec = pluggy.HookspecMarker("taskdisc")
hookimpl = pluggy.HookimplMarker("taskdisc")
override = Override
"""Marks a factory that is to take the place of one of the same name: `{"process": override(make_mine)}`."""


@hookspec
def taskdisc_add_options(cli: CommandLine) -> None:
    """Add options: `cli.add("queue", default="short", help="The queue of the jobs.")`.

    Each is a key of `[tool.taskdisc]`, a variable of the environment, `TASKDISC_QUEUE`, and an option of every command,
    `--queue`, and is then found as `config.plugin_options["queue"]`. Called when the plugins are known and before
    `taskdisc_configure`; for a command line, perhaps twice.
    """


@hookspec
def taskdisc_configure(config: Config) -> None:
    """Called once, when the configuration is complete and before modules are collected.

    Raise `UsageError` or `ConfigError` to refuse it.
    """


@hookspec
def taskdisc_unconfigure(config: Config) -> None:
    """Called last of all, also after a failure, for every plugin whose `taskdisc_configure` was called."""


@hookspec(firstresult=True)
def taskdisc_ignore_path(path: str, config: Config) -> bool | None:
    """Say whether a file or folder is left out of collection: True or False decides, None leaves it to others.

    `path` is absolute. Called for each folder below the root and for each file that matches `files`, or for every file
    where a plugin implements `taskdisc_collect_file`.
    """


@hookspec(firstresult=True)
def taskdisc_collect_file(path: str, config: Config) -> Mapping[str, Any] | None:
    """Return what a file of another format defines, by name: tasks, axes, files, fixtures; None leaves it to others.

    The values are what a module of tasks would have under these names: functions, plain or decorated, `axis(...)`,
    `file(...)`; or pairs of that and the line, for messages. They are known in the whole project, as those of a module
    are. Called during collection for each file in the folders that are searched, with its absolute path; of one that
    matches `files`, too, which is then no module.

    What the file says must reach a function by a setting's default, as in `def step(command=command)`, or by its
    closure: so it counts in keys, and the task runs again when it changes. The functions may be made of one
    another, and go to workers by value.
    """


@hookspec
def taskdisc_modify_tasks(tasks: list[Task], config: Config) -> None:
    """Change the collected tasks in place: leave some out, put others in order, replace one by `task._replace(...)`.

    Called after collection and before names are resolved. A task that is left out is as good as never written.
    """


@hookspec(firstresult=True)
def taskdisc_fingerprint_value(value: object) -> object | None:
    """Return a simpler value that stands for `value` in keys, or None to leave it to others.

    Called for objects of classes that the canonical encoding does not know by itself, in axes and settings (in the
    run) and in results (in the workers). What is returned is tagged with the class's name; two values that it is
    equal for are one to taskdisc.
    """


@hookspec
def taskdisc_executors() -> Mapping[str, Callable[..., Executor | Pool]]:
    """Supply executors by name. Each factory is called with `workers: int`; see `protocols.Executor`.

    A factory may as well return an executor of `concurrent.futures`, which is shut down when the run has ended. What it
    makes may be looked at for what it can do, and stopped again, before anything runs.

    Two of one name are an error, here and below, unless that of the later plugin is marked by `override(...)`. Called
    when an executor is looked up by name, never in a run with the usual one that has nothing to do.
    """
    return {}


@hookspec
def taskdisc_stores() -> Mapping[str, Callable[..., ObjectStore]]:
    """Supply stores for large objects by name. Each factory is called with `path: str`, the store's folder.

    Called in the run and in its workers; see `protocols.ObjectStore`.
    """
    return {}


@hookspec
def taskdisc_codecs() -> Mapping[str, Callable[[], Codec]]:
    """Supply codecs by name, for `@task(codec=...)`. Called in the run and in its workers; see `protocols.Codec`."""
    return {}


@hookspec
def taskdisc_launchers() -> Mapping[str, Callable[[], Launcher]]:
    """Supply launchers by name: what turns a task's `prefix` into words of a command line.

    Called when the first job with a prefix is about to start; see `protocols.Launcher`.
    """
    return {}


@hookspec
def taskdisc_remotes() -> Mapping[str, Callable[..., RemoteStore]]:
    """Supply stores that a team shares, by the scheme of their addresses: `s3` for `shared = "s3://bucket/project"`.

    Each factory is called with `url: str`, the whole address, when the store is first needed, in the run and in its
    workers; see `protocols.RemoteStore`.
    """
    return {}


@hookspec
def taskdisc_injectables() -> Mapping[str, Callable[[Any], Any]]:
    """Supply values that tasks receive by parameter name, such as `task_dir`.

    Each function is called in the worker, once per execution that has the parameter, with the `worker.Execution`;
    it returns the value. Such values are no part of the key.
    """
    return {}


@hookspec
def taskdisc_run_started(run: Run) -> None:
    """Called when the targets are known and before anything is decided. `run` stays live: counts change as it goes."""


@hookspec
def taskdisc_plan_ready(plan: Forecast, config: Config) -> None:
    """Called when it is known what is up to date, after `taskdisc_run_started` and before the first job starts.

    `plan` says what is to come, as far as it is known from what is kept; it is good for this call alone. Raise
    `UsageError` to refuse the run. Not called by `run -n`, which runs nothing.
    """


@hookspec
def taskdisc_run_progress(run: Run) -> None:
    """Called while jobs run, at most ten times a second; everything in `run` that is reported done is durable."""


@hookspec
def taskdisc_terminal_lent(run: Run) -> None:
    """Called before a task runs in the run's own process: it has the terminal until the next call of any other hook."""


@hookspec
def taskdisc_job_started(step: Attempt) -> None:
    """Called for every attempt, when its job has been given to what runs it, where it may have to wait a little."""


@hookspec
def taskdisc_around_task(job: Attempt) -> Iterator[None]:
    """Do something before and after a task's function: a generator function that yields once.

    Called in the worker, under every executor, for every attempt, when the arguments are there. The task runs at
    `yield`, which raises what the task raises. The result stays what the task returned, and a failure a failure; what
    the generator raises by itself fails the attempt.
    """
    yield


@hookspec
def taskdisc_job_finished(step: StepEnd) -> None:
    """Called for every step that was executed (never for cached ones), after its outcome is durable.

    What its failure blocks has no call of its own: `step.blocked` names the first few, `step.blocked_count` counts.
    """


@hookspec
def taskdisc_job_retried(retry: Retry) -> None:
    """Called for every attempt that failed and that another will follow, after it is durable."""


@hookspec
def taskdisc_run_warned(text: str, run: Run) -> None:
    """Called when an executor has something to say that is about no step: a batch system has no room, and it waits.

    The text is among `report.warnings` at the end, too.
    """


@hookspec
def taskdisc_run_interrupted(run: Run) -> None:
    """Called once when a run is interrupted: it begins nothing more, and what runs has a while (`grace`) to end."""


@hookspec
def taskdisc_run_finished(report: RunReport, config: Config) -> None:
    """Called once when the run has ended, however it ended."""


@hookspec
def taskdisc_report_header(config: Config) -> str | list[str] | None:
    """Return lines for the head of the report. Called once, before anything is decided, in a verbose run."""


@hookspec
def taskdisc_report_summary(report: RunReport, config: Config) -> str | list[str] | None:
    """Return lines for the foot of the report. Called once, when the run has ended."""
