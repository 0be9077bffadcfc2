"""The run's side of one worker process: how it is born, what it is given, and how it ended."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from mmap import PAGESIZE, mmap
from typing import NamedTuple

from taskdisc.builtin.groups import Ending, ProcessGroup
from taskdisc.builtin.serving import DONE, READ, RECALLED, RUNNING, SINCE, STOP, TOTAL, Ends, RunnerFactory, work
from taskdisc.descriptors import close_private, keep_private
from taskdisc.model import Activity, Job, JobResult, Outcome, WorkerContext
from taskdisc.wire import Inbox, frame, pack_jobs, unpack_results, without_functions

SETTLED = 0.0005
"""Seconds after which a processor has long let others see what it wrote."""
PIPE = 1 << 18
"""Bytes of results that a worker can have sent while the run is busy, before it must wait."""


class Overdue(NamedTuple):
    """A job that has taken too long, and what becomes of its worker."""

    job: Job
    began: float
    ending: Ending


class Worker:
    """A worker process: jobs go in at `submit`, results come out at `receive`, never waiting for the process."""

    def __init__(self, name: str, process: int, jobs: int, results: int, life: int, page: mmap) -> None:
        self.name = name
        self.group = ProcessGroup(process)
        self.results = results
        """Readable when there are results, or when the process and all children that hold its pipes have ended."""
        self.jobs: int | None = jobs
        """Writable when there is room for the backlog; None once it is dismissed."""
        self.queue: dict[int, Job] = {}
        """By number, the jobs that it has been given and that it has not answered."""
        self.answered = 0
        """How many jobs it has done."""
        self.given = 0
        """How many jobs it has been given, and has not given back."""
        self.is_slow = False
        """Whether it has been at one job for long: nothing is to wait for that."""
        self.returned: list[Job] = []
        """Jobs that it has given back, for others."""
        self._sent = 0
        self._owed: set[int] = set()
        """Numbers of jobs that were taken back, and that it has not come across yet."""
        self.overdue: Overdue | None = None
        """What it is ended for, and how."""
        self.backlog = bytearray()
        self._life = life
        self._page = page
        self._words = memoryview(page).cast("Q")
        self._numbers = memoryview(page).cast("d")
        self._inbox = Inbox()

    def submit(self, jobs: Sequence[Job]) -> None:
        """Queue jobs."""
        self.queue.update([(job.number, job) for job in jobs])
        self.given += len(jobs)
        self._sent += len(jobs)
        self.send(pack_jobs(jobs))

    def send(self, message: bytes) -> None:
        """Send a message after those that still wait; what does not go now is kept in the backlog."""
        self.backlog += message
        self.flush()

    def flush(self) -> None:
        """Send of the backlog what the worker has room for."""
        try:
            while self.backlog and self.jobs is not None:
                del self.backlog[: os.write(self.jobs, self.backlog)]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            # It is dead, which shows elsewhere.
            self.backlog.clear()

    def receive(self) -> list[JobResult] | None:
        """Return the results that are there, or None when the worker will send no more."""
        try:
            data = os.read(self.results, READ)
        except BlockingIOError:
            return []
        if not data:
            return None
        results = unpack_results(self._inbox.feed(data))
        if self.is_slow or self._owed:
            results = self._without_recalled(results)
        self.answered += len(results)
        if self.overdue is not None:
            results = [result for result in results if result.number != self.overdue.job.number]
        for result in results:
            self.queue.pop(result.number, None)  # what it says at its end is of no job
        self.is_slow = self.is_slow and bool(self.queue)
        return results

    def _without_recalled(self, results: list[JobResult]) -> list[JobResult]:
        """Return the results of jobs that have begun; the others are known to be back, or are so now."""
        for result in results:
            if result.outcome != Outcome.RECALLED:
                continue
            if result.number in self._owed:
                self._owed.remove(result.number)
            elif result.number in self.queue:
                self._return([result.number])
        return [result for result in results if result.outcome != Outcome.RECALLED]

    def _return(self, numbers: Sequence[int]) -> None:
        self.returned += [self.queue.pop(number) for number in numbers]
        self.given -= len(numbers)

    def recall(self) -> list[JobResult]:
        """Take back the jobs that have not begun, and go to `returned`; return results that have come meanwhile.

        No job is begun after that, nor given twice: the worker says what it is at before it looks whether to begin it,
        and here it is the other way round. So what it is not at now will not begin; what it is at has begun, or is
        answered as given back. (Processors may let a write wait while they read ahead, here as there: hence the pause.)
        """
        self.is_slow = True
        self._words[RECALLED] = self._sent
        time.sleep(SETTLED)
        current = self._words[RUNNING] - 1
        results = self.receive() or []  # what ended before that; all of it, since a pipe holds less than one reads
        waiting: list[int] = []
        for number, job in self.queue.items():
            if waiting or (number != current and not job.follows):  # a chain that has begun stays together
                waiting.append(number)
        self._return(waiting)
        self._owed.update(waiting)
        self.is_slow = bool(self.queue)
        return results

    def running(self) -> tuple[Job, float] | None:
        """Return the job that is running, or was when the worker died, and when it began (monotonic seconds)."""
        job = self.queue.get(self._words[RUNNING] - 1)
        return None if job is None else (job, self._words[SINCE] / 1e9)

    def end(self, job: Job, began: float, grace: float) -> None:
        """Ask the worker to end since its job has taken too long: whatever still comes of that does not count."""
        self.overdue = Overdue(job, began, Ending(self.group, grace))
        self.dismiss()

    def activity(self) -> Activity | None:
        """Return what it is doing."""
        found = self.running()
        if found is None:
            return None
        age = time.monotonic() - found[1]
        return Activity(found[0].number, time.time() - age, self._numbers[DONE], self._numbers[TOTAL])

    def dismiss(self) -> None:
        """Let it end after the job that is running."""
        self._words[STOP] = 1
        self.backlog.clear()
        if self.jobs is not None:
            close_private(self.jobs)
            self.jobs = None

    def bury(self) -> int:
        """Kill what is left of the process and its group, release what was kept for it, return its wait status."""
        from signal import SIGKILL

        if self.overdue is not None:
            self.overdue.ending.enforce()
        self.group.signal(SIGKILL)
        status = self.group.reap()
        self.group.close()
        self.dismiss()
        close_private(self.results)
        close_private(self._life)
        self._words.release()
        self._numbers.release()
        self._page.close()
        return status


class Pipes(NamedTuple):
    """What connects a run with one worker: three pipes, the run's end of each first."""

    jobs: int
    results: int
    life: int
    theirs: tuple[int, int, int]

    def close_theirs(self) -> None:
        """Leave the worker's ends to the worker."""
        for descriptor in self.theirs:
            os.close(descriptor)


