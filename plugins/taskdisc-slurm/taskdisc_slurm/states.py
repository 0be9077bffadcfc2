"""What Slurm says of jobs, and what that means for people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from taskdisc.endings import HINTS, SHELL_SIGNAL, signal_name
from taskdisc.model import Outcome
from taskdisc_slurm.arrays import OVER

CERTAIN = OVER - {"COMPLETED", "FAILED"}
"""States in which no file is still to come."""
HOPELESS = re.compile(
    r"PartitionTimeLimit|PartitionNodeLimit|BadConstraints|AccountNotAllowed|InvalidAccount|InvalidQOS|QOSNotAllowed"
    r"|JobHeld|held|Dependency|MaxTimePerJob|MaxCpuPerJob|MaxCPUPerJob|MaxMemPerJob|MaxNodePerJob|PerJob(Limit)?$"
)
"""Reasons for which a job may wait for ever, until somebody does something."""


class Row(NamedTuple):
    """What squeue says of an element."""

    job_id: str
    element: int | None
    state: str
    reason: str
    name: str
    comment: str


QUERY = ("squeue", "--noheader", "--array", "--states=all", "--format=%F|%K|%T|%r|%j|%k")


def parse(text: str) -> list[Row]:
    """Return the rows that `QUERY` prints."""
    rows = []
    for line in text.splitlines():
        fields = line.split("|", 5)
        if len(fields) == 6:
            job_id, element, state, reason, name, comment = fields
            rows.append(Row(job_id, int(element) if element.isdigit() else None, state, reason, name, comment))
    return rows


class Cause(NamedTuple):
    """Why an element has ended without a result."""

    outcome: str
    message: str
    hint: str


class Pattern(NamedTuple):
    """How a cause shows, in the state or in Slurm's own words."""

    states: tuple[str, ...]
    words: re.Pattern[str]
    cause: Cause


MORE_ATTEMPTS = 'Another attempt may do better: retries=2, retry_on="killed".'
CAUSES = (
    Pattern(
        ("OUT_OF_MEMORY",),
        re.compile(r"exceeded (job |step )?memory limit|oom.kill|out of memory", re.IGNORECASE),
        Cause(
            Outcome.KILLED,
            "Slurm ended it: it used more memory than it had asked for",
            'Ask for more: resources={"memory_gb": 8}; or for more at each attempt: '
            'resources=lambda attempt: {"memory_gb": 4 * attempt}, retries=2.',
        ),
    ),
    Pattern(
        ("TIMEOUT", "DEADLINE"),
        re.compile(r"DUE TO TIME LIMIT"),
        Cause(
            Outcome.TIMED_OUT,
            "Slurm ended it: its time was up",
            'Ask for more: resources={"time_h": 2}, or flags="--time=2:00:00"; with batch, all of a batch must fit.',
        ),
    ),
    Pattern(
        ("PREEMPTED",),
        re.compile(r"DUE TO PREEMPTION"),
        Cause(Outcome.KILLED, "Slurm ended it: jobs of higher priority needed its place", MORE_ATTEMPTS),
    ),
    Pattern(
        ("NODE_FAIL", "BOOT_FAIL"),
        re.compile(r"DUE TO NODE FAILURE"),
        Cause(Outcome.KILLED, "its node failed", MORE_ATTEMPTS),
    ),
    Pattern(
        ("CANCELLED", "REVOKED"),
        re.compile(r"CANCELLED AT"),
        Cause(Outcome.KILLED, "somebody cancelled its job", "scancel, by you or an administrator? Run again."),
    ),
)
"""In the order in which they are looked for: Slurm cancels what has used too much memory."""


def cause_of(state: str, reason: str, status: int | None, words: str, store: str, job_id: str | None) -> Cause:
    """Return why an element has no result.

    `status` is the exit status of its command, as a shell tells it, if it ended by itself; `words` are Slurm's own.
    """
    for states, pattern, cause in CAUSES:
        if state in states or pattern.search(words):
            return cause
    if status is not None:
        return _of_status(status)
    if state in ("COMPLETED", "FAILED"):
        why = f" ({reason})" if reason not in ("", "None") else ""
        return Cause(
            Outcome.KILLED,
            f"its job ended as {state.lower()}{why} and left no result",
            f"Does its node see {store}, and this Python? What the job said stands above, or in slurmd's log there.",
        )
    return Cause(
        Outcome.KILLED,
        "its job vanished: it left no result, and Slurm has forgotten it",
        f"`sacct -j {job_id}` may know why, where there is accounting, or slurmctld's log. {MORE_ATTEMPTS}",
    )


def _of_status(status: int) -> Cause:
    if status > SHELL_SIGNAL:
        name = signal_name(status - SHELL_SIGNAL)
        return Cause(Outcome.KILLED, f"its process ended by signal {name}", HINTS.get(name, ""))
    hint = (
        "A command was not found, or could not be run."
        if status in (126, 127)
        else ("os._exit() in the task, or in a library it uses? Raise an exception instead.")
    )
    return Cause(Outcome.FAILED, f"its process ended with exit status {status}", hint)


def is_explained(words: str) -> bool:
    """Say whether Slurm's own words tell why a job has ended."""
    return any(pattern.search(words) for _, pattern, _ in CAUSES)


def ranges(job_id: str, elements: Sequence[int], size: int) -> list[str]:
    """Return how scancel is told of elements: the whole array by its number."""
    if len(elements) == size:
        return [job_id]
    return [f"{job_id}_{element}" for element in elements]
