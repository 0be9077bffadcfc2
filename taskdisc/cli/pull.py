"""`taskdisc pull`: take what the team has, so that work goes on without it."""

from __future__ import annotations

from taskdisc.cli.options import Options, opened
from taskdisc.cli.output import counted
from taskdisc.cli.quantities import size_text
from taskdisc.cli.team import team_of
from taskdisc.errors import ExitCode


def pull(options: Options) -> int:
    """Run the command: results of the targets, as their code and settings are now, and all their values come here."""
    from taskdisc.run import Run

    with opened(options) as (project, targets):
        team = team_of(project)
        families = Run(project, targets).plan.prefixes()
        listed = team.listed()
        manifests = team.fetched([name for prefix in families for name in listed.get(prefix.hex(), ())])
        taken = team.ledger.take(manifests)
        results = (result for manifest in manifests.values() for result in manifest.results)
        objects, size = team.bring_objects(sorted(set().union(*(result.objects() for result in results))))
        came = f", {counted(objects, 'object')}: {size_text(size)}" if objects else ""
        print(f"took {counted(taken, 'result')}{came}" if taken or objects else "nothing to take")
    return ExitCode.OK
