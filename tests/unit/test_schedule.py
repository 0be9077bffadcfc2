"""The scheduler against a simulation in memory: random graphs, growth, early cutoff, failure, claims; deterministic."""

from __future__ import annotations

import random
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskdisc.edges import Edge, reverse, rows_of
from taskdisc.limits import Limits
from taskdisc.nodes import BLOCKED, CLAIMED, DONE, FAILED, LEFT_OUT, RUNNABLE, RUNNING, WAITING, Kinds
from taskdisc.ready import Terms
from taskdisc.schedule import Scheduler


def drain_undecided(scheduler, decide):
    while (taken := scheduler.take_undecided()) is not None:
        decide(*taken)


def run_all(scheduler, slots=2, fails=(), known=(), order=None):
    """Drive to the end; return the nodes in the order in which they started."""
    started, running = [], []
    while scheduler.unfinished:
        drain_undecided(
            scheduler,
            lambda number, nodes: (
                scheduler.done([n for n in nodes if n in known]),
                scheduler.must_run([n for n in nodes if n not in known]),
            ),
        )
        running += (new := scheduler.take_runnable(slots - len(running)))
        started += new
        if not running:
            break
        node = running.pop(0 if order is None else order.randrange(len(running)))
        scheduler.failed([node]) if node in fails else scheduler.done([node])
    return started


def test_a_chain_runs_in_order():
    scheduler = Scheduler()
    scheduler.add(1)
    for before in range(9):
        scheduler.add(1, [Edge(before, range(1))])
    assert run_all(scheduler) == list(range(10))
    assert scheduler.unfinished == 0


def test_a_long_chain_needs_no_recursion():
    scheduler = Scheduler()
    scheduler.add(1)
    for before in range(20_000):
        scheduler.add(1, [Edge(before, range(1))])
    assert len(scheduler.failed([scheduler.take_undecided()[1][0]])) == 20_000
    assert scheduler.unfinished == 0


def test_a_fan_with_a_gather():
    scheduler = Scheduler()
    source = scheduler.add(1)
    fan = scheduler.add(5, [Edge(source, [0] * 5)])
    group = scheduler.add(1, [Edge(fan, range(5), array("I", [0, 5]))], gathers=True)
    scheduler.add(1, [Edge(group, range(1))])
    assert run_all(scheduler) == [0, 1, 2, 3, 4, 5, 7]
    assert scheduler.state(6) == DONE


def test_a_gather_of_nothing_is_done_at_once():
    scheduler = Scheduler()
    fan = scheduler.add(0)
    group = scheduler.add(1, [Edge(fan, range(0), array("I", [0, 0]))], gathers=True)
    last = scheduler.add(1, [Edge(group, range(1))])
    assert run_all(scheduler) == [scheduler.blocks[last].offset]


def test_groups_by_a_kept_axis():
    scheduler = Scheduler()
    grid = scheduler.add(6)
    groups = scheduler.add(2, [Edge(grid, array("I", [0, 2, 4, 1, 3, 5]), array("I", [0, 3, 6]))], gathers=True)
    mean = scheduler.add(2, [Edge(groups, range(2))])
    drain_undecided(scheduler, lambda _, nodes: scheduler.must_run(nodes))
    for node in (0, 2, 4):
        scheduler.done([node])
    assert scheduler.take_undecided() == (mean, [8])


def test_what_fails_blocks_what_depends_on_it_and_nothing_else():
    scheduler = Scheduler()
    a = scheduler.add(2)
    b = scheduler.add(2, [Edge(a, range(2))])
    group = scheduler.add(1, [Edge(b, range(2), array("I", [0, 2]))], gathers=True)
    scheduler.add(1, [Edge(group, range(1))])
    started = run_all(scheduler, fails={0})
    assert started == [0, 1, 3]
    assert [scheduler.state(node) for node in range(6)] == [FAILED, DONE, BLOCKED, DONE, BLOCKED, BLOCKED]


def test_known_results_start_nothing():
    scheduler = Scheduler()
    a = scheduler.add(3)
    scheduler.add(3, [Edge(a, range(3))])
    assert run_all(scheduler, known=set(range(6))) == []
    assert scheduler.unfinished == 0


def test_early_cutoff_decides_dependents_when_an_input_ran_again():
    scheduler = Scheduler()
    a = scheduler.add(1)
    scheduler.add(1, [Edge(a, range(1))])
    assert run_all(scheduler, known={1}) == [0]


def test_rows_that_are_not_needed_are_left_out():
    scheduler = Scheduler()
    a = scheduler.add(3, needed=b"\1\0\1")
    scheduler.add(3, [Edge(a, range(3))], needed=b"\1\0\0")
    assert run_all(scheduler) == [0, 2, 3]
    assert scheduler.state(1) == LEFT_OUT


