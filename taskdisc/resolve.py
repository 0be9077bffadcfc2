"""Name resolution: what each parameter of each task gets, by pytest's rules for fixtures."""

import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

from taskdisc.errors import CollectionError, Place, closest
from taskdisc.gather import Gather
from taskdisc.graph import (
    FromAxis,
    FromFile,
    FromGather,
    FromInjectable,
    FromSetting,
    FromTask,
    Source,
    TaskGraph,
    order_axes,
    order_tasks,
    printed_names,
)
from taskdisc.marks import MARK, Axis, File, innermost
from taskdisc.model import MISSING, Collection, Parameter, Task


class Result(NamedTuple):
    """A task's result under the name by which it is asked for: the task's own, or an output's."""

    task: Task
    output: str | None

    @property
    def place(self) -> Place:
        return self.task.place


Meaning = Result | Axis | File


class Unresolved(Exception):
    """A parameter that nothing fills; the message says what to do."""


def link(collection: Collection, injectables: Iterable[str], tasks: list[Task] | None = None) -> TaskGraph:
    """Return the task graph. Raises CollectionError that tells of every parameter that nothing fills.

    `tasks` are the collected ones after plugins had their way with them.
    """
    names = Names(collection, collection.tasks if tasks is None else tasks, injectables)
    sources: dict[str, dict[str, Source]] = {}
    problems: list[str] = []
    for task in names.tasks.values():
        sources[task.id] = {}
        for parameter in task.parameters:
            try:
                sources[task.id][parameter.name] = names.source(task, parameter)
            except Unresolved as error:
                problems.append(str(error))
    if problems:
        raise CollectionError("\n".join(problems))
    ordered = order_tasks(names.tasks, sources)
    axes = _spread_axes(ordered, sources)
    return TaskGraph(ordered, sources, axes, tuple(names.warnings), printed_names(ordered))


