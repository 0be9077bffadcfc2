"""Batches: which jobs share a command. They are of one task, and hold the same, as they run one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taskdisc.model import Job


def batches_of(jobs: Sequence[Job], sizes: Sequence[int], room: int) -> list[list[Job]]:
    """Return the jobs in batches, each as large as its task allows, but not larger than all `room` commands need.

    `sizes` are those that the tasks allow.
    """
    alike: dict[Any, list[Job]] = {}
    for job in jobs:
        alike.setdefault((job.task, job.resources, job.env), []).append(job)
    found = []
    for members in alike.values():
        size = min(sizes[members[0].task], -(-len(members) // max(1, room)))
        found += [members[start : start + size] for start in range(0, len(members), size)]
    return found
