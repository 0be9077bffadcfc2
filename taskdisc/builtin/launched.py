"""The command's side of a launched job: the folder that the job comes in and the result goes to, and what happens."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from taskdisc.builtin.serving import die_with, start_capture
from taskdisc.builtin.wire import Inbox, pack_result, unpack_result
from taskdisc.capture import log_name
from taskdisc.model import Job, JobResult, Outcome, WorkerContext

JOB = "job"
BEGUN = "begun"
RESULT = "result"


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
    """Return what the command's own files of captured output are called while it runs."""
    return f"command-{log_name(job)}"


def write_job(folder: str, context: WorkerContext, job: Job, life: Life) -> None:
    """Put into `folder` all that the command needs; the context has no functions."""
    import pickle

    # In two layers: what is inside may need the path before it can be unpickled.
    inner = pickle.dumps((context, job))
    with open(os.path.join(folder, JOB), "wb") as file:
        pickle.dump((sys.path, tuple(life), inner), file)


def read_result(folder: str, job: Job) -> JobResult | None:
    """Return the result of the job, or None where there is none, or not all of it."""
    try:
        with open(os.path.join(folder, RESULT), "rb") as file:
            messages = Inbox().feed(file.read())
    except FileNotFoundError:
        return None
    result = unpack_result(messages[0]) if len(messages) == 1 else None
    return result if result is not None and result.number == job.number else None


def begun(folder: str) -> float | None:
    """Return when the task began (seconds since the epoch, by the clock of the folder's disk), or None before that."""
    try:
        return os.stat(os.path.join(folder, BEGUN)).st_mtime
    except OSError:
        return None


def run_job(folder: str) -> int:
    """Run the job in `folder`; return the exit code: 0 where the task succeeded, else 1."""
    context, job = _read_job(folder)
    os.chdir(context.root)
    capture = start_capture(context, own_name(job))
    from taskdisc.worker import Runner

    with open(os.path.join(folder, BEGUN), "w"):
        pass
    result = Runner(context, capture).run(job)
    _write_result(folder, result)
    return 0 if result.outcome in (Outcome.SUCCEEDED, Outcome.SKIPPED) else 1


def _read_job(folder: str) -> tuple[WorkerContext, Job]:
    import pickle

    with open(os.path.join(folder, JOB), "rb") as file:
        sys.path[:], life, inner = pickle.load(file)
    if (pipe := Life(*life)).arrived():
        os.set_inheritable(pipe.descriptor, False)
        die_with(pipe.descriptor)
    found: tuple[WorkerContext, Job] = pickle.loads(inner)
    return found


def _write_result(folder: str, result: JobResult) -> None:
    path = os.path.join(folder, RESULT)
    with open(f"{path}.new", "wb") as file:
        file.write(pack_result(result))
    os.rename(f"{path}.new", path)
