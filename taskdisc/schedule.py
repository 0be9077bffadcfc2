"""The scheduler: a pure state machine over numbered nodes. It starts nothing, waits for nothing, and knows no task.

Nodes come in blocks, a block a task (or a gather, see below); a node is an integer, its block's offset plus a row.
A node goes through

    waiting -> undecided -> done                            (its result was known)
                         -> runnable -> running -> done     (it was executed)
                         -> claimed -> undecided            (another run is at it: look again)
    done -> waiting -> ...                                  (its result proved to be lost: once more)
    running -> waiting -> ...                               (so did one that it uses)

and ends as failed or blocked when it, or something that it needs, failed. Whoever drives the machine takes undecided
nodes and says what is known of them, takes runnable ones and says how they ended. A skipped node ends what depends on
it as skipped too. A block of gathers collects results and is not executed: its nodes are done as soon as their inputs
are; skipped inputs are left out, and failed ones if the block drops them.

Blocks can be added at any time, so the graph may grow while it runs. A node whose dependencies are not all known is
held: more of them are connected later, until it is released. A node that was left out can be wanted after all. Done
nodes of watched blocks are handed to the driver, who makes the graph grow. Everything costs O(nodes + edges) in all;
nothing is recursive.
"""

import heapq
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from taskdisc.edges import Dependents, Edge, grouped_by_target, reverse
from taskdisc.limits import Demand, Limits
from taskdisc.nodes import (
    BLOCKED,
    CLAIMED,
    DONE,
    FAILED,
    LEFT_OUT,
    RUNNABLE,
    RUNNING,
    SKIPPED,
    UNDECIDED,
    WAITING,
    Block,
    Kinds,
    Nodes,
)
from taskdisc.ready import Ready, Terms

SPARSE = 8
"""Late edges that are fewer than a block's rows divided by this are kept one by one."""


