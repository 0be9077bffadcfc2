"""Expansion: all instances of all tasks, and what each depends on, as columns of numbers.

Instances may be a million, so they are rows, not objects. A block holds all instances of one task: its size, and for
each of its axes a column with the element's number in each row (an axis alone gives its elements' numbers; the first
axis varies slowest). A dependency is a column of rows of another block, made by walking the axes of both sides
together, without a search. A gather is a block of its own, a row per group: its rows are sorted into groups by
counting, and whoever has the gather depends on one group.

That is so for tasks whose instances are known from lists alone: their blocks are grids. What is known only on the way
(see `grow`) is added as further blocks, whose rows came in any order and depend on nodes of any block; a node is a row
counted through all blocks.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, groupby, repeat
from typing import Any

from taskdisc.errors import EncodingError, UsageError
from taskdisc.graph import FromAfter, FromGather, FromTask, TaskGraph
from taskdisc.labels import id_suffixes, label_text, label_texts
from taskdisc.marks import Axis, Element
from taskdisc.model import Swept
from taskdisc.shapes import Shape


class AxisRows:
    """The elements of an axis in this run, numbered; of one that exists along others, all lists one after the other."""

    __slots__ = ("_texts", "_told", "_until", "axis", "digests", "elements")

    def __init__(self, axis: Axis, elements: Iterable[Element]) -> None:
        self.axis = axis
        self.elements: list[Element] = []
        self.digests: dict[int, bytes] = {}
        """Of the elements that do not count by their values' encoding: they hold files."""
        self._texts: list[str] = []
        self._told: set[str] = set()
        """The texts of an open parameter's values."""
        self._until: list[int] = []
        """Where each list that was added ends."""
        self.add(elements)
        if self.elements:
            assert self.texts is not None  # labels that cannot be told are found at once

    def add(self, elements: Iterable[Element]) -> range:
        """Add a list of elements; return their numbers."""
        first = len(self.elements)
        self.elements += elements
        self._until.append(len(self.elements))
        return range(first, len(self.elements))

    @property
    def texts(self) -> list[str]:
        """The labels as ids have them: within a list they differ, and of an open parameter they all do."""
        while self._until:
            self._add_texts(self._until)
        return self._texts

    def _add_texts(self, until: list[int]) -> None:
        axis, first = self.axis, len(self._texts)
        end = until[-1] if axis.open else until[0]
        try:
            texts = label_texts([element.label for element in self.elements[first:end]])
            if axis.open and not self._told.isdisjoint(texts):
                texts = label_texts([element.label for element in self.elements[:end]])[first:]
        except EncodingError as error:
            raise UsageError(f'axis {axis.name} ({axis.place}): {error}. Label it: axis({{"name": ...}}).') from None
        self._texts += texts
        if axis.open:
            self._told.update(texts)
            until.clear()
        else:
            del until[0]

    def __len__(self) -> int:
        return len(self.elements)


NODES = -1
"""Stands for a block where rows are nodes of any block."""

Variant = tuple[tuple[str, Any], ...]
"""Settings of a task's own, sorted by name, that are bound to other values than the run's."""


class Link:
    """A dependency of a block: row i needs row `rows[i]` of `block`, or of NODES."""

    __slots__ = ("block", "parameter", "rows")

    def __init__(self, parameter: str, block: int, rows: Sequence[int]) -> None:
        self.parameter = parameter
        self.block = block
        self.rows = rows


class Block:
    """All instances of a task, or all groups of a gather."""

    __slots__ = (
        "axes",
        "besides",
        "columns",
        "filled",
        "gather",
        "links",
        "number",
        "offset",
        "size",
        "swept",
        "task",
        "variant",
    )

    def __init__(
        self, number: int, offset: int, task: str, axes: tuple[Axis, ...], size: int, columns: dict[Axis, Sequence[int]]
    ) -> None:
        self.number = number
        self.offset = offset
        """The first node."""
        self.task = task
        """The task's id; of a gather, the id of the task that it collects."""
        self.axes = axes
        self.size = size
        self.columns = columns
        self.links: list[Link] = []
        self.gather: Groups | None = None
        self.filled: dict[str, Filled] = {}
        """By parameter, the structures that the rows receive."""
        self.variant: Variant = ()
        self.swept: tuple[Swept, ...] = ()
        """What ids show at their ends: the same for all instances."""
        self.besides: dict[int, list[int]] = {}
        """By node, inner steps that it waits for without receiving their results."""


class Groups:
    """What a gather's block collects: group i is `rows[starts[i]:starts[i + 1]]` of block `target`.

    Of a grown block, the group of each row is a sequence of nodes in `members`.
    """

    __slots__ = ("drop", "members", "output", "over", "rows", "starts", "target")

    def __init__(
        self,
        target: int,
        output: str | None,
        over: tuple[Axis, ...],
        rows: Sequence[int] = (),
        starts: Sequence[int] = (),
        drop: bool = False,
        members: list[Sequence[int]] | None = None,
    ) -> None:
        self.target = target
        self.output = output
        self.over = over
        self.rows = rows
        self.starts = starts
        self.drop = drop
        """Failed elements are left out."""
        self.members = members


class Filled:
    """Structures with results in place: of each row the number of its shape, and the nodes that fill it."""

    __slots__ = ("nodes", "shapes")

    def __init__(self, size: int) -> None:
        self.shapes: list[int] = [UNFILLED] * size
        self.nodes: list[Sequence[int]] = [()] * size


UNFILLED = -1