def test_the_longest_path_goes_first():
    scheduler = Scheduler()
    short = scheduler.add(2, rank=1.0)
    long = scheduler.add(2, rank=5.0)
    offsets = [scheduler.blocks[number].offset for number in (short, long)]
    assert run_all(scheduler, slots=1) == [offsets[1], offsets[1] + 1, offsets[0], offsets[0] + 1]


def test_it_grows_while_it_runs():
    scheduler = Scheduler()
    index = scheduler.add(1)
    drain_undecided(scheduler, lambda _, nodes: scheduler.must_run(nodes))
    scheduler.done(scheduler.take_runnable(1))
    pages = scheduler.add(3, [Edge(index, [0, 0, 0])])
    group = scheduler.add(1, [Edge(pages, range(3), array("I", [0, 3]))], gathers=True)
    scheduler.add(1, [Edge(group, range(1))])
    assert run_all(scheduler) == [1, 2, 3, 5]


def test_what_grows_on_a_failed_node_is_blocked():
    scheduler = Scheduler()
    index = scheduler.add(1)
    scheduler.take_undecided()
    scheduler.failed([0])
    pages = scheduler.add(2, [Edge(index, [0, 0])])
    scheduler.add(2, [Edge(pages, range(2))])
    assert [scheduler.state(node) for node in range(1, 5)] == [BLOCKED] * 4
    assert scheduler.unfinished == 0


def test_claims_of_another_run_rest_until_released():
    scheduler = Scheduler()
    a = scheduler.add(2)
    scheduler.add(2, [Edge(a, range(2))])
    _, nodes = scheduler.take_undecided()
    scheduler.claimed(nodes[:1])
    scheduler.must_run(nodes[1:])
    assert scheduler.take_runnable(9) == [1]
    assert scheduler.state(0) == CLAIMED
    scheduler.released([0])
    assert scheduler.take_undecided() == (0, [0])


def test_a_retry_runs_again():
    scheduler = Scheduler()
    scheduler.add(1)
    drain_undecided(scheduler, lambda _, nodes: scheduler.must_run(nodes))
    assert scheduler.take_runnable(1) == [0]
    scheduler.retry([0])
    assert scheduler.take_runnable(1) == [0]


def test_cancel_ends_all_but_what_is_running():
    scheduler = Scheduler()
    a = scheduler.add(2)
    scheduler.add(2, [Edge(a, range(2))])
    drain_undecided(scheduler, lambda _, nodes: scheduler.must_run(nodes))
    scheduler.take_runnable(1)
    assert scheduler.cancel() == [1, 2, 3]
    assert scheduler.unfinished == 1


@given(st.lists(st.integers(0, 4), max_size=30), st.integers(1, 5))
def test_reverse_is_the_transpose(rows, size):
    rows = [row % size for row in rows]
    edge = Edge(0, rows)
    for target in range(size):
        assert list(rows_of(reverse(0, edge, size), target)) == [i for i, row in enumerate(rows) if row == target]


@st.composite
def random_graphs(draw):
    """Blocks as (size, [(earlier block, dependency rows of each row)])."""
    blocks = []
    for number in range(draw(st.integers(1, 7))):
        size = draw(st.integers(0, 5))
        edges = []
        for earlier in draw(st.lists(st.integers(0, number - 1), max_size=3)) if number else ():
            other = blocks[earlier][0]
            if not other:
                continue
            grouped = draw(st.booleans())
            if grouped:
                choose = st.lists(st.integers(0, other - 1), max_size=other, unique=True)
            else:
                choose = st.lists(st.integers(0, other - 1), min_size=1, max_size=1)
            edges.append((earlier, [draw(choose) for _ in range(size)], grouped))
        blocks.append((size, edges))
    return blocks


def build(blocks, into, upto=None):
    for size, edges in blocks[len(into.blocks) : upto]:
        made = []
        for earlier, needs, grouped in edges:
            flat = array("I", [row for row_needs in needs for row in row_needs])
            starts = array("I", [0])
            for row_needs in needs:
                starts.append(starts[-1] + len(row_needs))
            made.append(Edge(earlier, flat, starts if grouped else None))
        into.add(size, made)


