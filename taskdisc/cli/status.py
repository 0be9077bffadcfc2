"""`taskdisc status`: what is up to date."""

from __future__ import annotations

from taskdisc.cli.options import Options, narrowing, opened
from taskdisc.cli.output import print_table, remark
from taskdisc.drawing import described
from taskdisc.errors import ExitCode
from taskdisc.model import Decision
from taskdisc.record import suffix_of

WORDS = {
    Decision.CACHED: "cached",
    Decision.RUN: "to run",
    Decision.MAY_RUN: "may run",
    Decision.SKIPPED: "skipped",
    Decision.GIVEN: "overridden",
}
"""Decisions as a table says them: `1 run` would read as if it had run."""


def status(options: Options) -> int:
    """Run the command; return the exit code."""
    from taskdisc.builtin.terminal import left_out_line
    from taskdisc.run import Run

    with opened(options) as (project, targets):
        run = Run(project, targets, code_counts=not options.no_code_check, narrowing=narrowing(options))
        decisions = run.preview()
        project.save_caches()
        by_task: dict[str, dict[str, list[int]]] = {}
        for node, decision in decisions.items():
            task = run.expansion.blocks[run.scheduler.block_of(node)].task
            by_task.setdefault(task, {}).setdefault(decision, []).append(node)
        rows = []
        unknown = run.unknown()
        for task in run.graph.tasks:
            if task not in by_task and task not in run.expansion.by_task and task not in run.tasks:
                continue
            if task in run.graph.inner and not run.graph.inner[task].reaches:
                continue
            found = by_task.get(task, {})
            words = [f"{len(found[decision]):,} {word}" for decision, word in WORDS.items() if decision in found]
            failed = _failed(run, task, found.get(Decision.RUN, []))
            if failed:
                words.append(f"{failed:,} failed last time")
            if task in unknown:
                words.append("unknown" if not found else "more unknown")
            rows.append((described(run.graph, run.graph.tasks[task]), ", ".join(words) or "no instances"))
        print_table(rows)
        for name, missing in run.left_out:
            remark(left_out_line(name, missing))
    return ExitCode.OK


def _failed(run: object, task: str, nodes: list[int]) -> int:
    from taskdisc.run import Run

    assert isinstance(run, Run)
    index = run.project.index
    if index is None or not nodes:
        return 0
    failed = {(failure.instance, failure.key) for failure in index.failures(run.graph.tasks[task].long_id)}
    return sum((suffix_of(run.id_of(node)), run.plan.keys[node]) in failed for node in nodes) if failed else 0
