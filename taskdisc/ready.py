"""Ready: the nodes that may run now, in the order in which they are to start, as far as there is room for them.

Nodes come in queues: those of a block that demand the same, in one lane and with one priority. Without limits, the
queue of the highest priority and then the longest path goes first. Where a queue demands more than there is at the
moment, it steps aside, and others pass. Queues of one lane with the same demand wait as a crowd, whose first stands for
all: what does not fit it fits none of them, so each end of a job wakes one queue a crowd, and nobody looks through all
that waits.

A crowd that others have passed for too long (together they were given as much of a resource as there is) comes first:
what it needs is kept for it, resource by resource, until one of it has started. As long as it lacks one, those that
follow are of no use to it, and others may have them: CPUs, the last, do not rest while a GPU is busy. There is one such
crowd at a time, so that none waits for another.

What is shared with other runs may be in their hands: then a crowd is refused, steps aside, and asks now and then.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from taskdisc.limits import CPUS, Demand, Limits

Order = tuple[float, float, int, int]
"""What queues are sorted by: -priority, -rank, the block's number, and a number that no other queue has."""


class Terms(NamedTuple):
    """On what terms the nodes of a block start."""

    priority: float
    rank: float
    """The longest path to the end, in seconds."""
    demand: Demand = ()


Key = tuple[int, float, Demand]
"""What tells the queues of a block apart: the lane, the priority, and the demand."""


class Crowd:
    """The queues of one lane that demand the same."""

    __slots__ = ("aside", "demand", "lane", "listed", "passed", "refused")

    def __init__(self, lane: int, demand: Demand) -> None:
        self.lane = lane
        self.demand = demand
        self.listed = 0
        """How many queues there are, aside or not."""
        self.aside: list[tuple[Order, Queue]] = []
        """A heap of those that have stepped aside."""
        self.passed: dict[str, float] = {}
        """By resource, what was given to anybody when the first began to wait; empty: none waits."""
        self.refused = False
        """Whether other runs held what it needs when it asked last."""

    def shares(self, names: Iterable[str]) -> bool:
        """Say whether the queues demand one of these resources."""
        return any(name in names for name, _ in self.demand)


class Queue:
    """The ready nodes of one block that demand the same, in the same lane and with the same priority."""

    __slots__ = ("crowd", "key", "nodes", "number")

    def __init__(self, number: int, key: Key, crowd: Crowd | None) -> None:
        self.number = number
        self.key = key
        self.crowd = crowd
        """None: nothing that it demands is limited."""
        self.nodes: deque[int] = deque()


