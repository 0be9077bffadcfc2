"""Submission: what has come together becomes an array; one at a time, and again later where there is no room."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from typing import NamedTuple

from taskdisc.endings import unanswered
from taskdisc.jobfolder import batch_size
from taskdisc.model import Job, JobResult, Outcome, WorkerContext
from taskdisc_slurm.arrays import Array, Slot
from taskdisc_slurm.asking import resource_flags, time_flag
from taskdisc_slurm.desk import Answer, Desk
from taskdisc_slurm.folders import SCRIPT, WORDS, RunFolder, dismiss_array, write_array, write_id

LARGEST = 1000
"""Elements of an array, as Slurm allows where nobody has changed that."""
FIRST, LONGEST = 1.0, 30.0
"""Seconds before the next attempt, after the first that was in vain and at most."""
PATIENCE = 3.0
"""Seconds without room after which people are told."""
HINT = "The flags were: {flags}. `sinfo` lists partitions and what their nodes have; flags=... and resources=... ask."


class Kind(NamedTuple):
    """What jobs of one array have in common."""

    task: int
    resources: tuple[tuple[str, float, tuple[str, ...]], ...]


class Submitter:
    """Submits jobs."""

    def __init__(self, desk: Desk, warn: Callable[[str], None]) -> None:
        """`warn` tells people something."""
        self.waiting: list[Job] = []
        """Jobs that are to be submitted."""
        self.refused: list[JobResult] = []
        """Results of jobs that Slurm will never take."""
        self._desk = desk
        self._warn = warn
        self._sending: Array | None = None
        self._most = LARGEST
        """Elements that the next array may have."""
        self._not_before = 0.0
        self._pause = FIRST
        self._full_since: float | None = None
        self._told: set[str] = set()

    def start(self, context: WorkerContext, folder: RunFolder, key_of: Callable[[int], bytes | None]) -> None:
        """Learn what all jobs have in common."""
        self._context, self._folder, self._key_of = context, folder, key_of

    @property
    def is_busy(self) -> bool:
        """Say whether an array is on its way."""
        return self._sending is not None

    def due(self, room: int) -> float | None:
        """Return when the next array may go (monotonic seconds); `room` is for so many elements."""
        return self._not_before if self.waiting and self._sending is None and room > 0 else None

    def submit(self, room: int, now: float) -> Array | None:
        """Send an array with what has come together, if there is something, and it is time; return it."""
        due = self.due(room)
        if due is None or now < due:
            return None
        kind, batches = self._next(min(room, self._most))
        folder = self._folder.new_array()
        write_array(
            folder, self._folder.path, batches, [[self._key_of(job.number) for job in batch] for batch in batches]
        )
        array = self._sending = Array(folder, self._flags(kind, max(map(len, batches))))
        array.fill([[Slot(job.number, job) for job in batch] for batch in batches])
        self._desk.ask(self._words(array), lambda answer: self._take(array, answer))
        return array

    def _next(self, most: int) -> tuple[Kind, list[list[Job]]]:
        """Take the batches of the next array out of what waits: all of the kind that has waited longest."""
        first = self.waiting[0]
        kind = Kind(first.task, first.resources)
        size = batch_size(self._context.specs[kind.task], self._context)
        members: list[Job] = []
        others: list[Job] = []
        for job in self.waiting:
            if len(members) < most * size and (job.task, job.resources) == kind:
                members.append(job)
            else:
                others.append(job)
        self.waiting = others
        return kind, [members[start : start + size] for start in range(0, len(members), size)]

    def _flags(self, kind: Kind, jobs: int) -> list[str]:
        """What sbatch is told: what the task says comes last, and wins."""
        spec = self._context.specs[kind.task]
        asked = resource_flags((name, amount) for name, amount, _ in kind.resources)
        return [*asked, *time_flag(spec.timeout, jobs, [*asked, *spec.flags]), *spec.flags]

    def _words(self, array: Array) -> list[str]:
        job = array.elements[0].jobs[0]
        place = array.folder.replace("%", "%%")
        return [
            "sbatch",
            "--parsable",
            f"--job-name={self._context.specs[job.task].id.rpartition('::')[2]}",
            f"--comment={array.comment}",
            f"--chdir={self._context.root}",
            f"--output={place}/%a/{WORDS}",
            "--open-mode=append",
            *array.flags,
            f"--array=0-{array.size - 1}",
            f"{array.folder}/{SCRIPT}",
        ]

    def _take(self, array: Array, answer: Answer) -> None:
        self._sending = None
        if answer.status == 0:
            array.job_id = answer.out.strip().partition(";")[0]
            write_id(array.folder, array.job_id)
            self._most = min(LARGEST, self._most * 2)
            self._pause, self._full_since = FIRST, None
        elif answer.is_too_long and array.size > 1:
            self._most = array.size // 2
            self.again(array)
        elif answer.is_full:
            self._most = max(1, array.size // 2)
            self.again(array)
            self._wait(answer, "there is no room for more jobs at Slurm")
        elif answer.is_away:
            array.unsure = True
            self._wait(answer, "the controller takes no jobs at the moment")
        else:
            self._refuse(array, answer)

    def again(self, array: Array) -> None:
        """Have the jobs of an array submitted in another; if Slurm has got this one after all, it does nothing."""
        dismiss_array(array.folder)
        self.waiting[:0] = [job for element in array.elements.values() for job in element.jobs]
        array.elements.clear()

    def _wait(self, answer: Answer, what: str) -> None:
        now = time.monotonic()
        self._not_before = now + self._pause
        self._pause = min(LONGEST, self._pause * 2)
        self._full_since = self._full_since or now
        if now - self._full_since > PATIENCE and what not in self._told:
            self._told.add(what)
            said = answer.said.strip().splitlines()
            self._warn(f"{what} ({said[0] if said else 'sbatch hangs'}): this waits, and tries again")

    def _refuse(self, array: Array, answer: Answer) -> None:
        said = "; ".join(line for line in answer.said.splitlines() if line) or f"exit status {answer.status}"
        hint = HINT.format(flags=shlex.join(array.flags) or "none")
        for element in array.elements.values():
            for job in element.jobs:
                spec = self._context.specs[job.task]
                refused = unanswered(job, spec, Outcome.FAILED, f"sbatch refuses it: {said}", hint)
                assert refused.error is not None
                self.refused.append(refused._replace(error=refused.error._replace(kind="refused")))
        array.elements.clear()
