"""Refs and gathers inside structures: which instances they mean, seen from where they stand."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from taskdisc.errors import CollectionError, UsageError
from taskdisc.graph import FromSetting, TaskGraph
from taskdisc.lists import Lists
from taskdisc.marks import Axis
from taskdisc.references import Collected, Named, Ref, leaves, name_of
from taskdisc.shapes import Leaf, Shape, Slot, rebuilt
from taskdisc.spread import Misuse, check_over, over_of

if TYPE_CHECKING:
    from taskdisc.bind import Bindings
    from taskdisc.calls import Coordinate
    from taskdisc.expand import Variant


class Standpoint(NamedTuple):
    """Where a structure stands: the instance whose parameter it fills."""

    task: str
    parameter: str
    axes: tuple[Axis, ...]
    at: Coordinate


class One(NamedTuple):
    """An instance that a ref means."""

    task: str
    variant: Variant
    at: Coordinate


class Many(NamedTuple):
    """The instances that a gather means: at these elements of the axes that it keeps, with these labels."""

    task: str
    output: str | None
    variant: Variant
    over: tuple[Axis, ...]
    drop: bool
    kept: tuple[tuple[Axis, int], ...]
    labels: tuple[tuple[Axis, Any], ...] = ()


class Understood(NamedTuple):
    """A structure, and what goes into its slots."""

    shape: Shape
    wanted: tuple[One | Many, ...]


class Referrer:
    """Understands structures."""

    def __init__(self, graph: TaskGraph, lists: Lists, bindings: Bindings, encode: Callable[[Any], bytes]) -> None:
        self._graph = graph
        self._lists = lists
        self._bindings = bindings
        self._encode = encode
        self._found: dict[Any, tuple[str, str | None]] = {}
        self._leaves: dict[tuple[str, str | None], Leaf] = {}
        """Those without picks."""
        self._single: dict[int, Shape] = {}
        """Of a leaf by itself, by its identity: one of `_leaves`."""

    def understand(self, structure: Any, here: Standpoint) -> Understood:
        """Return the shape of a structure and what it wants. Raises UsageError, Unknown."""
        if type(structure) is Ref:  # as in nearly every recursion
            leaf, one = self._one(structure, here)
            shape = self._single.get(id(leaf))
            if shape is None:
                shape = Shape(Slot(0), (leaf,))
                if not leaf.picks:
                    self._single[id(leaf)] = shape
            return Understood(shape, (one,))
        try:
            for _ in leaves(structure):
                pass
        except ValueError as error:
            raise UsageError(f"{self._where(here)}: {error}.") from None
        slots: list[Leaf] = []
        wanted: list[One | Many] = []

        def placed(item: Any) -> Any:
            if type(item) is Ref:
                leaf, one = self._one(item, here)
                what: One | Many = one
            elif type(item) is Collected:
                leaf, what = self._many(item, here)
            else:
                return item
            slots.append(leaf)
            wanted.append(what)
            return Slot(len(slots) - 1)

        return Understood(Shape(rebuilt(structure, placed), tuple(slots)), tuple(wanted))

    def _where(self, here: Standpoint) -> str:
        owner = self._graph.inner[here.task].owner if here.task in self._graph.inner else here.task
        task = self._graph.tasks[owner or here.task]
        place = task.requires[here.parameter].place if here.parameter in task.requires else task.place
        return f"{here.parameter} ({place} {task.name})"

    def _target(self, target: Any, here: Standpoint) -> tuple[str, str | None]:
        if type(target) is FunctionType:
            known: Any = target
        else:
            known = (self._graph.tasks[here.task].module, target) if isinstance(target, str | Named) else target
        found = self._found.get(known)
        if found is None:
            assert self._graph.find is not None
            try:
                found = self._found[known] = self._graph.find(target, self._graph.tasks[here.task].module)
            except UsageError as error:
                raise UsageError(f"{self._where(here)}: {error}") from None
        return found

    def _one(self, ref: Ref, here: Standpoint) -> tuple[Leaf, One]:
        task, output = self._target(ref.target, here)
        picks = ref.picks
        if picks and output is None:
            outputs = self._graph.tasks[task].options.outputs
            if outputs and isinstance(picks[0], str) and picks[0] in outputs:
                output, picks = picks[0], picks[1:]
        bound, own = ref.bound, self._graph.axes[task]
        numbers: tuple[int, ...] = ()
        used = 0
        for axis in own:
            if axis.name in bound:
                used += 1
                label = bound[axis.name]
                if axis.open:
                    numbers += (self._lists.given(axis, label),)
                else:
                    numbers += (self._bound(axis, label, own, numbers, ref, here),)
            elif axis in here.axes:
                numbers += (self._inherited(axis, own, numbers, ref, here),)
            else:
                raise self._left_open(axis, ref, here)
        variant = self._variant(task, ref, here) if used < len(bound) else ()
        return self._leaf(task, output, picks), One(task, variant, numbers)

    def _leaf(self, task: str, output: str | None, picks: tuple[Any, ...]) -> Leaf:
        if picks:
            return Leaf(task, output, picks)
        leaf = self._leaves.get((task, output))
        if leaf is None:
            leaf = self._leaves[task, output] = Leaf(task, output)
        return leaf

    def _parents(self, axis: Axis, own: tuple[Axis, ...], numbers: Coordinate) -> Coordinate:
        return tuple(numbers[own.index(parent)] for parent in self._graph.parents(axis))

    def _bound(
        self, axis: Axis, label: Any, own: tuple[Axis, ...], numbers: Coordinate, ref: Ref, here: Standpoint
    ) -> int:
        parents = self._parents(axis, own, numbers)
        number = self._lists.number(axis, parents, label)
        if number is None:
            error = self._lists.no_element(axis, parents, label)
            raise UsageError(f"{self._where(here)}: {ref!r}: {error}")
        return number

    def _inherited(self, axis: Axis, own: tuple[Axis, ...], numbers: Coordinate, ref: Ref, here: Standpoint) -> int:
        """The caller's element; where a parent of it is bound, the element of that label there."""
        number = here.at[here.axes.index(axis)]
        if axis.function is None or all(
            numbers[own.index(parent)] == here.at[here.axes.index(parent)] for parent in self._graph.parents(axis)
        ):
            return number
        return self._bound(axis, self._lists.element(axis, number).label, own, numbers, ref, here)

    def _left_open(self, axis: Axis, leaf: Ref | Collected, here: Standpoint) -> UsageError:
        name = name_of(leaf.target)
        bind = f"Bind it ({axis.name}=...), name {axis.name} in the planner"
        remedy = f"{bind}." if axis.open else f'{bind}, or gather({name}, over="{axis.name}").'
        return UsageError(f"{self._where(here)}: {leaf!r} leaves axis {axis.name} open. {remedy}")

    def _variant(self, task: str, leaf: Ref | Collected, here: Standpoint) -> Variant:
        """Settings that are bound to other values than the run's: only they make another instance."""
        sources, axes = self._graph.sources[task], {axis.name for axis in self._graph.axes[task]}
        found = []
        for name in sorted(leaf.bound):
            if name in axes:
                continue
            if not isinstance(sources.get(name), FromSetting):
                raise UsageError(f"{self._where(here)}: {leaf!r}: {self._no_name(task, name)}")
            value, of_run = leaf.bound[name], self._bindings.settings[task][name]
            if type(value) is not type(of_run) or self._encode(value) != self._encode(of_run):
                found.append((name, value))
        return tuple(found)

    def _no_name(self, task: str, name: str) -> str:
        graph = self._graph
        target = graph.tasks[task]
        for other in graph.ancestors([task]):
            if other != task and isinstance(graph.sources[other].get(name), FromSetting):
                return (
                    f"{name} is a setting of {graph.names[other]}, and a ref binds settings of {target.name} itself. "
                    f"Make it an open parameter of {graph.names[other]}: no default, an annotation, @task."
                )
        names = [axis.name for axis in graph.axes[task]]
        names += [name for name, source in graph.sources[task].items() if isinstance(source, FromSetting)]
        return f"{target.name} has no axis and no setting {name}. It has {', '.join(names) or 'none'}."

    def _many(self, leaf: Collected, here: Standpoint) -> tuple[Leaf, Many]:
        task, output = self._target(leaf.target, here)
        own = self._graph.axes[task]
        over = over_of(own, leaf.over, leaf.bound)
        try:
            title = f"{self._where(here)}: {leaf!r}"
            check_over(title, self._graph.tasks[task], own, over, leaf.over, leaf.bound, self._graph.axes)
        except Misuse as error:
            raise CollectionError(str(error)) from None
        kept: list[tuple[Axis, int]] = []
        labels: list[tuple[Axis, Any]] = []
        for axis in own:
            if axis in over:
                continue
            if axis.name in leaf.bound:
                labels.append((axis, leaf.bound[axis.name]))
            elif axis in here.axes:
                kept.append((axis, here.at[here.axes.index(axis)]))
            else:
                raise self._left_open(axis, leaf, here)
        variant = self._variant(task, leaf, here) if len(labels) < len(leaf.bound) else ()
        return Leaf(task, output, (), True), self._with_numbers(
            Many(task, output, variant, over, leaf.drop, tuple(kept), tuple(labels)), leaf, here
        )

    def _with_numbers(self, many: Many, leaf: Collected, here: Standpoint) -> Many:
        """Labels whose parents are known become elements; the others are looked for along the gathered axes."""
        known: dict[Axis, int] = dict(many.kept)
        rest = []
        for axis, label in many.labels:
            parents = self._graph.parents(axis)
            if not all(parent in known for parent in parents):
                rest.append((axis, label))
                continue
            at = tuple(known[parent] for parent in parents)
            number = self._lists.number(axis, at, label)
            if number is None:
                raise UsageError(f"{self._where(here)}: {leaf!r}: {self._lists.no_element(axis, at, label)}")
            known[axis] = number
        return many._replace(kept=tuple(known.items()), labels=tuple(rest))
