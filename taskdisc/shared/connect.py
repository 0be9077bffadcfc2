"""How a project and its runs come by the store that a team shares. What it needs is imported where there is one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskdisc.project import Project
    from taskdisc.protocols import ObjectStore
    from taskdisc.run import Run
    from taskdisc.shared.outbox import Outbox
    from taskdisc.shared.team import Team


def connected(project: Project) -> Team:
    """Return the team's store as it is configured; nothing is asked of it yet."""
    from taskdisc.shared.remote import connector
    from taskdisc.shared.team import Team

    config = project.config
    store: ObjectStore = project.plugins.make("stores", config.storage, path=config.store)
    make = connector(config.shared, project.plugins)
    folders = config.root, config.store
    address = config.shared.partition("?")[0]
    return Team(make, address, project.open_index(), store, folders, read_only=config.shared_read_only)


def outbox_of(run: Run) -> Outbox | None:
    """Return what sends the results of a run to the team, if they are to be sent."""
    team = run.project.team
    if team is None or team.read_only:
        return None
    from taskdisc.shared.outbox import Outbox

    return Outbox(team, run.number, run.project.remarks.append)


def directories_of(run: Run) -> str:
    """Return the folder of a run's task_dirs, relative to the store; no other machine has one of that name."""
    own = f"dirs/{run.number}"
    return own if run.project.team is None else f"{own}-{os.urandom(6).hex()}"
