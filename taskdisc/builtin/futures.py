"""Any executor of `concurrent.futures` as an executor of runs. One of the caller is never shut down.

Output of tasks goes where that of its workers goes: it is theirs, and not caught. What runs cannot be killed.
"""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from threading import Event, local
from typing import TYPE_CHECKING, Any

from taskdisc.builtin.bell import Bell
from taskdisc.builtin.serving import closing_remarks
from taskdisc.endings import unanswered
from taskdisc.errors import UsageError
from taskdisc.model import Activity, Job, JobResult, Outcome, WorkerContext
from taskdisc.protocols import Capabilities
from taskdisc.wire import HEADER, pack_result, unpack_job, unpack_result, without_functions

if TYPE_CHECKING:
    from taskdisc.worker import Runner

AHEAD = 2
"""Jobs that a worker may hold: one that runs, and one that waits."""
BROKEN_HINT = (
    "os._exit() in a task, a crash of compiled code, or not enough memory (`dmesg` says so). "
    "What was finished is kept: make a new executor, and run again."
)


class FuturesExecutor:
    """Runs jobs in a pool: in its threads with copies of their inputs, elsewhere by sending what a worker must know."""

    capabilities = Capabilities()

    def __init__(self, pool: Executor, workers: int) -> None:
        """`workers` is how many jobs run at once where the pool does not tell."""
        self._pool = pool
        size = getattr(pool, "_max_workers", None)
        self._workers = size if isinstance(size, int) and size > 0 else workers
        self._slots = AHEAD * self._workers
        self.forks = _forks(pool)
        """See `executors.forks`."""
        self._flying: dict[Future[Any], Job] = {}
        self._landed: deque[Future[Any]] = deque()
        self._seen: dict[Future[Any], float] = {}
        """When those that run were first seen to do so."""
        self._lost: list[JobResult] = []
        self._context: WorkerContext | None = None
        self._serve: Callable[[Job], Future[Any]] = self._send
        self._bell: Bell | None = None
        self._folder = ""
        self._dismissed = Event()
        self._runners: list[Runner] = []
        """Those of the pool's threads."""

    def start(self, context: WorkerContext) -> None:
        """Prepare what the pool's workers must know."""
        self._context = context
        if not context.ahead:
            self._slots = self._workers
        self._bell = Bell()
        if isinstance(self._pool, ThreadPoolExecutor):
            runners = _ThreadRunners(context, self._runners, self._dismissed)
            self._serve = lambda job: self._pool.submit(runners.run, job)
        else:
            self._folder = os.path.join(context.store, context.logs, f"pool-{id(self)}")
            os.makedirs(self._folder, mode=0o700)
            with open(os.path.join(self._folder, INTRODUCTION), "wb") as stream:
                stream.write(pickle.dumps(without_functions(context), 5))
        if self.forks:
            with suppress(RuntimeError):  # that it is broken or was shut down, jobs will tell
                self._pool.submit(int)  # it forks all its workers for its first job

    def _send(self, job: Job) -> Future[Any]:
        return self._pool.submit(serve, self._folder, tuple(job))

    def free(self) -> int:
        """Return how many more jobs the pool should hold."""
        return max(0, self._slots - len(self._flying))

    def submit(self, jobs: Sequence[Job]) -> None:
        """Submit the jobs. Raises UsageError where the pool was shut down."""
        assert self._bell is not None, "start() comes first"
        for job in jobs:
            try:
                future = self._serve(job)
            except BrokenExecutor as error:
                self._lost.append(self._never_began(job, error))
                self._bell.ring()
                continue
            except RuntimeError as error:
                raise UsageError(f"the executor takes no jobs: {error}. Give the run another one.") from None
            self._flying[future] = job
            future.add_done_callback(self._land)

    def under_way(self) -> list[Activity]:
        """Return the jobs that run: the first of them, since pools say so of some that wait, too."""
        now = time.time()
        running = [future for future in self._flying if future.running()][: self._workers]
        self._seen = {future: self._seen.get(future, now) for future in running}
        return [Activity(self._flying[future].number, began) for future, began in self._seen.items()]

    def _land(self, future: Future[Any]) -> None:
        """In a thread of the pool."""
        self._landed.append(future)
        assert self._bell is not None
        self._bell.ring()

    def collect(self) -> list[JobResult]:
        """Return what has ended since the last call."""
        if self._bell is not None:
            self._bell.hush()
        landed = [self._landed.popleft() for _ in range(len(self._landed))]
        landed = [future for future in landed if future in self._flying]
        suspects: list[Job] = []
        if self._lost or any(isinstance(_error_of(future), BrokenExecutor) for future in landed):
            wait(self._flying, timeout=BREAKING)  # all of them fail now: together they tell whose fault it was
            landed = [future for future in self._flying if future.done()]
            suspects = self._suspects([self._flying[future] for future in landed])
        found, self._lost = self._lost, []
        for future in landed:
            result = self._result(self._flying.pop(future), future, suspects)
            if result is not None:
                found.append(result)
        # The culprits first: what is asked for the reason of a failure names the first one.
        return sorted(found, key=lambda result: result.outcome == Outcome.CANCELLED)

    def _suspects(self, jobs: list[Job]) -> list[Job]:
        """Of these jobs, those that workers have begun and not ended."""
        begun = set()
        for name in os.listdir(self._folder) if self._folder else ():
            if name not in (INTRODUCTION, DISMISSED):
                with open(os.path.join(self._folder, name), encoding="ascii") as stream:
                    begun.add(stream.read())
        return [job for job in jobs if str(job.number) in begun]

    def _result(self, job: Job, future: Future[Any], suspects: list[Job]) -> JobResult | None:
        """How the job ended; None where it was not begun, since nothing was to begin any more."""
        error = _error_of(future)
        if error is None:
            answer = future.result()
            return _unpacked(answer) if isinstance(answer, bytes) else answer
        if isinstance(error, BrokenExecutor):
            return self._killed(job, suspects) if job in suspects else self._never_began(job, error)
        if isinstance(error, CancelledError):
            return self._unanswered(job, Outcome.CANCELLED, "cancelled before it began, by whoever has the executor")
        return self._unanswered(job, Outcome.FAILED, f"the executor could not run it: {type(error).__name__}: {error}")

    def _killed(self, job: Job, suspects: list[Job]) -> JobResult:
        others = [other.instance for other in suspects if other is not job]
        beside = f"; it, or what ran beside it ({', '.join(others)}), is the reason" if others else ""
        return self._unanswered(
            job, Outcome.KILLED, f"a worker of the executor ended while this ran{beside}", BROKEN_HINT
        )

    def _never_began(self, job: Job, error: BaseException) -> JobResult:
        return self._unanswered(
            job, Outcome.CANCELLED, f"never began, since the executor is broken: {error}", BROKEN_HINT
        )

    def _unanswered(self, job: Job, outcome: str, message: str, hint: str = "") -> JobResult:
        assert self._context is not None
        return unanswered(job, self._context.specs[job.task], outcome, message, hint)

    def fileno(self) -> int | None:
        """Return a descriptor that is readable when jobs have ended."""
        assert self._bell is not None, "start() comes first"
        return self._bell.descriptor

    def deadline(self) -> None:
        """There is no such moment: what runs cannot be ended."""

    def dismiss(self) -> None:
        """Take back what has not begun, and have workers begin nothing that the pool does not give back."""
        self._dismissed.set()
        if self._folder:
            with open(os.path.join(self._folder, DISMISSED), "wb"):
                pass
        for future in list(self._flying):
            if future.cancel():
                self._flying.pop(future, None)

    def busy(self) -> bool:
        """Say whether jobs run, or have run."""
        return bool(self._flying)

    def stop(self, *, kill: bool) -> None:
        """Take back what has not begun; wait for what runs, unless the run was interrupted. The pool stays."""
        self.dismiss()
        running = list(self._flying)
        if not kill:
            wait(running)
        if all(future.done() for future in running):
            self._close_runners()
        for future in running:
            if not future.done():
                del self._flying[future]
        if self._bell is not None:
            self._bell.remove()
        if self._folder:
            import shutil

            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = ""

    def _close_runners(self) -> None:
        """The threads stay, and are not ours to end: what their jobs shared is closed from here."""
        for runner in self._runners:
            if warnings := runner.close():
                self._lost.append(closing_remarks(warnings))
        self._runners.clear()


