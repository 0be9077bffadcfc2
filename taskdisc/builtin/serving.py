"""The worker's side of the process executor: what a worker process does from its first moment to its last."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol

from taskdisc.builtin.termination import Asked, Termination
from taskdisc.descriptors import keep_private
from taskdisc.model import NO_JOB, Job, JobResult, Outcome, WorkerContext
from taskdisc.wire import HEADER, Inbox, pack_result, unpack_job, write_all

if TYPE_CHECKING:
    from mmap import mmap

    from taskdisc.capture import Capture

READ = 1 << 20
FOLLOWS = Job._fields.index("follows")
RUNNING, SINCE, STOP, DONE, TOTAL, RECALLED = range(6)
"""Words of the shared page: number of the running job plus one, when it began (monotonic ns), whether to take no
other, two floats, what it said of its progress, and how many of the jobs that came are not to begin any more."""


class Runs(Protocol):
    """What runs a worker's jobs."""

    progress: Callable[[float, float], None]
    """What a job calls to say how much is done, of how much; set by whoever can pass that on."""

    def run(self, job: Job) -> JobResult:
        """Run one job."""

    def close(self) -> tuple[str, ...]:
        """Close what jobs have shared, after the last one; return warnings."""


RunnerFactory = Callable[["WorkerContext", "Capture | None"], Runs]


class Ends(NamedTuple):
    """The worker's ends of what connects it with the run."""

    jobs: int
    results: int
    life: int
    """Never carries a byte: it closes when the run ends, by whatever means."""
    page: mmap

    def keep_from_children(self) -> None:
        """Have children that a task forks let go of them: they must not speak, nor live, in the worker's name."""
        for descriptor in self[:3]:
            keep_private(descriptor)


def work(ends: Ends, name: str, context: WorkerContext, factory: RunnerFactory | None) -> NoReturn:
    """Be a worker called `name`: run jobs until there are no more, and end the process."""
    status = 1
    try:
        _part_from_run(ends.life)
        ends.keep_from_children()
        os.chdir(context.root)
        capture = start_capture(context, name)
        if factory is None:
            from taskdisc.worker import Runner

            factory = Runner
        termination = Termination()
        if context.fixtures:
            termination.listen()
        runner = factory(context, capture)
        try:
            _serve(ends, runner, termination)
        finally:
            warnings = runner.close()
            if warnings:
                write_all(ends.results, pack_result(closing_remarks(warnings)))
        _flush_streams()
        termination.obey()
        status = 0
    except BrokenPipeError:
        pass
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        _flush_streams()
        # Not through the interpreter's exit: a forked child must not run the parent's exit functions.
        os._exit(status)


def closing_remarks(warnings: tuple[str, ...]) -> JobResult:
    """Return what a worker says at its end about what it could not close."""
    return JobResult(NO_JOB, Outcome.CLOSED, warnings=warnings)


def _serve(ends: Ends, runner: Runs, termination: Termination) -> None:
    try:
        if termination.listens:
            _run_all(ends, partial(termination.call, runner.run), partial(termination.call, os.read), runner)
        else:
            _run_all(ends, runner.run, os.read, runner)
    except Asked:
        pass


def _run_all(ends: Ends, run: Callable[[Job], JobResult], read: Callable[[int, int], bytes], runner: Runs) -> None:
    """Run the jobs that come."""
    from time import monotonic_ns

    process, come, has_run = os.getpid(), 0, False
    inbox = Inbox()
    with memoryview(ends.page) as page, page.cast("Q") as words, page.cast("d") as numbers:

        def tell(done: float, total: float) -> None:
            numbers[DONE], numbers[TOTAL] = done, total

        runner.progress = tell
        while data := read(ends.jobs, READ):
            for batch in inbox.feed(data):
                for plain in batch:
                    if words[STOP]:
                        return
                    words[SINCE] = monotonic_ns()
                    words[TOTAL] = 0
                    words[RUNNING] = plain[0] + 1
                    come += 1
                    # After it has said what it is at: see `Worker.recall`.
                    if come <= words[RECALLED] and not (has_run and plain[FOLLOWS]):
                        has_run = False
                        write_all(ends.results, pack_result(JobResult(plain[0], Outcome.RECALLED)))
                        words[RUNNING] = 0
                        continue
                    has_run = True
                    result = run(unpack_job(plain))
                    if os.getpid() != process:
                        # A child that the task forked and forgot to end came back from the task as well.
                        os._exit(1)
                    write_all(ends.results, pack_result(result))
                    words[RUNNING] = 0


def start_capture(context: WorkerContext, name: str) -> Capture:
    """Catch all output of this process from here on, that of a crash included; where that is wanted."""
    import faulthandler

    from taskdisc.capture import Capture, Uncaptured

    capture = (Capture if context.captured else Uncaptured)(context.store, context.logs, name)
    capture.start()
    faulthandler.enable(sys.stderr)
    return capture


def _part_from_run(life: int) -> None:
    """Become independent of the run's terminal and signals, but not of its life."""
    import gc

    # What came from the run is garbage here never: looking through it would only copy its memory.
    gc.freeze()
    gc.enable()
    _reset_signals()
    if os.getsid(0) != os.getpid():
        # A session of its own, so that a password prompt fails instead of stopping the worker for good.
        os.setsid()
    die_with(life)


def _reset_signals() -> None:
    import signal

    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    # An interrupt is for the run to decide. A handler, since programs that a task starts would inherit "ignored".
    signal.signal(signal.SIGINT, _do_nothing)


def _do_nothing(*_: Any) -> None:
    pass


def die_with(life: int) -> None:
    """Have this process's group killed when the other end of the pipe `life` closes."""
    import fcntl

    if hasattr(fcntl, "F_SETSIG"):
        from signal import SIGKILL

        # The kernel does it, whatever the process is doing: no thread that needs the interpreter's lock.
        fcntl.fcntl(life, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(life, fcntl.F_SETSIG, SIGKILL)
        fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
        if _is_closed(life):
            _kill_group()
    else:
        from threading import Thread

        Thread(target=_await_end, args=(life,), daemon=True).start()


def _is_closed(life: int) -> bool:
    from select import select

    return bool(select([life], [], [], 0)[0])


def _await_end(life: int) -> None:
    os.read(life, 1)
    _kill_group()


def _kill_group() -> None:
    from signal import SIGKILL

    os.killpg(0, SIGKILL)


def _flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass


def main(arguments: list[str]) -> NoReturn:
    """Be a worker in a fresh interpreter: the descriptors are in the arguments, the rest in the first message."""
    import mmap
    import pickle

    jobs, results, life, shared = map(int, arguments)
    ends = Ends(jobs, results, life, mmap.mmap(shared, mmap.PAGESIZE))
    for descriptor in (jobs, results, life, shared):
        os.set_inheritable(descriptor, False)
    os.close(shared)
    sys.path[:], introduction = pickle.loads(_first_message(jobs))
    work(ends, *pickle.loads(introduction))


def _first_message(descriptor: int) -> bytes:
    """Read one message and not a byte more."""
    import marshal

    size = HEADER.unpack(_read_exactly(descriptor, HEADER.size))[0]
    message: bytes = marshal.loads(_read_exactly(descriptor, size))
    return message


def _read_exactly(descriptor: int, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        block = os.read(descriptor, size - len(data))
        if not block:
            raise EOFError("the run ended before it had introduced itself")
        data += block
    return bytes(data)


if __name__ == "__main__":
    main(sys.argv[1:])
