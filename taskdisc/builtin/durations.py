"""The slowest steps of a run, for `--durations N`."""

from __future__ import annotations

from heapq import nlargest
from typing import TYPE_CHECKING

from taskdisc.builtin.terminal import rule, seconds_text

if TYPE_CHECKING:
    from taskdisc.model import StepEnd


class Durations:
    """A plugin that adds the slowest steps to the foot of a report."""

    def __init__(self, number: int) -> None:
        """`number`: how many."""
        self._number = number
        self._steps: list[tuple[float, str]] = []

    def taskdisc_job_finished(self, step: StepEnd) -> None:
        """Note how long it took."""
        if step.result is not None:
            self._steps.append((step.result.seconds, step.id))

    def taskdisc_report_summary(self) -> list[str]:
        """Return a line for each of the slowest."""
        slowest, self._steps = nlargest(self._number, self._steps), []
        lines = [f"{seconds_text(seconds):>10} {name}" for seconds, name in slowest]
        return [rule("slowest steps", "="), *lines] if lines else []
