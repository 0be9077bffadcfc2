"""The executor of the run's own process: jobs run one at a time, uncaught, with the terminal; for debuggers too."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from taskdisc.builtin.serving import RunnerFactory, Runs
from taskdisc.model import Activity, Job, JobResult, WorkerContext
from taskdisc.protocols import Capabilities
from taskdisc.worker import Runner


class Foreground(Runner):
    """Runs jobs in a process that is not the executor's own, and leaves it as it was."""

    def run(self, job: Job) -> JobResult:
        """Run one attempt, noting its warnings alone."""
        with self.warned.installed():
            return super().run(job)


class InlineExecutor:
    """Runs one job each time that results are asked for."""

    capabilities = Capabilities(environment=True)

    def __init__(self, workers: int = 1, factory: RunnerFactory = Foreground) -> None:
        """`workers` is of no consequence: there is one. For `factory` see `ProcessExecutor`."""
        self._factory = factory
        self._runner: Runs | None = None
        self._waiting: deque[Job] = deque()

    def start(self, context: WorkerContext) -> None:
        """Make what runs the jobs."""
        self._runner = self._factory(context, None)

    def free(self) -> int:
        """Return 1 when the last job has been run."""
        return 0 if self._waiting else 1

    def submit(self, jobs: Sequence[Job]) -> None:
        """Take the job; `collect` runs it."""
        self._waiting.extend(jobs)

    def collect(self) -> list[JobResult]:
        """Run the next job, if there is one, and return its result. Raises KeyboardInterrupt."""
        if not self._waiting:
            return []
        assert self._runner is not None, "start() comes first"
        return [self._runner.run(self._waiting.popleft())]

    def under_way(self) -> list[Activity]:
        """Nothing runs while anybody looks."""
        return []

    def fileno(self) -> None:
        """There is nothing to wait for."""

    def deadline(self) -> None:
        """There is nothing to wait for."""

    def dismiss(self) -> None:
        """Drop what has not been run."""
        self._waiting.clear()

    def busy(self) -> bool:
        """Nothing runs unless results are asked for."""
        return False

    def stop(self, *, kill: bool) -> None:
        """Drop what has not been run."""
        self._waiting.clear()
