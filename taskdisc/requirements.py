"""`@requires`, `@parametrize` and `after`: what they say of a task, as sources of the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from taskdisc.errors import UsageError, closest
from taskdisc.graph import (
    FromAfter,
    FromAxis,
    FromFile,
    FromFiles,
    FromGather,
    FromInjectable,
    FromPlanner,
    FromStructure,
    FromTask,
    Inner,
    Source,
    Unresolved,
)
from taskdisc.marks import File, Files, innermost
from taskdisc.model import DEFAULTS, MISSING, Parameter, Task
from taskdisc.references import Collected, Named, Ref, leaves, name_of
from taskdisc.signatures import parameters_of

if TYPE_CHECKING:
    from taskdisc.resolve import Names


class Requirements:
    """Turns what decorators say of parameters into sources."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._planners: list[Task] = []
        self._owners: dict[str, Task] = {}

    def take_planners(self) -> list[Task]:
        """Return the inner tasks of the planners that were found since the last call."""
        found, self._planners = self._planners, []
        return found

    def misuse(self, task: Task) -> list[str]:
        """Return what is wrong with the decorators of a task, apart from what they refer to."""
        known = [parameter.name for parameter in task.parameters]
        given = [("@requires", name, each.place) for name, each in task.requires.items()]
        given += [("@parametrize", name, each.place) for each in task.private for name in each.parameters]
        problems, seen = [], set()
        for decorator, name, place in given:
            if name not in known:
                near = closest(name, known)
                has = f"Did you mean {near}?" if near else f"It has {', '.join(known) or 'none'}."
                problems.append(f"{place} {task.name}: {decorator} names {name!r}, which is no parameter. {has}")
            if name in seen:
                problems.append(f"{place} {task.name}: {name!r} is filled twice, by decorators. Leave one out.")
            seen.add(name)
        return problems

    def source(self, task: Task, parameter: Parameter) -> Source | None:
        """Return what a decorator, or the owner of a planner, gives to a parameter. Raises Unresolved."""
        for private in task.private:
            if parameter.name in private.parameters:
                several = len(private.parameters) > 1
                return FromAxis(private.axis, private.parameters.index(parameter.name) if several else None)
        if parameter.name in task.requires:
            return self._required(task, parameter.name)
        inner = self._names.inner.get(task.id)
        return self._for_planner(task, inner, parameter) if inner is not None else None

    def _required(self, task: Task, name: str) -> Source:
        value, place = task.requires[name]
        where = f"{place} {task.name}: @requires({name}=...)"
        if callable(value) and not isinstance(value, Ref | Collected):
            return self._planner(task, name, value)
        try:
            found = list(leaves(value))
        except ValueError as error:
            raise Unresolved(f"{where}: {error}.") from None
        try:
            targets = tuple(self.find(leaf.target, task.module) for leaf in found if isinstance(leaf, Ref | Collected))
        except UsageError as error:
            raise Unresolved(f"{where}: {error}") from None
        return _plainer(value, targets, self._names.tasks) or FromStructure(value, targets)

    def _planner(self, task: Task, name: str, planner: Any) -> Source:
        if f"{task.id}.{name}" in self._names.inner:
            return FromPlanner(f"{task.id}.{name}")
        function = innermost(planner)
        if function is None:
            raise Unresolved(
                f"{task.requires[name].place} {task.name}: @requires({name}=...): a planner is a function, "
                f"not {type(planner).__name__}."
            )
        planned = Task(
            f"{task.id}.{name}", f"{task.name}.{name}", task.module, task.requires[name].place, planner,
            parameters_of(planner, function), DEFAULTS,
        )  # fmt: skip
        self._names.tasks[planned.id] = planned
        self._names.inner[planned.id] = Inner(task.id, name, None, False)
        self._owners[planned.id] = task
        self._planners.append(planned)
        return FromPlanner(planned.id)

    def _for_planner(self, planner: Task, inner: Inner, parameter: Parameter) -> Source | None:
        """A planner's parameters are its task's, then names; its own name means what would fill that otherwise."""
        if not inner.owner:
            return None
        task = self._owners[planner.id]
        own = next((each for each in task.parameters if each.name == parameter.name), None)
        if own is None:
            source = None if parameter.default is not MISSING else self._names.by_name(planner, parameter)
        elif own.name == inner.name:
            source = self._names.by_name(task, own)
        else:
            source = self._names.source(task, own)
        if isinstance(source, FromInjectable):
            raise Unresolved(
                f"{planner.place} {task.name}: its planner of {inner.name!r} asks for {parameter.name}, which there is "
                f"only while a task runs. Leave it out."
            )
        return source

    def after(self, task: Task, problems: list[str]) -> dict[str, Source]:
        """Return sources for what the task waits for without receiving it."""
        found: dict[str, Source] = {}
        for target in task.options.after:
            try:
                needed, _ = self.find(target, task.module)
            except UsageError as error:
                problems.append(f"{task.place} {task.name}: after={name_of(target)}: {error}")
                continue
            found[f"after {needed}"] = FromAfter(needed)
        return found

    def find(self, target: Any, module: str) -> tuple[str, str | None]:
        """Return (task, output) of a target of `ref` or `gather`. Raises UsageError."""
        names = self._names
        if isinstance(target, Named):
            for task in names.tasks.values():
                function = innermost(task.function)
                if function and (function.__module__, function.__name__) == target and task.id not in names.inner:
                    return task.id, None
        elif not isinstance(target, str):
            known = names.task_of(target)
            if known is not None:
                return known.id, None
        elif target in names.tasks and target not in names.inner:
            return target, None
        else:
            return self._by_name(target, module)
        raise UsageError(f"{name_of(target)} is no task of this project: a public function of a tasks_*.py is one.")

    def _by_name(self, name: str, module: str) -> tuple[str, str | None]:
        found: list[Any] = [each for each in self._names.results(module, name) if hasattr(each, "output")]
        if len(found) == 1:
            return found[0].task.id, found[0].output
        if found:
            places = " and ".join(str(each.place) for each in found)
            raise UsageError(f"{name!r} is ambiguous: {places}. Name the function, or write the long form.")
        near = closest(name, sorted(self._names.everywhere))
        raise UsageError(f"there is no task {name!r}.{f' Did you mean {near}?' if near else ''}")


def _plainer(value: Any, targets: tuple[tuple[str, str | None], ...], tasks: dict[str, Task]) -> Source | None:
    """A ref, gather or file by itself is what a parameter's name could have meant."""
    if isinstance(value, File):
        return FromFile(value)
    if isinstance(value, Files):
        return FromFiles(value)
    if isinstance(value, Collected) and not value.bound:
        return FromGather(*targets[0], (), value.over, value.drop)
    if isinstance(value, Ref) and not value.bound:
        (task, output), picks = targets[0], value.picks
        if not picks:
            return FromTask(task, output)
        if output is None and len(picks) == 1 and picks[0] in tasks[task].options.outputs:
            return FromTask(task, picks[0])
    return None
