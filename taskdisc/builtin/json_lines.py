"""Streams how steps end, for other programs: one JSON document a line, each written when its step is durable."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from taskdisc.descriptors import close_private, keep_private
from taskdisc.endings import logs_of
from taskdisc.errors import UsageError
from taskdisc.hookspecs import hookimpl
from taskdisc.wire import write_all

if TYPE_CHECKING:
    from taskdisc.model import JobResult, Retry, RunReport, StepEnd
    from taskdisc.run import Run

STDOUT = "-"
"""The name of a file that means standard output."""


class JsonLines:
    """A plugin that writes a line for each step, and a last one for the run; for one command."""

    def __init__(self, path: str) -> None:
        """Begin the file anew. Raises UsageError where it cannot be written, then as later."""
        self._path = path
        try:
            self._file = _opened(path)
        except OSError as error:
            raise self._unwritable(error, "Name a file that can be written, or -.") from None
        keep_private(self._file)  # who reads a pipe is to see its end when the run ends, not when a task's child does
        self._run: Run | None = None
        self._executed: set[int] = set()

    @hookimpl
    def taskdisc_run_started(self, run: Run) -> None:
        """Note the run, which gives its number and, at its end, the steps that were not executed."""
        self._run = run
        self._executed.clear()

    @hookimpl
    def taskdisc_job_finished(self, step: StepEnd) -> None:
        """Write the line of a step that was executed."""
        assert self._run is not None
        assert step.result is not None
        self._executed.add(step.result.number)
        entry = {"id": step.id, "outcome": step.outcome, "run": self._run.number, "attempt": step.attempt}
        self._write({**entry, **_account(step.result, self._run.project.config.store)})

    @hookimpl
    def taskdisc_job_retried(self, retry: Retry) -> None:
        """Write the line of an attempt that another follows."""
        assert self._run is not None
        step = retry.step
        assert step.result is not None
        entry = {"id": step.id, "outcome": "retried", "run": self._run.number, "attempt": step.attempt}
        account = _account(step.result, self._run.project.config.store)
        self._write({**entry, "attempts": retry.attempts, "delay": retry.delay, **account})

    @hookimpl
    def taskdisc_run_finished(self, report: RunReport) -> None:
        """Write the lines of all other steps, and that of the run."""
        assert self._run is not None
        number = report.run or None
        for node in self._run.steps():
            if node not in self._executed:
                self._write({"id": self._run.id_of(node), "outcome": self._run.fate(node), "run": number})
        whole = {"run": number, "counts": report.counts, "started": self._run.started, "seconds": report.seconds}
        self._write({**whole, "interrupted": report.interrupted})

    def close(self) -> None:
        """Write no more."""
        close_private(self._file)

    def _write(self, entry: dict[str, object]) -> None:
        """One write a line, so that whoever reads the file meanwhile sees whole ones."""
        try:
            write_all(self._file, (json.dumps(entry) + "\n").encode())
        except OSError as error:
            raise self._unwritable(error, "What was finished is kept: run again.") from None

    def _unwritable(self, error: OSError, remedy: str) -> UsageError:
        return UsageError(f"--json {self._path}: {error.strerror}. {remedy}")


def _opened(path: str) -> int:
    if path == STDOUT:
        sys.stdout.flush()
        return os.dup(1)  # a task may close or redirect the number itself
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o666)


def _account(result: JobResult, store: str) -> dict[str, object]:
    """What there is to say of an attempt: times in seconds, memory in bytes, where its output lies, what went wrong."""
    account: dict[str, object] = {
        "started": result.started,
        "seconds": result.seconds,
        "cpu_seconds": result.cpu_seconds,
        "peak_memory": result.peak_memory,
    }
    for name, log in logs_of(result.stdout, result.stderr):
        account[name] = os.path.join(store, log)
    if result.warnings:
        account["warnings"] = result.warnings
    error = result.error
    if error is not None:
        place = None if error.place is None else str(error.place)
        account["error"] = {**error._asdict(), "place": place}
    return account
