"""Arrays of jobs at Slurm, and their elements, each a batch of jobs: what is known of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from taskdisc.jobfolder import begun, last_begun, read_result
from taskdisc.model import Activity, Job, JobResult
from taskdisc_slurm.folders import BEGAN_NOTHING, WORDS, Mark, Wanted


class Slot(NamedTuple):
    """A place in a batch."""

    number: int
    """Of the job, in the run that has submitted it."""
    job: Job | None
    """What this run has it for; None: nothing, so far."""


class Element:
    """A batch of jobs, as one element of an array."""

    def __init__(self, array: Array, index: int, slots: Sequence[Slot]) -> None:
        self.array = array
        self.index = index
        self.slots = list(slots)
        self.folder = os.path.join(array.folder, str(index))
        self.taken = 0
        """How many results were taken, from the first place on."""
        self.spare: dict[int, JobResult] = {}
        """By place, results that nobody wanted when they were taken."""
        self.mark: Mark | None = None
        self.marked = 0.0
        """When the mark was first seen (monotonic seconds)."""
        self.restarts = 0
        """How often it was started anew at least: marks of earlier times do not count."""
        self.state = ""
        """What Slurm said last."""
        self.reason = ""
        self.heard = 0.0
        """When it said so (monotonic seconds)."""
        self.gone: float | None = None
        """Since when (monotonic seconds) Slurm takes it for over."""
        self.overdue = False
        """Whether it was ended, since a job had taken too long."""

    @property
    def jobs(self) -> list[Job]:
        """Those that this run wants of it and that have no result yet."""
        return [slot.job for slot in self.slots[self.taken :] if slot.job is not None]

    @property
    def is_there(self) -> bool:
        """Say whether something may still come of it."""
        return self.array.elements.get(self.index) is self

    @property
    def has_ended(self) -> bool:
        """Say whether its command has come to its end."""
        return self.mark is not None and self.mark.status is not None

    @property
    def began_nothing(self) -> bool:
        """Say whether it has ended since it was told to begin nothing."""
        return self.mark is not None and self.mark.status == BEGAN_NOTHING

    @property
    def has_begun(self) -> bool:
        """Say whether there is, or was, something that it does."""
        return self.mark is not None and not self.began_nothing

    @property
    def runs(self) -> bool:
        """Say whether it has begun and not ended, as far as is known."""
        return self.mark is not None and not self.has_ended and self.gone is None

    @property
    def is_complete(self) -> bool:
        """Say whether all results were taken."""
        return self.taken == len(self.slots)

    @property
    def words(self) -> str:
        """Where Slurm's own words stand."""
        return os.path.join(self.folder, WORDS)

    def see(self, mark: Mark | None, now: float) -> bool:
        """Note what its state says; say whether that is new."""
        if mark is not None and mark.restarts < self.restarts:
            mark = None
        if mark == self.mark:
            return False
        self.mark, self.marked = mark, now
        return True

    def hear(self, state: str, reason: str, asked: float, now: float) -> None:
        """Note what Slurm, asked at some moment, says of it; an empty state: it does not know it."""
        self.state, self.reason, self.heard = state, reason, now
        if state in OVER or not state:
            self.gone = self.gone or now
            return
        self.gone = None
        if state in WAITING and self.mark is not None and self.marked < asked:
            # It had begun, and waits again: Slurm starts it anew.
            self.restarts = self.mark.restarts + 1
            self.mark = None

    def take(self, *, last: bool) -> list[JobResult]:
        """Return results that have come since, by the numbers of this run's jobs; of a batch's last job if `last`."""
        found = []
        end = len(self.slots) - (not last)
        while self.taken < end:
            slot = self.slots[self.taken]
            result = read_result(self.folder, self.taken)
            if result is None or result.number != slot.number:
                break
            if slot.job is not None:
                found.append(result._replace(number=slot.job.number))
            else:
                self.spare[self.taken] = result
            self.taken += 1
        return found

    def began(self) -> float | None:
        """Return when the job that was begun last began (seconds since the epoch)."""
        return begun(self.folder)

    def activity(self) -> Activity | None:
        """Return what it is doing, if that is anything of this run's."""
        place = last_begun(self.folder) or 0
        if not self.taken <= place < len(self.slots):
            return None
        job, began = self.slots[place].job, self.began()
        return None if job is None or began is None else Activity(job.number, began)


OVER = frozenset({
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED",
    "TIMEOUT",
})  # fmt: skip
"""States that a job does not leave."""
WAITING = frozenset({"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT"})
"""States in which a job does not run, and may later."""


class Array:
    """An array: submitted, or on its way there."""

    def __init__(self, folder: str, flags: Sequence[str], *, job_id: str | None = None, adopted: bool = False) -> None:
        self.folder = folder
        self.flags = tuple(flags)
        self.job_id = job_id
        self.adopted = adopted
        """Whether another run has submitted it."""
        self.unsure = adopted and job_id is None
        """Whether nobody has heard if Slurm has taken it: it must be looked for."""
        self.elements: dict[int, Element] = {}
        """Those of which something is still to come."""
        self.size = 0

    @property
    def comment(self) -> str:
        """By which it is known in Slurm's queue, if its number is not."""
        return f"taskdisc {self.folder}"

    @property
    def is_wanted(self) -> bool:
        """Say whether this run waits for anything of it."""
        return not self.adopted or any(element.jobs for element in self.elements.values())

    def fill(self, batches: Sequence[Sequence[Slot]]) -> None:
        """Say what its elements are."""
        self.elements = {index: Element(self, index, slots) for index, slots in enumerate(batches)}
        self.size = len(batches)


def adopted_array(folder: str, job_id: str | None, wanted: Sequence[Wanted]) -> Array:
    """Return an array of a run that is dead; nobody wants anything of it yet."""
    array = Array(folder, (), job_id=job_id, adopted=True)
    array.fill([[Slot(number, None) for number, _ in element] for element in wanted])
    return array
