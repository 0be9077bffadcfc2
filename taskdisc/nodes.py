"""Nodes of the scheduler: the states that they go through, and what is kept of a block of them."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from taskdisc.edges import Dependents, rows_of

WAITING, UNDECIDED, RUNNABLE, RUNNING, CLAIMED, DONE, FAILED, BLOCKED, LEFT_OUT, SKIPPED = range(10)
ENDED = frozenset({DONE, FAILED, BLOCKED, LEFT_OUT, SKIPPED})


class Kinds(NamedTuple):
    """Of a block whose rows are of several kinds, each with a lane, and with terms of its own."""

    rows: Sequence[int]
    """The kind of each row."""
    lanes: Sequence[int]
    """The lane of each kind."""


class Block:
    """What the scheduler keeps of a block."""

    __slots__ = (
        "dependents",
        "drops",
        "ended",
        "gathers",
        "kinds",
        "lane",
        "late",
        "offset",
        "rank",
        "size",
        "undecided",
        "watched",
    )

    def __init__(self, offset: int, size: int, rank: float, lane: int, gathers: bool) -> None:
        self.offset = offset
        self.size = size
        self.rank = rank
        self.lane = lane
        self.kinds: Kinds | None = None
        """None: all rows are of kind 0, and start in `lane`."""
        self.gathers = gathers
        self.drops = False
        """A gather that leaves failed inputs out."""
        self.watched = False
        """Its done nodes are handed to the driver."""
        self.dependents: list[Dependents] = []
        self.late: dict[int, list[int]] = {}
        """By node, the dependents that were connected one by one."""
        self.ended = 0
        """How many of its nodes are done, failed or blocked."""
        self.undecided: list[int] = []


class Nodes:
    """Blocks of nodes, and the state of each node."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._offsets: list[int] = []
        self._state = bytearray()
        self._pending = array("I")
        """Of each node, how many inputs it waits for."""

    def __len__(self) -> int:
        return len(self._state)

    def state(self, node: int) -> int:
        """Return the node's state, one of the constants of this module."""
        return self._state[node]

    def lane_of(self, node: int) -> int:
        """Return the lane of a node."""
        block = self.blocks[self.block_of(node)]
        return block.lane if block.kinds is None else block.kinds.lanes[block.kinds.rows[node - block.offset]]

    def shares(self, number: int) -> dict[int, float]:
        """Return which part of a block's nodes starts in which lane."""
        block = self.blocks[number]
        if block.kinds is None:
            return {block.lane: 1.0}
        found: dict[int, float] = {}
        for kind, lane in enumerate(block.kinds.lanes):
            found[lane] = found.get(lane, 0.0) + block.kinds.rows.count(kind) / block.size
        return found

    def by_kind(self, number: int, nodes: list[int]) -> Iterable[tuple[int, int, list[int]]]:
        """Return (kind, its lane, those of the nodes that are of it) of a block."""
        block = self.blocks[number]
        kinds = block.kinds
        if kinds is None:
            return ((0, block.lane, nodes),)
        groups: dict[int, list[int]] = {}
        for node in nodes:
            groups.setdefault(kinds.rows[node - block.offset], []).append(node)
        return [(kind, kinds.lanes[kind], members) for kind, members in groups.items()]

    def count(self, number: int, *states: int) -> int:
        """Return how many nodes of a block are in one of these states."""
        block = self.blocks[number]
        return sum(self._state.count(state, block.offset, block.offset + block.size) for state in states)

    def block_of(self, node: int) -> int:
        """Return the number of the node's block."""
        return bisect_right(self._offsets, node) - 1

    def place_of(self, node: int) -> tuple[int, int]:
        """Return the number of the node's block, and its row there."""
        number = bisect_right(self._offsets, node) - 1
        return number, node - self._offsets[number]

    def rows_of(self, nodes: list[int]) -> tuple[int, list[int]] | None:
        """Return the number of the block of nodes, and their rows there; None where they are of several."""
        number = self.block_of(nodes[0])
        offset, size = self.blocks[number].offset, self.blocks[number].size
        if min(nodes) < offset or max(nodes) >= offset + size:
            return None
        return number, [node - offset for node in nodes] if offset else nodes

    def _direct_dependents(self, nodes: list[int]) -> list[int]:
        found: list[int] = []
        for number, members in self.by_block(nodes):
            block = self.blocks[number]
            if block.late:
                found += [dependent for node in members for dependent in block.late.get(node, ())]
            for dependents in block.dependents:
                offset = self.blocks[dependents.block].offset
                for node in members:
                    found += [offset + row for row in rows_of(dependents, node - block.offset)]
        return found

    def dependents(self, node: int) -> list[int]:
        """Return the nodes that depend on this one directly."""
        return self._direct_dependents([node])

    def by_block(self, nodes: Iterable[int]) -> Iterator[tuple[int, list[int]]]:
        """Yield (block, its nodes); cheap where all are of one block, as in a batch."""
        members = nodes if isinstance(nodes, list) else list(nodes)
        if not members:
            return
        number = self.block_of(members[0])
        block = self.blocks[number]
        end = block.offset + block.size
        if block.offset <= min(members) and max(members) < end:
            yield number, members
            return
        groups: dict[int, list[int]] = {}
        for node in members:
            groups.setdefault(self.block_of(node), []).append(node)
        yield from groups.items()

    def _count_down(self, dependents: Dependents, rows: list[int]) -> list[int]:
        """Return the nodes of the dependent block that wait for nothing any more."""
        pending, state = self._pending, self._state
        offset = self.blocks[dependents.block].offset
        ready: list[int] = []
        if dependents.rows is None and dependents.starts is None:
            nodes: Iterable[int] = [offset + row for row in rows]
        elif dependents.starts is None:
            pending[offset] -= len(rows)
            return [offset] if not pending[offset] and state[offset] == WAITING else ready
        else:
            assert dependents.rows is not None
            starts, targets = dependents.starts, dependents.rows
            nodes = [offset + target for row in rows for target in targets[starts[row] : starts[row + 1]]]
        for node in nodes:
            left = pending[node] - 1
            pending[node] = left
            if not left and state[node] == WAITING:
                ready.append(node)
        return ready

    def lacking(self, node: int) -> int:
        """Return how many inputs a waiting node waits for, 0 for others."""
        return self._pending[node] if self._state[node] == WAITING else 0
