"""Verdicts: what a command that has ended means for the jobs of its batch."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from typing import NamedTuple

from taskdisc.builtin.endings import describe_exit, last_lines, too_slow, unanswered
from taskdisc.builtin.launched import GOOD, begun, last_begun, own_name, read_result
from taskdisc.builtin.launching import Launch, launcher_log
from taskdisc.capture import log_name, salvage
from taskdisc.model import ErrorText, Job, JobResult, Outcome, WorkerContext


class Verdict(NamedTuple):
    """What became of the jobs of a command."""

    ended: list[JobResult]
    left: tuple[Job, ...]
    """Those that it has not begun, through no fault of theirs."""


def judge(context: WorkerContext, launch: Launch, status: int, *, overdue: bool, dismissed: bool) -> Verdict:
    """Judge a command that has ended with this wait status.

    `overdue`: it was ended since a job took too long; `dismissed`: it was to begin no other.
    """
    results = _results(launch)
    if overdue:
        slow = min(last_begun(launch.folder) or 0, len(launch.jobs) - 1)
        lost = _too_slow(context, launch, launch.jobs[slow])
        return Verdict([*results[:slow], lost], launch.jobs[slow + 1 :])
    count = len(results)
    if count == len(launch.jobs) or (dismissed and count and last_begun(launch.folder) == count - 1):
        return Verdict(_checked(context, launch, status, results), launch.jobs[count:])
    lost = _lost(context, launch, status, launch.jobs[count])
    return Verdict([*results, lost], launch.jobs[count + 1 :])


def has_all(launch: Launch) -> bool:
    """Say whether every job of a command has left a result that can be seen from here."""
    os.listdir(launch.folder)  # a network file system looks for what is new
    return len(_results(launch)) == len(launch.jobs)


def _results(launch: Launch) -> list[JobResult]:
    """Those that are there, up to the first that is not."""
    found = []
    for place, job in enumerate(launch.jobs):
        result = read_result(launch.folder, place, job)
        if result is None:
            break
        found.append(result)
    return found


def _checked(context: WorkerContext, launch: Launch, status: int, results: list[JobResult]) -> list[JobResult]:
    """Success takes both: a result, and exit code 0, or 1 where a task beside it has failed."""
    told = os.waitstatus_to_exitcode(status) == any(result.outcome not in GOOD for result in results)
    if told:
        return results
    what, hint = describe_exit(status, quoted(launch.words))[1:]
    said = last_lines(launcher_log(context, launch.jobs[0]))
    place = context.specs[launch.jobs[0].task].place
    error = ErrorText("launcher", f"command ended with {what} after the task had succeeded", place, said, hint)
    failed = {"outcome": Outcome.FAILED, "parts": (), "files": (), "error": error}
    return [result._replace(**failed) if result.outcome in GOOD else result for result in results]  # type: ignore[arg-type]


def _lost(context: WorkerContext, launch: Launch, status: int, job: Job) -> JobResult:
    outcome, what, hint = describe_exit(status, quoted(launch.words))
    message = f"command ended with {what} before the task had a result"
    said = last_lines(launcher_log(context, launch.jobs[0]))
    stdout, stderr = salvage(context.store, context.logs, own_name(launch.jobs[0]), log_name(job))
    if stderr is not None:
        said = said or last_lines(os.path.join(context.store, stderr))
    began = launch.began if job is launch.jobs[0] else begun(launch.folder)
    lost = unanswered(job, context.specs[job.task], outcome, message, hint, began, said)
    return lost._replace(stdout=stdout, stderr=stderr)


def _too_slow(context: WorkerContext, launch: Launch, job: Job) -> JobResult:
    """What a command says that had to be ended does not count."""
    lost = too_slow(job, context.specs[job.task], begun(launch.folder))
    stdout, stderr = salvage(context.store, context.logs, own_name(launch.jobs[0]), log_name(job))
    return lost._replace(stdout=stdout, stderr=stderr)


def quoted(words: Sequence[str]) -> str:
    """Return words as one would type them."""
    return shlex.join(words)
