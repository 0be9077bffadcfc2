"""Name resolution: what each parameter of each task gets, by pytest's rules for fixtures."""

import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

from taskdisc.errors import CollectionError, Place, closest
from taskdisc.gather import Gather
from taskdisc.graph import (
    FromAxis,
    FromFile,
    FromFixture,
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
from taskdisc.model import MISSING, Collection, Fixture, Parameter, Task


class Result(NamedTuple):
    """A task's result under the name by which it is asked for: the task's own, or an output's."""

    task: Task
    output: str | None

    @property
    def place(self) -> Place:
        return self.task.place


Meaning = Result | Axis | File | Fixture


class Unresolved(Exception):
    """A parameter that nothing fills; the message says what to do."""


def link(collection: Collection, injectables: Iterable[str], tasks: list[Task] | None = None) -> TaskGraph:
    """Return the task graph. Raises CollectionError that tells of every parameter that nothing fills.

    `tasks` are the collected ones after plugins had their way with them.
    """
    names = Names(collection, collection.tasks if tasks is None else tasks, injectables)
    sources: dict[str, dict[str, Source]] = {}
    problems: list[str] = []
    owners: list[Task | Fixture] = [*names.tasks.values(), *names.fixtures]
    for owner in owners:
        sources[owner.id] = {}
        for parameter in owner.parameters:
            try:
                sources[owner.id][parameter.name] = names.source(owner, parameter)
            except Unresolved as error:
                problems.append(str(error))
    if problems:
        raise CollectionError("\n".join(problems))
    ordered = order_tasks(names.tasks, {task: sources[task] for task in names.tasks})
    axes = _spread_axes(ordered, sources)
    fixtures = _ordered_fixtures(names.fixtures, sources)
    return TaskGraph(ordered, sources, axes, tuple(names.warnings), printed_names(ordered), fixtures)


def _ordered_fixtures(fixtures: list[Fixture], sources: dict[str, dict[str, Source]]) -> dict[str, Fixture]:
    if not fixtures:
        return {}
    from taskdisc.fixtures import order_fixtures

    return order_fixtures(fixtures, sources)


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
        self.fixtures = collection.fixtures
        for fixture in self.fixtures:
            if fixture.id in self.tasks:
                raise CollectionError(
                    f"{fixture.place} and {self.tasks[fixture.id].place} are both called {fixture.id}. Rename one."
                )
        by_function = {id(innermost(task.function)): task for task in tasks}
        fixture_by_function = {id(innermost(fixture.function)): fixture for fixture in self.fixtures}
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
                elif (known_fixture := fixture_by_function.get(id(innermost(value)))) is not None:
                    _add(local, name, known_fixture)
                    _add(self.everywhere, known_fixture.name, known_fixture)
        for task in tasks:
            for name, result in _results(task):
                _add(self.local[task.module], name, result)
                _add(self.everywhere, name, result)

    def source(self, owner: Task | Fixture, parameter: Parameter) -> Source:
        """Return what fills a parameter. Raises Unresolved."""
        if parameter.default is not MISSING:
            return FromSetting(parameter.name, parameter.default, parameter.annotation)
        if isinstance(owner, Fixture):
            return self._fixture_source(owner, parameter.name)
        return self._task_source(owner, parameter)

    def _fixture_source(self, fixture: Fixture, name: str) -> Source:
        meaning = self._meaning(fixture, name)
        if isinstance(meaning, Fixture):
            return FromFixture(meaning.id)
        if isinstance(meaning, File):
            return FromFile(meaning)
        from taskdisc.fixtures import belongs_to_an_execution, nothing_fills, refusal

        if meaning is not None:
            raise Unresolved(refusal(fixture, name, _described(meaning)))
        if name in self.injectables:
            raise Unresolved(belongs_to_an_execution(fixture, name))
        raise Unresolved(nothing_fills(fixture, name, self._near(fixture, name)))

    def _task_source(self, task: Task, parameter: Parameter) -> Source:
        meaning = self._meaning(task, parameter.name)
        gathers = is_gather(parameter.annotation, task)
        if isinstance(meaning, Result):
            kind = (meaning.task.id, meaning.output)
            return FromGather(*kind, ()) if gathers else FromTask(*kind)
        if meaning is not None:
            if gathers:
                raise Unresolved(
                    f"{task.place} {task.name}: Gather collects the results of a task, and "
                    f"{parameter.name!r} is {_described(meaning)}. Annotate it with the type of its value."
                )
            if isinstance(meaning, Fixture):
                return FromFixture(meaning.id)
            return FromAxis(meaning) if isinstance(meaning, Axis) else FromFile(meaning)
        if parameter.name in self.injectables:
            return FromInjectable(parameter.name)
        return self._open(task, parameter)

    def _meaning(self, task: Task | Fixture, name: str) -> Meaning | None:
        for names in (self.local[task.module], self.everywhere):
            found = [m for m in names.get(name, ()) if _id(m) != task.id]
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

    def _near(self, owner: Task | Fixture, name: str) -> str:
        """A sentence about what may have been meant, or nothing."""
        near = closest(name, self._known(owner))
        if near is None:
            return ""
        meanings = self.local[owner.module].get(near) or self.everywhere.get(near)
        return f" Did you mean {near} ({meanings[0].place})?" if meanings else f" Did you mean {near}?"

    def _known(self, task: Task | Fixture) -> list[str]:
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
        meant = self._near(task, name) or (" A task is not its own input." if name == task.name else "")
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


def _id(meaning: Meaning) -> str | None:
    """The id of a task or fixture."""
    if isinstance(meaning, Result):
        return meaning.task.id
    return meaning.id if isinstance(meaning, Fixture) else None


def _described(meaning: Meaning) -> str:
    """What a name is, with its place: "a task (tasks_x.py:3)"."""
    if isinstance(meaning, Result):
        what = f"an output of {meaning.task.name}" if meaning.output else "a task"
    else:
        what = {Axis: "an axis", File: "a file", Fixture: "a fixture"}[type(meaning)]
    return f"{what} ({meaning.place})"


def _kind(meaning: Meaning) -> str:
    if isinstance(meaning, Result):
        return f"output of {meaning.task.name}," if meaning.output else "the task in"
    return {Axis: "the axis in", File: "the file in", Fixture: "the fixture in"}[type(meaning)]


def _import_advice(task: Task | Fixture, name: str, found: list[Meaning]) -> str:
    tasks: list[Task | Fixture] = [m.task for m in found if isinstance(m, Result) and m.output is None]
    tasks += [m for m in found if isinstance(m, Fixture)]
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
