"""What starts next: limits, priorities and fairness, against a model that looks through everything each time."""

from __future__ import annotations

import random
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskdisc.limits import Held, Limits
from taskdisc.ready import Ready, Terms
from taskdisc.schedule import RUNNABLE, Edge, Scheduler

LANE = 0
OTHER = 1


def test_units_are_held_by_one_at_a_time_and_the_first_are_used_most():
    limits = Limits({"gpu": ("a", "b", "c"), "memory": 8})
    limits.take(1, (("gpu", 2), ("memory", 3.5)))
    limits.take(2, (("gpu", 1),))
    assert limits.held(1) == (Held("gpu", 2, ("a", "b")), Held("memory", 3.5))
    assert limits.held(2) == (Held("gpu", 1, ("c",)),)
    assert not limits.fits((("gpu", 1),))
    limits.give_back(1)
    assert limits.held(1) == ()
    limits.take(3, (("gpu", 1),))
    assert limits.held(3) == (Held("gpu", 1, ("a",)),)


def test_amounts_add_up():
    """Ten tenths are one, and when all is given back all is there."""
    limits = Limits({"memory": 1})
    for node in range(10):
        assert limits.fits((("memory", 0.1),))
        limits.take(node, (("memory", 0.1),))
    assert not limits.fits((("memory", 0.1),))
    for node in range(10):
        limits.give_back(node)
    assert limits.fits((("memory", 1.0),))


def test_what_does_not_fit_lets_others_pass():
    ready = Ready(Limits({"gpu": 1}))
    ready.add([1, 2], 0, LANE, Terms(5, 0, (("gpu", 1),)))
    ready.add([3], 1, LANE, Terms(0, 0))
    assert ready.take(9, LANE) == [1, 3]
    assert (ready.take(9, LANE), len(ready), ready.has(LANE)) == ([], 1, False)
    ready.give_back(1)
    assert ready.take(9, LANE) == [2]


def test_priority_goes_before_the_longest_path():
    ready = Ready()
    for number, terms in enumerate([Terms(0, 5), Terms(1, 1), Terms(1, 2), Terms(-1, 99)]):
        ready.add([number], number, LANE, terms)
    assert list(ready.upcoming(9)) == ready.take(9, LANE) == [2, 1, 0, 3]


def test_nodes_with_a_demand_of_their_own():
    ready = Ready(Limits({"memory": 8}))
    ready.demands[2] = (("memory", 8),)
    ready.add([1, 2, 3], 0, LANE, Terms(0, 0, (("memory", 1),)))
    assert ready.take(9, LANE) == [1, 3]
    ready.give_back(1)
    assert ready.take(9, LANE) == []
    ready.give_back(3)
    assert ready.take(9, LANE) == [2]


@pytest.mark.parametrize("priority", [0, -1])
def test_a_large_demand_does_not_starve(priority):
    """Small jobs that keep coming pass it until they were given as much as there is; then it is next."""
    limits = Limits({"memory": 4})
    ready = Ready(limits)
    ready.add([1000], 1, LANE, Terms(priority, 0, (("memory", 4),)))
    ready.add(range(999), 0, LANE, Terms(1, 0, (("memory", 1),)))
    running, started = ready.take(9, LANE), []
    while 1000 not in started:
        ready.give_back(running.pop(0))
        running += (new := ready.take(9, LANE))
        started += new
        assert len(started) < 12
    assert limits.held(1000)
    assert running == [1000]
    ready.give_back(1000)
    assert len(ready.take(9, LANE)) == 4  # the others go on


def test_two_large_demands_do_not_wait_for_each_other():
    ready = Ready(Limits({"a": 2, "b": 2}))
    ready.add(range(100), 0, LANE, Terms(9, 0, (("a", 1),)))
    ready.add(range(100, 200), 1, LANE, Terms(9, 0, (("b", 1),)))
    for number, node in ((2, 200), (3, 201)):
        ready.add([node], number, LANE, Terms(0, 0, (("a", 2), ("b", 2))))
    running, started = ready.take(9, LANE), []
    while running:
        ready.give_back(running.pop(0))
        running += (new := ready.take(9, LANE))
        started += new
    assert sorted(started) == [*range(2, 100), *range(102, 202)]
    assert started.index(200) < 20
    assert started.index(201) < 40


