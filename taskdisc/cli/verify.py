"""`taskdisc verify`: read all that is kept, and take out what is not what it was."""

from __future__ import annotations

from taskdisc.cli.options import Options, opened
from taskdisc.cli.output import counted, remark
from taskdisc.cli.quantities import size_text
from taskdisc.errors import ExitCode
from taskdisc.kept import instances_of, kept_rows


def verify(options: Options) -> int:
    """Run the command; 1 where something was bad."""
    from taskdisc.store.verify import Verifier

    with opened(options) as (project, targets):
        if project.index is None:
            remark("nothing is kept yet")
            return ExitCode.OK
        verifier = Verifier(project.index, project.objects, project.config.root, project.config.store)
        for problem in verifier.problems_of_index():
            print(f"bad: {problem}")
        rows = kept_rows(project, instances_of(project, targets))
        for problem in verifier.check(rows):
            print(f"bad: {problem}")
        if not targets:
            for problem in verifier.check_unreferenced():
                print(f"bad: {problem}")
        if verifier.bad:
            project.broom().forget(verifier.bad)
        _tell(verifier.bad, len(rows), verifier.read, verifier.stale)
        return ExitCode.FAILED if verifier.found else ExitCode.OK


def _tell(bad: list[int], results: int, read: int, stale: int) -> None:
    if bad:
        these = "1 of them is forgotten, and" if len(bad) == 1 else f"{len(bad):,} of them are forgotten, and"
        remark(f"read {counted(results, 'result')} ({size_text(read)}): {these} made again when needed")
    else:
        remark(f"read {counted(results, 'result')} ({size_text(read)})")
    if stale:
        remark(f"{counted(stale, 'result')} out of date: files outside of the store have changed since")
