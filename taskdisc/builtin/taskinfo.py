"""`task_info`: what a task can ask about its own execution."""

from __future__ import annotations

import logging
import pickle
import sys
from typing import TYPE_CHECKING, Any

from taskdisc.model import ArgumentKind

if TYPE_CHECKING:
    from taskdisc.execution import Execution


class TaskInfo:
    """The execution that a task is in: its id, parameters, attempt, resources, seed, logger, progress."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution

    def __repr__(self) -> str:
        return f"<task_info of {self.id}>"

    @property
    def id(self) -> str:
        """The instance as it is printed, such as "fit[k=3]"."""
        return self._execution.job.instance

    @property
    def attempt(self) -> int:
        """1 for the first."""
        return self._execution.job.attempt

    @property
    def is_last_attempt(self) -> bool:
        """Whether a failure of this attempt is the step's."""
        return self.attempt > self._execution.task.spec.retries

    @property
    def parameters(self) -> dict[str, Any]:
        """The settings, and the values of the axes that the task names."""
        task, given = self._execution.task, self._execution.job.arguments
        found = pickle.loads(task.settings) if task.settings is not None else dict(task.shared)
        for (name, kind), argument in zip(task.spec.arguments, given, strict=True):
            if kind == ArgumentKind.VALUE:
                found[name] = pickle.loads(argument)
        return found

    @property
    def seed(self) -> int:
        """The number that seeds the global random generators: the same in every run."""
        return self._execution.seed

    @property
    def logger(self) -> logging.Logger:
        """A logger that writes to standard error, and so to the log of this attempt, from level INFO on."""
        logger = logging.getLogger(f"taskdisc.{self.id.partition('[')[0]}")
        if not logger.handlers:
            handler = Handler()
            handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            logger.propagate = False
        return logger

    @property
    def resources(self) -> dict[str, Any]:
        """What it holds: the names of units where they have names, else amounts."""
        return {name: list(units) if units else amount for name, amount, units in self._execution.job.resources}

    def progress(self, done: float, total: float) -> None:
        """Say how much is done, of how much: who watches the run sees it. It costs next to nothing."""
        self._execution.runner.progress(float(done), float(total))


class Handler(logging.Handler):
    """Writes to what standard error is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)
