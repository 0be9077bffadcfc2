"""`taskdisc clear`: forget results, so that they are computed again."""

from __future__ import annotations

from taskdisc.cli.options import Options, opened
from taskdisc.cli.output import counted, remark
from taskdisc.errors import ExitCode, UsageError
from taskdisc.kept import forget, instances_of, kept_rows


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
            in_company = forget(project, instances, [row for _, row in rows])
        remark(f"{verb} {counted(len(rows), 'result')}")
        if in_company and rows:
            remark("a run is at work: what it has found before, it may still use; `taskdisc gc` gives the space back")
    return ExitCode.OK
