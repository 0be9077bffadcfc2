"""`taskdisc clear`: forget results, so that they are computed again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskdisc.cli.kept import Instances, instances_of, kept_rows
from taskdisc.cli.options import Options, opened
from taskdisc.cli.output import counted, remark
from taskdisc.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from taskdisc.project import Project


def clear(options: Options, *, everything: bool, downstream: bool) -> int:
    """Run the command; return the exit code."""
    if everything == bool(options.targets):
        raise UsageError("clear: name targets, or give --all.")
    with opened(options) as (project, targets):
        instances = instances_of(project, targets, downstream=downstream)
        rows = kept_rows(project, instances)
        verb = "would clear" if options.dry_run else "cleared"
        for name in dict.fromkeys(name for name, _ in rows):
            print(f"{verb} {name}")
        in_company = False
        if not options.dry_run and project.index is not None:
            _forget_failures(project, instances)
            in_company = project.broom().forget([row.id for _, row in rows]).in_company
        remark(f"{verb} {counted(len(rows), 'result')}")
        if in_company and rows:
            remark("a run is at work: what it has found before, it may still use; `taskdisc gc` gives the space back")
    return ExitCode.OK


def _forget_failures(project: Project, instances: Instances) -> None:
    from taskdisc.store.upkeep import forget_failures

    index = project.open_index()
    with index.transaction():
        for task, chosen in instances.items():
            forget_failures(index, task, chosen)
