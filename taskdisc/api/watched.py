"""A run that is watched from Python: it remembers what was executed, and may use the caller's executor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from taskdisc.model import StepEnd
from taskdisc.nodes import BLOCKED
from taskdisc.run import Run

if TYPE_CHECKING:
    from concurrent.futures import Executor as Pool

    from taskdisc.lots import Lot
    from taskdisc.project import Project as OpenProject
    from taskdisc.protocols import Executor
    from taskdisc.record import Ended


class Execution(NamedTuple):
    """One step that a run executed."""

    id: str
    outcome: str
    started: float
    """Seconds since the epoch."""
    seconds: float
    """Wall time."""
    cpu_seconds: float
    peak_memory: int
    """Bytes, of the process that it ran in so far."""


class WatchedRun(Run):
    """See `Run`."""

    def __init__(
        self, project: OpenProject, targets: Sequence[str], *, age_counts: bool = True, pool: Pool | None = None
    ) -> None:
        """`pool` runs the steps, unless it is None; for the others see `Run`."""
        super().__init__(project, targets, age_counts=age_counts)
        self.executed: dict[int, Execution] = {}
        """By step, in the order in which they ended."""
        self._pool = pool

    def make_executor(self) -> Executor:
        """Make an executor of the caller's pool, where one was given."""
        if self._pool is None:
            return super().make_executor()
        from taskdisc.builtin.futures import FuturesExecutor

        return FuturesExecutor(self._pool, self.project.config.workers)

    def ended(self, ends: list[Ended | Lot]) -> None:
        """Remember what was executed, and report it."""
        from taskdisc.record import one_by_one

        for end in one_by_one(ends):
            result = end.result
            self.executed.pop(end.node, None)
            self.executed[end.node] = Execution(
                end.id, result.outcome, result.started, result.seconds, result.cpu_seconds, result.peak_memory
            )
        super().ended(ends)

    def outcome(self, node: int) -> str:
        """Return how a step has ended."""
        return self.executed[node].outcome if node in self.executed else self.fate(node)

    def culprit(self, node: int) -> StepEnd | None:
        """Return the failure of a step, or one that put it out of reach; None where it has a result."""
        return next((end for end in self.failures if node in self._reach(end)), None)

    def _reach(self, failure: StepEnd) -> set[int]:
        """The failed step, and all that it blocked."""
        assert failure.result is not None
        reached = {failure.result.number}
        todo = list(reached)
        while todo:
            for node in self.scheduler.dependents(todo.pop()):
                if node not in reached and self.scheduler.state(node) == BLOCKED:
                    reached.add(node)
                    todo.append(node)
        return reached
