"""`taskdisc gc`: give back what nothing needs any more, and results by age, size or number."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from taskdisc.cli.options import Options, opened
from taskdisc.cli.output import counted, remark
from taskdisc.cli.quantities import size, size_text
from taskdisc.durations import seconds
from taskdisc.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from taskdisc.project import Project
    from taskdisc.store.retention import Rules
    from taskdisc.store.sweep import Freed, Lives


def gc(options: Options, *, older_than: str | None, max_size: str | None, keep_latest: int | None) -> int:
    """Run the command; return the exit code."""
    from taskdisc.fingerprint.files import is_current
    from taskdisc.store.retention import Rules
    from taskdisc.store.sweep import Freed, Wishes

    before = None if older_than is None else time.time() - age(older_than)
    rules = Rules(before, None if max_size is None else size(max_size, "--max-size"), keep_latest)
    with opened(options) as (project, _):
        if project.index is None:
            freed = Freed()
        else:
            root = project.config.root
            wishes = Wishes(
                _choice(project, rules),
                before or 0.0,
                _summaries(project),
                lambda path, stamp: is_current(root, path, stamp),
                options.dry_run,
            )
            freed = project.broom().collect(wishes)
        _tell(freed, options.dry_run)
    return ExitCode.OK


def age(text: str) -> float:
    """Return the seconds that `--older-than` means. Raises UsageError."""
    try:
        return seconds(text)
    except ValueError:
        raise UsageError(f"--older-than takes a duration such as 90s, 10m, 2h, 30d or 4w, not {text!r}.") from None


def _choice(project: Project, rules: Rules) -> Callable[[Lives], Sequence[int]]:
    from taskdisc.store import upkeep
    from taskdisc.store.retention import to_go

    index = project.open_index()

    def choose(lives: Lives) -> list[int]:
        if rules.is_empty:
            return []
        results = upkeep.kept_results(index)
        chosen = to_go(results, rules)
        if not lives.runs:
            return chosen
        unneeded = set(upkeep.superseded(index)) & {row.id for row in results if row.started < lives.oldest}
        return [number for number in chosen if number in unneeded]

    return choose


def _summaries(project: Project) -> set[str]:
    """Digests of the modules' texts that the tasks' code is made of."""
    for task in project.graph.tasks.values():
        project.code.fingerprint(task.function)
    return project.summaries.used


def _tell(freed: Freed, rehearsal: bool) -> None:
    parts = [(freed.results, "result"), (freed.objects, "object"), (freed.folders, "folder"), (freed.files, "file")]
    words = [counted(number, noun) for number, noun in parts if number]
    if words or freed.bytes:
        verb = "would remove" if rehearsal else "removed"
        size_of_files = f": {size_text(freed.bytes)}" if freed.bytes else ""
        print(f"{verb} {', '.join(words) or 'half-written objects'}{size_of_files}")
    else:
        print("nothing to remove")
    if freed.in_company:
        remark("a run is at work: what it may use is kept")
