"""What is under way in a run, what comes next, and how long it will take: for those who watch it."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from taskdisc.lanes import Lane
from taskdisc.nodes import ENDED, FAILED, LEFT_OUT, RUNNING, WAITING
from taskdisc.store.durations import mean_seconds

if TYPE_CHECKING:
    from taskdisc.model import Activity, StepEnd
    from taskdisc.run import Run

RATED = 10.0
"""Seconds back to which a rate looks."""


class TaskCounts(NamedTuple):
    """How far a task has come: numbers of its instances."""

    name: str
    total: int
    ended: int
    failed: int
    rate: float | None
    """Instances a second that were executed lately, None where nobody knows yet."""
    seconds_left: float | None


class Outlook:
    """Looks at a run, whose steps' ends it must be told of."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._earlier = self._earlier_means()
        self._spent: dict[str, tuple[int, float]] = {}
        """By task: how many were executed in this run, and their seconds in all."""
        self._seen: dict[str, deque[tuple[float, int]]] = {}
        """By task: (when, how many were executed by then), the latest last."""

    def _earlier_means(self) -> dict[str, float]:
        index = self._run.project.index
        found = {task: mean_seconds(index, task) for task in self._run.expansion.by_task} if index is not None else {}
        return {task: mean for task, mean in found.items() if mean is not None}

    def observe(self, step: StepEnd) -> None:
        """Learn from a step that was executed."""
        if step.result is not None:
            count, seconds = self._spent.get(step.task, (0, 0.0))
            self._spent[step.task] = count + 1, seconds + step.result.seconds

    def tasks(self) -> list[TaskCounts]:
        """Return the tasks of which something runs and that have several instances, in the order of the line."""
        count, blocks = self._run.scheduler.count, self._blocks().items()
        running = [each for each in blocks if any(count(number, RUNNING) for number in each[1])]
        return [counts for counts in (self._counts(*each) for each in running) if counts.total > 1]

    def _blocks(self) -> dict[str, list[int]]:
        """The blocks of each task: several where the graph has grown."""
        found: dict[str, list[int]] = {}
        for block in self._run.expansion.blocks:
            if block.gather is None:
                found.setdefault(block.task, []).append(block.number)
        return found

    def _counts(self, task: str, numbers: list[int]) -> TaskCounts:
        def count(*states: int) -> int:
            return sum(self._run.scheduler.count(number, *states) for number in numbers)

        left_out, failed = count(LEFT_OUT), count(FAILED)
        total = sum(self._run.expansion.blocks[number].size for number in numbers) - left_out
        ended = count(*ENDED) - left_out
        rate = self._rate(task)
        left = (total - ended) / rate if rate else None
        return TaskCounts(self._run.graph.names[task], total, ended, failed, rate, left)

    def _rate(self, task: str) -> float | None:
        now, executed = time.monotonic(), self._spent.get(task, (0, 0.0))[0]
        seen = self._seen.setdefault(task, deque())
        if not seen or seen[-1][1] != executed:
            seen.append((now, executed))
        while len(seen) > 2 and now - seen[1][0] >= RATED:
            seen.popleft()
        since, before = seen[0]
        span = now - since
        return (executed - before) / span if span and executed > before else None

    def next_ids(self, most: int) -> tuple[list[str], int]:
        """Return the ids of the steps that start next, the first few, and how many could start now."""
        run = self._run
        active = {activity.number for activity in run.activity()}
        handed = [node for node in run.running if node not in active]
        nodes = [*handed[:most], *run.scheduler.upcoming(most)][:most]
        queued = run.scheduler.runnable
        return [run.id_of(node) for node in nodes], len(handed) + queued

    def later(self) -> list[str]:
        """Return the names of the tasks that wait for others, in the order of the line."""
        waiting = self._run.scheduler.count
        found = (
            task for task, numbers in self._blocks().items() if any(waiting(number, WAITING) for number in numbers)
        )
        return [self._run.graph.names[task] for task in found]

    def seconds_left(self) -> float | None:
        """Estimate the time to the end of the run, None where nothing is known of how long tasks take.

        It is the longer of the longest path, and all work divided among those who do it; what may prove to be cached
        counts as work.
        """
        now, ages = time.time(), dict[int, list[float]]()
        for activity in self._run.activity():
            ages.setdefault(self._run.scheduler.block_of(activity.number), []).append(self._age(activity, now))
        blocks, means = self._run.expansion.blocks, self._means()
        if not means:
            return None
        unknown = sum(means.values()) / len(means)
        paths, work = [0.0] * len(blocks), dict[int, float]()
        for block in reversed(blocks):
            left = 0 if block.gather else self._unfinished(block.number, block.size)
            if left:
                mean, running = means.get(block.task, unknown), ages.get(block.number, [])
                here_left = left * mean - sum(min(age, mean) for age in running)
                for lane, share in self._run.scheduler.shares(block.number).items():
                    work[lane] = work.get(lane, 0.0) + share * here_left
                paths[block.number] += mean if len(running) < left else mean - min(mean, *running)
            here = paths[block.number]
            for target in [*(link.block for link in block.links), *([block.gather.target] if block.gather else [])]:
                paths[target] = max(paths[target], here)
        return max([*paths, *(seconds / self._slots(lane) for lane, seconds in work.items())])

    def _age(self, activity: Activity, now: float) -> float:
        return max(0.0, now - activity.began)

    def _means(self) -> dict[str, float]:
        return self._earlier | {task: seconds / count for task, (count, seconds) in self._spent.items()}

    def _unfinished(self, number: int, size: int) -> int:
        return size - self._run.scheduler.count(number, *ENDED)

    def _slots(self, lane: int) -> int:
        config = self._run.project.config
        if lane == Lane.TERMINAL:
            return 1
        return config.max_jobs if self._run.lanes.means(lane).launcher else config.workers
