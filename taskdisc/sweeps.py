"""Sweeps: the union of several runs with different values of settings, as copies of what the values reach.

Each run of a sweep has a copy of every task that a swept setting reaches, and shares all others. So do targets that
bind settings in their brackets. A copy has an id of its own in the graph; keys and the store know it by the task's id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from itertools import product
from typing import TYPE_CHECKING, Any

from taskdisc.bind import decides, owner_of
from taskdisc.errors import UsageError
from taskdisc.graph import (
    FromAfter,
    FromAxis,
    FromFixture,
    FromGather,
    FromPlanner,
    FromSetting,
    FromStructure,
    FromTask,
    Inner,
    Source,
    TaskGraph,
    tasks_of,
)
from taskdisc.labels import label_text, text_label, unquoted
from taskdisc.marks import Axis
from taskdisc.model import Fixture, Swept, Task
from taskdisc.ranges import swept_values

if TYPE_CHECKING:
    from taskdisc.config import Config
    from taskdisc.select import Selection

Point = tuple[Swept, ...]
"""What one run of a sweep, or one target, gives to settings."""


def swept(graph: TaskGraph, config: Config, selections: Sequence[Selection]) -> tuple[TaskGraph, list[Selection]]:
    """Return the graph with copies for each run of the sweep, and the selections in all runs, run by run."""
    open_names = {axis.name for axes in graph.axes.values() for axis in axes if axis.open}
    axes = [_axis_of_points(name, config) for name in config.sweeps.values if name not in open_names]
    copies = _Copies(graph, config)
    found: list[Selection] = []
    for point in product(*axes):
        for selection in selections:
            bound = bound_settings(graph, selection)
            names = {each.name for each in bound}
            whole = (*(each for each in point if each.name not in names), *bound)
            here = selection._replace(task=copies.of(selection.task, whole))
            if here not in found:
                found.append(here)
    return copies.graph(), found


def is_needed(graph: TaskGraph, config: Config, selections: Sequence[Selection]) -> bool:
    """Say whether something is swept, or bound for one target."""
    return bool(config.sweeps.values) or any(bound_settings(graph, selection) for selection in selections)


def bound_settings(graph: TaskGraph, selection: Selection) -> Point:
    """Return the settings that the brackets of a target bind."""
    axes = {axis.name for axis in graph.axes[selection.task]}
    text = selection.target.text
    return tuple(
        Swept(name, unquoted(given), text_label(unquoted(given)), True, text)
        for name, given in (selection.target.brackets or {}).items()
        if name not in axes
    )


def _axis_of_points(name: str, config: Config) -> list[Swept]:
    layer = config.sweeps
    found: dict[str, Swept] = {}
    for value in swept_values(layer, name):
        label = text_label(value) if layer.texts else label_text(value)
        if label in found:
            raise UsageError(f"{layer.origin} {name}: {label} is given twice. Leave one out.")
        found[label] = Swept(name, value, label, layer.texts, layer.origin)
    return list(found.values())


class _Copies:
    """The copies of tasks and fixtures, each made once for what reaches it."""

    def __init__(self, graph: TaskGraph, config: Config) -> None:
        self._graph = graph
        self._config = config
        self._tasks: dict[str, Task] = {}
        self._fixtures: dict[str, Fixture] = {}
        self._sources: dict[str, dict[str, Source]] = {}
        self._axes: dict[tuple[Axis, str], Axis] = {}
        """Copies of axes whose functions are called by copies, with the ids of these."""
        self._made: dict[Point, dict[str, str]] = {}
        self._beside: dict[str, dict[str, str]] = {}

    def of(self, task: str, point: Point) -> str:
        """Return the id of the task's copy at a point of the sweep: its own where nothing reaches it."""
        if not point:
            return task
        made = self._made.setdefault(point, {})
        if task not in made:
            tasks = self._graph.reachable([task])
            for each in (*self._graph.fixtures_of(tasks), *tasks):
                if each not in made:
                    made[each] = self._copied(each, point, made)
        return made[task]

    def _copied(self, owner: str, point: Point, made: dict[str, str]) -> str:
        reaching = set(self._reaching(owner, point, made))
        reached = tuple(each for each in point if each in reaching)
        if not reached:
            return owner
        id = f"{owner}[{','.join(f'{each.name}={each.label}' for each in reached)}]"
        if id not in self._sources:
            sources = self._graph.sources[owner]
            self._sources[id] = {name: self._moved(source, made) for name, source in sources.items()}
            self._add(id, owner, reached)
            self._beside[id] = made
        return id

    def _add(self, id: str, owner: str, reached: Point) -> None:
        if owner in self._graph.fixtures:
            self._fixtures[id] = self._graph.fixtures[owner]._replace(id=id, swept=reached, copy_of=owner)
        else:
            self._tasks[id] = self._graph.tasks[owner]._replace(id=id, swept=reached, copy_of=owner)

    def _reaching(self, owner: str, point: Point, made: dict[str, str]) -> Iterator[Swept]:
        """Yield what of the point decides a setting of the task or fixture, or reaches what it uses."""
        here = owner_of(self._graph, self._graph.tasks.get(owner) or self._graph.fixtures[owner])
        for source in self._graph.sources[owner].values():
            if isinstance(source, FromSetting):
                yield from (each for each in point if decides(each.name, here, source.name, self._config))
            elif isinstance(source, FromFixture):
                yield from self._swept_of(made[source.fixture])
            elif isinstance(source, FromPlanner):
                yield from point  # nobody knows yet what it will refer to
            for task in tasks_of(source):
                yield from self._swept_of(made.get(task, task))

    def _swept_of(self, id: str) -> Point:
        copy: Any = self._tasks.get(id) or self._fixtures.get(id)
        return copy.swept if copy is not None else ()

    def _moved(self, source: Source, made: dict[str, str]) -> Source:
        """The source with copies in the place of what they are copies of."""
        if isinstance(source, FromGather | FromAfter):
            over = tuple(self._axis(axis, made) for axis in source.over)
            return source._replace(task=made[source.task], over=over)
        if isinstance(source, FromTask | FromPlanner):
            return source._replace(task=made[source.task])
        if isinstance(source, FromStructure):
            return source._replace(targets=tuple((made.get(task, task), output) for task, output in source.targets))
        if isinstance(source, FromAxis):
            return source._replace(axis=self._axis(source.axis, made))
        return FromFixture(made[source.fixture]) if isinstance(source, FromFixture) else source

    def _axis(self, axis: Axis, made: dict[str, str]) -> Axis:
        """The axis whose elements a copy of its function returns."""
        task = made.get(axis.task, axis.task)
        if task == axis.task:
            return axis
        if (axis, task) not in self._axes:
            copied = self._axes[axis, task] = copy(axis)
            copied.task = task
        return self._axes[axis, task]

    def graph(self) -> TaskGraph:
        """Return the graph with all copies, after what they are copies of."""
        graph, tasks = self._graph, self._tasks
        return graph._replace(
            tasks={**graph.tasks, **tasks},
            sources={**graph.sources, **self._sources},
            axes={**graph.axes, **{id: self._axes_of(task) for id, task in tasks.items()}},
            names={**graph.names, **{id: graph.names[task.copy_of] for id, task in tasks.items()}},
            inner={**graph.inner, **{id: self._inner_of(t) for id, t in tasks.items() if t.copy_of in graph.inner}},
            grows=graph.grows | {id for id, task in tasks.items() if task.copy_of in graph.grows},
            fixtures={**graph.fixtures, **self._fixtures},
            given={
                **graph.given, **{id: graph.given[t.copy_of] for id, t in tasks.items() if t.copy_of in graph.given}
            },
            beside=self._beside,
        )  # fmt: skip

    def _axes_of(self, task: Task) -> tuple[Axis, ...]:
        return tuple(self._axis(axis, self._beside[task.id]) for axis in self._graph.axes[task.copy_of])

    def _inner_of(self, task: Task) -> Inner:
        inner = self._graph.inner[task.copy_of]
        return inner if inner.axis is None else inner._replace(axis=self._axis(inner.axis, self._beside[task.id]))
