"""The scheduler: a pure state machine over numbered nodes. It starts nothing, waits for nothing, and knows no task.

Nodes come in blocks, a block a task (or a gather, see below); a node is an integer, its block's offset plus a row.
A node goes through

    waiting -> undecided -> done                            (its result was known)
                         -> runnable -> running -> done     (it was executed)
                         -> claimed -> undecided            (another run is at it: look again)
    done -> waiting -> ...                                  (its result proved to be lost: once more)
    running -> waiting -> ...                               (so did one that it uses)

and ends as failed or blocked when it, or something that it needs, failed. Whoever drives the machine takes undecided
nodes and says what is known of them, takes runnable ones and says how they ended. Blocks can be added at any time, so
the graph may grow while it runs. A block of gathers collects results and is not executed: its nodes are done as soon
as their inputs are. Everything costs O(nodes + edges) in all; nothing is recursive.
"""

import heapq
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, islice
from typing import NamedTuple

from taskdisc.limits import Demand, Limits
from taskdisc.ready import Ready

WAITING, UNDECIDED, RUNNABLE, RUNNING, CLAIMED, DONE, FAILED, BLOCKED, LEFT_OUT = range(9)
ENDED = frozenset({DONE, FAILED, BLOCKED, LEFT_OUT})


class Edge(NamedTuple):
    """The dependencies of a block's rows on an earlier block: one row each, or a group each.

    Without `starts`, row i depends on row `rows[i]`; with it, on each of `rows[starts[i]:starts[i + 1]]`.
    """

    block: int
    rows: Sequence[int]
    starts: Sequence[int] | None = None


class Dependents(NamedTuple):
    """An edge seen from the other side: the rows of `block` that depend on a row."""

    block: int
    rows: Sequence[int] | None
    """None: row i is what depends on row i."""
    starts: Sequence[int] | None
    """None: all dependents share the one row 0 (`rows` None otherwise)."""


class Block:
    """What the scheduler keeps of a block."""

    __slots__ = ("dependents", "ended", "gathers", "lane", "offset", "rank", "size", "undecided")

    def __init__(self, offset: int, size: int, rank: float, lane: int, gathers: bool) -> None:
        self.offset = offset
        self.size = size
        self.rank = rank
        self.lane = lane
        self.gathers = gathers
        self.dependents: list[Dependents] = []
        self.ended = 0
        """How many of its nodes are done, failed or blocked."""
        self.undecided: list[int] = []


class Terms(NamedTuple):
    """On what terms the nodes of a block start."""

    priority: float
    rank: float
    """The longest path to the end, in seconds."""
    demand: Demand = ()


