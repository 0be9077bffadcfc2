"""The executor: jobs go to Slurm in arrays, and results come back through the store's folder.

Three things go on at their own pace, and none of them waits: arrays are submitted, one after the other, from what has
come together meanwhile; the folders are looked at for results, often; and Slurm is asked about all jobs at once,
seldom, since only what was lost cannot be seen in the folders.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Sequence

from taskdisc.endings import last_lines
from taskdisc.errors import UsageError
from taskdisc.jobfolder import GOOD, batch_size, dismiss
from taskdisc.model import Activity, Job, JobResult, WorkerContext
from taskdisc.protocols import Capabilities
from taskdisc.wire import without_functions
from taskdisc_slurm.arrays import Array, Element
from taskdisc_slurm.asking import RESOURCES
from taskdisc_slurm.desk import Answer, Desk
from taskdisc_slurm.folders import RunFolder, dismiss_array, read_marks, remove
from taskdisc_slurm.legacy import Legacy
from taskdisc_slurm.settings import Settings
from taskdisc_slurm.states import ranges
from taskdisc_slurm.submitting import Submitter
from taskdisc_slurm.verdicts import checked, is_certain, judge, keep_words, least_left, never_began, seconds_left
from taskdisc_slurm.watching import Watcher

LOOK = 0.05
"""Seconds between two looks at the folders, at first."""
SLOWEST = 1.0
"""Seconds between two looks when nothing has happened for a while."""
SLOWER = 1.2
PART = 10
"""A look may take one part in so many of the time."""
END = 15.0
"""Seconds that jobs have to be gone after they were cancelled."""


class SlurmExecutor:
    """Runs batches of jobs as elements of arrays."""

    capabilities = Capabilities(
        capture=True, kill=True, timeouts=True, environment=True, attribution=True, replacement=True, flags=True
    )
    resources = frozenset(RESOURCES)
    """What Slurm counts, and the run does not."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._say: Callable[[str], None] = _to_nobody
        self._key_of: Callable[[int], bytes | None] = _no_key
        self._arrays: list[Array] = []
        self._ended: list[JobResult] = []
        self._unstarted: set[int] = set()
        """Jobs that Slurm could not start once."""
        self._is_stopping = False
        self._is_closed = False
        self._look_at = 0.0
        self._looked = 0.0
        self._pause = LOOK
        self._largest = 1
        self._context: WorkerContext | None = None
        self._desk = Desk()
        self._watcher = Watcher(self._desk, settings.poll, self._warn)
        self._submitter = Submitter(self._desk, self._warn)

    # What the run calls

    def know(self, key_of: Callable[[int], bytes | None]) -> None:
        """Note how to learn the key of a job."""
        self._key_of = key_of

    def speak(self, say: Callable[[str], None]) -> None:
        """Note by what to tell people that something waits."""
        self._say = say

    def start(self, context: WorkerContext) -> None:
        """Find what earlier runs have left. Raises UsageError where there is no Slurm, or no place for files."""
        if shutil.which("sbatch") is None:
            raise UsageError(
                "executor slurm: there is no sbatch here, or not in PATH. Run this where jobs can be submitted, or "
                "choose another executor."
            )
        self._context = without_functions(context)
        self._largest = max((batch_size(spec, context) for spec in context.specs), default=1)
        try:
            self._folder = RunFolder.make(self._context)
        except OSError as error:
            raise UsageError(f"executor slurm: no folder for jobs can be made in the store: {error}.") from None
        self._legacy = Legacy(context.store)
        self._arrays += self._legacy.arrays
        self._submitter.start(self._context, self._folder, self._key_of)

    @property
    def context(self) -> WorkerContext:
        """What every job must know."""
        assert self._context is not None, "start() comes first"
        return self._context

    def free(self) -> int:
        """Return how many more jobs the elements that Slurm may get could run."""
        return max(0, self._room * self._largest - len(self._submitter.waiting))

    @property
    def _room(self) -> int:
        return self._settings.jobs - sum(len(array.elements) for array in self._wanted)

    @property
    def _wanted(self) -> list[Array]:
        return [array for array in self._arrays if array.is_wanted]

    def submit(self, jobs: Sequence[Job]) -> None:
        """Take jobs; they are submitted at the next `collect`, with all that has come by then."""
        left, results = self._legacy.claim(jobs, self._key_of)
        self._submitter.waiting += left
        self._ended += results
        self._look_soon()

    def collect(self) -> list[JobResult]:
        """Return what has ended since the last call."""
        if self._context is not None and not self._is_closed:
            self._go_on(0.0)
        ended, self._ended = self._ended, []
        return ended

    def fileno(self) -> int | None:
        """Return a descriptor that is readable when a client of Slurm has said something."""
        return self._desk.fileno()

    def deadline(self) -> float | None:
        """Return when there is something to look at."""
        if self._is_closed:
            return None
        moments = [self._desk.due]
        if not self._is_stopping:
            moments.append(self._submitter.due(self._room))
        if self._ended:
            moments.append(0.0)
        if self._wanted:
            moments += [self._look_at, self._watcher.due]
        return min((moment for moment in moments if moment is not None), default=None)

    def under_way(self) -> list[Activity]:
        """Return the jobs that run, as far as the folders tell."""
        if not self._is_closed and time.monotonic() - self._looked > LOOK:
            self._look()
        running = [element.activity() for element in self._elements() if element.runs]
        return [activity for activity in running if activity is not None]

    def dismiss(self) -> None:
        """Drop what waits; nothing more begins, wherever it is."""
        if self._is_stopping:
            return
        self._is_stopping = True
        self._submitter.waiting.clear()
        for array in self._arrays:
            dismiss_array(array.folder)
            for element in array.elements.values():
                if len(element.slots) > 1:
                    dismiss(element.folder)
        ids = self._ids(self._elements())
        if ids:
            self._desk.ask(["scancel", "--state=PENDING", *ids], _ignore)
        self._look()  # an element that has not left a mark by now begins nothing

    def busy(self) -> bool:
        """Say whether jobs still run, or have results that are not here yet; what has not begun does not any more."""
        return any(element.has_begun and element.jobs for element in self._elements())

    def stop(self, *, kill: bool) -> None:
        """End everything: after what runs, or at once, by one scancel. What ended meanwhile, `collect` returns."""
        if self._is_closed:
            return
        if self._context is not None:
            self.dismiss()
            while not kill and self.busy():
                self._go_on(LOOK)
            self._cancel_all()
            self._folder.close()
            self._legacy.close()
        self._arrays.clear()
        self._is_closed = True
        self._desk.close()

    # What goes on

    def _go_on(self, timeout: float) -> None:
        """Do what is due, after so many seconds at most."""
        self._desk.take(timeout)
        now = time.monotonic()
        wanted = self._wanted
        if wanted and now >= self._look_at:
            self._look()
        if wanted:
            self._watcher.ask(self._arrays, now)
        while self._watcher.again:
            self._submitter.again(self._watcher.again.pop())
        if not self._is_stopping:
            array = self._submitter.submit(self._room, now)
            if array is not None:
                self._arrays.append(array)
                self._look_soon()
        self._ended += self._submitter.refused
        self._submitter.refused.clear()

    def _look_soon(self) -> None:
        self._pause = LOOK
        self._look_at = time.monotonic()

    def _look(self) -> None:
        """Look at the folders once; take what is new, and say when to look next."""
        began = time.monotonic()
        news = sum([self._look_at_array(array, began) for array in self._wanted])
        self._end_overdue()
        now = self._looked = time.monotonic()
        self._pause = LOOK if news else min(SLOWEST, self._pause * SLOWER)
        left = least_left(self._elements(), self.context)
        pause = self._pause if left is None else min(self._pause, max(LOOK, left))
        self._look_at = now + max(pause, PART * (now - began))

    def _look_at_array(self, array: Array, now: float) -> int:
        """Return how much was new."""
        marks, news = read_marks(array.folder), 0
        for element in list(array.elements.values()):
            news += element.see(marks.get(element.index), now)
            over = element.has_ended or element.gone is not None
            results = element.take(last=over) if over or (len(element.slots) > 1 and element.runs) else []
            if over:
                news += self._take_over(element, results)
            else:
                self._take(element, results)
        if not array.elements and not array.unsure and (array.job_id is not None or not self._submitter.is_busy):
            self._arrays.remove(array)
            remove(array.folder)
        return news

    def _take(self, element: Element, results: list[JobResult]) -> None:
        """Take results; those of other runs count if they are good, else the job is this run's own to do."""
        if not element.array.adopted:
            self._ended += results
            return
        self._ended += [result for result in results if result.outcome in GOOD]
        bad = {result.number for result in results if result.outcome not in GOOD}
        self._submit_again([slot.job for slot in element.slots if slot.job is not None and slot.job.number in bad])

    def _take_over(self, element: Element, results: list[JobResult]) -> bool:
        """Take what an element that is over has left; say whether that was all."""
        if element.is_complete:
            self._take(element, keep_words(element, checked(element, results, self.context), self.context))
        else:
            self._take(element, results)
            if not is_certain(element, self._settings.latency):
                self._watcher.hurry()  # why it has ended, Slurm knows
                return False
            if self._may_begin_after_all(element):
                self._submit_again(element.jobs)
            else:
                verdict = judge(element, self.context)
                self._ended += keep_words(element, verdict.ended, self.context)
                self._submit_again(verdict.left)
        del element.array.elements[element.index]
        remove(element.folder)
        return True

    def _may_begin_after_all(self, element: Element) -> bool:
        """Say whether an element that is over was not even started, for the first time."""
        numbers = {job.number for job in element.jobs}
        if element.array.adopted or self._is_stopping or numbers & self._unstarted or not never_began(element):
            return False
        self._unstarted |= numbers
        why = last_lines(element.words).replace("\n", "; ") or element.reason
        self._warn(f"{element.array.job_id}_{element.index} was not started ({why}): its jobs are submitted once more")
        return True

    def _submit_again(self, jobs: list[Job]) -> None:
        if not self._is_stopping:
            self._submitter.waiting[:0] = jobs

    def _end_overdue(self) -> None:
        found = []
        for element in self._elements():
            left = seconds_left(element, self.context) if element.runs else None
            if left is not None and left <= 0:
                element.overdue = True
                dismiss(element.folder)
                found.append(element)
        if found:
            self._desk.ask(["scancel", *self._ids(found)], _ignore)
            self._watcher.hurry()

    def _elements(self) -> list[Element]:
        return [element for array in self._arrays for element in array.elements.values()]

    def _ids(self, elements: Iterable[Element]) -> list[str]:
        """How scancel is told of elements."""
        by_array: dict[Array, list[int]] = {}
        for element in elements:
            by_array.setdefault(element.array, []).append(element.index)
        return [
            name
            for array, indices in by_array.items()
            if array.job_id is not None
            for name in ranges(array.job_id, indices, array.size)
        ]

    def _cancel_all(self) -> None:
        """Cancel whatever is at Slurm, and wait until it is gone, though not for ever."""
        deadline = time.monotonic() + END
        self._wait(lambda: not self._submitter.is_busy, deadline)
        if any(array.unsure for array in self._arrays):
            self._wait_for_news(lambda: not any(array.unsure for array in self._arrays), deadline)
        ids = self._ids(self._elements())
        if not ids:
            return
        answers: list[Answer] = []
        self._desk.ask(["scancel", *ids], answers.append)
        self._wait(lambda: bool(answers), deadline)
        self._watcher.alive = None
        self._wait_for_news(lambda: self._watcher.alive == 0, deadline)
        self._look()

    def _wait(self, condition: Callable[[], bool], deadline: float) -> None:
        while not condition() and time.monotonic() < deadline:
            self._desk.take(LOOK)

    def _wait_for_news(self, condition: Callable[[], bool], deadline: float) -> None:
        """Wait for something that Slurm must be asked about."""
        while not condition() and time.monotonic() < deadline:
            self._watcher.hurry()
            self._watcher.ask(self._arrays, time.monotonic())
            self._desk.take(LOOK)

    def _warn(self, text: str) -> None:
        self._say(f"slurm: {text}")


def _no_key(number: int) -> bytes | None:
    return None


def _to_nobody(text: str) -> None:
    """Nobody has said who listens."""


def _ignore(answer: Answer) -> None:
    """What cannot be cancelled is over, or is cancelled at the end."""
