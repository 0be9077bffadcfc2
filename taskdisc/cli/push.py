"""`taskdisc push`: send results to the store that a team shares."""

from __future__ import annotations

from taskdisc.cli.options import Options, opened
from taskdisc.cli.output import counted
from taskdisc.cli.quantities import size_text
from taskdisc.cli.team import team_of
from taskdisc.errors import ExitCode, StoreError


def push(options: Options) -> int:
    """Run the command: all that can be shared and is not yet there goes out."""
    from taskdisc.shared.remote import Unreachable

    with opened(options) as (project, _):
        team = team_of(project)
        if team.read_only:
            raise StoreError("nothing is sent to the shared store: shared_read_only = true. Change that to push.")
        sent = new = size = 0
        for batch in list(team.ledger.unsent()):
            done = team.deliver([batch])
            team.note(done)
            sent, new, size = sent + len(done.artifacts), new + done.new, size + done.bytes
            if done.unsent:
                raise Unreachable(f"sent {counted(sent, 'result')}, and no more: {team.trouble}")
        objects = f", {counted(new, 'object')}: {size_text(size)}" if new else ""
        print(f"sent {counted(sent, 'result')}{objects}" if sent else "nothing to send")
    return ExitCode.OK