def test_a_large_demand_that_is_withdrawn_lets_the_others_go_on():
    ready = Ready(Limits({"memory": 2}))
    ready.add([100], 1, LANE, Terms(0, 0, (("memory", 2),)))
    ready.add(range(50), 0, LANE, Terms(1, 0, (("memory", 1),)))
    running = ready.take(9, LANE)
    for _ in range(3):
        ready.give_back(running.pop(0))
        running += ready.take(9, LANE)
    assert running == [4] or len(running) == 1  # it is next, and waits for this one
    ready.remove(100, 1)
    ready.give_back(running.pop())
    assert len(ready.take(9, LANE)) == 2


def test_what_is_given_back_between_two_takes_is_taken():
    ready = Ready(Limits({"a": 2}))
    for number in range(5):
        ready.add([number], number, LANE, Terms(0, 0, (("a", 1),)))
    assert ready.take(9, LANE) == [0, 1]
    ready.give_back(0)
    assert ready.take(1, LANE) == [2]  # and the next one of the crowd is awake
    ready.give_back(1)
    assert ready.take(1, LANE) == [3]
    ready.give_back(2)
    assert ready.take(1, LANE) == [4]


def test_a_queue_that_was_emptied_while_it_waited_does_not_stand_for_its_crowd():
    ready = Ready(Limits({"a": 1}))
    for number in range(3):
        ready.add([number], number, LANE, Terms(0, 0, (("a", 1),)))
    assert ready.take(9, LANE) == [0]
    ready.remove(1, 1)
    ready.give_back(0)
    assert ready.take(9, LANE) == [2]


demands = st.sampled_from(
    [(), (("a", 1.0),), (("a", 2.0),), (("b", 0.5),), (("b", 1.5),), (("a", 1.0), ("b", 1.0)), (("a", 3.0),)]
)
blocks = st.lists(
    st.tuples(st.integers(1, 6), demands, st.integers(0, 2), st.integers(0, 3), st.integers(0, 1), st.booleans()),
    min_size=1,
    max_size=8,
)


@given(blocks, st.integers(1, 6), st.integers(0, 999))
@settings(max_examples=200, deadline=None)
def test_against_a_model(given_blocks, slots, seed):
    Model(given_blocks, slots, random.Random(seed)).run()


class Model:
    """Knows all runnable nodes, and looks through all of them."""

    capacity = {"a": 3.0, "b": 2.0}

    def __init__(self, given_blocks, slots, chance: random.Random):
        self.chance, self.slots = chance, slots
        self.scheduler, self.limits = Scheduler(), Limits({"a": ("x", "y", "z"), "b": 2.0})
        self.terms, self.lanes, self.order = [], [], {}
        self.scheduler.limit(self.limits, lambda number, _: self.terms[number])
        for size, demand, priority, rank, lane, chained in given_blocks:
            number, edges = len(self.terms), []
            if chained and number:
                before = self.scheduler.blocks[number - 1].size
                edges = [Edge(number - 1, [row % before for row in range(size)])]
            self.terms.append(Terms(priority, rank, demand))
            self.lanes.append(lane)
            self.scheduler.add(size, edges, lane=lane)
        self.running, self.arrived = [], 0

    def run(self):
        rounds = 0
        while self.scheduler.unfinished:
            rounds += 1
            assert rounds < 1000, "it goes round and round"
            while (taken := self.scheduler.take_undecided()) is not None:
                for node in taken[1]:
                    self.arrive(node)
                self.scheduler.must_run(taken[1])
            for lane in (0, 1):
                self.take(lane)
            assert self.running, "something waits for nothing"
            self.end(self.running.pop(self.chance.randrange(len(self.running))))
        assert not any(map(self.limits.held, range(len(self.scheduler))))

    def arrive(self, node):
        self.arrived += 1
        self.order[node] = self.arrived

    def end(self, node):
        self.scheduler.give_back(node)
        fate = self.chance.random()
        if fate < 0.1:
            self.arrive(node)
            self.scheduler.retry([node])
        elif fate < 0.15:
            self.scheduler.failed([node])
        else:
            self.scheduler.done([node])

    def take(self, lane):
        while len(self.running) < self.slots:
            could = self.could(lane)
            first = self.scheduler._ready._first
            taken = self.scheduler.take_runnable(1, lane)
            if first is None:
                assert taken == could[:1]
            elif taken:
                assert taken[0] in could
            if not taken:
                return
            self.running += taken
            self.check()

    def could(self, lane):
        """All nodes that would fit, the first to start first."""
        nodes = []
        for node, arrived in self.order.items():
            number = self.scheduler.block_of(node)
            terms = self.terms[number]
            if self.lanes[number] == lane and self.scheduler.state(node) == RUNNABLE and self.fits(terms.demand):
                nodes.append(((-terms.priority, -terms.rank, number, arrived), node))
        return [node for _, node in sorted(nodes)]

    def fits(self, demand):
        return all(self.held(name) + amount <= self.capacity[name] for name, amount in demand)

    def held(self, name):
        demands = (dict(self.terms[self.scheduler.block_of(node)].demand) for node in self.running)
        return sum(demand.get(name, 0.0) for demand in demands)

    def check(self):
        units = [unit for node in self.running for held in self.limits.held(node) for unit in held.units]
        assert len(units) == len(set(units)) == self.held("a")
        assert self.held("b") <= 2.0


