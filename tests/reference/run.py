"""Expansion and evaluation of one run."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from .graph import Graph, PlannerOf
from .instances import (
    Instance,
    Label,
    Place,
    Taken,
    TakenAll,
    identities_of,
    leaves,
    origins_of,
    rebuild,
    values_of,
)
from .settle import Steps, settle
from .vocabulary import Axis, AxisOf, GatherOf, Planned, Ref, ResultOf, RuleError, Setting, Source, Task

MAX_INSTANCES = 20_000


def elements_by_label(axis: Axis, given: Any) -> dict[Label, Any]:
    """Return the elements of an axis by label, in order (2)."""
    if isinstance(given, (set, frozenset)):
        raise RuleError(2, f"axis {axis}: a set has no order")
    elements: dict[Label, Any] = {}
    for label, value in given.items() if isinstance(given, Mapping) else ((value, value) for value in given):
        if not _is_hashable(label):
            raise RuleError(2, f"axis {axis}: {label!r} is not hashable")
        if Label(label) in elements:
            raise RuleError(2, f"axis {axis}: {label!r} twice")
        elements[Label(label)] = value
    return elements


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


@dataclass(frozen=True, eq=False)
class Selection:
    """A request for the places of a task that have these labels and open values."""

    task: Task
    select: Mapping[str, Any]


class Run:
    """One run: settings (`name` or `task.name`, open parameters too) and axes whose elements are replaced."""

    def __init__(
        self,
        graph: Graph,
        settings: Mapping[str, Any],
        axis_overrides: Mapping[str, Any],
        origins: dict[Hashable, int],
    ) -> None:
        self._graph = graph
        self._settings = settings
        self._axis_overrides = axis_overrides
        self._origins = origins
        self._known: dict[Any, Any] = {}
        self._begun = 0

    def instances(self, name: str, select: Mapping[str, Any]) -> list[Instance]:
        """Return the instances of a task, in order, that have the selected labels and open values."""
        places = self._settle(Selection(self._graph.task(name), select))
        return [self._settle(place) for place in places]

    def computed(self) -> list[Instance]:
        """Return every instance that was evaluated, whoever asked for it."""
        return [found for found in self._known.values() if isinstance(found, Instance)]

    def _settle(self, goal: Any) -> Any:
        return settle(goal, self._steps, self._known)

    def _steps(self, goal: Any) -> Steps:
        self._begun += 1
        if self._begun > MAX_INSTANCES:
            raise RuleError(9, f"more than {MAX_INSTANCES} instances")
        if isinstance(goal, Selection):
            return self._selected(goal)
        return self._instance(goal) if isinstance(goal.node, Task) else self._elements(goal)

    # -- coordinates

    def _selected(self, selection: Selection) -> Steps:
        task, select = selection.task, dict(selection.select)
        fixed = {}
        for axis in self._graph.axes(task):
            if axis.name in select:
                fixed[axis] = Label(select.pop(axis.name))
            elif axis.open and axis.name in self._settings:
                fixed[axis] = Label(self._settings[axis.name])
        if select:
            raise RuleError(5, f"{task} has no axis {', '.join(select)}")
        return (yield from self._places(task, fixed))

    def _places(self, task: Task, fixed: Mapping[Axis, Label], settings: tuple[tuple[str, Label], ...] = ()) -> Steps:
        """Enumerate the instances that agree with `fixed`: each axis at its parents' coordinate (5)."""
        rows: list[dict[Axis, Label]] = [{}]
        for axis in self._graph.axes(task):
            longer = []
            for row in rows:
                labels = yield from self._labels(axis, row, fixed)
                longer += [{**row, axis: label} for label in labels]
            rows = longer
        return [Place(task, tuple(row.items()), settings) for row in rows]

    def _labels(self, axis: Axis, row: Mapping[Axis, Label], fixed: Mapping[Axis, Label]) -> Steps:
        if axis.open:
            if axis not in fixed:
                raise RuleError(5, f"open parameter {axis} has no value")
            return [fixed[axis]]
        elements = yield self._restricted(axis, row)
        if axis not in fixed:
            return list(elements)
        if fixed[axis] in elements:
            return [fixed[axis]]
        if all(parent in fixed for parent in self._graph.axes(axis)):
            raise RuleError(9, f"axis {axis} has no element {fixed[axis]}")
        return []  # another of the parents' elements may have it

    def _restricted(self, node: Task | Axis, row: Mapping[Axis, Label]) -> Place:
        """Return the task or axis at that part of a coordinate which it has (6)."""
        return Place(node, tuple((axis, row[axis]) for axis in self._graph.axes(node)))

    # -- evaluation

    def _instance(self, place: Place) -> Steps:
        task: Any = place.node
        filled = yield from self._fill_all(place)
        value = task.function(**{name: values_of(structure) for name, structure in filled.items()})
        takers = {name: structure for name, structure in filled.items() if leaves(structure, Taken, TakenAll)}
        return Instance(
            place.identity,
            {name: identities_of(structure) for name, structure in takers.items()},
            self._by_output(task, value),
            self._origin(place, filled),
        )

    @staticmethod
    def _by_output(task: Any, value: Any) -> Any:
        if not task.outputs:
            return value
        named = value if isinstance(value, Mapping) else dict(zip(task.outputs, value, strict=True))
        return {output: named[output] for output in task.outputs}

    def _origin(self, place: Place, filled: Mapping[str, Any]) -> int:
        arguments = tuple((name, origins_of(structure)) for name, structure in filled.items())
        return self._origins.setdefault((place.node, place.coordinates, arguments), len(self._origins))

    def _elements(self, place: Place) -> Steps:
        axis: Any = place.node
        given = axis.elements
        if axis.function is not None:
            filled = yield from self._fill_all(place)
            given = axis.function(**{name: values_of(structure) for name, structure in filled.items()})
        elements = elements_by_label(axis, given)
        if axis.name not in self._axis_overrides:
            return elements
        chosen = elements_by_label(axis, self._axis_overrides[axis.name])
        return self._chosen(axis, elements, list(chosen)) if isinstance(given, Mapping) else chosen

    @staticmethod
    def _chosen(axis: Axis, elements: Mapping[Label, Any], labels: list[Label]) -> dict[Label, Any]:
        for label in labels:
            if label not in elements:
                raise RuleError(2, f"axis {axis} has no label {label}")
        return {label: elements[label] for label in labels}

    # -- parameters

    def _fill_all(self, place: Place) -> Steps:
        filled = {}
        for name, source in place.node.sources.items():
            filled[name] = yield from self._fill(place, name, source)
        return filled

    def _fill(self, place: Place, name: str, source: Source) -> Steps:
        """Return the structure for one parameter, with Taken and TakenAll for what it takes from others."""
        if isinstance(source, AxisOf):
            return (yield from self._element(place, source.axis))
        if isinstance(source, ResultOf):
            target = self._restricted(self._graph.task(source.task), dict(place.coordinates))
            return Taken((yield target), () if source.output is None else (source.output,))
        if isinstance(source, Setting):
            bound = dict(place.settings)
            return bound[name].value if name in bound else self._setting(place.node, name)
        if isinstance(source, Planned):
            source = yield from self._plan(place, name, source)
        return (yield from self._take_each(place, source))

    def _element(self, place: Place, axis: Axis) -> Steps:
        row = dict(place.coordinates)
        if axis.open:
            return row[axis].value
        elements = yield self._restricted(axis, row)
        return elements[row[axis]]

    def _setting(self, node: Task | Axis, name: str) -> Any:
        return self._settings.get(f"{node}.{name}", self._settings.get(name, node.sources[name].default))

    def _plan(self, place: Place, planned: str, planner: Planned) -> Steps:
        arguments = {}
        for name in planner.parameters:
            source = self._graph.source_for_planner(PlannerOf(place.node, planned), name)
            arguments[name] = values_of((yield from self._fill(place, name, source)))
        return planner.function(**arguments)

    # -- refs and gathers

    def _take_each(self, place: Place, structure: Any) -> Steps:
        taken = []
        for leaf in leaves(structure, Ref, GatherOf):
            take = self._take_all if isinstance(leaf, GatherOf) else self._take_one
            taken.append((yield from take(place, leaf)))
        results = iter(taken)
        return rebuild(structure, lambda leaf: next(results) if isinstance(leaf, (Ref, GatherOf)) else leaf)

    def _take_one(self, place: Place, ref: Ref) -> Steps:
        (target,) = yield from self._agreeing(place, ref, [])
        return Taken((yield target), ref.picks)

    def _take_all(self, place: Place, gather: GatherOf) -> Steps:
        over = self._graph.gathered(gather)
        pairs = []
        for target in (yield from self._agreeing(place, gather, over)):
            key = self._key(over, dict(target.coordinates))
            pairs.append((key, Taken((yield target), () if gather.output is None else (gather.output,))))
        return TakenAll(pairs)

    @staticmethod
    def _key(over: list[Axis], row: Mapping[Axis, Label]) -> Any:
        if len(over) == 1:
            return row[over[0]].value
        return namedtuple("Coordinate", [axis.name for axis in over])(*(row[axis].value for axis in over))

    def _agreeing(self, place: Place, leaf: Ref | GatherOf, over: list[Axis]) -> Steps:
        """Return the instances that agree with what is bound and, on the other axes kept, with the caller (7, 9)."""
        task, own = self._graph.task(leaf.task), dict(place.coordinates)
        self._graph.check_bound(task, leaf.bound)
        fixed = {}
        for axis in self._graph.axes(task):
            if axis in over:
                continue
            if axis.name in leaf.bound:
                fixed[axis] = Label(leaf.bound[axis.name])
            elif axis in own:
                fixed[axis] = own[axis]
            else:
                raise RuleError(9, f"{place}: the reference to {task} leaves axis {axis} open")
        return (yield from self._places(task, fixed, self._bound_settings(task, leaf.bound)))

    def _bound_settings(self, task: Task, bound: Mapping[str, Any]) -> tuple[tuple[str, Label], ...]:
        """Return those that differ from the run's values: only they make another instance (10)."""
        axes = {axis.name for axis in self._graph.axes(task)}
        chosen = [(name, Label(value)) for name, value in sorted(bound.items()) if name not in axes]
        return tuple((name, label) for name, label in chosen if label != Label(self._setting(task, name)))