@settings(max_examples=300, deadline=None)
@given(random_graphs(), st.randoms(use_true_random=False), st.integers(1, 4))
def test_random_graphs_end_right(blocks, rng: random.Random, slots):
    """Everything starts after what it needs, once; what a failure reaches is blocked; growth changes nothing."""
    offsets, total = [], 0
    for size, _ in blocks:
        offsets.append(total)
        total += size
    needs = {offset + row: set() for offset, (size, _) in zip(offsets, blocks, strict=True) for row in range(size)}
    for offset, (_, edges) in zip(offsets, blocks, strict=True):
        for earlier, rows, _grouped in edges:
            for row, targets in enumerate(rows):
                needs[offset + row] |= {offsets[earlier] + target for target in targets}
    fails = {node for node in needs if rng.random() < 0.15}
    known = {node for node in needs if rng.random() < 0.2} - fails
    expected = {}
    for node in needs:
        reachable = all(expected[other] == DONE for other in needs[node])
        expected[node] = BLOCKED if not reachable else FAILED if node in fails else DONE

    grown_at = rng.randrange(len(blocks) + 1)
    scheduler = Scheduler()
    build(blocks, scheduler, grown_at)
    started = run_all(scheduler, slots, fails, known, rng)
    build(blocks, scheduler)
    started += run_all(scheduler, slots, fails, known, rng)

    assert {node: scheduler.state(node) for node in needs} == expected
    assert scheduler.unfinished == 0
    assert sorted(started) == sorted(n for n in needs if expected[n] != BLOCKED and n not in known)
    position = {node: place for place, node in enumerate(started)}
    for node in started:
        assert all(position.get(other, -1) < position[node] for other in needs[node])


@pytest.mark.parametrize("size", [1, 50_000])
def test_a_batch_of_any_size_is_one_call(size):
    scheduler = Scheduler()
    a = scheduler.add(size)
    scheduler.add(size, [Edge(a, range(size))])
    _, nodes = scheduler.take_undecided()
    scheduler.done(nodes)
    assert scheduler.take_undecided() == (1, list(range(size, 2 * size)))


# Results that are lost


def test_a_lost_result_is_decided_anew_and_what_waits_for_it_waits_again():
    scheduler = Scheduler()
    a = scheduler.add(2)
    b = scheduler.add(2, [Edge(a, range(2))])
    drain_undecided(scheduler, lambda _, nodes: scheduler.must_run(nodes))
    scheduler.done(scheduler.take_runnable(2))
    assert scheduler.take_undecided() == (b, [2, 3])
    scheduler.must_run([2, 3])
    scheduler.reopen([0])
    assert scheduler.take_runnable(2) == [3]
    assert scheduler.take_undecided() == (a, [0])
    scheduler.must_run([0])
    scheduler.done(scheduler.take_runnable(1))
    assert scheduler.take_undecided() == (b, [2])
    assert scheduler.unfinished == 2


@pytest.mark.parametrize("decided", [False, True])
def test_a_job_whose_input_is_lost_waits_for_it(decided):
    """Also where it has several parameters of one task, and where the input is there again before the job ends."""
    scheduler = Scheduler()
    a = scheduler.add(1)
    scheduler.add(1, [Edge(a, range(1)), Edge(a, range(1))])
    scheduler.add(1, [Edge(a, range(1))])
    drain_undecided(scheduler, lambda _, nodes: scheduler.must_run(nodes))
    scheduler.done(scheduler.take_runnable(1))
    drain_undecided(scheduler, lambda _, nodes: scheduler.must_run(nodes))
    assert scheduler.take_runnable(2) == [1, 2]
    scheduler.reopen([0])
    scheduler.done([2])  # had read it before
    if not decided:
        scheduler.postpone([1])
        assert scheduler.state(1) == WAITING
    assert run_all_but(scheduler, 1) == [0]
    if decided:
        scheduler.postpone([1])
    assert run_all(scheduler) == [1]
    assert (scheduler.unfinished, scheduler.state(2)) == (0, DONE)


def run_all_but(scheduler, late):
    """Run what can be without the node."""
    started = []
    drain_undecided(scheduler, lambda _, nodes: scheduler.must_run(n for n in nodes if n != late))
    while new := scheduler.take_runnable(1):
        started += new
        scheduler.done(new)
    if scheduler.state(late) == WAITING:
        return started
    scheduler.claimed([late])
    scheduler.released([late])
    return started


def test_gathers_lose_what_they_collected():
    scheduler = Scheduler()
    fan = scheduler.add(3)
    group = scheduler.add(1, [Edge(fan, range(3), array("I", [0, 3]))], gathers=True)
    scheduler.add(1, [Edge(group, range(1))])
    drain_undecided(scheduler, lambda _, nodes: scheduler.done(nodes) if 0 in nodes else scheduler.must_run(nodes))
    assert scheduler.take_runnable(1) == [4]
    scheduler.reopen([0, 2])
    assert scheduler.state(3) == WAITING
    scheduler.postpone([4])
    assert scheduler.unfinished == 4
    assert run_all(scheduler) == [0, 2, 4]
    assert scheduler.unfinished == 0