def test_what_waits_for_one_thing_does_not_keep_others_from_another():
    """While one GPU is busy for long, what waits for it has no use for CPUs."""
    ready = Ready(Limits({"cpus": 2, "gpu": 1}))
    ready.add([100, 101], 1, LANE, Terms(1, 0, (("cpus", 1), ("gpu", 1))))
    ready.add(range(50), 0, LANE, Terms(0, 0, (("cpus", 1),)))
    running = ready.take(9, LANE)
    assert running == [100, 0]
    for node in range(49):
        ready.give_back(node)
        assert ready.take(9, LANE) == [node + 1]


def test_what_is_kept_first_is_what_is_scarce_and_then_the_rest():
    ready = Ready(Limits({"cpus": 2, "gpu": 1}))
    ready.add([100], 1, LANE, Terms(9, 0, (("cpus", 1), ("gpu", 1))))
    ready.add([101], 2, LANE, Terms(0, 0, (("cpus", 1), ("gpu", 1))))  # it is passed again and again
    ready.add(range(50), 0, LANE, Terms(1, 0, (("cpus", 1),)))
    ready.add(range(200, 250), 3, OTHER, Terms(5, 0, (("gpu", 1),)))
    assert ready.take(9, LANE) == [100, 0]
    for node in range(3):
        ready.give_back(node)
        assert ready.take(9, LANE) == [node + 1]
    ready.give_back(100)  # the GPU is there, and kept, and now the CPU is, too
    assert ready.take(9, OTHER) == []
    assert ready.take(9, LANE) == [101]
    ready.give_back(3)
    assert ready.take(9, LANE) == [4]
    ready.give_back(101)
    assert ready.take(9, OTHER) == [200]


class Others:
    """What other runs leave of a resource."""

    capacities: ClassVar = {"gpu": 2.0}

    def __init__(self):
        self.left = 0.0

    def take(self, demand):
        amount = sum(n for _, n in demand)
        if amount > self.left:
            return None
        self.left -= amount
        return {name: () for name, _ in demand}

    def give_back(self, held):
        self.left += sum(each.amount for each in held)


def test_what_other_runs_hold_is_asked_for_again_and_the_rest_goes_on():
    others = Others()
    ready = Ready(Limits({"cpus": 1, "gpu": 2}, others))
    ready.add([100, 101], 1, LANE, Terms(9, 0, (("cpus", 1), ("gpu", 1))))
    ready.add(range(20), 0, LANE, Terms(0, 0, (("cpus", 1),)))
    assert ready.take(9, LANE) == [0]
    for node in range(9):
        assert ready.refused() == {"gpu"}
        ready.give_back(node)
        ready.ask_again()
        assert ready.take(9, LANE) == [node + 1]
    others.left = 1.0
    ready.give_back(9)
    ready.ask_again()
    assert ready.take(9, LANE) == [100]
    assert not ready.refused()
    ready.give_back(100)
    assert others.left == 1.0
    assert ready.take(9, LANE) == [10]  # it was passed
    ready.give_back(10)
    assert ready.take(9, LANE) == [101]
