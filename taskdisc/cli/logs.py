"""`taskdisc logs`: what tasks wrote."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from taskdisc.cli.options import Options, opened
from taskdisc.cli.output import remark
from taskdisc.errors import ExitCode, UsageError
from taskdisc.record import suffix_of

if TYPE_CHECKING:
    from taskdisc.run import Run
    from taskdisc.store.index import FailureRow, ResultRow


def logs(options: Options, *, stream: str | None) -> int:
    """Run the command: the latest attempt of each instance, whether it succeeded or failed."""
    from taskdisc.cli.show import selected
    from taskdisc.run import Run

    if not options.targets:
        raise UsageError("logs: name a target, such as a task. `taskdisc list` shows the tasks.")
    with opened(options) as (project, targets):
        run = Run(project, targets)
        for selection in run.selections:
            latest = latest_attempts(run, run.graph.tasks[selection.task].long_id)
            for node in selected(run, selection):
                name = run.id_of(node)
                _print_logs(name, latest.get(suffix_of(name)), project.config.store, stream)
    return ExitCode.OK


def latest_attempts(run: Run, task: str) -> dict[str, ResultRow | FailureRow]:
    """Return by printed coordinates the newest attempt that the index knows."""
    index = run.project.index
    latest: dict[str, ResultRow | FailureRow] = {}
    if index is not None:
        attempts: list[ResultRow | FailureRow] = [*index.results(task), *index.failures(task)]
        for row in attempts:
            known = latest.get(row.instance)
            if known is None or row.started > known.started:
                latest[row.instance] = row
    return latest


def _print_logs(name: str, attempt: ResultRow | FailureRow | None, store: str, stream: str | None) -> None:
    if attempt is None:
        remark(f"{name}: has not run yet")
        return
    written = [("stdout", attempt.stdout), ("stderr", attempt.stderr)]
    for kind, log in written:
        if log is None or stream not in (None, kind):
            continue
        if stream is None:
            print(f"--- {name} {kind}")
        sys.stdout.flush()
        try:
            with open(os.path.join(store, log), errors="replace", encoding="utf-8") as text:
                shutil.copyfileobj(text, sys.stdout)
        except FileNotFoundError:
            remark(f"{name}: the log {log} is gone")
    if not any(log for _, log in written):
        remark(f"{name}: wrote nothing")