class Scheduler:
    """Says what can be decided, what can run, and what is out of reach."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.unfinished = 0
        """Nodes that have not ended, gathers included."""
        self._offsets: list[int] = []
        self._state = bytearray()
        self._pending = array("I")
        self._undecided: list[int] = []
        self._ready = Ready()
        self._terms: Callable[[int], Terms] = lambda number: Terms(0.0, self.blocks[number].rank)
        self._own_demands: dict[int, Demand] = {}

    def limit(self, limits: Limits | None, terms: Callable[[int], Terms]) -> None:
        """Let nodes start on the terms of their blocks, as they become runnable. To be called before any does."""
        self._ready = Ready(limits)
        self._terms = terms

    def demands(self, node: int, demand: Demand) -> None:
        """From now on, this node demands something else than the others of its block."""
        self._own_demands[node] = demand

    def __len__(self) -> int:
        return len(self._state)

    def state(self, node: int) -> int:
        """Return the node's state, one of the constants of this module."""
        return self._state[node]

    def count(self, number: int, *states: int) -> int:
        """Return how many nodes of a block are in one of these states."""
        block = self.blocks[number]
        return sum(self._state.count(state, block.offset, block.offset + block.size) for state in states)

    def upcoming(self, most: int) -> list[int]:
        """Return the first of the runnable nodes, in the order in which they will start."""
        return list(islice(self._ready.upcoming(most), most))

    def block_of(self, node: int) -> int:
        """Return the number of the node's block."""
        return bisect_right(self._offsets, node) - 1

    def place_of(self, node: int) -> tuple[int, int]:
        """Return the number of the node's block, and its row there."""
        number = bisect_right(self._offsets, node) - 1
        return number, node - self._offsets[number]

    def add(
        self,
        size: int,
        edges: Sequence[Edge] = (),
        *,
        rank: float = 0.0,
        lane: int = 0,
        gathers: bool = False,
        needed: Sequence[int] | None = None,
    ) -> int:
        """Add a block and return its number.

        Of a lane's runnable nodes, those of the highest `rank` start first (the longest path to the end, in seconds).
        `needed`: rows whose entry is 0 are left out, and must not be needed by other nodes that are not.
        """
        number, offset = len(self.blocks), len(self._state)
        block = Block(offset, size, rank, lane, gathers)
        self.blocks.append(block)
        self._offsets.append(offset)
        self._state += bytes(size)
        self._pending.extend(array("I", bytes(4 * size)))
        self.unfinished += size
        if needed is not None:
            self._leave_out(block, needed)
        blocked: list[int] = []
        for edge in edges:
            self.blocks[edge.block].dependents.append(reverse(number, edge, self.blocks[edge.block].size))
            blocked += self._count(block, edge)
        self._block(blocked)
        ready = [offset + row for row in range(size) if not self._pending[offset + row]]
        self._open(number, [node for node in ready if self._state[node] == WAITING])
        return number

    def _leave_out(self, block: Block, needed: Sequence[int]) -> None:
        for row, wanted in enumerate(needed):
            if not wanted:
                self._state[block.offset + row] = LEFT_OUT
                self.unfinished -= 1

    def _count(self, block: Block, edge: Edge) -> list[int]:
        """Count what the block's rows wait for along an edge; return the nodes that cannot be reached any more."""
        pending, offset = self._pending, block.offset
        before = self.blocks[edge.block].offset
        fresh = not self.blocks[edge.block].ended
        blocked: list[int] = []
        if edge.starts is None:
            if fresh:
                for node in range(offset, offset + block.size):
                    pending[node] += 1
                return blocked
            for row, target in enumerate(edge.rows):
                if self._counts(offset + row, before + target, blocked):
                    pending[offset + row] += 1
            return blocked
        starts = edge.starts
        for row in range(block.size):
            if fresh:
                pending[offset + row] += starts[row + 1] - starts[row]
                continue
            for target in edge.rows[starts[row] : starts[row + 1]]:
                if self._counts(offset + row, before + target, blocked):
                    pending[offset + row] += 1
        return blocked

    def _counts(self, node: int, target: int, blocked: list[int]) -> bool:
        ended = self._state[target]
        if ended in (FAILED, BLOCKED) and self._state[node] == WAITING:
            blocked.append(node)
        return ended not in (DONE, FAILED, BLOCKED)

    def _open(self, number: int, nodes: list[int]) -> None:
        """All inputs of these nodes of one block are known."""
        block = self.blocks[number]
        if not nodes:
            return
        if block.gathers:
            self.done(nodes)
            return
        for node in nodes:
            self._state[node] = UNDECIDED
        if not block.undecided:
            heapq.heappush(self._undecided, number)
        block.undecided += nodes

    @property
    def has_undecided(self) -> bool:
        """Say whether there may be nodes to decide."""
        return bool(self._undecided)

    def take_undecided(self) -> tuple[int, list[int]] | None:
        """Return a block and those of its nodes whose inputs are all known, or None. Say next what becomes of each."""
        while self._undecided:
            number = heapq.heappop(self._undecided)
            block = self.blocks[number]
            nodes = [node for node in block.undecided if self._state[node] == UNDECIDED]
            block.undecided = []
            if nodes:
                return number, nodes
        return None

    def must_run(self, nodes: Iterable[int]) -> None:
        """These nodes are to be executed."""
        for number, members in self.by_block(nodes):
            fresh = []
            for node in members:
                if self._state[node] != RUNNABLE:
                    self._state[node] = RUNNABLE
                    fresh.append(node)
            terms, lane = self._terms(number), self.blocks[number].lane
            for demand, group in self._by_demand(fresh, terms.demand):
                self._ready.add(group, number, lane, terms.priority, terms.rank, demand)

    def _by_demand(self, nodes: list[int], demand: Demand) -> Iterable[tuple[Demand, list[int]]]:
        own = self._own_demands
        if not own or own.keys().isdisjoint(nodes):
            return ((demand, nodes),)
        groups: dict[Demand, list[int]] = {}
        for node in nodes:
            groups.setdefault(own.get(node, demand), []).append(node)
        return groups.items()

    def take_runnable(self, most: int, lane: int = 0) -> list[int]:
        """Return up to `most` nodes of a lane to execute now; they count as running.

        Those of the highest priority go first, then the longest path; what there is not enough for steps aside. What
        they demand is theirs until it is given back.
        """
        taken = self._ready.take(most, lane)
        for node in taken:
            self._state[node] = RUNNING
        return taken

    def give_back(self, node: int) -> None:
        """A node does not run any more: what it was given is there for others."""
        self._ready.give_back(node)

    def has_runnable(self, lane: int = 0) -> bool:
        """Say whether a lane may have nodes to execute now."""
        return self._ready.has(lane)

    @property
    def runnable(self) -> int:
        """How many nodes wait to be taken."""
        return len(self._ready)

    def claimed(self, nodes: Iterable[int]) -> None:
        """Another run is computing these nodes; they rest until `released`."""
        for node in nodes:
            self._state[node] = CLAIMED

    def released(self, nodes: Iterable[int]) -> None:
        """The other run has ended these nodes, or itself: they are to be decided anew."""
        for number, members in self.by_block(nodes):
            self._open(number, [node for node in members if self._state[node] == CLAIMED])

    def retry(self, nodes: Iterable[int]) -> None:
        """Running nodes that are to be executed once more."""
        self.must_run(node for node in nodes if self._state[node] == RUNNING)

    def done(self, nodes: Iterable[int]) -> None:
        """These nodes have a result, found or made; what waited for them alone becomes undecided."""
        todo = deque(self.by_block(nodes))
        while todo:
            number, members = todo.popleft()
            block = self.blocks[number]
            for node in members:
                self._state[node] = DONE
            self.unfinished -= len(members)
            block.ended += len(members)
            rows = [node - block.offset for node in members] if block.offset else members
            for dependents in block.dependents:
                ready = self._count_down(dependents, rows)
                if not ready:
                    continue
                if self.blocks[dependents.block].gathers:
                    todo.append((dependents.block, ready))
                else:
                    self._open(dependents.block, ready)

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

    def reopen(self, nodes: Iterable[int]) -> None:
        """These done nodes have lost their results: they are decided anew, and what has not started waits for them.

        What runs or has ended already is left alone; gathers have lost theirs with them.
        """
        opened = list(nodes)
        lost = deque(opened)
        self._lose(opened)
        while lost:
            for dependent in self._direct_dependents([lost.popleft()]):
                self._pending[dependent] += 1
                if self._state[dependent] in (UNDECIDED, RUNNABLE, CLAIMED):
                    self._wait_again(dependent)
                elif self._state[dependent] == DONE and self.blocks[self.block_of(dependent)].gathers:
                    self._lose([dependent])
                    lost.append(dependent)
        self._open_what_waits_for_nothing(opened)

    def _lose(self, nodes: Iterable[int]) -> None:
        for node in nodes:
            self._state[node] = WAITING
            self.blocks[self.block_of(node)].ended -= 1
            self.unfinished += 1

    def _wait_again(self, node: int) -> None:
        block = self.blocks[self.block_of(node)]
        if node in block.undecided:
            block.undecided.remove(node)
        self._ready.remove(node, self.block_of(node))
        self._state[node] = WAITING

    def postpone(self, nodes: Iterable[int]) -> None:
        """Running nodes could not use an input: they wait until all are there, and are decided anew."""
        members = list(nodes)
        for node in members:
            self._state[node] = WAITING
        self._open_what_waits_for_nothing(members)

    def give_up(self, nodes: Iterable[int]) -> list[int]:
        """Running nodes whose input will not come; return them and all that is out of reach with them."""
        members = list(nodes)
        for node in members:
            self._state[node] = WAITING
        return self._block(members)

    def _open_what_waits_for_nothing(self, nodes: Iterable[int]) -> None:
        for number, members in self.by_block(nodes):
            self._open(number, [n for n in members if self._state[n] == WAITING and not self._pending[n]])

    def failed(self, nodes: Iterable[int]) -> list[int]:
        """These nodes have no result; return all nodes that are thereby out of reach, gathers included."""
        members = list(nodes)
        for node in members:
            self._state[node] = FAILED
            self.blocks[self.block_of(node)].ended += 1
        self.unfinished -= len(members)
        return self._block(self._direct_dependents(members))

    def _block(self, nodes: Iterable[int]) -> list[int]:
        blocked: list[int] = []
        todo = list(nodes)
        while todo:
            reached = []
            for node in todo:
                if self._state[node] == WAITING:
                    self._state[node] = BLOCKED
                    self.blocks[self.block_of(node)].ended += 1
                    reached.append(node)
            self.unfinished -= len(reached)
            blocked += reached
            todo = self._direct_dependents(reached)
        return blocked

    def _direct_dependents(self, nodes: list[int]) -> list[int]:
        found: list[int] = []
        for number, members in self.by_block(nodes):
            block = self.blocks[number]
            for dependents in block.dependents:
                offset = self.blocks[dependents.block].offset
                for node in members:
                    found += [offset + row for row in rows_of(dependents, node - block.offset)]
        return found

    def dependents(self, node: int) -> list[int]:
        """Return the nodes that depend on this one directly."""
        return self._direct_dependents([node])

    def cancel(self) -> list[int]:
        """End all nodes that are neither ended nor running; return them."""
        ended = [node for node, state in enumerate(self._state) if state in (WAITING, UNDECIDED, RUNNABLE, CLAIMED)]
        for node in ended:
            self._state[node] = BLOCKED
        self.unfinished -= len(ended)
        self._undecided.clear()
        self._ready.clear()
        for block in self.blocks:
            block.undecided.clear()
        return ended

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