class Expansion:
    """The instances of a run: blocks in an order in which dependencies come first."""

    def __init__(self, elements: Mapping[Axis, AxisRows]) -> None:
        self.elements = dict(elements)
        self.blocks: list[Block] = []
        self.by_task: dict[str, Block] = {}
        """The grids of tasks."""
        self.size = 0
        """How many nodes there are."""
        self.shapes: list[Shape] = []
        """The structures that grown rows receive, by number."""
        self._offsets: list[int] = []
        self._gathers: dict[tuple[str, str | None, tuple[Axis, ...], bool], Block] = {}
        self._sizes = {axis: len(rows) for axis, rows in elements.items()}

    def _block(self, task: str, axes: tuple[Axis, ...]) -> Block:
        return self.append(task, axes, *columns_of(axes, self._sizes))

    def append(self, task: str, axes: tuple[Axis, ...], size: int, columns: dict[Axis, Sequence[int]]) -> Block:
        """Add a block, which depends on nothing yet."""
        block = Block(len(self.blocks), self.size, task, axes, size, columns)
        self.blocks.append(block)
        self._offsets.append(self.size)
        self.size += size
        return block

    def place(self, node: int) -> tuple[Block, int]:
        """Return the block and the row of a node."""
        block = self.blocks[bisect_right(self._offsets, node) - 1]
        return block, node - block.offset

    def rows_of(self, nodes: Sequence[int]) -> Iterator[tuple[Block, list[int]]]:
        """Yield the nodes as rows of their blocks, in order; cheap where all are of one block, as most often."""
        if not nodes:
            return
        first, last = self.place(min(nodes))[0], self.place(max(nodes))[0]
        if first is last:
            offset = first.offset
            yield first, [node - offset for node in nodes]
            return
        for number, stretch in groupby(nodes, lambda node: self.place(node)[0].number):
            offset = self.blocks[number].offset
            yield self.blocks[number], [node - offset for node in stretch]

    def targets(self, link: Link, rows: Iterable[int]) -> list[int]:
        """Return the nodes that these rows need along a link."""
        needed = link.rows
        if link.block == NODES:
            return [needed[row] for row in rows]
        offset = self.blocks[link.block].offset
        return [offset + needed[row] for row in rows]

    def members(self, block: Block, row: int) -> Sequence[int]:
        """Return the nodes of one group of a gather, in order."""
        groups = block.gather
        assert groups is not None
        if groups.members is not None:
            return groups.members[row]
        offset = self.blocks[groups.target].offset
        return [offset + each for each in groups.rows[groups.starts[row] : groups.starts[row + 1]]]

    def direct(self, node: int) -> Iterator[int]:
        """Yield the nodes that a node needs, gathers among them."""
        block, row = self.place(node)
        if block.besides:
            yield from block.besides.get(node, ())
        if block.gather is not None:
            yield from self.members(block, row)
            return
        for link in block.links:
            yield from self.targets(link, (row,))
        for filled in block.filled.values():
            yield from filled.nodes[row]

    def inputs(self, node: int) -> Iterator[int]:
        """Yield the steps that a step needs, through gathers."""
        for needed in self.direct(node):
            if self.place(needed)[0].gather is None:
                yield needed
            else:
                yield from self.direct(needed)

    def add_task(self, graph: TaskGraph, task: str) -> Block:
        """Add all instances of a task whose dependencies have been added."""
        axes = graph.axes[task]
        gathers = {
            name: self._gather_block(source, graph)
            for name, source in graph.sources[task].items()
            if isinstance(source, FromGather) or (isinstance(source, FromAfter) and source.over)
        }
        block = self.by_task[task] = self._block(task, axes)
        block.swept = graph.tasks[task].swept
        for name, source in graph.sources[task].items():
            if isinstance(source, FromTask | FromGather | FromAfter):
                target = gathers.get(name) or self.by_task[source.task]
                block.links.append(Link(name, target.number, self.project(axes, target.axes)))
        return block

    def _gather_block(self, source: FromGather | FromAfter, graph: TaskGraph) -> Block:
        """The groups of a gather, shared by all who gather alike."""
        output, drop = (source.output, source.drop) if isinstance(source, FromGather) else (None, False)
        known = (source.task, output, source.over, drop)
        if known not in self._gathers:
            target = self.by_task[source.task]
            kept = tuple(axis for axis in target.axes if axis not in source.over)
            block = self._gathers[known] = self._block(source.task, kept)
            rows, starts = grouped(self.project(target.axes, kept), target.size, block.size)
            block.gather = Groups(target.number, output, source.over, rows, starts, drop)
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
        if len(block.axes) == 1 and not block.variant and not block.swept:  # most often
            (axis,) = block.axes
            texts, numbers, head = self.elements[axis].texts, block.columns[axis], f"{name}[{axis.name}="
            return [f"{head}{texts[numbers[row]]}]" for row in rows]
        columns = []
        for axis in block.axes:
            texts, numbers = self.elements[axis].texts, block.columns[axis]
            columns.append([texts[numbers[row]] for row in rows])
        names = [axis.name for axis in block.axes]
        for setting, value in block.variant:
            names.append(setting)
            columns.append([label_text(value)] * len(rows))
        columns += [[swept.label] * len(rows) for swept in block.swept]
        names += [swept.name for swept in block.swept]
        return [name + suffix for suffix in id_suffixes(names, columns, len(rows))]

    def suffix(self, axes: Sequence[Axis], at: Sequence[int]) -> str:
        """Return the bracketed coordinates that ids have, of elements' numbers along axes."""
        columns = [[self.elements[axis].texts[number]] for axis, number in zip(axes, at, strict=True)]
        return id_suffixes([axis.name for axis in axes], columns, 1)[0]

    def needed(self, wanted: Mapping[int, Iterable[int] | None]) -> list[bytearray]:
        """Return, per grid, a byte per row that says whether the wanted rows (None: all of a block) need it."""
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
