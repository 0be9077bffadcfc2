"""Chains: tiny steps that follow one another run in one worker, without a way back to the run between them.

A step that waits for one other alone is submitted with it, ahead of its turn, where nothing could make it needless: the
store knows no result of its family, other runs have made none, and nothing else waits for room. Its job receives what
the one before gave; its key is made in its turn, when that is known here. Only then does it count as running, is its
result taken, and is it claimed: before other runs can see the result that it uses.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from taskdisc.interrupts import held_back
from taskdisc.model import Job, JobResult, Outcome

if TYPE_CHECKING:
    from taskdisc.jobs import JobMaker
    from taskdisc.protocols import Chaining, Executor
    from taskdisc.run import Run

WORTH = 4
"""Jobs that make a chain worth its while."""


class Chains:
    """What was submitted ahead of its turn."""

    def __init__(self, run: Run, jobs: JobMaker, tell: Callable[[list[Job]], None]) -> None:
        """`tell` tells plugins of jobs that have started."""
        self.known: list[JobResult] = []
        """Results whose turn has come."""
        self._run = run
        self._jobs = jobs
        self._tell = tell
        self._ahead: dict[int, Job] = {}
        """By node, jobs that were submitted ahead and have not been taken."""
        self._before: dict[int, int] = {}
        """By node submitted ahead, the one that it follows; and the reverse."""
        self._after: dict[int, int] = {}
        self._used: dict[int, bytes] = {}
        """By node submitted ahead, the digests of what the one before gave in the worker."""
        self._early: dict[int, JobResult] = {}
        """Results that came before their turn."""
        run.adopt = self._adopt

    @property
    def are_ahead(self) -> bool:
        """Say whether anything was submitted ahead and is not taken."""
        return bool(self._ahead or self.known)

    def submit(self, executor: Executor, jobs: list[Job], *, alone: bool) -> list[Job]:
        """Submit jobs, each with those that can follow it unless it goes `alone`; return these."""
        chaining: Chaining = executor  # type: ignore[assignment]
        most = chaining.longest_chain() // len(jobs) if hasattr(executor, "longest_chain") and not alone else 0
        lane = self._run.scheduler.lane_of(jobs[0].number)
        chains = [self._chain(job, most, lane) for job in jobs] if most >= WORTH and self._may_chain(lane) else []
        chains = list(filter(None, chains))
        for chain in chains:
            chaining.submit_chain(chain)
        heads = {chain[0].number for chain in chains}
        if len(heads) < len(jobs):
            executor.submit([job for job in jobs if job.number not in heads] if heads else jobs)
        return [job for chain in chains for job in chain[1:]]

    def _may_chain(self, lane: int) -> bool:
        run = self._run
        return run.allotment is None and not run.drops and not run.scheduler.has_runnable(lane) and run.plan.is_alone

    def _chain(self, job: Job, most: int, lane: int) -> list[Job]:
        """Return a job with those that can follow it, or nothing where they are too few."""
        nodes = [job.number]
        while len(nodes) < most and (follower := self._follower(nodes[-1], lane)) is not None:
            nodes.append(follower)
        if len(nodes) < WORTH:
            return []
        for before, node in pairwise(nodes):
            self._ahead[node] = self._jobs.follow(self._run.scheduler.block_of(node), node, before)
            self._before[node], self._after[before] = before, node
        return [job, *map(self._ahead.__getitem__, nodes[1:])]

    def _follower(self, node: int, lane: int) -> int | None:
        """The only step that waits for a node and nothing else, where no result of it can be known."""
        scheduler = self._run.scheduler
        if scheduler.blocks[scheduler.block_of(node)].watched:
            return None
        waiting = [each for each in scheduler.dependents(node) if scheduler.lacking(each) == 1]
        followers = [each for each in waiting if not self._run.is_gather(each)]
        if len(followers) != 1 or followers[0] in self._ahead:
            return None
        is_next = scheduler.lane_of(followers[0]) == lane and self._run.plan.is_new(scheduler.block_of(followers[0]))
        return followers[0] if is_next else None

    def _adopt(self, nodes: list[int]) -> list[int]:
        """The turn of these nodes has come: they must run; return those that were not submitted ahead."""
        if not self._ahead:
            return nodes
        ours = [node for node in nodes if node in self._ahead]
        others = [node for node in nodes if node not in self._ahead] if len(ours) < len(nodes) else []
        with held_back():  # what runs is known to run
            self._run.scheduler.begun(ours)
            self._run.running.update(dict.fromkeys(ours, time.monotonic()))
        self._tell([self._ahead[node] for node in ours])
        for node in ours:
            if node in self._early:
                self.known.append(self._checked(self._early.pop(node)))
        return others

    def received(self, results: list[JobResult]) -> list[JobResult]:
        """Keep results that came before their turn; return the others."""
        if not self._ahead:
            return results
        taken = []
        for result in results:
            node = result.number
            if (follower := self._after.pop(node, None)) is not None:
                self._used[follower] = b"".join([part.digest for part in result.parts])
            if node not in self._ahead:
                taken.append(result)
            elif node in self._run.running:
                taken.append(self._checked(result))
            elif result.outcome == Outcome.UNDONE:
                self._forget(node)
            else:
                self._early[node] = result
        return taken

    def _checked(self, result: JobResult) -> JobResult:
        """The result, unless it was made of something else than its input is now."""
        node = result.number
        before = self._before[node]
        used = self._used.get(node)
        self._forget(node)
        return result if used == self._run.plan.digests_of(before) else JobResult(node, Outcome.UNDONE)

    def _forget(self, node: int) -> None:
        del self._ahead[node], self._before[node]
        self._used.pop(node, None)