class Names:
    """The names of a project: what is defined or imported in each module, and what is defined anywhere."""

    def __init__(self, collection: Collection, tasks: list[Task], injectables: Iterable[str]) -> None:
        self.injectables = frozenset(injectables)
        self.warnings: list[str] = []
        self.tasks: dict[str, Task] = {}
        for task in tasks:
            if task.id in self.tasks:
                raise CollectionError(
                    f"{task.place} and {self.tasks[task.id].place} are both called {task.id}. Give one another name=."
                )
            self.tasks[task.id] = task
        by_function = {id(innermost(task.function)): task for task in tasks}
        self.local: dict[str, dict[str, list[Meaning]]] = {}
        self.everywhere: dict[str, list[Meaning]] = {}
        self.axes: dict[str, list[Axis]] = {}
        self.open: dict[str, tuple[Axis, Any, Task]] = {}
        for namespace in collection.namespaces:
            local: dict[str, list[Meaning]] = self.local.setdefault(namespace.module, {})
            for name, value in namespace.names.items():
                if isinstance(value, Axis):
                    _add(local, name, value)
                    if value not in self.axes.setdefault(value.name, []):
                        self.axes[value.name].append(value)
                elif isinstance(value, File):
                    _add(local, name, value)
                    _add(self.everywhere, name, value)
                elif (imported := by_function.get(id(innermost(value)))) is not None:
                    for known, meaning in _results(imported):
                        _add(local, known, meaning)
        for task in tasks:
            for name, result in _results(task):
                _add(self.local[task.module], name, result)
                _add(self.everywhere, name, result)

    def source(self, task: Task, parameter: Parameter) -> Source:
        """Return what fills a parameter. Raises Unresolved."""
        if parameter.default is not MISSING:
            return FromSetting(parameter.name, parameter.default, parameter.annotation)
        meaning = self._meaning(task, parameter.name)
        gathers = is_gather(parameter.annotation, task)
        if isinstance(meaning, Result):
            kind = (meaning.task.id, meaning.output)
            return FromGather(*kind, ()) if gathers else FromTask(*kind)
        if meaning is not None:
            if gathers:
                what = "an axis" if isinstance(meaning, Axis) else "a file"
                raise Unresolved(
                    f"{task.place} {task.name}: Gather collects the results of a task, and "
                    f"{parameter.name!r} is {what} ({meaning.place}). Annotate it with the type of its value."
                )
            return FromAxis(meaning) if isinstance(meaning, Axis) else FromFile(meaning)
        if parameter.name in self.injectables:
            return FromInjectable(parameter.name)
        return self._open(task, parameter)

    def _meaning(self, task: Task, name: str) -> Meaning | None:
        for names in (self.local[task.module], self.everywhere):
            found = [m for m in names.get(name, ()) if not (isinstance(m, Result) and m.task.id == task.id)]
            if len(found) > 1:
                places = " and ".join(f"{_kind(meaning)} {meaning.place}" for meaning in found)
                imports = _import_advice(task, name, found)
                raise Unresolved(f"{task.place} {task.name}: {name!r} is ambiguous: {places}. {imports}")
            if found:
                return found[0]
        return None

    def _open(self, task: Task, parameter: Parameter) -> Source:
        """An annotated parameter of a decorated function may be left open: the run gives it."""
        name = parameter.name
        function = innermost(task.function)
        marked = hasattr(task.function, MARK) or hasattr(function, MARK)
        if not marked or parameter.annotation is MISSING:
            raise Unresolved(self._nothing_fills(task, parameter, marked))
        if name not in task.options.open:
            self._warn_of_names_nearby(task, name)
        known = self.open.get(name)
        if known is None:
            axis = Axis((), module="", place=task.place, name=name, open=True)
            known = self.open[name] = (axis, parameter.annotation, task)
        axis, annotation, first = known
        before, here = _written(annotation), _written(parameter.annotation)
        if before != here:
            raise Unresolved(
                f"{name} is {before} in {first.place} {first.name} and {here} in "
                f"{task.place} {task.name}. An open parameter is one value for all: annotate it alike, or rename one."
            )
        return FromAxis(axis)

    def _warn_of_names_nearby(self, task: Task, name: str) -> None:
        where = f"{task.place} {task.name}: {name} is an open parameter, to be given with -p {name}=..."
        meant = f'Meant so: @task(open=("{name}",)).'
        if name in self.axes:
            axis = self.axes[name][0]
            self.warnings.append(
                f"{where}; there is an axis {name} in {axis.place}. "
                f"To use it: from {axis.module} import {name}. {meant}"
            )
        elif (near := closest(name, self._known(task))) is not None:
            self.warnings.append(f"{where}; did you mean {near}? {meant}")

    def _known(self, task: Task) -> list[str]:
        names = {*self.everywhere, *self.local[task.module], *self.injectables} - {task.name}
        return sorted(names)

    def _nothing_fills(self, task: Task, parameter: Parameter, marked: bool) -> str:
        name = parameter.name
        value = "annotate it" if marked else "add @task and annotate it"
        if name in self.axes:
            axis = self.axes[name][0]
            return (
                f"{task.place} {task.name}: {name!r} is an axis in {axis.place}. "
                f"To use it: from {axis.module} import {name}. A value of its own: {value}."
            )
        near = closest(name, self._known(task))
        meant = " A task is not its own input." if name == task.name else ""
        if near is not None:
            meanings = self.local[task.module].get(near) or self.everywhere.get(near)
            meant = f" Did you mean {near} ({meanings[0].place})?" if meanings else f" Did you mean {near}?"
        remedy = "Annotate it" if marked else "Annotate it, add @task"
        return (
            f"{task.place} {task.name}: nothing fills {name!r}.{meant} A helper? Call it _{task.name}.\n"
            f"    A value? {remedy}, and pass -p {name}=... With a usual value: give it a default."
        )