class OwnPool(FuturesExecutor):
    """A pool that is the run's own, and is shut down with it: a plugin has made it."""

    def stop(self, *, kill: bool) -> None:
        """Let the pool's workers end after what they run; wait for that unless the run was interrupted."""
        super().stop(kill=kill)
        self._pool.shutdown(wait=not kill)


INTRODUCTION = "introduction"
DISMISSED = "dismissed"
"""A file that says that no other job is to begin."""
BREAKING = 5.0
"""Seconds that a broken pool has for telling so of all its jobs; it takes milliseconds."""


class _ThreadRunners(local):
    """A runner for each thread: what it keeps of the job that runs is no other thread's business."""

    def __init__(self, context: WorkerContext, runners: list[Runner], dismissed: Event) -> None:
        from taskdisc.worker import Runner

        self._runner = Runner(context)
        self._dismissed = dismissed
        runners.append(self._runner)

    def run(self, job: Job) -> JobResult | None:
        return None if self._dismissed.is_set() else self._runner.run(job)


def _forks(pool: Executor) -> bool:
    """Say whether the pool's workers are forks of this process."""
    processes = sys.modules.get("concurrent.futures.process")
    if processes is None or not isinstance(pool, processes.ProcessPoolExecutor):
        return False
    context = getattr(pool, "_mp_context", None)
    return context is not None and context.get_start_method() == "fork"


