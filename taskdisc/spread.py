"""Which axes each task has, and which tasks have instances that lists alone do not tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from taskdisc.errors import CollectionError
from taskdisc.graph import (
    FromAfter,
    FromAxis,
    FromGather,
    FromPlanner,
    FromStructure,
    FromTask,
    Inner,
    Source,
    order_axes,
    tasks_of,
)
from taskdisc.marks import Axis
from taskdisc.model import Task

Axes = dict[str, tuple[Axis, ...]]
Sources = dict[str, dict[str, Source]]


class Misuse(Exception):
    """Axes that do not fit together; the message says what to do."""


def spread_axes(tasks: Mapping[str, Task], sources: Sources) -> Axes:
    """Return each task's axes, and fill in what its gathers collect; dependencies come first in `tasks`.

    Raises CollectionError that tells of every task whose axes do not fit together.
    """
    axes: Axes = {}
    problems: list[str] = []
    for task in tasks.values():
        found: dict[str, tuple[Axis, str]] = {}
        for name, source in sources[task.id].items():
            try:
                if isinstance(source, FromGather):
                    source = sources[task.id][name] = _with_over(source, task, name, tasks, axes)
                brought = source_axes(source, axes)
            except Misuse as error:
                problems.append(str(error))
                continue
            for axis in brought:
                known, via = found.setdefault(axis.name, (axis, name))
                if known is not axis:
                    problems.append(
                        f"{task.name} would have two axes called {axis.name}: {known.place} (via {via}) and "
                        f"{axis.place} (via {name}). Same thing: import one. Otherwise rename one."
                    )
        own = [axis for axis, _ in found.values()]
        axes[task.id] = order_axes(own, lambda axis: parents(axis, axes))
        problems += _orphans(task, axes)
        for name, source in sources[task.id].items():
            if isinstance(source, FromAfter):
                over = tuple(axis for axis in axes[source.task] if axis not in own)
                sources[task.id][name] = source._replace(over=over)
    if problems:
        raise CollectionError("\n".join(problems))
    return axes


def parents(axis: Axis, axes: Axes) -> tuple[Axis, ...]:
    """Return the axes along which an axis exists."""
    return axes[axis.task] if axis.task else ()


def source_axes(source: Source, axes: Axes) -> tuple[Axis, ...]:
    """Return the axes that a parameter brings to its task."""
    if isinstance(source, FromAxis):
        return (*parents(source.axis, axes), source.axis)
    if isinstance(source, FromTask | FromPlanner):
        return axes[source.task]
    if isinstance(source, FromGather):
        return tuple(axis for axis in axes[source.task] if axis not in source.over)
    if isinstance(source, FromStructure):
        from taskdisc.references import Collected, Ref, leaves

        results = [leaf for leaf in leaves(source.structure) if isinstance(leaf, Ref | Collected)]
        found: list[Axis] = []
        for leaf, (task, _) in zip(results, source.targets, strict=True):
            own = axes[task]
            over = over_of(own, leaf.over, leaf.bound) if isinstance(leaf, Collected) else ()
            found += [axis for axis in own if axis not in over and axis.name not in leaf.bound]
        return tuple(dict.fromkeys(found))
    return ()


def over_of(axes: Iterable[Axis], names: tuple[str, ...] | None, bound: Iterable[str] = ()) -> tuple[Axis, ...]:
    """Return the axes that a gather runs over."""
    return tuple(
        axis for axis in axes if not axis.open and axis.name not in bound and (not names or axis.name in names)
    )


def check_over(
    title: str, target: Task, own: tuple[Axis, ...], over: tuple[Axis, ...], names: tuple[str, ...] | None,
    bound: Iterable[str], axes: Axes,
) -> None:  # fmt: skip
    """Raise Misuse where a gather names what the target does not have, or keeps what exists once per gathered element.

    `title` says which gather, and where it stands.
    """
    has = ", ".join(axis.name for axis in own if not axis.open) or "none"
    for name in names or ():
        if name not in {axis.name for axis in over}:
            given = next((axis for axis in own if axis.name == name), None)
            why = f"{target.name} has no axis {name}"
            if given is not None:
                why = (
                    f"{name} is bound"
                    if name in set(bound)
                    else f"{name} is an open parameter: there is nothing to gather"
                )
            raise Misuse(f"{title}: {why}. It has {has}.")
    if not over:
        raise Misuse(f"{title}: {target.name} ({target.place}) has no axes to gather over.")
    for axis in own:
        if axis not in over and axis.name not in set(bound):
            inside = [each for each in parents(axis, axes) if each in over]
            if inside:
                gathered = sorted(each.name for each in over)
                both = ", ".join(f'"{name}"' for name in [*gathered, axis.name])
                raise Misuse(
                    f'{title}: {axis.name} exists once per {inside[0].name}. Use over=({both}) or over="{axis.name}".'
                )


def _with_over(source: FromGather, task: Task, name: str, tasks: Mapping[str, Task], axes: Axes) -> FromGather:
    own = axes[source.task]
    over = over_of(own, source.names)
    target = tasks[source.task]
    if source.names is None and not over:
        raise Misuse(
            f"{task.place} {task.name}: Gather of {name}: {target.name} ({target.place}) has no axes "
            f"to gather over. Leave Gather[...] out of the annotation."
        )
    names = source.names
    shown = "" if names is None else f", over={names[0]!r}" if len(names) == 1 else f", over={names!r}"
    title = f'{task.place} {task.name}: gather("{source.output or target.name}"{shown})'.replace("'", '"')
    check_over(title, target, own, over, names, (), axes)
    return source._replace(over=over)


def _orphans(task: Task, axes: Axes) -> list[str]:
    """An axis whose parents are bound or gathered away has no elements of its own."""
    own = axes[task.id]
    return [
        f"{task.place} {task.name}: axis {axis.name} ({axis.place}) exists once per {parent.name}, which is bound. "
        f"Bind {axis.name} too."
        for axis in own
        for parent in parents(axis, axes)
        if parent not in own
    ]


def reaching(task: str, sources: Sources, inner: Mapping[str, Inner]) -> bool:
    """Say whether an inner task needs the result of a task."""
    todo, seen = [task], set()
    while todo:
        for source in sources[todo.pop()].values():
            if isinstance(source, FromTask | FromGather | FromPlanner):
                return True
            for needed in tasks_of(source):
                if needed not in inner:
                    return True
                if needed not in seen:
                    seen.add(needed)
                    todo.append(needed)
    return False


def grown(tasks: Mapping[str, Task], sources: Sources, inner: Mapping[str, Inner]) -> frozenset[str]:
    """Return the tasks whose instances, or what these depend on, are known only on the way; and all that needs them."""
    found: set[str] = set()
    for task in tasks:
        for source in sources[task].values():
            dynamic = isinstance(source, FromAxis) and source.axis.task
            if dynamic or isinstance(source, FromPlanner | FromStructure) or not found.isdisjoint(tasks_of(source)):
                found.add(task)
        if task in inner and not inner[task].reaches:
            found.add(task)
    return frozenset(found)
