"""Demands: what options of tasks ask of executors. One that cannot honour them is an error before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from taskdisc.allotment import Allotment
from taskdisc.errors import PluginError, UsageError
from taskdisc.executors import make_executor
from taskdisc.lanes import COMMAND, Lane, Lanes, Means, title
from taskdisc.model import Task, TaskOptions

if TYPE_CHECKING:
    from taskdisc.config import Config
    from taskdisc.graph import TaskGraph
    from taskdisc.pluginmanager import PluginManager
    from taskdisc.protocols import Capabilities, Executor


class Demand(NamedTuple):
    """An option, and the field of `Capabilities` that an executor needs for it."""

    option: str
    text: str
    capability: str
    needs: str
    """What such an executor does, after "an executor that"."""


def demands_of(options: TaskOptions, config: Config) -> Iterator[Demand]:
    """Yield what a task asks of its executor."""
    if options.timeout:
        yield Demand("timeout", f'timeout="{options.timeout}"', "timeouts", "ends jobs that take too long")
    if options.env:
        text = f"env ({', '.join(name for name, _ in options.env)})"
        yield Demand("env", text, "environment", "gives jobs variables of their own")
    if options.flags:
        yield Demand("flags", f"flags={options.flags!r}", "flags", "passes them on to a batch system")
    if "killed" in options.retry_on:
        yield Demand("retry_on", 'retry_on="killed"', "attribution", "knows which job a dead process had")
    if config.max_tasks_per_worker:
        text = f"max_tasks_per_worker = {config.max_tasks_per_worker}"
        yield Demand("max_tasks_per_worker", text, "replacement", "replaces its workers")


def check(
    tasks: Iterable[Task],
    lanes: Lanes,
    config: Config,
    plugins: PluginManager,
    make_plain: Callable[[], Executor],
) -> None:
    """Check that the executor of each task can do what the task asks. Raises UsageError.

    `make_plain` makes the run's executor, which may be the caller's own.
    """
    known: dict[int, Capabilities] = {}
    for task in tasks:
        lane = lanes.of(task.options)
        means = lanes.means(lane)
        _check_means(task, means)
        if lane not in known:
            known[lane] = _looked_at(make_plain()) if lane == Lane.PLAIN else _capabilities(task, means, plugins)
        for demand in demands_of(task.options, config):
            if not getattr(known[lane], demand.capability):
                raise UsageError(_refusal(task, means.executor, demand, plugins))


def allotted(
    graph: TaskGraph,
    tasks: Iterable[Task],
    config: Config,
    lanes: Lanes,
    plugins: PluginManager,
    make_plain: Callable[[], Executor],
) -> Allotment:
    """Return what there is for a run, and what each task needs of it. Raises UsageError as `Allotment` does."""
    return Allotment(graph, tasks, config, lanes, Providers(lanes, plugins, make_plain).resources)


class Providers:
    """What executors and launchers ask for elsewhere, by the lanes of a run: see `protocols.Provider`."""

    def __init__(self, lanes: Lanes, plugins: PluginManager, make_plain: Callable[[], Executor]) -> None:
        self._lanes = lanes
        self._plugins = plugins
        self._make_plain = make_plain
        self._known: dict[int, Container[str]] = {}

    def resources(self, task: Task) -> Container[str]:
        """Return the names of the resources that are not this machine's when the task needs them."""
        lane = self._lanes.of(task.options)
        if lane not in self._known:
            self._known[lane] = getattr(self._provider(lane), "resources", ())
        return self._known[lane]

    def _provider(self, lane: int) -> object:
        means = self._lanes.means(lane)
        if means.launcher:
            return self._plugins.make("launchers", means.launcher)
        executor = self._make_plain() if lane == Lane.PLAIN else make_executor(self._plugins, means.executor, workers=1)
        executor.stop(kill=False)
        return executor


def _check_means(task: Task, means: Means) -> None:
    """Only commands have something before them, and only this process has the terminal."""
    if task.options.interactive and (task.options.executor or task.options.launcher):
        option = "executor" if task.options.executor else "launcher"
        raise UsageError(f"{title(task)}: it is interactive, so it runs in the command itself. Leave {option} out.")
    if means.launcher and means.executor != COMMAND:
        option = "launcher" if task.options.launcher else "prefix"
        raise UsageError(
            f'{title(task)}: {option} goes before a command, and executor="{means.executor}" runs none. '
            f"Leave one of them out."
        )


def _capabilities(task: Task, means: Means, plugins: PluginManager) -> Capabilities:
    try:
        if means.launcher:
            plugins.factory("launchers", means.launcher)
        return _of_executor(means.executor, plugins)
    except PluginError as error:
        raise UsageError(f"{title(task)}: {error}") from error


def _of_executor(name: str, plugins: PluginManager) -> Capabilities:
    return _looked_at(make_executor(plugins, name, workers=1))


def _looked_at(executor: Executor) -> Capabilities:
    """What an executor can do that was made for this alone."""
    executor.stop(kill=False)
    return executor.capabilities


def _refusal(task: Task, executor: str, demand: Demand, plugins: PluginManager) -> str:
    able = sorted(
        name for name in plugins.supplied("executors") if getattr(_of_executor(name, plugins), demand.capability)
    )
    near = "process" if "process" in able else "".join(able[:1])
    others = f'Choose one that does (executor="{near}"; there are {", ".join(able)}), or leave' if able else "Leave"
    return (
        f"{title(task)}: {demand.text} needs an executor that {demand.needs}, and {executor!r} does not.\n"
        f"    {others} {demand.option} out."
    )