def reverse(number: int, edge: Edge, size: int) -> Dependents:
    """Return the edge of block `number` as seen from the block that it leads to, which has `size` rows."""
    rows, starts = edge.rows, edge.starts
    if starts is None:
        if rows == range(size):
            return Dependents(number, None, None)
        return Dependents(number, *_sorted_by_target(rows, range(len(rows)), size))
    if len(starts) == 2 and rows == range(size):
        return Dependents(number, (0,), None)
    owners = array("I")
    for row in range(len(starts) - 1):
        owners.extend(array("I", (row,)) * (starts[row + 1] - starts[row]))
    return Dependents(number, *_sorted_by_target(rows, owners, size))


def _sorted_by_target(targets: Sequence[int], owners: Sequence[int], size: int) -> tuple[Sequence[int], Sequence[int]]:
    """Counting sort: the owners, grouped by target, and where each target's group starts."""
    if size == 1:
        return owners, (0, len(owners))
    counts = [0] * (size + 1)
    for target in targets:
        counts[target + 1] += 1
    starts = array("I", accumulate(counts))
    position = list(starts)
    grouped = array("I", bytes(4 * len(targets)))
    for owner, target in zip(owners, targets, strict=True):
        grouped[position[target]] = owner
        position[target] += 1
    return grouped, starts


def rows_of(dependents: Dependents, row: int) -> Sequence[int]:
    """Return the rows of the dependent block that depend on `row`."""
    if dependents.rows is None:
        return (row,)
    if dependents.starts is None:
        return dependents.rows
    return dependents.rows[dependents.starts[row] : dependents.starts[row + 1]]
