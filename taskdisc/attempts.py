"""Attempts: which failures are followed by another try, and when. A heap of due times; nothing waits in here."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Sequence

from taskdisc.durations import seconds
from taskdisc.model import ErrorText, JobResult, Outcome, TaskOptions

LONGEST = 3600.0
"""Seconds that a pause grows to at most, unless the first was longer."""
SPREAD = 0.2
"""Part of a pause by which it may be longer: what failed together should not come back together."""
HOPELESS = ("input", "refused")
"""Kinds of errors that another attempt in the same run meets again."""


class Attempts:
    """Counts the failed attempts of steps, and knows which steps are due to be tried again."""

    def __init__(self, options_of: Callable[[int], TaskOptions]) -> None:
        """`options_of` gives the options of a step's task."""
        self._options_of = options_of
        self._failed: dict[int, int] = {}
        self._due: list[tuple[float, int]] = []

    def number(self, node: int) -> int:
        """Return the number of a step's attempt that runs, or is next: 1 for the first."""
        return self._failed.get(node, 0) + 1

    @property
    def any_failed(self) -> bool:
        """Say whether any step is not at its first attempt."""
        return bool(self._failed)

    def is_followed(self, result: JobResult) -> bool:
        """Say whether a failed attempt is to be followed by another."""
        options = self._options_of(result.number)
        return self.number(result.number) <= options.retries and may_help(options.retry_on, result)

    def follow(self, node: int, now: float) -> float:
        """Put down the next attempt; return how many seconds from `now` (monotonic seconds) it is due."""
        failed = self._failed[node] = self.number(node)
        delay = pause(self._options_of(node).retry_delay, failed, chance())
        heapq.heappush(self._due, (now + delay, node))
        return delay

    @property
    def waiting(self) -> list[int]:
        """The steps that wait for their next attempt."""
        return [node for _, node in self._due]

    @property
    def next_due(self) -> float | None:
        """When the next of them is due, in monotonic seconds."""
        return self._due[0][0] if self._due else None

    def take_due(self, now: float) -> list[int]:
        """Return the steps whose time has come; they are out of here then."""
        due = []
        while self._due and self._due[0][0] <= now:
            due.append(heapq.heappop(self._due)[1])
        return due


def may_help(retry_on: Sequence[str], result: JobResult) -> bool:
    """Say whether another attempt is wanted after this failure."""
    if result.error is not None and result.error.kind in HOPELESS:
        return False
    if not retry_on:
        return True
    if result.outcome == Outcome.KILLED:
        return "killed" in retry_on
    if result.outcome == Outcome.TIMED_OUT:
        return "timeout" in retry_on
    return result.error is not None and any(_is_a(result.error, name) for name in retry_on)


def _is_a(error: ErrorText, name: str) -> bool:
    """Say whether the exception is of a class of this name, or of one below it.

    Packages offer classes under shorter names than their own (`requests.HTTPError` for
    `requests.exceptions.HTTPError`), so the end must be equal, and what stands before it must begin alike.
    """
    module, _, kind = name.rpartition(".")
    for known in error.classes:
        home, _, own = known.rpartition(".")
        if known == name or (own == kind and (not module or f"{home}.".startswith(f"{module}."))):
            return True
    return False


def pause(first: str, failed: int, chance: float) -> float:
    """Return the seconds before the attempt that follows so many failed ones; `chance` is from 0 to 1."""
    base = seconds(first)
    doubled = min(base * 2.0 ** min(failed - 1, 60), max(base, LONGEST))
    return doubled * (1 + SPREAD * chance)


def chance() -> float:
    """Return a number from 0 to 1 that nobody can seed: runs that are alike should not try again alike."""
    return int.from_bytes(os.urandom(4), "big") / 0xFFFFFFFF
