"""`taskdisc logs`: what tasks wrote."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from taskdisc.cli.options import Options, opened
from taskdisc.cli.output import remark
from taskdisc.endings import LAUNCHER, logs_of
from taskdisc.errors import ExitCode, UsageError
from taskdisc.record import suffix_of

if TYPE_CHECKING:
    from taskdisc.run import Run
    from taskdisc.store.rows import FailureRow, ResultRow


def logs(options: Options, *, stream: str | None) -> int:
    """Run the command: of each instance what it did last, whether it succeeded or failed, with all attempts."""
    from taskdisc.cli.show import selected
    from taskdisc.run import Run

    if not options.targets:
        raise UsageError("logs: name a target, such as a task. `taskdisc list` shows the tasks.")
    with opened(options) as (project, targets):
        run = Run(project, targets)
        for selection in run.selections:
            task = run.graph.tasks[selection.task].long_id
            latest = latest_attempts(run, task)
            earlier = earlier_attempts(run, task)
            for node in selected(run, selection):
                name = run.id_of(node)
                last = latest.get(suffix_of(name))
                if last is None:
                    remark(f"{name}: has not run yet")
                    continue
                before = earlier.get((last.run, last.instance), [])
                attempts = [(f"{name} attempt {row.attempt}", row) for row in before]
                written = [_print_logs(*each, project.config.store, stream) for each in [*attempts, (name, last)]]
                if not any(written):
                    remark(f"{name}: wrote nothing")
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


def earlier_attempts(run: Run, task: str) -> dict[tuple[int, str], list[FailureRow]]:
    """Return by run and printed coordinates the attempts that others followed."""
    index = run.project.index
    found: dict[tuple[int, str], list[FailureRow]] = {}
    for row in index.failed_attempts(task) if index is not None else ():
        found.setdefault((row.run, row.instance), []).append(row)
    return found


def _print_logs(name: str, attempt: ResultRow | FailureRow, store: str, stream: str | None) -> bool:
    """Print what an attempt wrote; say whether it wrote anything."""
    written = logs_of(attempt.stdout, attempt.stderr)
    if written and (beside := _launcher_log(written[0][1], store)):
        written.append(("launcher", beside))
    for kind, log in written:
        if stream not in (None, kind):
            continue
        if stream is None:
            print(f"--- {name} {kind}")
        sys.stdout.flush()
        try:
            with open(os.path.join(store, log), errors="replace", encoding="utf-8") as text:
                shutil.copyfileobj(text, sys.stdout)
        except FileNotFoundError:
            remark(f"{name}: the log {log} is gone")
    return bool(written)


def _launcher_log(own: str, store: str) -> str | None:
    """What the launcher of an attempt said, or the batch system, lies beside what the attempt itself wrote."""
    log = f"{os.path.splitext(own)[0]}{LAUNCHER}"
    return log if log != own and os.path.exists(os.path.join(store, log)) else None
