"""Batches: how many jobs travel in one task of Dask, so that its own 10 ms are a small part of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from taskdisc.model import Job, JobResult, TaskSpec

TARGET = 0.25
"""Seconds of work in a batch: its results come back together, so it should not take long."""
MOST = 512
"""Jobs in a batch."""
COST = 0.0002
"""Seconds that a job takes beside its task."""


class Batching:
    """Learns how long the jobs of each task take, and puts together what takes `TARGET` in all."""

    def __init__(self, specs: Sequence[TaskSpec], *, ahead: bool) -> None:
        """Without `ahead`, no job may wait for another."""
        # What nobody has seen travels alone, unless the task says how many may go together.
        self._seconds = [TARGET / spec.batch if ahead else TARGET for spec in specs]
        self._ahead = ahead
        self._mean = min(self._seconds, default=TARGET)
        """Of the jobs that have just ended."""

    @property
    def size(self) -> int:
        """How many jobs make a batch, as far as those that have just ended tell."""
        return max(1, min(MOST, int(TARGET / self._mean)))

    @property
    def is_quick(self) -> bool:
        """Say whether batches are soon done, so that one may wait behind another."""
        return self._ahead and self._mean < TARGET

    def observe(self, task: int, result: JobResult) -> None:
        """Learn from a job; one that took longer than the others counts at once."""
        if not self._ahead:
            return
        seconds = min(result.seconds + COST, TARGET)
        known = self._seconds[task]
        self._seconds[task] = max(seconds, (known + seconds) / 2)
        self._mean = max(seconds, (15 * self._mean + seconds) / 16)

    def batches(self, jobs: Iterable[Job], room: int) -> list[list[Job]]:
        """Return the jobs in batches, of no more each than lets `room` workers share them."""
        jobs = list(jobs)
        share = sum(self._seconds[job.task] for job in jobs) / max(1, room)
        limit = min(TARGET, share) if self._ahead else 0.0
        found: list[list[Job]] = []
        filled = limit
        for job in jobs:
            seconds = self._seconds[job.task]
            if not found or filled + seconds > limit * 1.001 or len(found[-1]) >= MOST:
                found.append([])
                filled = 0.0
            found[-1].append(job)
            filled += seconds
        return found
