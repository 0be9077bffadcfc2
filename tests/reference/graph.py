"""Collection: which axes every task has."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

from .instances import leaves
from .settle import Steps, settle
from .vocabulary import Axis, AxisOf, GatherOf, Planned, Project, Ref, ResultOf, RuleError, Setting, Source, Task


class PlannerOf(NamedTuple):
    """The planner of one parameter, as something that can be part of a circle."""

    node: Task | Axis
    parameter: str

    def __str__(self) -> str:
        return f"planner of {self.node}({self.parameter})"


class Graph:
    """The project with the axes of every task and axis, parents first and then by name."""

    def __init__(self, project: Project) -> None:
        self._tasks = project.tasks
        self._known: dict[Any, list[Axis]] = {}
        for task in self._tasks.values():
            settle(task, self._steps, self._known)

    def task(self, name: str) -> Task:
        """Return the task of that name."""
        if name not in self._tasks:
            raise RuleError(9, f"no task is called {name}")
        return self._tasks[name]

    def axes(self, node: Task | Axis) -> list[Axis]:
        """Return the axes along which the task, or axis, exists; an axis does not count itself."""
        return self._known[node]

    def names_of_axes(self) -> set[str]:
        """Return the names of all axes with elements."""
        return {axis.name for axes in self._known.values() for axis in axes if not axis.open}

    def source_for_planner(self, planner: PlannerOf, name: str) -> Source:
        """Return what fills the planner's parameter `name` (11)."""
        node, planned = planner
        if name in node.sources and name != planned:
            return node.sources[name]
        otherwise = node.sources[planned].otherwise
        if name not in otherwise:
            raise RuleError(11, f"nothing fills {name} of the {planner}")
        return otherwise[name]

    def gathered(self, gather: GatherOf) -> list[Axis]:
        """Return the axes that a gather runs over, in order (8)."""
        axes = self.axes(self.task(gather.task))
        over = [axis for axis in axes if self._is_over(gather, axis)]
        unknown = set(gather.over or ()) - {axis.name for axis in over}
        if unknown or not over:
            raise RuleError(8, f"gather of {gather.task}: {sorted(unknown) or 'nothing'} to gather over")
        for axis in axes:
            kept = axis not in over and axis.name not in gather.bound
            if kept and set(self.axes(axis)) & set(over):
                raise RuleError(8, f"gather of {gather.task}: {axis} exists once per element of a gathered axis")
        return over

    @staticmethod
    def _is_over(gather: GatherOf, axis: Axis) -> bool:
        named = gather.over is None or axis.name in gather.over
        return named and not axis.open and axis.name not in gather.bound

    def check_bound(self, task: Task, bound: Iterable[str]) -> None:
        """Refuse a name that is neither an axis or open parameter of the task nor a setting of its own (9)."""
        axes = {axis.name for axis in self.axes(task)}
        for name in bound:
            if name not in axes and not isinstance(task.sources.get(name), Setting):
                raise RuleError(9, f"{task} has no axis, open parameter or setting of its own called {name}")

    def _steps(self, goal: Any) -> Steps:
        return self._axes_of_planner(goal) if isinstance(goal, PlannerOf) else self._axes_of_node(goal)

    def _axes_of_node(self, node: Task | Axis) -> Steps:
        found: set[Axis] = set()
        for parameter, source in node.sources.items():
            found.update((yield from self._axes_of_source(node, parameter, source)))
        self._check_names(node, found)
        self._check_parents(node, found)
        return self._in_order(found)

    def _axes_of_source(self, node: Task | Axis, parameter: str, source: Source) -> Steps:  # (1, 3)
        if isinstance(source, AxisOf):
            return [*(yield source.axis), source.axis]
        if isinstance(source, ResultOf):
            return (yield self.task(source.task))
        if isinstance(source, Setting):
            return []
        if isinstance(source, Planned):
            return (yield PlannerOf(node, parameter))
        found = []
        for leaf in leaves(source, Ref, GatherOf):
            found += yield from self._axes_of_direct(leaf)
        return found

    def _axes_of_direct(self, leaf: Ref | GatherOf) -> Steps:
        task = self.task(leaf.task)
        axes = yield task
        self.check_bound(task, leaf.bound)
        over = self.gathered(leaf) if isinstance(leaf, GatherOf) else []
        return [axis for axis in axes if axis not in over and axis.name not in leaf.bound]

    def _axes_of_planner(self, planner: PlannerOf) -> Steps:
        node, planned = planner
        found = []
        for name in node.sources[planned].parameters:
            found += yield from self._axes_of_source(node, name, self.source_for_planner(planner, name))
        return found

    def _check_names(self, node: Task | Axis, axes: set[Axis]) -> None:  # (4)
        for one, other in itertools.combinations(axes, 2):
            if one.name == other.name:
                raise RuleError(4, f"{node} would have two axes called {one}")

    def _check_parents(self, node: Task | Axis, axes: set[Axis]) -> None:
        """Refuse an axis without its parents, as a ref leaves it that binds only them: it has no elements (5)."""
        for axis in axes:
            for parent in self.axes(axis):
                if parent not in axes:
                    raise RuleError(5, f"{node} has axis {axis}, which exists once per {parent}, but not that")

    def _in_order(self, axes: set[Axis]) -> list[Axis]:
        ordered: list[Axis] = []
        remaining = sorted(axes, key=lambda axis: axis.name)
        while remaining:
            ready = next(axis for axis in remaining if set(self.axes(axis)) <= set(ordered))
            ordered.append(ready)
            remaining.remove(ready)
        return ordered
