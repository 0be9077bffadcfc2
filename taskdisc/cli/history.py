"""`taskdisc history`: what runs there were, and how the results of an instance changed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from taskdisc.cli.options import Options, opened
from taskdisc.cli.output import print_table, remark
from taskdisc.errors import ExitCode
from taskdisc.kept import instances_of, kept_rows

if TYPE_CHECKING:
    from taskdisc.project import Project
    from taskdisc.store.rows import FamilyRow, ResultRow


def history(options: Options, *, newest: int) -> int:
    """Run the command: the newest runs, or with targets their newest results, each with what has changed in it."""
    with opened(options) as (project, targets):
        if targets:
            _results(project, targets, newest)
        else:
            _runs(project, newest)
    return ExitCode.OK


def _runs(project: Project, newest: int) -> None:
    from taskdisc.builtin.terminal import WORDS, seconds_text
    from taskdisc.store.sweep import lives
    from taskdisc.store.upkeep import runs

    index = project.index
    rows = [] if index is None else runs(index, newest)
    if index is None or not rows:
        remark("no run has executed anything yet")
        return
    live = lives(index, project.config.store).runs
    table = []
    for row in rows:
        words = [f"{row.counts[outcome]} {outcome}" for outcome in WORDS if row.counts.get(outcome)]
        state = "at work" if row.id in live else "did not come to its end"
        took = "" if row.seconds is None else seconds_text(row.seconds)
        table.append((f"run {row.id}", _when(row.started), took, ", ".join(words) or state, row.command))
    print_table(table)


def _results(project: Project, targets: list[str], newest: int) -> None:
    index = project.index
    by_instance: dict[str, list[ResultRow]] = {}
    for name, row in kept_rows(project, instances_of(project, targets)):
        by_instance.setdefault(name, []).append(row)
    if index is None or not by_instance:
        remark("nothing is kept of it")
        return
    families = {family.id: family for family in index.families()}
    for name, rows in sorted(by_instance.items()):
        print(name)
        for row, before in zip(rows[:newest], [*rows[1:], None], strict=False):
            _print_result(row, before, families)


def _print_result(row: ResultRow, before: ResultRow | None, families: dict[int, FamilyRow]) -> None:
    from taskdisc.builtin.terminal import seconds_text

    print(f"    run {row.run}  {_when(row.started)}  {seconds_text(row.seconds)}  digest {row.digest.hex()[:12]}")
    if before is not None:
        for change in _changes(row, before, families):
            print(f"        {change}")
        print("        an equal result" if row.digest == before.digest else "        another result")


def _changes(row: ResultRow, before: ResultRow, families: dict[int, FamilyRow]) -> Iterator[str]:
    """What differs from the result before; the result of one key is made again when it was lost or cleared."""
    from taskdisc.explain import family_changes

    old, new = families[before.family].parts, families[row.family].parts
    changes = [change.text for change in family_changes(old, new)]
    names = new["inputs"]
    if old["inputs"] != names:
        changes.append(f"inputs: {', '.join(old['inputs']) or 'none'} -> {', '.join(names) or 'none'}")
    else:
        for position, name in enumerate(names):
            part = slice(32 * position, 32 * position + 32)
            if row.inputs[part] != before.inputs[part]:
                changes.append(f"input {name} has changed")
    yield from changes or ["made again" if row.key == before.key else "its parameters have changed"]


def _when(started: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(started))
