"""What hooks are given, beside the records of `model`: an attempt that begins, and what a run is about to do."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from taskdisc.instances import Instances


class Attempt(NamedTuple):
    """An attempt at a step that begins."""

    id: str
    """As it is printed, "fit[k=3]"."""
    task: str
    """The long id of the task, "tasks_x.py::fit"."""
    attempt: int
    """1 for the first."""
    resources: tuple[tuple[str, float, tuple[str, ...]], ...] = ()
    """What it holds: (name, amount, names of the units)."""


class PlannedStep(NamedTuple):
    """A step, and what is known of it before the first job starts."""

    id: str
    task: str
    """The long id of the task."""
    decision: str
    """See `model.Decision`: `run`, `may run` (an input may change), `cached`, `overridden` or `skipped`."""


class Forecast:
    """What a run is about to do, as far as it is known before the first job starts."""

    def __init__(self, run: "Instances") -> None:
        self._run = run

    @property
    def counts(self) -> dict[str, int]:
        """How many steps there are of each decision."""
        counts: dict[str, int] = {}
        for _, decision in self._decisions():
            counts[decision] = counts.get(decision, 0) + 1
        return counts

    @property
    def unknown(self) -> list[str]:
        """The long ids of tasks that may have more instances than are known yet."""
        return sorted(self._run.graph.tasks[task].long_id for task in self._run.unknown())

    def __iter__(self) -> Iterator[PlannedStep]:
        """Yield every step; that takes microseconds each."""
        for node, decision in self._decisions():
            yield PlannedStep(self._run.id_of(node), self._run.task_of(node).long_id, decision)

    def _decisions(self) -> Iterator[tuple[int, str]]:
        from taskdisc.model import Decision
        from taskdisc.nodes import DONE, SKIPPED, WAITING

        run = self._run
        for node in run.steps():
            state = run.scheduler.state(node)
            if run.is_given(node):
                yield node, Decision.GIVEN
            elif state == SKIPPED:
                yield node, Decision.SKIPPED
            elif state == DONE:
                yield node, Decision.CACHED
            else:
                yield node, Decision.MAY_RUN if state == WAITING else Decision.RUN
