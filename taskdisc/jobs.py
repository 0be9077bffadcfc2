"""Jobs: what a worker is sent for a step, with its inputs' stored values."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from taskdisc.errors import UsageError
from taskdisc.graph import FromAxis, FromFile, FromGather, FromInjectable, FromTask, TaskGraph
from taskdisc.marks import Axis, innermost
from taskdisc.model import ArgumentKind, Job, Stored, Task, TaskSpec
from taskdisc.store.index import no_value

if TYPE_CHECKING:
    from taskdisc.bind import Bindings
    from taskdisc.expand import Expansion
    from taskdisc.plan import Plan
    from taskdisc.store.index import Index

Parts = tuple[Stored, ...]
"""The stored values of a result: one, or one for each named output."""


class Values:
    """The stored values of results: of this run's until they are in the index, and from there."""

    def __init__(self, plan: Plan, index: Index, expansion: Expansion, graph: TaskGraph) -> None:
        self.fresh: dict[tuple[int, int], Parts] = {}
        self._plan = plan
        self._index = index
        self._expansion = expansion
        self._graph = graph

    def fetch(self, number: int, rows: Iterable[int]) -> dict[int, Parts]:
        """Return the stored values of these rows of a block, all of which have a result."""
        found: dict[int, Parts] = {}
        missing: list[int] = []
        for row in dict.fromkeys(rows):
            fresh = self.fresh.get((number, row))
            if fresh is None:
                missing.append(row)
            else:
                found[row] = fresh
        if not missing:
            return found
        artifacts = self._plan.artifacts[number]
        outputs = self._graph.tasks[self._expansion.blocks[number].task].options.outputs
        if outputs:
            for row in missing:
                gone = (no_value(artifacts[row]),) * len(outputs)
                found[row] = self._index.stored_parts(artifacts[row]) or gone
        else:
            stored = self._index.stored([artifacts[row] for row in missing])
            found.update((row, (stored.get(artifacts[row]) or no_value(artifacts[row]),)) for row in missing)
        return found


class JobMaker:
    """Makes the jobs of a run."""

    def __init__(
        self,
        graph: TaskGraph,
        expansion: Expansion,
        bindings: Bindings,
        values: Values,
        offset: Callable[[int], int],
    ) -> None:
        self._graph = graph
        self._expansion = expansion
        self._values = values
        self._offset = offset
        self._pickles: dict[Axis, list[bytes]] = {}
        tasks = list(expansion.by_task)
        self._numbers = {task: number for number, task in enumerate(tasks)}
        self.specs = tuple(self._spec(graph.tasks[task], bindings) for task in tasks)

    def _spec(self, task: Task, bindings: Bindings) -> TaskSpec:
        function = innermost(task.function)
        name = function.__name__ if function is not None else task.name
        return TaskSpec(
            task.id,
            task.module,
            name,
            _pickled(bindings.settings[task.id], f"{task.place} {task.name}: its settings"),
            tuple(self._arguments(task)),
            task.options.outputs,
            task.options.codec,
            task.place,
            task.options.prefix,
            task.options.compress,
            task.function,
            retries=task.options.retries,
            timeout=_timeout(task),
            env=task.options.env,
        )

    def _arguments(self, task: Task) -> Iterable[tuple[str, str]]:
        for name, source in self._graph.sources[task.id].items():
            if isinstance(source, FromAxis):
                yield name, ArgumentKind.VALUE
            elif isinstance(source, FromFile):
                yield name, ArgumentKind.PATH
            elif isinstance(source, FromInjectable):
                yield name, ArgumentKind.INJECTED
            elif isinstance(source, FromGather):
                yield name, ArgumentKind.GATHER
            elif isinstance(source, FromTask):
                whole = source.output is None and self._graph.tasks[source.task].options.outputs
                yield name, ArgumentKind.OUTPUTS if whole else ArgumentKind.RESULT

    def make(self, number: int, nodes: Sequence[int], attempt: int = 1) -> list[Job]:
        """Return the jobs of these nodes of one block."""
        block, offset = self._expansion.blocks[number], self._offset(number)
        task = self._graph.tasks[block.task]
        rows = [node - offset for node in nodes]
        columns = [self._column(block, name, rows) for name, _ in self._arguments(task)]
        spec = self._numbers[task.id]
        names = self._expansion.ids(block, self._graph.names[task.id], rows)
        arguments = list(zip(*columns, strict=True)) if columns else [()] * len(nodes)
        return [
            Job(node, spec, name, attempt, given) for node, name, given in zip(nodes, names, arguments, strict=True)
        ]

    def _column(self, block: Any, name: str, rows: list[int]) -> list[Any]:
        """The argument of each row for one parameter."""
        source = self._graph.sources[block.task][name]
        if isinstance(source, FromAxis):
            values, column = self._values_of(source.axis), block.columns[source.axis]
            return [values[column[row]] for row in rows]
        if isinstance(source, FromFile):
            return [source.file.path] * len(rows)
        if isinstance(source, FromInjectable):
            return [None] * len(rows)
        link = next(link for link in block.links if link.parameter == name)
        targets = [link.rows[row] for row in rows]
        assert isinstance(source, FromTask | FromGather)
        options = self._graph.tasks[source.task].options
        if isinstance(source, FromGather):
            known = {target: self._gathered(link.block, target, options.codec) for target in dict.fromkeys(targets)}
            return [known[target] for target in targets]
        stored = self._values.fetch(link.block, targets)
        if source.output is None and options.outputs:
            return [(options.codec, options.outputs, stored[target]) for target in targets]
        place = options.outputs.index(source.output) if source.output else 0
        return [(options.codec, stored[target][place]) for target in targets]

    def _gathered(self, number: int, row: int, codec: str) -> tuple[Any, ...]:
        """One group of a gather as a worker receives it."""
        groups = self._expansion.blocks[number].gather
        assert groups is not None
        target = self._expansion.blocks[groups.target]
        rows = groups.rows[groups.starts[row] : groups.starts[row + 1]]
        stored = self._values.fetch(groups.target, rows)
        outputs = self._graph.tasks[target.task].options.outputs
        items: tuple[Any, ...]
        if outputs and groups.output is None:
            items = tuple(stored[each] for each in rows)
        else:
            place = outputs.index(groups.output) if groups.output else 0
            items, outputs = tuple(stored[each][place] for each in rows), ()
        columns = []
        for axis in groups.over:
            column, elements = target.columns[axis], self._expansion.elements[axis].elements
            columns.append([elements[column[each]].label for each in rows])
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

    def _values_of(self, axis: Axis) -> list[bytes]:
        if axis not in self._pickles:
            elements = self._expansion.elements[axis].elements
            what = f"axis {axis.name} ({axis.place}): an element"
            self._pickles[axis] = [_pickled(element.value, what) for element in elements]
        return self._pickles[axis]


def _timeout(task: Task) -> float:
    if task.options.timeout is None:
        return 0.0
    from taskdisc.durations import seconds

    return seconds(task.options.timeout)


def _pickled(value: Any, what: str) -> bytes:
    try:
        return pickle.dumps(value, 5)
    except Exception:
        import cloudpickle

        try:
            return bytes(cloudpickle.dumps(value, 5))
        except Exception as error:
            raise UsageError(f"{what} cannot be sent to a worker: {error}") from None
