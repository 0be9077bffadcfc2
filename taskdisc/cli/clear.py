"""`taskdisc clear`: forget results, so that they are computed again."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from taskdisc.cli.options import Options, opened
from taskdisc.cli.output import counted, remark
from taskdisc.errors import ExitCode, UsageError
from taskdisc.record import suffix_of

if TYPE_CHECKING:
    from taskdisc.project import Project
    from taskdisc.run import Run
    from taskdisc.select import Selection
    from taskdisc.store.index import ResultRow


def clear(options: Options, *, everything: bool, downstream: bool) -> int:
    """Run the command; return the exit code."""
    if everything == bool(options.targets):
        raise UsageError("clear: name targets, or give --all.")
    with opened(options) as (project, targets):
        rows = _rows(project, targets, downstream)
        verb = "would clear" if options.dry_run else "cleared"
        for name in dict.fromkeys(f"{project.graph.names[task]}{row.instance}" for task, row in rows):
            print(f"{verb} {name}")
        if not options.dry_run:
            remove(project, [row for _, row in rows])
        remark(f"{verb} {counted(len(rows), 'result')}")
    return ExitCode.OK


def _rows(project: Project, targets: list[str], downstream: bool) -> list[tuple[str, ResultRow]]:
    """(task, kept result) of all that the targets mean, also results of older code and settings."""
    from taskdisc.run import Run
    from taskdisc.select import select

    graph, index = project.graph, project.index
    selections = select(graph, targets)
    if index is None:
        return []
    if not targets:
        return [(task, row) for task in graph.tasks for row in index.results(task)]
    found: dict[str, set[str] | None] = {}
    sliced = []
    for selection in selections:
        if selection.target.brackets:
            sliced.append(selection.target.text)
        else:
            found[selection.task] = None
    if sliced:
        run = Run(project, sliced)
        for selection in run.selections:
            _add_slice(found, run, selection)
    if downstream:
        for task in graph.dependents(list(found)):
            found.setdefault(task, None)
    return [
        (task, row)
        for task, instances in found.items()
        for row in index.results(task)
        if instances is None or row.instance in instances
    ]


def _add_slice(found: dict[str, set[str] | None], run: Run, selection: Selection) -> None:
    from taskdisc.select import rows_of

    rows = rows_of(run.project.graph, run.expansion, selection)
    ids = run.expansion.ids(run.expansion.by_task[selection.task], run.project.graph.names[selection.task], rows)
    known = found.setdefault(selection.task, set())
    if known is not None:
        known.update(map(suffix_of, ids))


def remove(project: Project, rows: list[ResultRow]) -> None:
    """Remove results with all that is theirs alone: objects, folders, logs."""
    index = project.index
    if index is None or not rows:
        return
    before = index.objects_in_use()
    index.delete([row.id for row in rows])
    for name in before - index.objects_in_use():
        project.objects.delete(name)
    store = project.config.store
    for row in rows:
        if row.directory is not None:
            shutil.rmtree(os.path.join(store, row.directory), ignore_errors=True)
        for log in filter(None, (row.stdout, row.stderr)):
            try:
                os.unlink(os.path.join(store, log))
            except FileNotFoundError:
                pass
