"""Name resolution: what each parameter of each task gets, by pytest's rules for fixtures."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from taskdisc.errors import CollectionError, Place, closest
from taskdisc.forgotten import forgotten_parameters
from taskdisc.gathered import Gather
from taskdisc.graph import (
    FromAxis,
    FromFile,
    FromFiles,
    FromFixture,
    FromGather,
    FromInjectable,
    FromSetting,
    FromTask,
    Inner,
    Source,
    TaskGraph,
    Unresolved,
    order_tasks,
    printed_names,
)
from taskdisc.marks import MARK, Axis, File, Files, innermost
from taskdisc.model import DEFAULTS, MISSING, Collection, Fixture, Parameter, Task
from taskdisc.signatures import parameters_of
from taskdisc.spread import grown, reaching, spread_axes

if TYPE_CHECKING:
    from taskdisc.requirements import Requirements


class Result(NamedTuple):
    """A task's result under the name by which it is asked for: the task's own, or an output's."""

    task: Task
    output: str | None

    @property
    def place(self) -> Place:
        return self.task.place


Meaning = Result | Axis | File | Files | Fixture


def link(collection: Collection, injectables: Iterable[str], tasks: list[Task] | None = None) -> TaskGraph:
    """Return the task graph. Raises CollectionError that tells of every parameter that nothing fills.

    `tasks` are the collected ones after plugins had their way with them.
    """
    names = Names(collection, collection.tasks if tasks is None else tasks, injectables)
    sources: dict[str, dict[str, Source]] = {}
    problems: list[str] = []
    todo = list(names.tasks.values())
    for task in todo:  # grows by the planners that are found on the way
        sources[task.id] = {}
        for parameter in task.parameters:
            try:
                source = names.source(task, parameter)
            except Unresolved as error:
                problems.append(str(error))
                continue
            if source is not None:
                sources[task.id][parameter.name] = source
        if task.requires or task.private or task.options.after:
            problems += names.requirements.misuse(task)
            sources[task.id].update(names.requirements.after(task, problems))
        if task.requires:
            todo += names.requirements.take_planners()
    _add_fixtures(names, sources, problems)
    if problems:
        raise CollectionError("\n".join(problems))
    ordered = order_tasks(names.tasks, {task: sources[task] for task in names.tasks})
    axes = spread_axes(ordered, sources)
    inner = names.inner
    if inner:
        inner = {task: each._replace(reaches=reaching(task, sources, inner)) for task, each in inner.items()}
    return TaskGraph(
        ordered,
        sources,
        axes,
        (*names.warnings, *forgotten_parameters([task for each, task in ordered.items() if each not in inner])),
        printed_names(ordered),
        inner,
        grown(ordered, sources, inner),
        names.find,
        _ordered_fixtures(names.fixtures, sources),
    )


