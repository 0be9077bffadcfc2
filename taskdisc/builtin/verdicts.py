"""Verdicts: what a command that has ended means for the jobs of its batch."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from typing import NamedTuple

from taskdisc.builtin.launching import Launch
from taskdisc.endings import SLOW_HINT, describe_exit, last_lines, slow_message
from taskdisc.jobfolder import GOOD, begun, last_begun, launcher_log, lost, read_results
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
    results = read_results(launch.folder, launch.jobs)
    if overdue:
        slow = min(last_begun(launch.folder) or 0, len(launch.jobs) - 1)
        return Verdict([*results[:slow], _too_slow(context, launch, launch.jobs[slow])], launch.jobs[slow + 1 :])
    count = len(results)
    if count == len(launch.jobs) or (dismissed and count and last_begun(launch.folder) == count - 1):
        return Verdict(_checked(context, launch, status, results), launch.jobs[count:])
    return Verdict([*results, _lost(context, launch, status, launch.jobs[count])], launch.jobs[count + 1 :])


def has_all(launch: Launch) -> bool:
    """Say whether every job of a command has left a result that can be seen from here."""
    os.listdir(launch.folder)  # a network file system looks for what is new
    return len(read_results(launch.folder, launch.jobs)) == len(launch.jobs)


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
    began = launch.began if job is launch.jobs[0] else begun(launch.folder)
    return lost(context, launch.jobs, job, outcome, message, hint, began, said)


def _too_slow(context: WorkerContext, launch: Launch, job: Job) -> JobResult:
    """What the launcher says of a command that had to be ended does not count."""
    message = slow_message(context.specs[job.task])
    return lost(context, launch.jobs, job, Outcome.TIMED_OUT, message, SLOW_HINT, begun(launch.folder))


def quoted(words: Sequence[str]) -> str:
    """Return words as one would type them."""
    return shlex.join(words)
