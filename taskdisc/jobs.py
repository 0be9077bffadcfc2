"""Jobs: what a worker is sent for a step, with its inputs' stored values."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from taskdisc.errors import UsageError
from taskdisc.graph import (
    FromAxis,
    FromFile,
    FromFiles,
    FromFixture,
    FromGather,
    FromInjectable,
    FromPlanner,
    FromStructure,
    FromTask,
    FromValue,
    TaskGraph,
)
from taskdisc.marks import Axis, File, Files, innermost
from taskdisc.model import ArgumentKind, Fixture, FixtureSpec, Job, Task, TaskSpec
from taskdisc.shapes import rebuilt
from taskdisc.storedvalues import Parts, Places, Values, as_stored

if TYPE_CHECKING:
    from taskdisc.bind import Bindings
    from taskdisc.expand import Expansion, Filled
    from taskdisc.slices import Slices

_job = partial(tuple.__new__, Job)


class JobMaker:
    """Makes the jobs of a run."""

    def __init__(
        self,
        graph: TaskGraph,
        expansion: Expansion,
        bindings: Bindings,
        values: Values,
        tasks: Sequence[str],
        offset: Callable[[int], int],
        listed: Callable[[Files], Sequence[File]],
        slices: Slices | None,
    ) -> None:
        self._slices = slices
        self._graph = graph
        self._expansion = expansion
        self._values = values
        self._offset = offset
        self._listed = listed
        self._pickles: dict[FromAxis, list[bytes]] = {}
        self._shapes: dict[int, bytes] = {}
        self._bindings = bindings
        self._unfit: dict[str, UsageError] = {}
        self._variants: dict[Any, bytes] = {}
        self._recipes: dict[str, list[str]] = {}
        """By task, the parameters that jobs have arguments for."""
        self._before: int | None = None
        """While a job is made that follows another: the node of that."""
        grown = graph.grows and not graph.grows.isdisjoint(tasks)
        able = self._able(graph.tasks if grown else tasks)
        self.tasks = list(able)
        """Those of which jobs may be made: what a planner asks for is not known before it does."""
        self._numbers: dict[str, int] = {}
        """By task, the number of its first spec: each kind of its instances has one."""
        self.kinds: list[Task] = []
        """What each spec is about."""
        for task in self.tasks:
            self._numbers[task] = len(self.kinds)
            self.kinds += self._kinds(task)
        self.specs = tuple([spec for specs in able.values() for spec in specs])
        fixtures = graph.fixtures_of(self.tasks)
        self._fixtures = {fixture: number for number, fixture in enumerate(fixtures)}
        self.fixtures = tuple(self._fixture_spec(graph.fixtures[fixture], bindings) for fixture in fixtures)

    def _able(self, tasks: Iterable[str]) -> dict[str, list[TaskSpec]]:
        """The tasks that are steps, with what workers must know of each.

        What stands in the way of one that may not be asked for is told when it is.
        """
        able: dict[str, list[TaskSpec]] = {}
        for task in tasks:
            if task in self._graph.inner and not self._graph.inner[task].reaches:
                continue
            try:
                able[task] = [self._spec(each, self._bindings) for each in self._kinds(task)]
            except UsageError as error:
                self._unfit[task] = error
        return able

    def _kinds(self, task: str) -> Sequence[Task]:
        return (self._graph.tasks[task],) if self._slices is None else self._slices.kinds(task)

    def _spec(self, task: Task, bindings: Bindings) -> TaskSpec:
        return TaskSpec(
            task.long_id,
            task.module,
            self._attribute(task),
            _pickled(bindings.settings[task.id], f"{task.place} {task.name}: its settings"),
            tuple(self._arguments(task)),
            task.options.outputs,
            task.options.codec,
            task.place,
            task.options.prefix,
            task.options.compress,
            ",".join(f"{swept.name}={swept.label}" for swept in task.swept),
            task.function,
            returns=self._returns(task.id),
            retries=task.options.retries,
            timeout=_timeout(task),
            env=task.options.env,
            batch=task.options.batch,
            flags=_flags(task),
        )

    def _attribute(self, task: Task) -> str:
        """How a worker finds the function; a planner's stands in the decorator of the task that has it."""
        inner = self._graph.inner.get(task.id)
        if inner is None:
            return _attribute(task)
        return inner.name if inner.axis is not None else f"{_attribute(self._graph.tasks[inner.owner])}@{inner.name}"

    def _fixture_spec(self, fixture: Fixture, bindings: Bindings) -> FixtureSpec:
        return FixtureSpec(
            fixture.long_id,
            fixture.name,
            fixture.module,
            _attribute(fixture),
            fixture.place,
            _pickled(bindings.settings[fixture.id], f"{fixture.place} {fixture.name}: its settings"),
            tuple(self._arguments_of_fixture(fixture)),
            fixture.function,
        )

    def _arguments_of_fixture(self, fixture: Fixture) -> Iterable[tuple[str, str, Any]]:
        for name, source in self._graph.sources[fixture.id].items():
            if isinstance(source, FromFile):
                yield name, ArgumentKind.PATH, source.file.path
            elif isinstance(source, FromFiles):
                yield name, ArgumentKind.PATHS, tuple(file.path for file in self._listed(source.files))
            elif isinstance(source, FromFixture):
                yield name, ArgumentKind.FIXTURE, self._fixtures[source.fixture]
            elif isinstance(source, FromValue):
                yield name, ArgumentKind.RESULT, as_stored(source.part)

    def _returns(self, task: str) -> str:
        inner = self._graph.inner.get(task)
        return "" if inner is None else "structure" if inner.axis is None else "elements"

    def _settings_of(self, block: Any) -> bytes | None:
        """The settings that a block's instances have instead of the run's."""
        if not block.variant:
            return None
        if block.number not in self._variants:
            task = self._graph.tasks[block.task]
            settings = {**self._bindings.settings[task.id], **dict(block.variant)}
            self._variants[block.number] = _pickled(settings, f"{task.place} {task.name}: its settings")
        return self._variants[block.number]

    def _arguments(self, task: Task) -> Iterable[tuple[str, str]]:
        for name, source in self._graph.sources[task.id].items():
            if isinstance(source, FromAxis):
                yield name, ArgumentKind.VALUE
            elif isinstance(source, FromFile):
                yield name, ArgumentKind.PATH
            elif isinstance(source, FromFiles):
                yield name, ArgumentKind.PATHS
            elif isinstance(source, FromPlanner | FromStructure):
                yield name, ArgumentKind.STRUCTURE
            elif isinstance(source, FromInjectable):
                yield name, ArgumentKind.INJECTED
            elif isinstance(source, FromFixture):
                yield name, ArgumentKind.FIXTURE
            elif isinstance(source, FromValue):
                yield name, ArgumentKind.RESULT
            elif isinstance(source, FromGather):
                yield name, ArgumentKind.GATHER
            elif isinstance(source, FromTask):
                yield name, self._kind_of_result(source.task, source.output)

    def _kind_of_result(self, task: str, output: str | None) -> str:
        whole = output is None and self._graph.tasks[task].options.outputs
        return ArgumentKind.OUTPUTS if whole else ArgumentKind.RESULT

    def make(self, number: int, nodes: Sequence[int], attempt: int = 1) -> list[Job]:
        """Return the jobs of these nodes of one block."""
        block, offset = self._expansion.blocks[number], self._offset(number)
        task = self._graph.tasks[block.task]
        rows = [node - offset for node in nodes]
        if task.id not in self._recipes:
            self._recipes[task.id] = [name for name, _ in self._arguments(task)]
        columns = [self._column(block, name, rows) for name in self._recipes[task.id]]
        if task.id in self._unfit:
            raise self._unfit[task.id]
        spec, settings = self._numbers[task.id], self._settings_of(block)
        names = self._expansion.ids(block, self._graph.names[task.id], rows)
        arguments = list(zip(*columns, strict=True)) if columns else [()] * len(nodes)
        follows = self._before is not None
        same = map(repeat, (settings, (), (), follows))
        fields = zip(nodes, repeat(spec), names, repeat(attempt), arguments, *same, strict=False)
        jobs = list(map(_job, fields))  # that hold nothing: `Job(node, spec, name, attempt, given, settings)`, in bulk
        if not task.slices or self._slices is None:
            return jobs
        kinds = self._slices.rows(block)
        return [job._replace(task=spec + kinds[row]) for job, row in zip(jobs, rows, strict=True)]

    def follow(self, number: int, node: int, before: int) -> Job:
        """Return the job of a node of a block that follows that of `before` in a chain."""
        self._before = before
        try:
            return self.make(number, [node])[0]
        finally:
            self._before = None

    def _column(self, block: Any, name: str, rows: list[int]) -> list[Any]:
        """The argument of each row for one parameter."""
        source = self._graph.sources[block.task][name]
        if isinstance(source, FromAxis):
            values, column = self._values_of(source), block.columns[source.axis]
            if column == range(len(values)):
                return list(map(values.__getitem__, rows))
            return [values[column[row]] for row in rows]
        if isinstance(source, FromFile):
            return [source.file.path] * len(rows)
        if isinstance(source, FromFiles):
            return [tuple(file.path for file in self._listed(source.files))] * len(rows)
        if isinstance(source, FromInjectable):
            return [None] * len(rows)
        if isinstance(source, FromFixture):
            return [self._fixtures[source.fixture]] * len(rows)
        if isinstance(source, FromValue):
            return [("pickle", as_stored(source.part))] * len(rows)
        if isinstance(source, FromPlanner | FromStructure):
            return [self._structure(block.filled[name], row) for row in rows]
        link = next(link for link in block.links if link.parameter == name)
        nodes = self._expansion.targets(link, rows)
        assert isinstance(source, FromTask | FromGather)
        if isinstance(source, FromGather):
            known = {node: self._gathered(node) for node in dict.fromkeys(nodes)}
            return [known[node] for node in nodes]
        return self._results(nodes, source.task, source.output)

    def _results(self, nodes: Sequence[int], task: str, output: str | None) -> list[Any]:
        options = self._graph.tasks[task].options
        stored = self._stored(nodes)
        if output is None and options.outputs:
            return [(options.codec, options.outputs, parts) for parts in stored]
        place = options.outputs.index(output) if output and options.outputs else 0
        return [(options.codec, parts[place]) for parts in stored]

    def _stored(self, nodes: Sequence[int]) -> Sequence[Parts | Places]:
        """The stored values of nodes, which may be of several blocks."""
        if not nodes:
            return []
        if [self._before] == nodes:
            task = self._expansion.place(nodes[0])[0].task
            return [tuple(range(max(1, len(self._graph.tasks[task].options.outputs))))]
        if len(nodes) == 1 and (fresh := self._values.fresh.get(nodes[0])) is not None:
            return [tuple(map(as_stored, fresh))]
        found: dict[int, dict[int, Parts]] = {}
        by_block: dict[int, list[int]] = {}
        stretches = list(self._expansion.rows_of(nodes))
        for block, rows in stretches:
            by_block.setdefault(block.number, []).extend(rows)
        for number, members in by_block.items():
            found[number] = self._values.fetch(number, members)
        return [parts for block, rows in stretches for parts in map(found[block.number].__getitem__, rows)]

    def _structure(self, filled: Filled, row: int) -> tuple[bytes, tuple[Any, ...]]:
        """A structure as a worker receives it."""
        number = filled.shapes[row]
        shape = self._expansion.shapes[number]
        slots = []
        for leaf, node in zip(shape.leaves, filled.nodes[row], strict=True):
            if leaf.gathers:
                slots.append((ArgumentKind.GATHER, self._gathered(node), leaf.picks))
            else:
                (given,) = self._results([node], leaf.task, leaf.output)
                slots.append((self._kind_of_result(leaf.task, leaf.output), given, leaf.picks))
        return self._shape(number), tuple(slots)

    def _shape(self, number: int) -> bytes:
        if number not in self._shapes:
            structure = rebuilt(self._expansion.shapes[number].structure, self._constant)
            self._shapes[number] = _pickled(structure, "what a planner returned")
        return self._shapes[number]

    def _constant(self, item: Any) -> Any:
        if type(item) not in (File, Files):
            return item
        from pathlib import Path

        return Path(item.path) if type(item) is File else [Path(file.path) for file in self._listed(item)]

    def _gathered(self, node: int) -> tuple[Any, ...]:
        """One group of a gather as a worker receives it."""
        block, row = self._expansion.place(node)
        groups = block.gather
        assert groups is not None
        options = self._graph.tasks[block.task].options
        nodes = self._values.plan.collected(block, row)
        outputs, codec = options.outputs, options.codec
        items: tuple[Any, ...]
        if not outputs and self._before is None:
            stretches = self._expansion.rows_of(nodes)
            items = tuple(chain.from_iterable([self._values.column(each.number, rows) for each, rows in stretches]))
        elif outputs and groups.output is None:
            items = tuple(self._stored(nodes))
        else:
            place = outputs.index(groups.output) if groups.output and outputs else 0
            items, outputs = tuple([parts[place] for parts in self._stored(nodes)]), ()
        columns = self._labels(nodes, groups.over)
        several = len(groups.over) > 1
        labels = list(zip(*columns, strict=True)) if several else columns[0]
        fields = tuple(axis.name for axis in groups.over) if several else None
        return (
            fields,
            _pickled(labels, f"the labels of {', '.join(a.name for a in groups.over)}"),
            codec,
            items,
            outputs,
        )

    def _labels(self, nodes: Sequence[int], axes: Sequence[Axis]) -> list[list[Any]]:
        """The labels of nodes along each axis."""
        found: list[list[Any]] = [[] for _ in axes]
        for block, rows in self._expansion.rows_of(nodes):
            for labels, axis in zip(found, axes, strict=True):
                elements, column = self._expansion.elements[axis].elements, block.columns[axis]
                labels += [elements[column[row]].label for row in rows]
        return found

    def _values_of(self, source: FromAxis) -> list[bytes]:
        axis, pick = source
        elements = self._expansion.elements[axis].elements
        known = self._pickles.setdefault(source, [])
        if len(known) < len(elements):
            what = f"axis {axis.name} ({axis.place}): an element"
            values = [element.value for element in elements[len(known) :]]
            known += [_pickled(value if pick is None else value[pick], what) for value in values]
        return known


def _timeout(task: Task) -> float:
    if task.options.timeout is None:
        return 0.0
    from taskdisc.durations import seconds

    return seconds(task.options.timeout)


def _flags(task: Task) -> tuple[str, ...]:
    if not task.options.flags:
        return ()
    import shlex

    flags = task.options.flags
    return tuple(shlex.split(flags)) if isinstance(flags, str) else flags


def _attribute(owner: Task | Fixture) -> str:
    """The name of the function in its module."""
    function = innermost(owner.function)
    return function.__name__ if function is not None else owner.name


def _pickled(value: Any, what: str) -> bytes:
    try:
        return pickle.dumps(value, 5)
    except Exception:
        import cloudpickle

        try:
            return bytes(cloudpickle.dumps(value, 5))
        except Exception as error:
            raise UsageError(f"{what} cannot be sent to a worker: {error}") from None
