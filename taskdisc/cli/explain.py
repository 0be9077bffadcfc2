"""`taskdisc explain`: why something would run, or why not."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from taskdisc.cli.options import Options, opened
from taskdisc.errors import ExitCode
from taskdisc.explain import Reason, explain_steps
from taskdisc.model import Decision

if TYPE_CHECKING:
    from taskdisc.run import Run

SHOWN = 3
LINES = 20
"""Lines of a difference that are shown without -v."""


def explain(options: Options) -> int:
    """Run the command; instances with the same reason are told together."""
    from taskdisc.run import Run

    with opened(options) as (project, targets):
        run = Run(project, targets, code_counts=not options.no_code_check)
        decisions = run.preview()
        project.save_caches()
        wanted = {node for selection in run.selections for node in run.nodes_of(selection)}
        lines = None if options.verbosity > 0 else LINES
        print_reasons(run, [node for node in decisions if node in wanted], decisions, lines)
        print_unknown(run, {selection.task for selection in run.selections})
    return ExitCode.OK


def print_unknown(run: Run, tasks: Container[str]) -> None:
    """Print which of these tasks may have more instances, and what will tell."""
    for task, steps in run.unknown().items():
        if task in tasks:
            names = [run.id_of(step) for step in steps]
            more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
            print(f"{run.project.graph.names[task]}: {Decision.UNKNOWN}")
            print(f"    its instances are known when {', '.join(names[:SHOWN])}{more} is done")


def print_reasons(run: Run, nodes: Iterable[int], decisions: Mapping[int, str], lines: int | None) -> None:
    """Print why these steps would run, or not; `lines`: how many of each difference."""
    grouped: dict[tuple[str, tuple[Reason, ...]], list[str]] = {}
    for node, decision, reasons in explain_steps(run, nodes, decisions):
        grouped.setdefault((decision, reasons), []).append(run.id_of(node))
    for (decision, reasons), names in grouped.items():
        shown = ", ".join(names[:SHOWN])
        more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
        print(f"{shown}{more}: {decision}")
        for reason in reasons:
            print(f"    {reason.text}")
            for line in _shortened(reason.difference, lines):
                print(f"        {line}".rstrip())


def _shortened(difference: tuple[str, ...], lines: int | None) -> Iterator[str]:
    yield from difference[:lines]
    if lines is not None and len(difference) > lines:
        yield f"... and {len(difference) - lines:,} lines more: -v"
