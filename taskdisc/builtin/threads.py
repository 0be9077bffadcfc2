"""The executor `thread`: threads of the run's own process, for tasks that wait, or that release Python's lock.

Each thread has its own fixtures, and each job its own copy of its inputs; output, variables, the working folder and the
generators of random numbers are the process's. What runs cannot be ended: the threads die with the process.
"""

from __future__ import annotations

import resource
import time
import warnings
from collections import deque
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from threading import Thread, get_ident
from typing import Any

from taskdisc.builtin.bell import Bell
from taskdisc.builtin.serving import RunnerFactory, Runs, closing_remarks
from taskdisc.endings import unanswered
from taskdisc.model import Activity, Job, JobResult, Outcome, WorkerContext
from taskdisc.protocols import Capabilities
from taskdisc.worker import Runner

AHEAD = 2
"""Jobs for each thread: one that runs, and one that waits."""
GRACE = 0.5
"""Seconds that threads have to end when they should end at once."""


class Threaded(Runner):
    """Runs jobs in one thread, and counts the time of that one alone."""

    usage_of = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)


class Warners:
    """Notes Python's warnings with the runner of the thread that gives them."""

    def __init__(self) -> None:
        self.runners: dict[int, Any] = {}
        """By thread."""
        self._before: Any = None

    def install(self) -> None:
        """Note them from here on."""
        self._before, warnings.showwarning = warnings.showwarning, self._show

    def remove(self) -> None:
        """Leave warnings as they were."""
        if warnings.showwarning == self._show:
            warnings.showwarning = self._before

    def _show(self, *warning: Any, **named: Any) -> None:
        runner = self.runners.get(get_ident())
        note = self._before if runner is None else runner.warned.note
        note(*warning, **named)


class Seat:
    """A thread and the job that it has."""

    def __init__(self) -> None:
        self.job: Job | None = None
        self.thread: Thread | None = None
        self._began = 0.0
        self._progress = (0.0, 0.0)

    def begin(self, job: Job) -> None:
        """Note that the job begins now."""
        self._began, self._progress = time.time(), (0.0, 0.0)
        self.job = job

    def tell(self, done: float, total: float) -> None:
        """Note what the job says of its progress."""
        self._progress = (done, total)

    def activity(self) -> Activity | None:
        """Return what it is doing."""
        job = self.job
        return None if job is None else Activity(job.number, self._began, *self._progress)


class ThreadExecutor:
    """Runs jobs in up to `workers` threads, started when there are jobs for them."""

    capabilities = Capabilities()

    def __init__(self, workers: int, factory: RunnerFactory = Threaded) -> None:
        """`factory` makes what runs the jobs of a thread; called in that thread."""
        self._limit = workers
        self._slots = AHEAD * workers
        self._factory = factory
        self._seats: list[Seat] = []
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._held = 0
        """How many jobs were submitted and not collected."""
        self._ended: deque[JobResult | None] = deque()
        """None for a job that has been dropped."""
        self._remarks: deque[JobResult] = deque()
        self._is_stopping = False
        self._warners = Warners()
        self._bell: Bell | None = None
        self._context: WorkerContext | None = None

    def start(self, context: WorkerContext) -> None:
        """Note what the threads must know; each is started with its first job."""
        self._context = context
        if not context.ahead:
            self._slots = self._limit
        self._bell = Bell()
        self._warners.install()

    def free(self) -> int:
        """Return how many more jobs may wait for a thread."""
        return max(0, self._slots - self._held)

    def submit(self, jobs: Sequence[Job]) -> None:
        """Queue the jobs, and start threads while all others have jobs."""
        for job in jobs:
            self._held += 1
            self._queue.put(job)
            if len(self._seats) < min(self._limit, self._held):
                self._add_thread()

    def _add_thread(self) -> None:
        seat = Seat()
        self._seats.append(seat)
        # Daemons, since one that hangs must not keep an interrupted run from ending.
        seat.thread = Thread(target=self._work, args=(seat,), name=f"taskdisc-{len(self._seats)}", daemon=True)
        seat.thread.start()

    def _work(self, seat: Seat) -> None:
        """Run jobs until there are no more; in a thread."""
        runner: Runs | None = None
        while (job := self._queue.get()) is not None:
            if self._is_stopping:
                self._end(None)
                continue
            seat.begin(job)
            try:
                runner = runner or self._runner(seat)
                result = runner.run(job)
            except BaseException as error:
                result = self._lost(job, error)
            seat.job = None
            self._end(result)
        if runner is not None and (said := runner.close()):
            self._remarks.append(closing_remarks(said))

    def _runner(self, seat: Seat) -> Runs:
        assert self._context is not None, "start() comes first"
        runner = self._factory(self._context, None)
        runner.progress = seat.tell
        self._warners.runners[get_ident()] = runner
        return runner

    def _lost(self, job: Job, error: BaseException) -> JobResult:
        """What comes out of a runner is no exception of a task, KeyboardInterrupt apart, which a task may raise."""
        assert self._context is not None
        message = f"its thread could not run it: {type(error).__name__}: {error}"
        return unanswered(job, self._context.specs[job.task], Outcome.FAILED, message, "")

    def _end(self, result: JobResult | None) -> None:
        self._ended.append(result)
        assert self._bell is not None
        self._bell.ring()

    def collect(self) -> list[JobResult]:
        """Return what has ended since the last call."""
        if self._bell is not None:
            self._bell.hush()
        ended = [self._ended.popleft() for _ in range(len(self._ended))]
        self._held -= len(ended)
        remarks = [self._remarks.popleft() for _ in range(len(self._remarks))]
        return [result for result in ended if result is not None] + remarks

    def under_way(self) -> list[Activity]:
        """Return the jobs that run; the others wait for a thread."""
        return [activity for seat in self._seats if (activity := seat.activity()) is not None]

    def fileno(self) -> int:
        """Return a descriptor that is readable when jobs have ended."""
        assert self._bell is not None, "start() comes first"
        return self._bell.descriptor

    def deadline(self) -> None:
        """There is no such moment: what runs cannot be ended."""

    def dismiss(self) -> None:
        """Drop what no thread has begun."""
        self._is_stopping = True
        try:
            while self._queue.get_nowait() is not None:
                self._held -= 1
        except Empty:
            pass

    def busy(self) -> bool:
        """Say whether jobs run, or have ended and were not collected."""
        return self._held > 0

    def stop(self, *, kill: bool) -> None:
        """End the threads after the jobs that they run; if there is no time for that, leave these to themselves."""
        self.dismiss()
        for _ in self._seats:
            self._queue.put(None)
        deadline = time.monotonic() + GRACE
        for seat in self._seats:
            assert seat.thread is not None
            seat.thread.join(max(0.0, deadline - time.monotonic()) if kill else None)
        self._seats.clear()
        self._warners.remove()
        if self._bell is not None:
            self._bell.remove()
