"""`taskdisc show`: kept values and what is known of them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from taskdisc.cli.options import Options, opened
from taskdisc.cli.output import print_values, remark
from taskdisc.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from taskdisc.run import Run
    from taskdisc.select import Selection
    from taskdisc.store.rows import FailureRow, ResultRow


def show(options: Options, *, info: bool, paths: bool) -> int:
    """Run the command; 1 where nothing up to date is kept of a target."""
    from taskdisc.cli.logs import earlier_attempts
    from taskdisc.run import Run
    from taskdisc.store.objects import DamagedResult

    if not options.targets:
        raise UsageError("show: name a target, such as a task. `taskdisc list` shows the tasks.")
    with opened(options) as (project, targets):
        run = Run(project, targets, age_counts=False)
        decisions = run.preview()
        project.save_caches()
        missing = []
        damaged = []
        values = []
        for selection in run.selections:
            nodes = selected(run, selection)
            missing += [
                run.id_of(node) for node in nodes if decisions.get(node) not in ("cached", "overridden", "skipped")
            ]
            _tell_of_skipped(run, [node for node in nodes if decisions.get(node) == "skipped"])
            if info or paths:
                earlier = earlier_attempts(run, selection.task)
                for node in nodes:
                    if decisions.get(node) == "cached":
                        _print_facts(run, node, paths, earlier)
            else:
                try:
                    values += run.values(selection)
                except DamagedResult as damage:
                    damaged.append(str(damage))
        if values:
            print_values(values)
        for name in missing[:5]:
            remark(f"{name}: no result that is up to date. taskdisc run '{name}'")
        if len(missing) > 5:
            remark(f"... and {len(missing) - 5} more")
        for problem in damaged:
            remark(f"{problem}. taskdisc run makes it again")
    return ExitCode.FAILED if missing or damaged else ExitCode.OK


def _tell_of_skipped(run: Run, nodes: list[int]) -> None:
    from taskdisc.skips import reason_kept
    from taskdisc.storedvalues import Values

    index = run.project.index
    for node in nodes:
        reason = "what it depends on was skipped"
        if node in run.plan.skipped and index is not None:
            block, row = run.expansion.place(node)
            stored = Values(run.plan, index, run.expansion, run.graph).fetch(block.number, [row])[row]
            reason = reason_kept(stored[0])
        remark(f"{run.id_of(node)}: skipped: {reason}")


def selected(run: Run, selection: Selection) -> list[int]:
    """Return the nodes of the selected instances."""
    return run.nodes_of(selection)


def _print_facts(run: Run, node: int, paths: bool, earlier: Mapping[tuple[int, str], Sequence[FailureRow]]) -> None:
    number = run.scheduler.block_of(node)
    index = run.project.index
    assert index is not None
    row = index.result(run.plan.artifacts[number][node - run.offset(number)])
    if paths:
        for path in _paths(row, run.project.config.root):
            print(path)
        return
    print(run.id_of(node))
    for name, text in facts(row, run.project.config.root, run.project.config.store):
        print(f"    {name}: {text}")
    for attempt in earlier.get((row.run, row.instance), ()):
        print(f"    attempt {attempt.attempt}: {attempt_text(attempt)}")


def _paths(row: ResultRow, root: str) -> list[str]:
    return [os.path.join(root, path) for path, *_ in json.loads(row.files or "[]")]


def attempt_text(attempt: FailureRow) -> str:
    """Return how an attempt ended, and what it took, in one line."""
    message = json.loads(attempt.error)[1].partition("\n")[0]
    return f"{attempt.outcome} after {attempt.seconds:.4f} s ({attempt.cpu:.4f} s of CPU): {message}"


def facts(row: ResultRow, root: str, store: str) -> Iterator[tuple[str, str]]:
    """Yield what is known of a kept result, by name."""
    yield "made", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row.started)) + f" in run {row.run}"
    yield "took", f"{row.seconds:.4f} s ({row.cpu:.4f} s of CPU)"
    yield "size", f"{row.size:,} bytes"
    yield "digest", ", ".join(row.digest[start : start + 32].hex()[:16] for start in range(0, len(row.digest), 32))
    for path in _paths(row, root):
        yield "file", path
    if row.stdout or row.stderr:
        yield "logs", ", ".join(os.path.join(store, log) for log in (row.stdout, row.stderr) if log)