def _written(annotation: Any) -> str:
    """The annotation as one writes it: `int` and `"int"` are the same."""
    text = annotation if isinstance(annotation, str) else None
    if text is None:
        text = annotation.__qualname__ if type(annotation) is type else str(annotation)
    return text.replace("typing.", "").strip("'\"")


def _add(names: dict[str, list[Meaning]], name: str, meaning: Meaning) -> None:
    known = names.setdefault(name, [])
    if not any(same(meaning, other) for other in known):
        known.append(meaning)


def same(one: Meaning, other: Meaning) -> bool:
    """Say whether two meanings are one: the same axis or file, or the same result of one task."""
    if isinstance(one, Result) and isinstance(other, Result):
        return one.task.id == other.task.id and one.output == other.output
    return one is other


def _results(task: Task) -> list[tuple[str, Result]]:
    return [(task.name, Result(task, None)), *((output, Result(task, output)) for output in task.options.outputs)]


def _kind(meaning: Meaning) -> str:
    if isinstance(meaning, Result):
        return f"output of {meaning.task.name}," if meaning.output else "the task in"
    return "the axis in" if isinstance(meaning, Axis) else "the file in"


def _import_advice(task: Task, name: str, found: list[Meaning]) -> str:
    tasks = [meaning.task for meaning in found if isinstance(meaning, Result) and meaning.output is None]
    elsewhere = [other.module for other in tasks if other.module != task.module]
    if elsewhere and len(elsewhere) == len(found):
        return f"To choose: from {elsewhere[0]} import {name}."
    return "Rename one."


def is_gather(annotation: Any, task: Task) -> bool:
    """Say whether an annotation is `Gather` or `Gather[T]`, also quoted and under another name."""
    if not isinstance(annotation, str):
        return annotation is Gather or getattr(annotation, "__origin__", None) is Gather
    head, *rest = annotation.strip("'\" ").partition("[")[0].strip().split(".")
    function = innermost(task.function)
    value = function.__globals__.get(head) if function is not None else None
    for name in rest:
        value = getattr(value, name, None)
    if value is None and head == "Gather":
        return "Gather" not in (function.__globals__ if function else {})
    return value is Gather or (value is not None and value is getattr(sys.modules["taskdisc"], "Gather", None))


def _spread_axes(tasks: dict[str, Task], sources: dict[str, dict[str, Source]]) -> dict[str, tuple[Axis, ...]]:
    """Return each task's axes, and fill in what its gathers collect; dependencies come first in `tasks`."""
    axes: dict[str, tuple[Axis, ...]] = {}
    problems: list[str] = []
    for task in tasks.values():
        found: dict[str, tuple[Axis, str]] = {}
        for name, source in sources[task.id].items():
            if isinstance(source, FromGather):
                over = tuple(axis for axis in axes[source.task] if not axis.open)
                if not over:
                    target = tasks[source.task]
                    problems.append(
                        f"{task.place} {task.name}: Gather of {name}: {target.name} ({target.place}) has no axes "
                        f"to gather over. Leave Gather[...] out of the annotation."
                    )
                source = sources[task.id][name] = source._replace(over=over)
            for axis in source_axes(source, axes):
                known, via = found.setdefault(axis.name, (axis, name))
                if known is not axis:
                    problems.append(
                        f"{task.name} would have two axes called {axis.name}: {known.place} (via {via}) and "
                        f"{axis.place} (via {name}). Same thing: import one. Otherwise rename one."
                    )
        axes[task.id] = order_axes(axis for axis, _ in found.values())
    if problems:
        raise CollectionError("\n".join(problems))
    return axes


def source_axes(source: Source, axes: dict[str, tuple[Axis, ...]]) -> tuple[Axis, ...]:
    """Return the axes that a parameter brings to its task."""
    if isinstance(source, FromAxis):
        return (source.axis,)
    if isinstance(source, FromTask):
        return axes[source.task]
    if isinstance(source, FromGather):
        return tuple(axis for axis in axes[source.task] if axis not in source.over)
    return ()
