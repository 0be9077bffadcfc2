"""Expansion: all instances of all tasks, and what each depends on, as columns of numbers.

Instances may be a million, so they are rows, not objects. A block holds all instances of one task: its size, and for
each of its axes a column with the element's number in each row (an axis alone gives its elements' numbers; the first
axis varies slowest). A dependency is a column of rows of another block, made by walking the axes of both sides
together, without a search. A gather is a block of its own, a row per group: its rows are sorted into groups by
counting, and whoever has the gather depends on one group.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain, repeat

from taskdisc.errors import EncodingError, UsageError
from taskdisc.graph import FromGather, FromTask, TaskGraph
from taskdisc.labels import id_suffixes, label_texts
from taskdisc.marks import Axis, Element


class AxisRows:
    """The elements of an axis in this run."""

    __slots__ = ("axis", "elements", "texts")

    def __init__(self, axis: Axis, elements: Sequence[Element]) -> None:
        self.axis = axis
        self.elements = elements
        try:
            self.texts = label_texts([element.label for element in elements])
        except EncodingError as error:
            raise UsageError(f'axis {axis.name} ({axis.place}): {error}. Label it: axis({{"name": ...}}).') from None

    def __len__(self) -> int:
        return len(self.elements)


class Link:
    """A dependency of a block: row i needs row `rows[i]` of `block`."""

    __slots__ = ("block", "parameter", "rows")

    def __init__(self, parameter: str, block: int, rows: Sequence[int]) -> None:
        self.parameter = parameter
        self.block = block
        self.rows = rows


class Block:
    """All instances of a task, or all groups of a gather."""

    __slots__ = ("axes", "columns", "gather", "links", "number", "size", "task")

    def __init__(self, number: int, task: str, axes: tuple[Axis, ...], sizes: Mapping[Axis, int]) -> None:
        self.number = number
        self.task = task
        """The task's id; of a gather, the id of the task that it collects."""
        self.axes = axes
        self.size, self.columns = columns_of(axes, sizes)
        self.links: list[Link] = []
        self.gather: Groups | None = None


class Groups:
    """What a gather's block collects: group i is `rows[starts[i]:starts[i + 1]]` of block `target`."""

    __slots__ = ("output", "over", "rows", "starts", "target")

    def __init__(
        self, target: int, output: str | None, over: tuple[Axis, ...], rows: Sequence[int], starts: Sequence[int]
    ) -> None:
        self.target = target
        self.output = output
        self.over = over
        self.rows = rows
        self.starts = starts


