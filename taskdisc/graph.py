"""The task graph: one node a task, what fills each of its parameters, and the axes along which it exists."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from taskdisc.errors import CollectionError
from taskdisc.marks import Axis, File
from taskdisc.model import Fixture, Part, Task


class FromAxis(NamedTuple):
    """The value of an axis's element, or of an open parameter."""

    axis: Axis


class FromTask(NamedTuple):
    """A task's result, or one of its named outputs."""

    task: str
    output: str | None


class FromGather(NamedTuple):
    """A task's results over these axes."""

    task: str
    output: str | None
    over: tuple[Axis, ...]


class FromSetting(NamedTuple):
    """A value that configuration may change."""

    name: str
    default: Any
    annotation: Any


class FromFile(NamedTuple):
    """A tracked input file."""

    file: File


class FromInjectable(NamedTuple):
    """Something that the worker makes, such as `task_dir`."""

    name: str


class FromFixture(NamedTuple):
    """What a fixture makes, once per worker."""

    fixture: str


class FromValue(NamedTuple):
    """A value that this run has in the place of what a fixture makes."""

    part: Part


Source = FromAxis | FromTask | FromGather | FromSetting | FromFile | FromInjectable | FromFixture | FromValue


class TaskGraph(NamedTuple):
    """Tasks by id in an order in which dependencies come first; static, and the same for every run."""

    tasks: dict[str, Task]
    sources: dict[str, dict[str, Source]]
    """By id of a task or fixture: what fills each parameter."""
    axes: dict[str, tuple[Axis, ...]]
    """By task id, parents first, then by name."""
    warnings: tuple[str, ...]
    names: dict[str, str]
    """By task id: what printed ids begin with, the name where it is unique and else the long form."""
    fixtures: dict[str, Fixture] = {}
    """By id, in an order in which those that others use come first."""

    given: dict[str, tuple[Part, ...]] = {}
    """By task id: what this run has in the place of the task's results, one or one for each output."""

    @property
    def owners(self) -> list[Task | Fixture]:
        """All that has parameters."""
        return [*self.tasks.values(), *self.fixtures.values()]

    def fixtures_of(self, owners: Iterable[str]) -> list[str]:
        """Return the ids of the fixtures that these tasks use, also through others, those that others use first."""
        if not self.fixtures:
            return []
        wanted: set[str] = set()
        todo = list(owners)
        while todo:
            used = {s.fixture for s in self.sources[todo.pop()].values() if isinstance(s, FromFixture)}
            todo += used - wanted
            wanted |= used
        return [fixture for fixture in self.fixtures if fixture in wanted]

    def files_of(self, task: str) -> list[File]:
        """Return the input files of a task and of the fixtures that it uses."""
        owners = [task, *self.fixtures_of([task])]
        return [s.file for owner in owners for s in self.sources[owner].values() if isinstance(s, FromFile)]

    def dependencies(self, task: str) -> list[str]:
        """Return the ids of the tasks whose results this one receives."""
        return [s.task for s in self.sources[task].values() if isinstance(s, FromTask | FromGather)]

    def ancestors(self, targets: Iterable[str]) -> list[str]:
        """Return the ids of the targets and all that they depend on, dependencies first."""
        wanted: set[str] = set()
        todo = list(targets)
        while todo:
            task = todo.pop()
            if task not in wanted:
                wanted.add(task)
                todo += self.dependencies(task)
        return [task for task in self.tasks if task in wanted]

    def dependents(self, targets: Iterable[str]) -> list[str]:
        """Return the ids of the targets and all that depends on them, dependencies first."""
        wanted = set(targets)
        for task in self.tasks:
            if not wanted.isdisjoint(self.dependencies(task)):
                wanted.add(task)
        return [task for task in self.tasks if task in wanted]


def printed_names(tasks: dict[str, Task]) -> dict[str, str]:
    """Return by task id what printed ids begin with, so that each can be pasted back as a target."""
    named: dict[str, str] = {}
    shared: set[str] = set()
    for task in tasks.values():
        if named.setdefault(task.name, task.id) != task.id:
            shared.add(task.name)
    return {task.id: task.id if task.name in shared else task.name for task in tasks.values()}


def order_axes(axes: Iterable[Axis]) -> tuple[Axis, ...]:
    """Return the axes in the order of coordinates and ids: parents first, then by name."""
    return tuple(sorted(axes, key=lambda axis: axis.name))


def order_tasks(tasks: dict[str, Task], sources: dict[str, dict[str, Source]]) -> dict[str, Task]:
    """Return the tasks with dependencies first, otherwise as collected. Raises CollectionError for a circle."""
    waiting = {
        task: {s.task for s in filled.values() if isinstance(s, FromTask | FromGather)}
        for task, filled in sources.items()
    }
    dependents: dict[str, list[str]] = {task: [] for task in tasks}
    for task, needed in waiting.items():
        for dependency in needed:
            dependents[dependency].append(task)
    ready = [task for task in reversed(tasks) if not waiting[task]]
    ordered: dict[str, Task] = {}
    while ready:
        task = ready.pop()
        ordered[task] = tasks[task]
        for dependent in reversed(dependents[task]):
            waiting[dependent].discard(task)
            if not waiting[dependent]:
                ready.append(dependent)
    if len(ordered) < len(tasks):
        raise CollectionError(_circle({t: needed for t, needed in waiting.items() if t not in ordered}, tasks, sources))
    return ordered


def _circle(waiting: dict[str, set[str]], tasks: dict[str, Task], sources: dict[str, dict[str, Source]]) -> str:
    import networkx

    edges = ((dependent, dependency) for dependent, needed in waiting.items() for dependency in needed)
    ring = [edge[0] for edge in networkx.find_cycle(networkx.DiGraph(edges))]
    start = ring.index(min(ring, key=lambda task: tasks[task].place))
    ring = ring[start:] + ring[: start + 1]
    steps = []
    for dependent, dependency in zip(ring, ring[1:], strict=False):
        name = next(
            name
            for name, source in sources[dependent].items()
            if isinstance(source, FromTask | FromGather) and source.task == dependency
        )
        steps.append(f"    {tasks[dependent].place} {tasks[dependent].name} depends on {name}")
    names = " -> ".join(tasks[task].name for task in ring)
    remedy = "    One of them must do without the other: rename a parameter, or split a task."
    return "\n".join([f"circle of tasks: {names}", *steps, remedy])
