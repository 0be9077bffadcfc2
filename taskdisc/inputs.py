"""What inputs put into keys: the digests of results, groups of results, structures, files, and axes' values."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import starmap
from operator import is_
from typing import TYPE_CHECKING, Any

from taskdisc.errors import EncodingError, UsageError
from taskdisc.graph import (
    FromAfter,
    FromAxis,
    FromFile,
    FromFiles,
    FromFixture,
    FromGather,
    FromInjectable,
    FromPlanner,
    FromSetting,
    FromStructure,
    FromTask,
    FromValue,
    TaskGraph,
)
from taskdisc.hashing import sha256
from taskdisc.marks import File, Files
from taskdisc.model import Known
from taskdisc.shapes import Leaf, Slot, rebuilt

if TYPE_CHECKING:
    from taskdisc.expand import Block, Expansion, Groups
    from taskdisc.fingerprint.values import ValueFingerprints

SIZE = 32
DIGESTED = FromTask | FromGather | FromFile | FromFiles | FromPlanner | FromStructure | FromValue
"""Sources of which a digest stands in the key."""
AT_ONCE = 4096
"""Inputs of a gather that are digested together: more make it no quicker, and take memory."""


class Inputs:
    """Knows the digests of all results so far, and what instances receive of them."""

    def __init__(
        self,
        graph: TaskGraph,
        expansion: Expansion,
        fingerprints: ValueFingerprints,
        file_digest: Callable[[File], bytes],
        listed: Callable[[Files], Sequence[File]],
    ) -> None:
        self.graph = graph
        self.expansion = expansion
        self._fingerprints = fingerprints
        self._file_digest = file_digest
        self._listed = listed
        self.outputs = {task.id: max(1, len(task.options.outputs)) for task in graph.tasks.values()}
        """How many digests a result of the task has."""
        self.digests: list[bytearray] = []
        """Per block: the value digests of the rows' outputs, one after the other."""
        self.artifacts: list[array[int]] = []
        """Per block: the number of each row's result in the index, 0 where there is none (yet)."""
        self.without: set[int] = set()
        """Nodes that ended without a result, and that gathers leave out: skipped, or failed and dropped."""
        self._shapes: dict[int, bytes] = {}
        self._labels: dict[Any, list[bytes]] = {}
        self._values: dict[Any, list[bytes]] = {}
        self._groups: dict[tuple[int, int], bytes] = {}
        self._sources: dict[str, list[tuple[str, Any]]] = {}
        """By task, what fills its parameters, sorted by these."""
        self.extend()

    def extend(self) -> None:
        """Make room for the blocks that the expansion has in addition."""
        for block in self.expansion.blocks[len(self.digests) :]:
            self.digests.append(bytearray(0 if block.gather else SIZE * self.outputs[block.task] * block.size))
            self.artifacts.append(array("q", bytes(8 * block.size)))

    def columns(
        self, block: Block, rows: list[int], wanted: Container[str] | None = None
    ) -> Iterator[tuple[str, list[bytes]]]:
        """Yield (parameter, what it puts into each row's key), sorted by parameter; of those `wanted`, or all."""
        links = {link.parameter: link for link in block.links}
        sources = self._sources.get(block.task)
        if sources is None:
            sources = self._sources[block.task] = sorted(self.graph.sources[block.task].items())
        for name, source in sources:
            if wanted is not None and name not in wanted:
                continue
            if isinstance(source, FromAxis):
                values, column = self._axis_values(source), block.columns[source.axis]
                whole = len(rows) == len(values) and column == range(len(values))
                in_order = whole and rows == list(column)  # rows come as their inputs ended
                yield name, values if in_order else [values[column[row]] for row in rows]
            elif isinstance(source, FromFile):
                yield name, [self._file_digest(source.file)] * len(rows)
            elif isinstance(source, FromValue):
                yield name, [source.part.digest] * len(rows)
            elif isinstance(source, FromFiles):
                yield name, [self._files_digest(source.files)] * len(rows)
            elif isinstance(source, FromTask):
                link = links[name]
                if link.block < 0:
                    yield name, [self._result_at(node, source.output) for node in self.expansion.targets(link, rows)]
                else:
                    yield name, self._result_column(link.block, source, [link.rows[row] for row in rows])
            elif isinstance(source, FromGather):
                yield name, [self._group_at(node) for node in self.expansion.targets(links[name], rows)]
            elif isinstance(source, FromPlanner | FromStructure):
                filled = block.filled[name]
                yield name, [self._structure(filled.shapes[row], filled.nodes[row]) for row in rows]
            else:
                assert isinstance(source, FromSetting | FromInjectable | FromAfter | FromFixture)

    def keep_each(self, number: int, rows: Sequence[int], digests: Sequence[bytes]) -> None:
        """Note the digests of many results of one output each."""
        kept = self.digests[number]
        for row, digest in zip(rows, digests, strict=True):
            kept[row * SIZE : row * SIZE + SIZE] = digest

    def digests_of(self, node: int) -> bytes:
        """Return the digests of a node's result, joined."""
        block, row = self.expansion.place(node)
        width = SIZE * self.outputs[block.task]
        return bytes(self.digests[block.number][row * width : (row + 1) * width])

    def _files_digest(self, files: Files) -> bytes:
        return sha256(b"files" + b"".join(map(self._file_digest, self._listed(files)))).digest()

    def _structure(self, shape: int, nodes: Sequence[int]) -> bytes:
        """The digest of a structure: its constants, and the results in it."""
        digest = self._shapes.get(shape)
        if digest is None:
            digest = self._shapes[shape] = self._shape_digest(shape)
        leaves = self.expansion.shapes[shape].leaves
        return sha256(
            digest + b"".join([self._leaf_at(leaf, node) for leaf, node in zip(leaves, nodes, strict=True)])
        ).digest()

    def _leaf_at(self, leaf: Leaf, node: int) -> bytes:
        return self._group_at(node) if leaf.gathers else self._result_at(node, leaf.output)

    def _shape_digest(self, number: int) -> bytes:
        shape = self.expansion.shapes[number]

        def said(item: Any) -> Any:
            if type(item) is Slot:
                leaf = shape.leaves[item.number]
                parts = () if leaf.output else self.graph.tasks[leaf.task].options.outputs
                return ("\0result", leaf.gathers, parts, leaf.picks)
            if type(item) is File:
                return ("\0file", self._file_digest(item))
            return ("\0files", self._files_digest(item)) if type(item) is Files else item

        return sha256(self._fingerprints.encode(rebuilt(shape.structure, said))).digest()

    def _result_at(self, node: int, output: str | None) -> bytes:
        block, row = self.expansion.place(node)
        if self.outputs[block.task] == 1:
            return bytes(self.digests[block.number][row * SIZE : row * SIZE + SIZE])
        return self._result_column(block.number, FromTask(block.task, output), [row])[0]

    def _group_at(self, node: int) -> bytes:
        block, row = self.expansion.place(node)
        return self.group_digest(block.number, row)

    def _axis_values(self, source: FromAxis) -> list[bytes]:
        axis = source.axis
        elements = self.expansion.elements[axis].elements
        known = self._values.setdefault(axis, [])
        if len(known) < len(elements):
            first, told = len(known), self.expansion.elements[axis].digests
            new = elements[first:]
            if axis.files is not None:
                known += [self._file_digest(File(str(element.value), axis.place)) for element in new]
                return known
            try:
                if not told:
                    known += self._fingerprints.encode_each([element.value for element in new])
                for number, element in enumerate(new if told else (), first):
                    known.append(told.get(number) or self._fingerprints.encode(element.value))
            except EncodingError as error:
                raise UsageError(
                    f"axis {axis.name} ({axis.place}): {error}. Make it plain data, and the object in the task."
                ) from None
        return self._values[axis]

    def _result_column(self, number: int, source: FromTask, rows: list[int]) -> list[bytes]:
        task = self.graph.tasks[source.task]
        count = self.outputs[source.task]
        digests, width = self.digests[number], SIZE * count
        if count == 1:
            return _cut(digests, rows)
        if source.output is None:
            return [sha256(digests[row * width : (row + 1) * width]).digest() for row in rows]
        start = SIZE * task.options.outputs.index(source.output)
        return [bytes(digests[row * width + start : row * width + start + SIZE]) for row in rows]

    def group_digest(self, number: int, row: int) -> bytes:
        """Return the digest of one group of a gather: its labels and results, in order."""
        known = self._groups.get((number, row))
        if known is not None:
            return known
        block = self.expansion.blocks[number]
        groups = block.gather
        assert groups is not None
        if groups.members is not None or self.without:
            digest = self._groups[number, row] = self._mixed_group(block, row, groups)
            return digest
        target = self.expansion.blocks[groups.target]
        rows = groups.rows[groups.starts[row] : groups.starts[row + 1]]
        source = FromTask(target.task, groups.output)
        axes = [(target.columns[axis], self._label_encodings(axis)) for axis in groups.over]
        whole = sha256(b"gather%d:" % len(rows))
        for start in range(0, len(rows), AT_ONCE):
            part = list(rows[start : start + AT_ONCE])
            pieces = [self._result_column(groups.target, source, part)]
            pieces += [[labels[column[each]] for each in part] for column, labels in axes]
            whole.update(b"".join([piece for pair in zip(*pieces, strict=True) for piece in pair]))
        digest = self._groups[number, row] = whole.digest()
        return digest

    def _mixed_group(self, block: Block, row: int, groups: Groups) -> bytes:
        """The same of a group whose members are of several blocks, or of which some have no result."""
        nodes = self.collected(block, row)
        whole = sha256(b"gather%d:" % len(nodes))
        for node in nodes:
            target, at = self.expansion.place(node)
            labels = [self._label_encodings(axis)[target.columns[axis][at]] for axis in groups.over]
            whole.update(b"".join([self._result_at(node, groups.output), *labels]))
        return whole.digest()

    def collected(self, block: Block, row: int) -> Sequence[int]:
        """Return the members of a group that have a result, in order."""
        nodes = self.expansion.members(block, row)
        return [node for node in nodes if node not in self.without] if self.without else nodes

    def _label_encodings(self, axis: Any) -> list[bytes]:
        elements = self.expansion.elements[axis].elements
        known = self._labels.setdefault(axis, [])
        if len(known) < len(elements):
            values = self._values.get(axis, ())
            encoded = len(values) == len(elements) and axis.files is None and not self.expansion.elements[axis].digests
            if encoded and all(starmap(is_, elements)):  # label and value are the same, as most often
                known += values[len(known) :]
                return known
            try:
                known += self._fingerprints.encode_each([element.label for element in elements[len(known) :]])
            except EncodingError as error:
                raise UsageError(
                    f'axis {axis.name} ({axis.place}): {error} Label its elements: axis({{"name": ...}}).'
                ) from None
        return self._labels[axis]


def _cut(digests: bytearray, rows: list[int]) -> list[bytes]:
    """Return the digests of these rows; rows next to one another, as in most gathers, are cut out at once."""
    if len(rows) > 1 and rows[-1] - rows[0] == len(rows) - 1 and rows == list(range(rows[0], rows[-1] + 1)):
        whole = bytes(digests[rows[0] * SIZE : (rows[-1] + 1) * SIZE])
        return [whole[at : at + SIZE] for at in range(0, len(whole), SIZE)]
    return [bytes(digests[row * SIZE : row * SIZE + SIZE]) for row in rows]


def known_by_key(rows: Iterable[Known]) -> dict[bytes, list[Known]]:
    """Return by key the newest result, last; an older one of another value, if there is any, comes before it."""
    known: dict[bytes, list[Known]] = {}
    for row in rows:
        before = known.get(row[0])
        if before is None or before[-1][2] == row[2]:
            known[row[0]] = [*(before or ())[:-1], row]
        else:
            known[row[0]] = [before[-1], row]
    return known
