"""How long published workflows take: the scheduler and a clock that jumps from event to event."""

from __future__ import annotations

import heapq
from array import array
from collections import deque

import pytest

from taskdisc.edges import Edge
from taskdisc.order import longest_paths
from taskdisc.ready import Terms
from taskdisc.schedule import Scheduler
from tests.unit.traces import TRACES, Stage


class Graph:
    """What `longest_paths` asks of a graph."""

    def __init__(self, stages):
        self.tasks = {stage.name: stage for stage in stages}

    def dependencies(self, task):
        return [name for name, _ in self.tasks[task].needs]


def scheduled(stages, workers, known=None):
    """Return the makespan by the scheduler, that knows by task what it took before on average."""
    means = {stage.name: sum(stage.seconds) / len(stage.seconds) for stage in stages}
    ranks = longest_paths(Graph(stages), means if known is None else known)
    scheduler, places = Scheduler(), {stage.name: number for number, stage in enumerate(stages)}
    scheduler.limit(None, lambda number, _: Terms(0, ranks[stages[number].name]))
    for stage in stages:
        edges = []
        for name, groups in stage.needs:
            starts = array("I", [0])
            for group in groups:
                starts.append(starts[-1] + len(group))
            edges.append(Edge(places[name], array("I", [row for group in groups for row in group]), starts))
        scheduler.add(len(stage.seconds), edges)
    seconds = [each for stage in stages for each in stage.seconds]
    return simulated(seconds, workers, Driven(scheduler))


class Driven:
    """The scheduler, as a simulation uses it."""

    def __init__(self, scheduler):
        self.scheduler = scheduler

    def take(self, most):
        while (taken := self.scheduler.take_undecided()) is not None:
            self.scheduler.must_run(taken[1])
        return self.scheduler.take_runnable(most)

    def done(self, node):
        self.scheduler.done([node])


class FirstInFirstOut:
    """Starts what became ready first."""

    def __init__(self, needs):
        self.left = [len(each) for each in needs]
        self.ready = deque(node for node, left in enumerate(self.left) if not left)
        self.dependents = [[] for _ in needs]
        for node, each in enumerate(needs):
            for target in each:
                self.dependents[target].append(node)

    def take(self, most):
        return [self.ready.popleft() for _ in range(min(most, len(self.ready)))]

    def done(self, node):
        for dependent in self.dependents[node]:
            self.left[dependent] -= 1
            if not self.left[dependent]:
                self.ready.append(dependent)


def simulated(seconds, workers, line):
    """Return when the last node ends."""
    now, running, ended = 0.0, [], 0
    while ended < len(seconds):
        for node in line.take(workers - len(running)):
            heapq.heappush(running, (now + seconds[node], node))
        now, node = heapq.heappop(running)
        line.done(node)
        ended += 1
    return now


def needs_of(stages):
    """Return for each node those that it needs."""
    first, needs, count = {}, [], 0
    for stage in stages:
        first[stage.name] = count
        count += len(stage.seconds)
        needs += [
            [first[name] + target for name, groups in stage.needs for target in groups[row]]
            for row in range(len(stage.seconds))
        ]
    return needs


def floor(stages, workers):
    """Return what no order can be below: the critical path, the work by workers, and both on either side of a node."""
    seconds, needs = [each for stage in stages for each in stage.seconds], needs_of(stages)
    reach, before, after = [0] * len(seconds), [0.0] * len(seconds), [0.0] * len(seconds)
    for node, targets in enumerate(needs):
        for target in targets:
            reach[node] |= reach[target] | 1 << target
        work = sum(seconds[each] for each in range(node) if reach[node] >> each & 1)
        before[node] = max([work / workers, *(before[t] + seconds[t] for t in targets)])
    for node in reversed(range(len(seconds))):
        for target in needs[node]:
            after[target] = max(after[target], after[node] + seconds[node])
    for node in range(len(seconds)):
        later = sum(s for each, s in enumerate(seconds) if reach[each] >> node & 1)
        after[node] = max(after[node], later / workers)
    beyond = max(b + s + a for b, s, a in zip(before, seconds, after, strict=True))
    return max(sum(seconds) / workers, beyond)


NOISE = 1.005
"""By how much an order may be worse than another by mere chance."""
UNREACHABLE = [("1000genome", 64)]
"""100 instances of 52 seconds each take 64 workers two rounds, whatever the order."""
CASES = [(name, workers) for name in TRACES for workers in (2, 8, 64)]


@pytest.mark.parametrize(("name", "workers"), CASES)
def test_the_longest_path_first_is_never_worse_than_first_in_first_out(name, workers):
    stages = TRACES[name]()
    seconds = [each for stage in stages for each in stage.seconds]
    assert scheduled(stages, workers) <= NOISE * simulated(seconds, workers, FirstInFirstOut(needs_of(stages)))


@pytest.mark.parametrize(("name", "workers"), [case for case in CASES if case not in UNREACHABLE])
def test_published_workflows_take_hardly_longer_than_they_must(name, workers):
    stages = TRACES[name]()
    lowest = floor(stages, workers)
    assert lowest <= scheduled(stages, workers) <= 1.1 * lowest


def test_what_is_known_of_earlier_runs_helps():
    """A long step that comes last in the line begins first."""
    stages = [Stage("short", [1.0] * 30, []), Stage("long", [15.0], [])]
    assert (scheduled(stages, 3), scheduled(stages, 3, {})) == (15.0, 25.0)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, {"a": 2.0, "b": 1.0, "c": 1.0}),
        ({"a": 4.0}, {"a": 8.0, "b": 4.0, "c": 4.0}),
        ({"a": 1.0, "b": 5.0, "c": 2.0}, {"a": 6.0, "b": 5.0, "c": 2.0}),
    ],
)
def test_paths_of_tasks_that_nothing_is_known_of(known, expected):
    stages = [Stage("a", [0], []), Stage("b", [0], [("a", [[0]])]), Stage("c", [0], [("a", [[0]])])]
    assert longest_paths(Graph(stages), known) == expected
