"""Writes how the steps of a run ended to a file, for tests of projects: loaded by name, by `taskdisc.testing`."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from taskdisc.model import Outcome

if TYPE_CHECKING:
    from taskdisc.model import RunReport, StepEnd

VARIABLE = "TASKDISC_INTERNAL_OUTCOMES"
"""Names the file; one JSON document a line: `{"id": ..., "outcome": ...}` a step, at the end `{"counts": ...}`."""


def taskdisc_job_finished(step: StepEnd) -> None:
    """Note an executed step, and what its failure blocks."""
    _write({"id": step.id, "outcome": step.outcome})
    for blocked in step.blocked:
        _write({"id": blocked, "outcome": Outcome.BLOCKED})


def taskdisc_run_finished(report: RunReport) -> None:
    """Note the counts."""
    _write({"counts": report.counts})


def _write(entry: dict[str, object]) -> None:
    path = os.environ.get(VARIABLE)
    if path:
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")
