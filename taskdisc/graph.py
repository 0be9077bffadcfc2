"""The task graph: one node a task, what fills each of its parameters, and the axes along which it exists."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from taskdisc.errors import CollectionError
from taskdisc.marks import Axis, File, Files
from taskdisc.model import Fixture, Part, Task


class FromAxis(NamedTuple):
    """The value of an axis's element, or of an open parameter."""

    axis: Axis
    pick: int | None = None
    """The place of what the parameter receives, where the elements are tuples for several parameters."""


class FromTask(NamedTuple):
    """A task's result, or one of its named outputs."""

    task: str
    output: str | None


class FromGather(NamedTuple):
    """A task's results over these axes."""

    task: str
    output: str | None
    over: tuple[Axis, ...]
    names: tuple[str, ...] | None = None
    """The axes as `gather(over=...)` names them; None: all that have elements."""
    drop: bool = False
    """Failed elements are left out."""


class FromAfter(NamedTuple):
    """Nothing: the task waits for another's instances at the coordinates that they share."""

    task: str
    over: tuple[Axis, ...] = ()
    """The axes that they do not share."""


class FromPlanner(NamedTuple):
    """The structure that a planner returns, with results in place."""

    task: str
    """The inner task that calls the planner."""


class FromStructure(NamedTuple):
    """A structure with results in place of its refs and gathers."""

    structure: Any
    targets: tuple[tuple[str, str | None], ...]
    """(task, output) of each ref and gather, in order."""


class FromSetting(NamedTuple):
    """A value that configuration may change."""

    name: str
    default: Any
    annotation: Any


class FromFile(NamedTuple):
    """A tracked input file."""

    file: File


class FromFiles(NamedTuple):
    """Tracked input files: a list of them."""

    files: Files


class FromInjectable(NamedTuple):
    """Something that the worker makes, such as `task_dir`."""

    name: str


class FromFixture(NamedTuple):
    """What a fixture makes, once per worker."""

    fixture: str


class FromValue(NamedTuple):
    """A value that this run has in the place of what a fixture makes."""

    part: Part


Source = (
    FromAxis
    | FromTask
    | FromGather
    | FromAfter
    | FromPlanner
    | FromStructure
    | FromSetting
    | FromFile
    | FromFiles
    | FromInjectable
    | FromFixture
    | FromValue
)


def tasks_of(source: Source) -> tuple[str, ...]:
    """Return the ids of the tasks that a source needs, inner ones included."""
    if isinstance(source, FromTask | FromGather | FromAfter | FromPlanner):
        return (source.task,)
    if isinstance(source, FromAxis) and source.axis.task:
        return (source.axis.task,)
    return tuple(task for task, _ in source.targets) if isinstance(source, FromStructure) else ()


class Unresolved(Exception):
    """A parameter that nothing fills, or that is filled wrongly; the message says what to do."""


class Inner(NamedTuple):
    """What an inner task is there for: it calls the function of an axis, or a planner."""

    owner: str
    """Id of the task that has the planner; empty for an axis."""
    name: str
    """The axis's name, or that of the planned parameter."""
    axis: Axis | None
    reaches: bool
    """Whether it needs the result of a task: then it is a step; else it is called while planning."""


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
    inner: dict[str, Inner] = {}
    """By id: the tasks that call axis functions and planners. Nobody wrote them as tasks."""
    grows: frozenset[str] = frozenset()
    """Tasks whose instances are not known from lists alone: see `grow`."""
    find: Callable[[Any, str], tuple[str, str | None]] | None = None
    """Returns (task, output) of a target of `ref` or `gather` in a module. Raises UsageError."""
    fixtures: dict[str, Fixture] = {}
    """By id, in an order in which those that others use come first."""
    given: dict[str, tuple[Part, ...]] = {}
    """By task id: what this run has in the place of the task's results, one or one for each output."""
    beside: dict[str, dict[str, str]] = {}
    """By id of a copy that a sweep made: the copies that go with it of the tasks that it may refer to."""

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

    def files_of(self, task: str, listed: Callable[[Files], Iterable[File]]) -> Iterator[File]:
        """Yield the input files of a task and of the fixtures that it uses; `listed` finds those of a pattern."""
        for owner in (task, *self.fixtures_of([task])):
            for source in self.sources[owner].values():
                if isinstance(source, FromFile):
                    yield source.file
                elif isinstance(source, FromFiles):
                    yield from listed(source.files)

    def written(self) -> list[Task]:
        """Return the tasks that somebody wrote, inner ones left out."""
        return [task for task in self.tasks.values() if task.id not in self.inner]

    def parents(self, axis: Axis) -> tuple[Axis, ...]:
        """Return the axes along which the axis exists: there is a list of elements for each of their coordinates."""
        return self.axes[axis.task] if axis.task else ()

    def dependencies(self, task: str) -> list[str]:
        """Return the ids of the tasks that this one needs, inner ones included."""
        return [needed for source in self.sources[task].values() for needed in tasks_of(source)]

    def seen_dependencies(self, task: str) -> list[str]:
        """Return the written tasks that a task needs: what an axis function or a planner needs, the task needs."""
        found: dict[str, None] = {}
        todo, seen = self.dependencies(task)[::-1], set()
        while todo:
            name = todo.pop()
            if name not in self.inner:
                found[name] = None
            elif name not in seen:
                seen.add(name)
                todo += self.dependencies(name)[::-1]
        return list(found)

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

    def reachable(self, targets: Iterable[str]) -> list[str]:
        """Return the ids of all that the targets may depend on: of everything, where a planner has yet to say."""
        found = self.ancestors(targets)
        plans = any(isinstance(source, FromPlanner) for task in found for source in self.sources[task].values())
        return list(self.tasks) if plans else found

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


def order_axes(axes: Iterable[Axis], parents: Callable[[Axis], Iterable[Axis]] = lambda axis: ()) -> tuple[Axis, ...]:
    """Return the axes in the order of coordinates and ids: parents first, then by name."""
    waiting = sorted(axes, key=lambda axis: axis.name)
    if not any(axis.task for axis in waiting):
        return tuple(waiting)
    ordered: list[Axis] = []
    while waiting:
        ready = next(axis for axis in waiting if not set(parents(axis)).intersection(waiting))
        ordered.append(ready)
        waiting.remove(ready)
    return tuple(ordered)


def order_tasks(tasks: dict[str, Task], sources: dict[str, dict[str, Source]]) -> dict[str, Task]:
    """Return the tasks with dependencies first, otherwise as collected. Raises CollectionError for a circle."""
    waiting = {
        task: {needed for source in filled.values() for needed in tasks_of(source)} for task, filled in sources.items()
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
    start = ring.index(min(ring, key=lambda task: (tasks[task].place, task)))
    ring = ring[start:] + ring[: start + 1]
    steps = []
    for dependent, dependency in zip(ring, ring[1:], strict=False):
        name = next(name for name, source in sources[dependent].items() if dependency in tasks_of(source))
        steps.append(f"    {tasks[dependent].place} {tasks[dependent].name} depends on {name}")
    names = " -> ".join(tasks[task].name for task in ring)
    remedy = "    One of them must do without the other: rename a parameter, or split a task."
    return "\n".join([f"circle of tasks: {names}", *steps, remedy])