class Expansion:
    """The instances of a run: blocks in an order in which dependencies come first."""

    def __init__(self, elements: Mapping[Axis, AxisRows]) -> None:
        self.elements = elements
        self.blocks: list[Block] = []
        self.by_task: dict[str, Block] = {}
        self._gathers: dict[tuple[str, str | None, tuple[Axis, ...]], Block] = {}
        self._sizes = {axis: len(rows) for axis, rows in elements.items()}

    def _block(self, task: str, axes: tuple[Axis, ...]) -> Block:
        block = Block(len(self.blocks), task, axes, self._sizes)
        self.blocks.append(block)
        return block

    def add_task(self, graph: TaskGraph, task: str) -> Block:
        """Add all instances of a task whose dependencies have been added."""
        axes = graph.axes[task]
        gathers = {
            name: self._gather_block(source, graph)
            for name, source in graph.sources[task].items()
            if isinstance(source, FromGather)
        }
        block = self.by_task[task] = self._block(task, axes)
        for name, source in graph.sources[task].items():
            if isinstance(source, FromTask):
                target = self.by_task[source.task]
                block.links.append(Link(name, target.number, self.project(axes, target.axes)))
            elif isinstance(source, FromGather):
                target = gathers[name]
                block.links.append(Link(name, target.number, self.project(axes, target.axes)))
        return block

    def _gather_block(self, source: FromGather, graph: TaskGraph) -> Block:
        """The groups of a gather, shared by all who gather alike."""
        known = (source.task, source.output, source.over)
        if known not in self._gathers:
            target = self.by_task[source.task]
            kept = tuple(axis for axis in target.axes if axis not in source.over)
            block = self._gathers[known] = self._block(source.task, kept)
            rows, starts = grouped(self.project(target.axes, kept), target.size, block.size)
            block.gather = Groups(target.number, source.output, source.over, rows, starts)
        return self._gathers[known]

    def project(self, axes: Sequence[Axis], onto: Sequence[Axis]) -> Sequence[int]:
        """Return, for each row along `axes`, the row along `onto` at the same coordinate; `onto` are among `axes`."""
        size = 1
        for axis in axes:
            size *= self._sizes[axis]
        if list(axes) == list(onto):
            return range(size)
        if not onto:
            return array("I", bytes(4 * size))
        wanted = set(onto)
        rows: Sequence[int] = array("I", (0,))
        for axis in axes:
            count = self._sizes[axis]
            if axis in wanted:
                rows = array("I", chain.from_iterable(range(row * count, (row + 1) * count) for row in rows))
            else:
                rows = array("I", chain.from_iterable(repeat(row, count) for row in rows))
        return rows

    def ids(self, block: Block, name: str, rows: Sequence[int] | None = None) -> list[str]:
        """Return the printed ids of a block's instances, or of these rows."""
        rows = range(block.size) if rows is None else rows
        columns = []
        for axis in block.axes:
            texts, numbers = self.elements[axis].texts, block.columns[axis]
            columns.append([texts[numbers[row]] for row in rows])
        return [name + suffix for suffix in id_suffixes([axis.name for axis in block.axes], columns, len(rows))]

    def ranks(self) -> list[float]:
        """Return the longest path from each block to the end, counting steps."""
        ranks = array("d", bytes(8 * len(self.blocks)))
        for block in reversed(self.blocks):
            here = ranks[block.number] + (0.0 if block.gather else 1.0)
            ranks[block.number] = here
            targets = [link.block for link in block.links] + ([block.gather.target] if block.gather else [])
            for target in targets:
                ranks[target] = max(ranks[target], here)
        return list(ranks)

    def needed(self, wanted: Mapping[int, Iterable[int] | None]) -> list[bytearray]:
        """Return, per block, a byte per row that says whether the wanted rows (None: all of a block) need it."""
        marks = [bytearray(block.size) for block in self.blocks]
        for number, rows in wanted.items():
            if rows is None:
                marks[number][:] = b"\1" * len(marks[number])
            else:
                for row in rows:
                    marks[number][row] = 1
        for block in reversed(self.blocks):
            mark = marks[block.number]
            if not any(mark):
                continue
            for link in block.links:
                _mark(marks[link.block], link.rows, mark)
            if block.gather is not None:
                groups = block.gather
                for row in range(block.size):
                    if mark[row]:
                        for target in groups.rows[groups.starts[row] : groups.starts[row + 1]]:
                            marks[groups.target][target] = 1
        return marks


def _mark(marks: bytearray, rows: Sequence[int], wanted: bytearray) -> None:
    if isinstance(rows, range) and all(wanted):
        marks[:] = b"\1" * len(marks)
        return
    for row, yes in zip(rows, wanted, strict=True):
        if yes:
            marks[row] = 1


def columns_of(axes: Sequence[Axis], sizes: Mapping[Axis, int]) -> tuple[int, dict[Axis, Sequence[int]]]:
    """Return the number of coordinates along the axes, and each axis's column of element numbers."""
    size = 1
    for axis in axes:
        size *= sizes[axis]
    columns: dict[Axis, Sequence[int]] = {}
    inner = size
    for axis in axes:
        count = sizes[axis]
        if not size:
            columns[axis] = range(0)
        elif count == size:
            columns[axis] = range(size)
        else:
            inner //= count
            once = array("I", chain.from_iterable(repeat(number, inner) for number in range(count)))
            columns[axis] = once * (size // (count * inner))
    return size, columns


def grouped(owners: Sequence[int], size: int, groups: int) -> tuple[Sequence[int], Sequence[int]]:
    """Sort rows into groups by counting; return the rows, group by group and in order, and where each group starts."""
    if groups == 1:
        return range(size), (0, size)
    counts = [0] * (groups + 1)
    for owner in owners:
        counts[owner + 1] += 1
    starts = array("I", accumulate(counts))
    position = list(starts)
    rows = array("I", bytes(4 * size))
    for row, owner in enumerate(owners):
        rows[position[owner]] = row
        position[owner] += 1
    return rows, starts


def expand(graph: TaskGraph, tasks: Iterable[str], elements: Mapping[Axis, Sequence[Element]]) -> Expansion:
    """Return the instances of these tasks (dependencies first), with the elements that the axes have in this run."""
    expansion = Expansion({axis: AxisRows(axis, found) for axis, found in elements.items()})
    for task in tasks:
        expansion.add_task(graph, task)
    return expansion
