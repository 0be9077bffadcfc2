"""`taskdisc gc --shared`: remove from the team's store what is old."""

from __future__ import annotations

import time

from taskdisc.cli.gc import age
from taskdisc.cli.options import Options, opened
from taskdisc.cli.output import counted
from taskdisc.cli.team import team_of
from taskdisc.errors import ExitCode, StoreError, UsageError


def gc_shared(options: Options, *, older_than: str | None, others: bool) -> int:
    """Run the command; `others` says whether it was given rules that only the local store has."""
    from taskdisc.shared.upkeep import collect

    if older_than is None or others:
        raise UsageError("gc: --shared goes by age alone. Such as: taskdisc gc --shared --older-than 90d")
    before = time.time() - age(older_than)
    with opened(options) as (project, _):
        team = team_of(project)
        if team.read_only and not options.dry_run:
            raise StoreError("nothing is removed from the shared store: shared_read_only = true.")
        gone = collect(team, before, remove=not options.dry_run)
        verb = "would remove" if options.dry_run else "removed"
        parts = ((len(gone.manifests), "manifest"), (len(gone.objects), "object"))
        words = [counted(number, noun) for number, noun in parts if number]
        print(f"{verb} {', '.join(words)}" if words else "nothing to remove")
    return ExitCode.OK
