"""The command's side of launched jobs: the folder that a batch comes in and the results go to, and what happens."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from taskdisc.builtin.serving import die_with, start_capture
from taskdisc.builtin.termination import Asked, Termination
from taskdisc.builtin.wire import Inbox, pack_result, unpack_result
from taskdisc.capture import log_name
from taskdisc.model import Job, JobResult, Outcome, WorkerContext

JOBS = "jobs"
BEGUN = "begun"
"""A file that holds the place of the job that was begun last; its time is that of the beginning."""
RESULT = "result"
"""Begins the names of files with results; the job's place follows."""
DISMISSED = "dismissed"
"""A file that says that no other job is to begin."""


GOOD = frozenset({Outcome.SUCCEEDED, Outcome.SKIPPED})
"""Outcomes with which a command ends well."""


class Life(NamedTuple):
    """A pipe that closes when the run ends, as the command knows it again if the launcher lets it through."""

    descriptor: int
    device: int
    inode: int

    @classmethod
    def of(cls, descriptor: int) -> Life:
        """Describe an open descriptor."""
        status = os.fstat(descriptor)
        return cls(descriptor, status.st_dev, status.st_ino)

    def arrived(self) -> bool:
        """Say whether the descriptor of that number is the pipe here, too."""
        try:
            return Life.of(self.descriptor) == self
        except OSError:
            return False


def own_name(job: Job) -> str:
    """Return what a command's own files of captured output are called while it runs; by the first job of its batch."""
    return f"command-{log_name(job)}"


def write_jobs(folder: str, context: WorkerContext, jobs: Sequence[Job], life: Life) -> None:
    """Put into `folder` all that the command needs; the context has no functions."""
    import pickle

    # In two layers: what is inside may need the path before it can be unpickled.
    inner = pickle.dumps((context, tuple(jobs)))
    with open(os.path.join(folder, JOBS), "wb") as file:
        pickle.dump((sys.path, tuple(life), inner), file)


def read_result(folder: str, place: int, job: Job) -> JobResult | None:
    """Return the result of the job at this place, or None where there is none, or not all of it."""
    try:
        with open(_result(folder, place), "rb") as file:
            messages = Inbox().feed(file.read())
    except FileNotFoundError:
        return None
    result = unpack_result(messages[0]) if len(messages) == 1 else None
    return result if result is not None and result.number == job.number else None


def has_result(folder: str, place: int) -> bool:
    """Say whether the job at this place has ended."""
    return os.path.exists(_result(folder, place))


def begun(folder: str) -> float | None:
    """Return when the last job began (seconds since the epoch, by the clock of the folder's disk), or None before."""
    try:
        return os.stat(os.path.join(folder, BEGUN)).st_mtime
    except OSError:
        return None


def last_begun(folder: str) -> int | None:
    """Return the place of the job that was begun last, or None before the first."""
    try:
        with open(os.path.join(folder, BEGUN), encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def dismiss(folder: str) -> None:
    """Have a command begin no other job."""
    try:
        with open(os.path.join(folder, DISMISSED), "wb"):
            pass
    except OSError:  # it is gone, or the disk is full: then it ends later
        pass


def run_jobs(folder: str) -> int:
    """Run the jobs in `folder`; return the exit code: 0 where all that were run succeeded, else 1."""
    context, jobs = _read_jobs(folder)
    os.chdir(context.root)
    capture = start_capture(context, own_name(jobs[0]))
    from taskdisc.worker import Runner

    termination = Termination()
    if context.fixtures:
        termination.listen()
    _write(os.path.join(folder, BEGUN), b"0")
    runner, results = Runner(context, capture), []
    try:
        for place, job in enumerate(jobs):
            if place:
                if os.path.exists(os.path.join(folder, DISMISSED)):
                    break
                _write(os.path.join(folder, BEGUN), b"%d" % place)
            results.append(termination.call(runner.run, job))
            _write(_result(folder, place), pack_result(results[-1]))
    except Asked:
        pass
    finally:
        warnings = runner.close()
    termination.obey()
    if warnings:
        last = results[-1]._replace(warnings=(*results[-1].warnings, *warnings))
        _write(_result(folder, len(results) - 1), pack_result(last))
    return 0 if all(result.outcome in GOOD for result in results) else 1


def _read_jobs(folder: str) -> tuple[WorkerContext, tuple[Job, ...]]:
    import pickle

    with open(os.path.join(folder, JOBS), "rb") as file:
        sys.path[:], life, inner = pickle.load(file)
    if (pipe := Life(*life)).arrived():
        os.set_inheritable(pipe.descriptor, False)
        die_with(pipe.descriptor)
    found: tuple[WorkerContext, tuple[Job, ...]] = pickle.loads(inner)
    return found


def _result(folder: str, place: int) -> str:
    return os.path.join(folder, f"{RESULT}-{place}")


def _write(path: str, data: bytes) -> None:
    """Write a file all at once."""
    with open(f"{path}.new", "wb") as file:
        file.write(data)
    os.rename(f"{path}.new", path)
