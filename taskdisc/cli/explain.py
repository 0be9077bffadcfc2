"""`taskdisc explain`: why something would run, or why not."""

from __future__ import annotations

from taskdisc.cli.options import Options, opened
from taskdisc.errors import ExitCode
from taskdisc.explain import explain_steps

SHOWN = 3


def explain(options: Options) -> int:
    """Run the command; instances with the same reason are told together."""
    from taskdisc.run import Run

    with opened(options) as (project, targets):
        run = Run(project, targets, code_counts=not options.no_code_check)
        decisions = run.preview()
        project.save_caches()
        wanted = {
            run.offset(n) + row for n, rows in run.wanted.items() for row in _rows(run.expansion.blocks[n].size, rows)
        }
        grouped: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for node, decision, reasons in explain_steps(run, [node for node in decisions if node in wanted], decisions):
            grouped.setdefault((decision, reasons), []).append(run.id_of(node))
        for (decision, reasons), names in grouped.items():
            shown = ", ".join(names[:SHOWN])
            more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
            print(f"{shown}{more}: {decision}")
            for reason in reasons:
                print(f"    {reason}")
    return ExitCode.OK


def _rows(size: int, rows: list[int] | None) -> list[int]:
    return list(range(size)) if rows is None else rows
