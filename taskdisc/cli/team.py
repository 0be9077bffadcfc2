"""The store that a team shares, as commands about it need it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskdisc.errors import StoreError, UsageError
from taskdisc.options import OFF

if TYPE_CHECKING:
    from taskdisc.project import Project
    from taskdisc.shared.team import Team


def team_of(project: Project) -> Team:
    """Return it. Raises UsageError where none is configured, StoreError where nothing can be kept here."""
    if project.config.shared == OFF:
        raise UsageError('no store is shared: write shared = "s3://bucket/project" in [tool.taskdisc].')
    if project.team is None:
        raise StoreError(f"the store {project.config.store} can only be read. Use another one: --store DIR")
    return project.team
