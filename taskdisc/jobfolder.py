"""Folders of jobs: how jobs come to a command that may run on another machine, and their results back.

`[python, -m, taskdisc.builtin.command, FOLDER]` (see `command`) runs the jobs in a folder one after the other and puts
there which it has begun, and each result as soon as there is one. Nothing else connects it with the run: whatever
starts the command, the folder must be on a disk that both see, as must the project and the store.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Sequence
from typing import NamedTuple

from taskdisc.capture import log_name, salvage
from taskdisc.endings import LAUNCHER, last_lines, unanswered
from taskdisc.model import Job, JobResult, Outcome, TaskSpec, WorkerContext
from taskdisc.wire import Inbox, pack_result, unpack_result

JOBS = "jobs"
CONTEXT = "context"
BEGUN = "begun"
"""A file that holds the place of the job that was begun last; its time is that of the beginning."""
RESULT = "result-"
"""Begins the names of files with results; the job's place follows."""
DISMISSED = "dismissed"
"""A file that says that no other job is to begin."""

GOOD = frozenset({Outcome.SUCCEEDED, Outcome.SKIPPED})
"""Outcomes with which a command ends well."""


class Given(NamedTuple):
    """What a command finds in its folder."""

    context: WorkerContext
    jobs: tuple[Job, ...]
    life: tuple[int, int, int] | None


def command(folder: str) -> list[str]:
    """Return the words that run the jobs in a folder; their exit code is 0 where all succeeded, else 1."""
    return [sys.executable, "-m", "taskdisc.builtin.command", folder]


def batch_size(spec: TaskSpec, context: WorkerContext) -> int:
    """Return how many jobs of a task a command may run."""
    if not context.ahead:  # the next failure ends all, and no job may wait for the end of another
        return 1
    return min(spec.batch, context.max_tasks or spec.batch)


# The run's side


def write_context(path: str, context: WorkerContext) -> None:
    """Write what all commands of a run must know into a file; `context` is one `wire.without_functions`."""
    # In two layers: what is inside may need the path before it can be unpickled.
    inner = pickle.dumps(context)
    with open(path, "wb") as file:
        pickle.dump((sys.path, inner), file)


def write_jobs(folder: str, context: str, jobs: Sequence[Job], life: tuple[int, int, int] | None = None) -> None:
    """Put jobs, of one task, into a folder; `context` is the path of what `write_context` has written.

    `life` describes a descriptor that commands on this machine inherit.
    """
    with open(os.path.join(folder, JOBS), "wb") as file:
        pickle.dump((os.path.abspath(context), life, tuple(jobs)), file)


def read_result(folder: str, place: int) -> JobResult | None:
    """Return the result of the job at this place, or None where there is none, or not all of it."""
    try:
        with open(_result(folder, place), "rb") as file:
            messages = Inbox().feed(file.read())
    except FileNotFoundError:
        return None
    return unpack_result(messages[0]) if len(messages) == 1 else None


def read_results(folder: str, jobs: Sequence[Job], start: int = 0) -> list[JobResult]:
    """Return the results of the jobs from a place on that are there, up to the first that is not."""
    found = []
    for place in range(start, len(jobs)):
        result = read_result(folder, place)
        if result is None or result.number != jobs[place].number:
            break
        found.append(result)
    return found


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


def own_name(job: Job) -> str:
    """Return what a command's own files of captured output are called while it runs; by the first job of its batch."""
    return f"command-{log_name(job)}"


def launcher_log(context: WorkerContext, job: Job) -> str:
    """Return the path of what a launcher or a batch system itself says; `job` is the first of the batch."""
    return os.path.join(context.store, _launcher_log(context, job))


def _launcher_log(context: WorkerContext, job: Job) -> str:
    return f"{context.logs}/{log_name(job)}{LAUNCHER}"


def share_log(context: WorkerContext, jobs: Sequence[Job], results: Sequence[JobResult]) -> list[JobResult]:
    """What the launcher says is about every job of a batch; where it said nothing, there is no log.

    Return the results that the end of the command has brought; where only the launcher spoke, that is their log.
    """
    log = launcher_log(context, jobs[0])
    if not os.path.exists(log):
        return list(results)
    if not os.path.getsize(log):
        os.unlink(log)
        return list(results)
    for job in jobs[1:]:
        try:
            os.link(log, launcher_log(context, job))
        except OSError:  # no links there, or one of another command that ran it
            pass
    by_number = {job.number: job for job in jobs}
    return [_heard(context, by_number[result.number], result) for result in results]


def _heard(context: WorkerContext, job: Job, result: JobResult) -> JobResult:
    if result.stdout or result.stderr or not os.path.exists(launcher_log(context, job)):
        return result
    return result._replace(stderr=_launcher_log(context, job))


def lost(
    context: WorkerContext, jobs: Sequence[Job], job: Job, outcome: str, message: str, hint: str,
    began: float | None = None, said: str = "",
) -> JobResult:  # fmt: skip
    """Return the result of a job that could not give one itself, since its command was ended or has ended.

    `jobs` are those of the command, whose captured output becomes the job's. `said` are last words from elsewhere, in
    whose place those on the job's stderr stand if there are none.
    """
    stdout, stderr = salvage(context.store, context.logs, own_name(jobs[0]), log_name(job))
    if stderr is not None:
        said = said or last_lines(os.path.join(context.store, stderr))
    result = unanswered(job, context.specs[job.task], outcome, message, hint, began, said)
    return result._replace(stdout=stdout, stderr=stderr)


# The command's side


def read_jobs(folder: str) -> Given:
    """Return what a command must do; from then on, the project's modules can be imported."""
    with open(os.path.join(folder, JOBS), "rb") as file:
        path, life, jobs = pickle.load(file)
    with open(path, "rb") as file:
        sys.path[:], inner = pickle.load(file)
    return Given(pickle.loads(inner), jobs, life)


def is_dismissed(folder: str) -> bool:
    """Say whether no other job is to begin."""
    return os.path.exists(os.path.join(folder, DISMISSED))


def write_begun(folder: str, place: int) -> None:
    """Note that a job begins."""
    _write(os.path.join(folder, BEGUN), b"%d" % place)


def write_result(folder: str, place: int, result: JobResult) -> None:
    """Give the result of the job at this place."""
    _write(_result(folder, place), pack_result(result))


def _result(folder: str, place: int) -> str:
    return os.path.join(folder, f"{RESULT}{place}")


def _write(path: str, data: bytes) -> None:
    """Write a file all at once."""
    with open(f"{path}.new", "wb") as file:
        file.write(data)
    os.rename(f"{path}.new", path)
