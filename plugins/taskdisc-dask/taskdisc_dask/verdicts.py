"""Verdicts: what it means for the jobs of a batch that it did not come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from taskdisc.endings import unanswered
from taskdisc.errors import ExitCode, TaskdiscError, UsageError
from taskdisc.model import Job, JobResult, Outcome, WorkerContext
from taskdisc.travel import DamagedResult, Home

LOSSES = 3
"""How often a batch that nobody has begun may be lost, until that is said of its jobs."""
LOST_HINT = (
    "Its machine went down, it was out of memory, or somebody ended it; its log, and that of the scheduler, may say "
    "more. @task(retries=...) lets the task run again elsewhere."
)


class ClusterLost(TaskdiscError):
    """The scheduler does not answer any more."""

    exit_code = ExitCode.FAILED


class Flight:
    """A batch on its way."""

    def __init__(self, jobs: Sequence[Job], losses: int = 0) -> None:
        self.jobs = tuple(jobs)
        self.losses = losses
        """How often it was lost before it began."""
        self.began: float | None = None
        """When it began (seconds since the epoch), by this machine's clock."""
        self.worker = ""
        """Where alone it may run."""
        self.future: Any = None


class Verdict(NamedTuple):
    """What becomes of the jobs of a batch."""

    ended: Sequence[JobResult] = ()
    left: Sequence[Flight] = ()
    """On their way once more."""


def judge(
    flight: Flight, error: BaseException, context: WorkerContext, home: Home, scheduler: str, *, is_there: bool
) -> Verdict:
    """Judge a batch that has come to an error; `scheduler` is an address, and `is_there` says whether it answers.

    Raises ClusterLost where nothing can run any more, and UsageError where nothing ever could.
    """
    from distributed import KilledWorker

    from taskdisc.outpost import AgentLost, AgentRefused

    if isinstance(error, DamagedResult):
        return Verdict([home.void(job, error) for job in flight.jobs])
    if isinstance(error, KilledWorker | AgentLost):
        return _lost(flight, str(error) if isinstance(error, AgentLost) else "its worker died", context)
    if is_cancelled(error):
        if not is_there:
            raise gone(scheduler)
        return _again(flight, context)
    cluster = f"the Dask cluster {scheduler}"
    if isinstance(error, AgentRefused):
        raise UsageError(f"a worker of {scheduler} cannot run tasks: {error}.") from None
    if isinstance(error, ImportError) or "deserialization" in str(error):
        raise UsageError(
            f"{cluster} cannot run tasks: {str(error).splitlines()[0]}. "
            f"Install the same taskdisc-dask where its scheduler and its workers are."
        ) from None
    raise ClusterLost(f"{cluster} could not run {flight.jobs[0].instance}: {type(error).__name__}: {error}") from error


def is_cancelled(error: BaseException) -> bool:
    """Say whether a batch was taken back, by this run or by whoever has the scheduler."""
    from asyncio import CancelledError
    from concurrent.futures import CancelledError as FutureCancelled

    return isinstance(error, CancelledError | FutureCancelled)


def gone(scheduler: str) -> ClusterLost:
    """Return the error for a scheduler that does not answer."""
    return ClusterLost(
        f"the Dask scheduler {scheduler} has gone away, or cannot be reached any more. "
        f"What was finished is kept: run again when it is back."
    )


def _lost(flight: Flight, message: str, context: WorkerContext) -> Verdict:
    """A worker has died. Who was alone with it is to blame; of many, each has to show by itself."""
    if flight.began is None:
        return _again(flight, context)
    if len(flight.jobs) > 1:
        return Verdict(left=[Flight([job]) for job in flight.jobs])
    return Verdict([_killed(flight.jobs[0], f"{message} while this ran", context)])


def _again(flight: Flight, context: WorkerContext) -> Verdict:
    """A batch was lost before it began."""
    if flight.losses < LOSSES:
        return Verdict(left=[Flight(flight.jobs, flight.losses + 1)])
    return Verdict([_killed(job, f"it was lost {LOSSES + 1} times before it began", context) for job in flight.jobs])


def _killed(job: Job, message: str, context: WorkerContext) -> JobResult:
    return unanswered(job, context.specs[job.task], Outcome.KILLED, message, LOST_HINT)