def test_a_result_that_cannot_be_made_again_blocks_the_jobs_that_met_it():
    scheduler = Scheduler()
    a = scheduler.add(1)
    b = scheduler.add(1, [Edge(a, range(1))])
    scheduler.add(1, [Edge(b, range(1))])
    drain_undecided(scheduler, lambda _, nodes: scheduler.must_run(nodes))
    scheduler.done(scheduler.take_runnable(1))
    drain_undecided(scheduler, lambda _, nodes: scheduler.must_run(nodes))
    scheduler.take_runnable(1)
    scheduler.reopen([0])
    assert scheduler.failed([0]) == []
    assert scheduler.give_up([1]) == [1, 2]
    assert scheduler.unfinished == 0


@given(st.integers(0, 2**32), st.integers(1, 3))
@settings(deadline=None)
def test_losses_at_random_moments_end_in_the_same_state(seed, slots):
    """Every node ends as done, and no more than once after its last loss."""
    rng = random.Random(seed)
    scheduler = Scheduler()
    first = scheduler.add(4)
    second = scheduler.add(4, [Edge(first, [0, 0, 1, 3])])
    group = scheduler.add(2, [Edge(second, array("I", [0, 1, 2, 3]), array("I", [0, 2, 4]))], gathers=True)
    third = scheduler.add(2, [Edge(group, range(2)), Edge(first, [0, 2])])
    scheduler.add(1, [Edge(third, range(2), array("I", [0, 2])), Edge(first, [3])])
    gathers = {8, 9}
    running, losses = [], 6
    while scheduler.unfinished:
        drain_undecided(scheduler, lambda _, nodes: scheduler.must_run(nodes))
        running += scheduler.take_runnable(slots - len(running))
        node = running.pop(rng.randrange(len(running)))
        done = [n for n in range(len(scheduler)) if scheduler.state(n) == DONE and n not in gathers]
        if losses and done and rng.random() < 0.5:
            losses -= 1
            scheduler.reopen(rng.sample(done, rng.randint(1, len(done))))
            scheduler.postpone([node])
        else:
            scheduler.done([node])
    assert {scheduler.state(node) for node in range(len(scheduler))} == {DONE}


def test_counts_of_a_block_by_state():
    scheduler = Scheduler()
    number = scheduler.add(5, needed=[1, 1, 1, 0, 1])
    _, nodes = scheduler.take_undecided()
    scheduler.must_run(nodes)
    scheduler.done(scheduler.take_runnable(1))
    scheduler.take_runnable(1)
    assert [scheduler.count(number, state) for state in (DONE, RUNNING, RUNNABLE, LEFT_OUT)] == [1, 1, 2, 1]
    assert scheduler.count(number, DONE, RUNNING) == 2


def test_upcoming_are_what_is_taken_next():
    scheduler = Scheduler()
    low, high = scheduler.add(3, rank=1.0), scheduler.add(2, rank=2.0)
    while (taken := scheduler.take_undecided()) is not None:
        scheduler.must_run(taken[1])
    assert {low, high} == {0, 1}
    assert scheduler.upcoming(4) == [3, 4, 0, 1]
    assert scheduler.upcoming(4) == scheduler.take_runnable(4)
    assert scheduler.upcoming(4) == [2]


def test_the_rows_of_a_block_may_be_of_several_kinds():
    """Each with a lane, a priority and a demand; a retry is of the kind of its node."""
    scheduler = Scheduler()
    terms = [Terms(0.0, 1.0), Terms(5.0, 1.0), Terms(0.0, 1.0, (("gpu", 1.0),)), Terms(9.0, 1.0, (("gpu", 1.0),))]
    scheduler.limit(Limits({"gpu": 1}), lambda number, kind: terms[kind])
    scheduler.add(2)
    block = scheduler.add(8, kinds=Kinds([0, 1, 2, 3, 0, 1, 2, 3], [0, 0, 0, 7]))
    assert [scheduler.lane_of(node) for node in range(10)] == [0, 0, 0, 0, 0, 7, 0, 0, 0, 7]
    assert scheduler.shares(block) == {0: 0.75, 7: 0.25}
    drain_undecided(scheduler, lambda number, nodes: scheduler.must_run(nodes))
    assert scheduler.runnable == 10
    assert scheduler.take_runnable(9, 7) == [5], "there is one gpu"
    assert scheduler.take_runnable(9, 0) == [3, 7, 0, 1, 2, 6]
    scheduler.give_back(5)
    scheduler.done([3])
    scheduler.retry([7, 5])
    assert scheduler.take_runnable(9, 0) == [7, 4]
    assert scheduler.take_runnable(9, 7) == []
    scheduler.give_back(4)
    assert scheduler.take_runnable(1, 7) == [9]
    scheduler.give_back(9)
    assert scheduler.take_runnable(9, 7) == [], "the other lane was passed for too long"
    assert scheduler.take_runnable(9, 0) == [8]
    scheduler.give_back(8)
    assert scheduler.take_runnable(9, 7) == [5]