class Scheduler(Nodes):
    """Says what can be decided, what can run, and what is out of reach."""

    def __init__(self) -> None:
        super().__init__()
        self.unfinished = 0
        """Nodes that have not ended, gathers included."""
        self.arrived: list[int] = []
        """Done nodes of watched blocks, until the driver takes them away."""
        self._undecided: list[int] = []
        self._ready = Ready()
        self._terms: Callable[[int, int], Terms] = lambda number, kind: Terms(0.0, self.blocks[number].rank)

    def limit(self, limits: Limits | None, terms: Callable[[int, int], Terms]) -> None:
        """Let nodes start on the terms of their block and kind, as they become runnable; called before any does."""
        self._ready = Ready(limits)
        self._terms = terms

    def demands(self, node: int, demand: Demand) -> None:
        """From now on, this node demands something else than the others of its block."""
        self._ready.demands[node] = demand

    def upcoming(self, most: int) -> list[int]:
        """Return the first of the runnable nodes, in the order in which they will start."""
        return list(islice(self._ready.upcoming(most), most))

    def add(
        self,
        size: int,
        edges: Sequence[Edge] = (),
        *,
        rank: float = 0.0,
        lane: int = 0,
        kinds: Kinds | None = None,
        gathers: bool = False,
        needed: Sequence[int] | None = None,
        drops: bool = False,
        watched: bool = False,
        held: bool = False,
    ) -> int:
        """Add a block and return its number.

        With `held`, none of its nodes begins before it is released.

        Of a lane's runnable nodes, those of the highest `rank` start first (the longest path to the end, in seconds).
        With `kinds`, its rows start in the lanes of these.
        `needed`: rows whose entry is 0 are left out, and must not be needed by other nodes that are not.
        """
        number, offset = len(self.blocks), len(self._state)
        block = Block(offset, size, rank, lane, gathers)
        block.drops, block.watched, block.kinds = drops, watched, kinds
        self.blocks.append(block)
        self._offsets.append(offset)
        self._state += bytes(size)
        self._pending.extend(array("I", (1,)) * size if held else array("I", bytes(4 * size)))
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

    def connect(self, number: int, nodes: Sequence[int], targets: Sequence[int]) -> list[int]:
        """Add dependencies of held nodes of a block, pair by pair; return what is thereby out of reach."""
        state, pending = self._state, self._pending
        gathers, drops = self.blocks[number].gathers, self.blocks[number].drops
        waiting: dict[int, tuple[list[int], list[int]]] = {}
        lost: dict[int, list[int]] = {}
        block, end = self.blocks[0], -1
        for node, target in zip(nodes, targets, strict=True):
            ended = state[target]
            without = gathers and (ended == SKIPPED or (drops and ended in (FAILED, BLOCKED)))
            if without and not self.blocks[self.block_of(target)].watched:
                continue
            if ended in (FAILED, BLOCKED, SKIPPED):
                lost.setdefault(SKIPPED if ended == SKIPPED else BLOCKED, []).append(node)
                continue
            if ended != DONE:
                pending[node] += 1
            if not block.offset <= target < end:
                of_target = self.block_of(target)
                block = self.blocks[of_target]
                end = block.offset + block.size
                rows, owners = waiting.setdefault(of_target, ([], []))
            rows.append(target - block.offset)
            owners.append(node - self.blocks[number].offset)
        for of_target, (rows, owners) in waiting.items():
            self._depend(number, of_target, rows, owners)
        return [each for how, ends in lost.items() for each in self._block(ends, how)]

    def _depend(self, number: int, of_target: int, rows: list[int], owners: list[int]) -> None:
        """Let rows of a block know who waits for them."""
        target, offset = self.blocks[of_target], self.blocks[number].offset
        if len(rows) * SPARSE >= target.size:
            target.dependents.append(Dependents(number, *grouped_by_target(rows, owners, target.size)))
            return
        for row, owner in zip(rows, owners, strict=True):
            target.late.setdefault(target.offset + row, []).append(offset + owner)

    def release(self, nodes: Iterable[int]) -> None:
        """All dependencies of these held nodes are known now."""
        ready: list[int] = []
        for node in nodes:
            self._pending[node] -= 1
            if not self._pending[node] and self._state[node] == WAITING:
                ready.append(node)
        for number, members in self.by_block(ready):
            self._open(number, members)

    def want(self, nodes: Iterable[int]) -> None:
        """These nodes, of which some were left out, are needed; so must be what they depend on."""
        wanted = [node for node in nodes if self._state[node] == LEFT_OUT]
        for node in wanted:
            self._state[node] = WAITING
        self.unfinished += len(wanted)
        self._open_what_waits_for_nothing(wanted)

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
        starts: Sequence[int] = range(block.size + 1) if edge.starts is None else edge.starts
        for row, node in enumerate(range(offset, offset + block.size)):
            if fresh:
                pending[node] += starts[row + 1] - starts[row]
                continue
            for target in edge.rows[starts[row] : starts[row + 1]]:
                pending[node] += self._counts(node, before + target, blocked)
        return blocked

    def _counts(self, node: int, target: int, blocked: list[int]) -> bool:
        ended = self._state[target]
        if ended in (FAILED, BLOCKED, SKIPPED) and self._state[node] == WAITING:
            blocked.append(node)
        return ended not in (DONE, FAILED, BLOCKED, SKIPPED)

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
            for kind, lane, those in self.by_kind(number, fresh):
                self._ready.add(those, number, lane, self._terms(number, kind))

    def take_runnable(self, most: int, lane: int = 0) -> list[int]:
        """Return up to `most` nodes of a lane to execute now; what they demand is theirs until it is given back."""
        taken = self._ready.take(most, lane)
        for node in taken:
            self._state[node] = RUNNING
        return taken

    def begun(self, nodes: Iterable[int]) -> None:
        """These undecided nodes must run, and do already."""
        for node in nodes:
            self._state[node] = RUNNING

    def give_back(self, node: int) -> None:
        """A node does not run any more: what it was given is there for others."""
        self._ready.give_back(node)

    def refused(self) -> set[str]:
        """Return the shared resources of which other runs hold what runnable nodes need."""
        return self._ready.refused()

    def ask_again(self) -> None:
        """Other runs may have given back what they held."""
        self._ready.ask_again()

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
            if block.watched:
                self.arrived += members
            if block.late:
                self._late_done(block, members, todo)
            rows = [node - block.offset for node in members] if block.offset else members
            for dependents in block.dependents:
                ready = self._count_down(dependents, rows)
                if not ready:
                    continue
                if self.blocks[dependents.block].gathers:
                    todo.append((dependents.block, ready))
                else:
                    self._open(dependents.block, ready)

    def _late_done(self, block: Block, nodes: list[int], todo: deque[tuple[int, list[int]]]) -> None:
        """Count down what was connected to these done nodes one by one."""
        ready = []
        for node in nodes:
            for dependent in block.late.get(node, ()):
                self._pending[dependent] -= 1
                if not self._pending[dependent] and self._state[dependent] == WAITING:
                    ready.append(dependent)
        for number, members in self.by_block(ready):
            if self.blocks[number].gathers:
                todo.append((number, members))
            else:
                self._open(number, members)

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

    def failed(self, nodes: Iterable[int], *, dropping: bool = True) -> list[int]:
        """These nodes have no result; return all nodes that are thereby out of reach, gathers included.

        Without `dropping`, gathers that leave failed inputs out are out of reach too.
        """
        members = list(nodes)
        self._end(members, FAILED)
        return self._block(self._beyond(members, BLOCKED, dropping), BLOCKED, dropping)

    def skipped(self, nodes: Iterable[int]) -> list[int]:
        """These nodes ended without a result, on purpose; return what depends on them, and is skipped with them."""
        members = list(nodes)
        self._end(members, SKIPPED)
        return self._block(self._beyond(members, SKIPPED), SKIPPED)

    def _end(self, nodes: list[int], how: int) -> None:
        for node in nodes:
            self._state[node] = how
            self.blocks[self.block_of(node)].ended += 1
        self.unfinished -= len(nodes)

    def _block(self, nodes: Iterable[int], how: int = BLOCKED, dropping: bool = True) -> list[int]:
        """End these nodes, if they wait, and all that depends on them."""
        blocked: list[int] = []
        todo = list(nodes)
        while todo:
            reached = [node for node in dict.fromkeys(todo) if self._state[node] == WAITING]
            self._end(reached, how)
            blocked += reached
            todo = self._beyond(reached, how, dropping)
        return blocked

    def _beyond(self, nodes: list[int], how: int, dropping: bool = True) -> list[int]:
        """What depends directly on nodes that end so; gathers that can do without them wait for one input less."""
        tellers = [node for node in nodes if self.blocks[self.block_of(node)].watched]  # nobody can do without them
        beyond, without = self._direct_dependents(tellers), []
        for dependent in self._direct_dependents([node for node in nodes if node not in tellers] if tellers else nodes):
            block = self.blocks[self.block_of(dependent)] if self._state[dependent] == WAITING else None
            if block is None or not block.gathers or not (how == SKIPPED or (block.drops and dropping)):
                beyond.append(dependent)
                continue
            self._pending[dependent] -= 1
            if not self._pending[dependent]:
                without.append(dependent)
        self.done(without)
        return beyond

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