def _error_of(future: Future[Any]) -> BaseException | None:
    return CancelledError() if future.cancelled() else future.exception()


_serving: dict[str, Any] = {}
"""The runner of this worker, by the folder of the executor that it works for."""


def serve(folder: str, plain: tuple[Any, ...]) -> bytes | None:
    """Run a job in a worker of a pool; what runs is written down, in case that the worker does not survive it."""
    if os.path.exists(os.path.join(folder, DISMISSED)):
        return None
    job = unpack_job(plain)
    mark = os.path.join(folder, str(os.getpid()))
    with open(mark, "w", encoding="ascii") as stream:
        stream.write(str(job.number))
    try:
        return pack_result(_runner(folder).run(job))
    finally:
        os.truncate(mark, 0)


def _runner(folder: str) -> Any:
    if folder not in _serving:
        from taskdisc.worker import Runner

        with open(os.path.join(folder, INTRODUCTION), "rb") as stream:
            context = pickle.loads(stream.read())
        if not _serving:
            _close_at_exit()
        _close_served()
        _serving[folder] = Runner(context)
    return _serving[folder]


def _close_at_exit() -> None:
    """A worker of `multiprocessing` ends without Python's own exit functions."""
    import atexit
    from multiprocessing.util import Finalize

    Finalize(None, _close_served, exitpriority=1)
    atexit.register(_close_served)


def _close_served() -> None:
    """Close what the jobs of a run that has ended have shared; nobody is left to be told but stderr."""
    for runner in _serving.values():
        for warning in runner.close():
            print(f"warning: {warning}", file=sys.stderr)
    _serving.clear()


def _unpacked(answer: bytes) -> JobResult:
    import marshal

    return unpack_result(marshal.loads(memoryview(answer)[HEADER.size :]))