def _add_fixtures(names: "Names", sources: dict[str, dict[str, Source]], problems: list[str]) -> None:
    for fixture in names.fixtures:
        sources[fixture.id] = {}
        for parameter in fixture.parameters:
            try:
                sources[fixture.id][parameter.name] = names.fixture_source(fixture, parameter)
            except Unresolved as error:
                problems.append(str(error))


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
        self._by_function = by_function
        fixture_by_function = {id(innermost(fixture.function)): fixture for fixture in self.fixtures}
        self.local: dict[str, dict[str, list[Meaning]]] = {}
        self.everywhere: dict[str, list[Meaning]] = {}
        self.axes: dict[str, list[Axis]] = {}
        self.open: dict[str, tuple[Axis, Any, Task]] = {}
        self.inner: dict[str, Inner] = {}
        """The tasks that call axis functions and planners; whether they reach a task is not known yet."""
        self._requirements: Any = None
        for namespace in collection.namespaces:
            local: dict[str, list[Meaning]] = self.local.setdefault(namespace.module, {})
            for name, value in namespace.names.items():
                if isinstance(value, Axis):
                    _add(local, name, value)
                    if value not in self.axes.setdefault(value.name, []):
                        self.axes[value.name].append(value)
                        if value.function is not None:
                            self._add_axis_function(value, namespace.module)
                elif isinstance(value, File | Files):
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

    def _add_axis_function(self, axis: Axis, module: str) -> None:
        """An inner task calls the function; it knows the names of the module in which the axis stands."""
        function = axis.function
        assert function is not None
        axis.task = f"{axis.place.path}::{axis.name}"
        home = axis.module if axis.module in self.local else module
        parameters = parameters_of(function, innermost(function) or function)  # type: ignore[arg-type]
        self.tasks[axis.task] = Task(axis.task, axis.name, home, axis.place, function, parameters, DEFAULTS)
        self.inner[axis.task] = Inner("", axis.name, axis, False)

    @property
    def requirements(self) -> "Requirements":
        """What turns `@requires` and `@parametrize` into sources."""
        if self._requirements is None:
            from taskdisc.requirements import Requirements

            self._requirements = Requirements(self)
        return self._requirements  # type: ignore[no-any-return]

    def find(self, target: Any, module: str) -> tuple[str, str | None]:
        """Return (task, output) of a target of `ref` or `gather`. Raises UsageError."""
        return self.requirements.find(target, module)

    def task_of(self, function: Any) -> Task | None:
        """Return the task that a function is."""
        return self._by_function.get(id(innermost(function)))

    def results(self, module: str, name: str) -> list[Meaning]:
        """Return what a name means in a module, as far as it is known there, else anywhere."""
        return self.local.get(module, {}).get(name) or self.everywhere.get(name) or []

    def source(self, task: Task, parameter: Parameter) -> Source | None:
        """Return what fills a parameter; None: its own default does. Raises Unresolved."""
        if task.requires or task.private or task.id in self.inner:
            found = self.requirements.source(task, parameter)
            if found is not None:
                return found
        return self.by_name(task, parameter)

    def by_name(self, task: Task, parameter: Parameter) -> Source:
        """Return what fills a parameter of which no decorator says anything. Raises Unresolved."""
        if parameter.default is not MISSING:
            return FromSetting(parameter.name, parameter.default, parameter.annotation)
        return self._by_meaning(task, parameter)

    def fixture_source(self, fixture: Fixture, parameter: Parameter) -> Source:
        """Return what fills a parameter of a fixture. Raises Unresolved."""
        name = parameter.name
        if parameter.default is not MISSING:
            return FromSetting(name, parameter.default, parameter.annotation)
        meaning = self._meaning(fixture, name)
        if isinstance(meaning, Fixture):
            return FromFixture(meaning.id)
        if isinstance(meaning, File | Files):
            return FromFile(meaning) if isinstance(meaning, File) else FromFiles(meaning)
        from taskdisc.fixtures import belongs_to_an_execution, nothing_fills, refusal

        if meaning is not None:
            raise Unresolved(refusal(fixture, name, _described(meaning)))
        if name in self.injectables:
            raise Unresolved(belongs_to_an_execution(fixture, name))
        raise Unresolved(nothing_fills(fixture, name, self._near(fixture, name)))

    def _by_meaning(self, task: Task, parameter: Parameter) -> Source:
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
                return self._from_fixture(task, parameter.name, meaning)
            if isinstance(meaning, Axis):
                return FromAxis(meaning)
            return FromFile(meaning) if isinstance(meaning, File) else FromFiles(meaning)
        if parameter.name in self.injectables:
            return FromInjectable(parameter.name)
        return self._open(task, parameter)

    def _from_fixture(self, task: Task, name: str, fixture: Fixture) -> Source:
        inner = self.inner.get(task.id)
        if inner is not None:
            what = "the function of an axis" if inner.axis is not None else "a planner"
            raise Unresolved(
                f"{task.place} {task.name}: {name!r} is {_described(fixture)}, and {what} is called "
                f"while planning, where there is no worker. Leave it out."
            )
        return FromFixture(fixture.id)

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
        marked = hasattr(task.function, MARK) or hasattr(function, MARK) or bool(task.requires) or task.id in self.inner
        planner = task.id in self.inner and bool(self.inner[task.id].owner)
        if not marked or (parameter.annotation is MISSING and not planner):
            raise Unresolved(self._nothing_fills(task, parameter, marked))
        if name not in task.options.open and name not in self.open:
            self._warn_of_names_nearby(task, name)
        known = self.open.get(name)
        if known is None:
            axis = Axis((), module="", place=task.place, name=name, open=True)
            known = self.open[name] = (axis, parameter.annotation, task)
        axis, annotation, first = known
        before, here = _written(annotation), _written(parameter.annotation)
        if annotation is MISSING:
            self.open[name] = (axis, parameter.annotation, task)
        elif before != here and parameter.annotation is not MISSING:
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
        kinds: dict[type, str] = {Axis: "an axis", File: "a file", Fixture: "a fixture"}
        what = kinds.get(type(meaning), "a list of files")
    return f"{what} ({meaning.place})"


def _kind(meaning: Meaning) -> str:
    if isinstance(meaning, Result):
        return f"output of {meaning.task.name}," if meaning.output else "the task in"
    kinds: dict[type, str] = {Axis: "the axis in", File: "the file in", Fixture: "the fixture in"}
    return kinds.get(type(meaning), "the files in")


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