class Ready:
    """The ready nodes of all lanes; its length is their number."""

    def __init__(self, limits: Limits | None = None) -> None:
        """`limits` must know all resources of all demands."""
        self.limits = limits
        self.demands: dict[int, Demand] = {}
        """Of nodes that demand something else than the others of their block."""
        self._queues: dict[int, dict[Key, Queue]] = {}
        """By block, those that it has."""
        self._heaps: dict[int, list[tuple[Order, Queue]]] = {}
        """By lane, the queues that may go on."""
        self._crowds: dict[tuple[int, Demand], Crowd] = {}
        self._waiting: dict[Crowd, None] = {}
        """Crowds of which some have stepped aside, those that wait longest first."""
        self._first: Crowd | None = None
        """The crowd that was passed for too long."""
        self._kept: list[str] = []
        """What that one needs, in the order in which it is kept for it."""
        self._given: dict[str, float] = {}
        """By resource, how much was ever given."""
        self._made = 0

    def add(self, nodes: Sequence[int], number: int, lane: int, terms: Terms) -> None:
        """Add nodes of a block, to come after those of the block that are here already."""
        if not self.demands or self.demands.keys().isdisjoint(nodes):
            self._add(nodes, number, lane, terms)
            return
        for node in nodes:
            self._add([node], number, lane, terms._replace(demand=self.demands.get(node, terms.demand)))

    def _add(self, nodes: Sequence[int], number: int, lane: int, terms: Terms) -> None:
        priority, rank, demand = terms
        queues, key = self._queues.setdefault(number, {}), (lane, priority, demand)
        queue = queues.get(key)
        if queue is None:
            queue = queues[key] = self._new_queue(number, key)
            self._made += 1
            heapq.heappush(self._heaps.setdefault(lane, []), ((-priority, -rank, number, self._made), queue))
        queue.nodes += nodes

    def _new_queue(self, number: int, key: Key) -> Queue:
        lane, _, demand = key
        crowd = None
        if demand:
            crowd = self._crowds.get((lane, demand))
            if crowd is None:
                crowd = self._crowds[lane, demand] = Crowd(lane, demand)
            crowd.listed += 1
        return Queue(number, key, crowd)

    def __len__(self) -> int:
        return sum(len(queue.nodes) for queues in self._queues.values() for queue in queues.values())

    def has(self, lane: int) -> bool:
        """Say whether a lane has queues that may go on."""
        return bool(self._heaps.get(lane))

    def take(self, most: int, lane: int) -> list[int]:
        """Return up to `most` nodes of a lane; what they demand is theirs until `give_back`."""
        taken: list[int] = []
        heap = self._heaps.get(lane, [])
        while heap and len(taken) < most:
            entry = heapq.heappop(heap)
            queue = entry[1]
            if queue.crowd is None:
                room = most - len(taken)
                taken += islice(queue.nodes, room)
                _drop(queue.nodes, room)
            elif queue.nodes:
                if not self._admits(queue.crowd) or not self._gets(queue.nodes[0], queue.crowd):
                    self._step_aside(queue.crowd, entry)
                    continue
                taken.append(queue.nodes.popleft())
                self._served(queue.crowd)
            elif queue.crowd.aside:  # its nodes were taken out while it waited: another stands for the crowd
                self._wake(queue.crowd)
            if queue.nodes:
                heapq.heappush(heap, entry)
            else:
                self._forget(queue)
        return taken

    def _forget(self, queue: Queue) -> None:
        """Forget a queue that is empty, and in no heap any more."""
        del self._queues[queue.number][queue.key]
        crowd = queue.crowd
        if crowd is not None:
            crowd.listed -= 1
            if not crowd.listed:
                self._disperse(crowd)

    def _disperse(self, crowd: Crowd) -> None:
        del self._crowds[crowd.lane, crowd.demand]
        self._waiting.pop(crowd, None)
        if self._first is crowd:
            self._let_pass(crowd)

    # Limits

    def _admits(self, crowd: Crowd) -> bool:
        assert self.limits is not None
        if self._first not in (None, crowd) and not self._leaves_enough(crowd.demand):
            return False
        return self.limits.fits(crowd.demand)

    def _leaves_enough(self, demand: Demand) -> bool:
        """Say whether such a demand takes nothing that is kept for what comes first."""
        assert self.limits is not None and self._first is not None
        wanted, needed = dict(demand), dict(self._first.demand)
        for name in self._kept:
            lacks = self._lacks(self._first, name, needed[name])
            if name in wanted and (lacks or not self.limits.has(name, needed[name] + wanted[name])):
                return False
            if lacks:
                break
        return True

    def _lacks(self, crowd: Crowd, name: str, amount: float) -> bool:
        assert self.limits is not None
        return (crowd.refused and name in self.limits.shared) or not self.limits.has(name, amount)

    def _in_order(self, crowd: Crowd) -> list[str]:
        """What a crowd demands, the scarcest first."""
        assert self.limits is not None
        whole = self.limits.capacity
        ranked = [(name == CPUS, not self._lacks(crowd, name, n), -n / whole[name], name) for name, n in crowd.demand]
        return [name for *_, name in sorted(ranked)]

    def _gets(self, node: int, crowd: Crowd) -> bool:
        """Let a node have what it demands, unless other runs hold it."""
        assert self.limits is not None
        crowd.refused = not self.limits.take(node, crowd.demand)
        if crowd.refused and crowd is self._first:  # what else was kept for it is of no use to it now
            self._wake_those_for(self._kept)
        return not crowd.refused

    def _step_aside(self, crowd: Crowd, entry: tuple[Order, Queue]) -> None:
        heapq.heappush(crowd.aside, entry)
        if not crowd.passed:
            crowd.passed = {name: self._given.get(name, 0.0) for name, _ in crowd.demand}
            self._waiting[crowd] = None

    def _served(self, crowd: Crowd) -> None:
        """One of a crowd was given what it demands."""
        for name, amount in crowd.demand:
            self._given[name] = self._given.get(name, 0.0) + amount
        if crowd.passed:
            self._waits_no_more(crowd)
        if crowd.aside:  # as long as one of a crowd may go on, nothing that is given back wakes another
            self._wake(crowd)
        if self._first is None and self._waiting:
            self._first = self._overdue(dict(crowd.demand))
            self._kept = self._in_order(self._first) if self._first is not None else []

    def _waits_no_more(self, crowd: Crowd) -> None:
        """One of a crowd has started; for the others, waiting begins anew."""
        crowd.passed = {}
        del self._waiting[crowd]
        if self._first is crowd:
            self._let_pass(crowd)

    def _let_pass(self, crowd: Crowd) -> None:
        self._first = None
        self._wake_those_for(dict(crowd.demand))

    def _overdue(self, names: Iterable[str]) -> Crowd | None:
        """Return the crowd that waits longest of those that were passed for too long."""
        assert self.limits is not None
        for crowd in self._waiting:
            if crowd.shares(names) and any(
                self._given.get(name, 0.0) - before >= self.limits.capacity[name]
                for name, before in crowd.passed.items()
            ):
                return crowd
        return None

    def _wake(self, crowd: Crowd) -> None:
        """The first of a crowd may try again."""
        heapq.heappush(self._heaps.setdefault(crowd.lane, []), heapq.heappop(crowd.aside))

    def _wake_those_for(self, names: Iterable[str]) -> None:
        for crowd in list(self._waiting):
            if crowd.aside and crowd.shares(names) and self._admits(crowd):
                self._wake(crowd)

    def give_back(self, node: int) -> None:
        """What a node was given is free again, if it was given anything."""
        if self.limits is not None and (held := self.limits.give_back(node)):
            self._wake_those_for({each.name for each in held})

    # What other runs hold

    def refused(self) -> set[str]:
        """Return the shared resources of which other runs hold what is needed here."""
        if self.limits is None:
            return set()
        refused = {name for crowd in self._waiting if crowd.refused for name, _ in crowd.demand}
        return refused.intersection(self.limits.shared)

    def ask_again(self) -> None:
        """Let those that were refused ask once more."""
        for crowd in list(self._waiting):
            if crowd.refused and crowd.aside and self._admits(crowd):
                self._wake(crowd)

    # Changes from outside

    def remove(self, node: int, number: int) -> None:
        """Take out a node that cannot run any more."""
        for queue in self._queues.get(number, {}).values():
            if node in queue.nodes:
                queue.nodes.remove(node)

    def clear(self) -> None:
        """Take out everything."""
        self._queues.clear()
        self._heaps.clear()
        self._crowds.clear()
        self._waiting.clear()
        self._first = None

    def upcoming(self, most: int) -> Iterator[int]:
        """Yield the first nodes of each lane and more, in the order in which they will start if nothing is short."""
        entries: dict[int, list[tuple[Order, Queue]]] = {lane: list(heap) for lane, heap in self._heaps.items()}
        for crowd in self._waiting:
            entries.setdefault(crowd.lane, []).extend(crowd.aside)
        for lane in sorted(entries):
            for _, queue in heapq.nsmallest(most, entries[lane]):
                yield from islice(queue.nodes, most)


def _drop(nodes: deque[int], count: int) -> None:
    """Remove the first so many."""
    if count >= len(nodes):
        nodes.clear()
    else:
        for _ in range(count):
            nodes.popleft()
