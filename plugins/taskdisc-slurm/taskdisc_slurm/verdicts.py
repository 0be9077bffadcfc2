"""Verdicts: what the end of an element means for those of its jobs that have no result."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from typing import NamedTuple

from taskdisc.capture import remove_empty
from taskdisc.endings import SLOW_HINT, last_lines, slow_message
from taskdisc.jobfolder import GOOD, launcher_log, lost, own_name, share_log
from taskdisc.model import ErrorText, Job, JobResult, Outcome, WorkerContext
from taskdisc_slurm.arrays import Element
from taskdisc_slurm.states import CERTAIN, cause_of, is_explained

RESTARTED = frozenset({"NODE_FAIL", "PREEMPTED"})
"""States in which a job may show for a moment that Slurm is about to start anew."""
SETTLED = 3.0
"""Seconds after which that would have happened."""


class Verdict(NamedTuple):
    """What becomes of jobs without a result."""

    ended: list[JobResult]
    left: list[Job]
    """They were not begun, or it was another run that submitted them: they are submitted again."""


def is_certain(element: Element, latency: float) -> bool:
    """Say whether nothing is to come any more of an element of which results are missing."""
    if element.began_nothing:
        return True
    if element.gone is None:
        return False
    if element.state in RESTARTED and element.heard - element.gone < SETTLED:
        return False
    if element.state in CERTAIN or element.overdue:
        return True
    if element.has_ended and element.mark is not None and element.mark.results <= element.taken:
        return True
    return time.monotonic() - element.gone > latency or is_explained(last_lines(element.words))


def never_began(element: Element) -> bool:
    """Say whether the node of an element that is over could not start it, or did not see the store."""
    return (
        element.state == "FAILED"
        and element.mark is None
        and element.began() is None
        and not is_explained(last_lines(element.words))
    )


def judge(element: Element, context: WorkerContext) -> Verdict:
    """Judge an element that is over."""
    jobs = element.jobs
    if not jobs or element.array.adopted or element.began_nothing:
        return Verdict([], jobs)
    first, batch = jobs[0], [slot.job for slot in element.slots if slot.job is not None]
    said = last_lines(element.words)
    began = element.began()
    if element.overdue:
        message = slow_message(context.specs[first.task])
        return Verdict([lost(context, batch, first, Outcome.TIMED_OUT, message, SLOW_HINT, began)], jobs[1:])
    status = element.mark.status if element.mark is not None else None
    outcome, message, hint = cause_of(element.state, element.reason, status, said, context.store, element.array.job_id)
    condemned = jobs if element.state == "CANCELLED" else jobs[:1]
    ended = [lost(context, batch, job, outcome, message, hint, began, said) for job in condemned]
    return Verdict(ended, jobs[len(condemned) :])


def checked(element: Element, results: list[JobResult], context: WorkerContext) -> list[JobResult]:
    """Return the last results of an element; success takes both, a result and an exit code that says so."""
    status = element.mark.status if element.mark is not None else None
    if status in (None, 0, 1) or not results or results[-1].outcome not in GOOD or element.array.adopted:
        return results
    message = f"its process ended with exit status {status} after the task had succeeded"
    job = element.slots[-1].job
    assert job is not None
    error = ErrorText("launcher", message, context.specs[job.task].place, last_lines(element.words))
    return [*results[:-1], results[-1]._replace(outcome=Outcome.FAILED, parts=(), files=(), error=error)]


def keep_words(element: Element, results: list[JobResult], context: WorkerContext) -> list[JobResult]:
    """Keep what Slurm has said about an element with the logs of its jobs; return its last results, which know it."""
    jobs = [slot.job for slot in element.slots if slot.job is not None]
    if element.array.adopted or not jobs:
        return results
    remove_empty(context.store, context.logs, own_name(jobs[0]))
    try:
        if os.path.getsize(element.words):
            shutil.move(element.words, launcher_log(context, jobs[0]))
            return share_log(context, jobs, results)
    except OSError:  # it never began
        pass
    return results


def seconds_left(element: Element, context: WorkerContext) -> float | None:
    """Return how long an element that runs may go on with its job; None: for ever, or until it has begun one."""
    jobs = element.jobs
    timeout = context.specs[jobs[0].task].timeout if jobs else 0.0
    if not timeout or element.overdue:
        return None
    began = element.began()
    return None if began is None else began + timeout - time.time()


def least_left(elements: Iterable[Element], context: WorkerContext) -> float | None:
    """Return after how many seconds the first of the elements that run is overdue."""
    found = [seconds_left(element, context) for element in elements if element.runs]
    return min((left for left in found if left is not None), default=None)