def birth(name: str, context: WorkerContext, factory: RunnerFactory | None) -> Worker:
    """Start a worker, the fastest way that is safe. Raises OSError."""
    return fork(name, context, factory) if may_fork() else spawn(name, context, factory)


def may_fork() -> bool:
    """Say whether a fork of this process is sound: other threads would be gone in it, with their locks held.

    Threads of libraries that live through forks (numpy's pool for linear algebra) do not show here, and may be there.
    """
    threading = sys.modules.get("threading")
    return sys.platform != "darwin" and (threading is None or threading.active_count() == 1)


def fork(name: str, context: WorkerContext, factory: RunnerFactory | None) -> Worker:
    """Start a worker as a copy of this process. Raises OSError."""
    page = mmap(-1, PAGESIZE)
    pipes = _pipes()
    _flush_streams()
    process = _fork()
    if not process:
        work(Ends(*pipes.theirs, page), name, context, factory)
    pipes.close_theirs()
    return Worker(name, process, pipes.jobs, pipes.results, pipes.life, page)


def _fork() -> int:
    import warnings

    with warnings.catch_warnings():
        # Python 3.12 counts the threads of libraries, too; `may_fork` has looked.
        warnings.filterwarnings("ignore", ".*fork.*", DeprecationWarning)
        return os.fork()


def spawn(name: str, context: WorkerContext, factory: RunnerFactory | None) -> Worker:
    """Start a worker as a fresh interpreter.

    Raises OSError, UsageError for a function that cannot be sent, and whatever pickling `factory` raises.
    """
    import pickle
    from subprocess import Popen
    from tempfile import TemporaryFile

    # In two layers: what is inside may need the path before it can be unpickled.
    introduction = pickle.dumps((sys.path, pickle.dumps((name, without_functions(context), factory))))
    pipes = _pipes()
    with TemporaryFile() as shared:
        shared.truncate(PAGESIZE)
        page = mmap(shared.fileno(), PAGESIZE)
        descriptors = [*pipes.theirs, shared.fileno()]
        command = [*_python(), "-m", "taskdisc.builtin.serving", *map(str, descriptors)]
        process = Popen(command, pass_fds=descriptors, start_new_session=True)
    # The worker is waited for by its number: this object must not complain that it is still running.
    process.returncode = 0
    pipes.close_theirs()
    worker = Worker(name, process.pid, pipes.jobs, pipes.results, pipes.life, page)
    worker.send(frame(introduction))
    return worker


def _python() -> list[str]:
    """The interpreter with the options that this one was given: under -O or -W error, tasks should not differ."""
    import subprocess

    return [sys.executable, *subprocess._args_from_interpreter_flags()]  # type: ignore[attr-defined]


def _pipes() -> Pipes:
    jobs, to_worker = os.pipe()
    from_worker, results = os.pipe()
    life, our_life = os.pipe()
    for descriptor in (to_worker, from_worker):
        os.set_blocking(descriptor, False)
    # Before the worker is there, so that neither it nor a later one keeps them.
    for descriptor in (to_worker, from_worker, our_life):
        keep_private(descriptor)
    _widen(jobs)
    _widen(results)
    return Pipes(to_worker, from_worker, our_life, (jobs, results, life))


def _widen(pipe: int) -> None:
    import fcntl

    if hasattr(fcntl, "F_SETPIPE_SZ"):
        try:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)
        except OSError:
            # There is a limit for each user, and a smaller pipe will do.
            pass


def _flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
