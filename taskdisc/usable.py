"""Usable: which kept results a run may use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from taskdisc.model import FileResult
from taskdisc.plan import Reuse

if TYPE_CHECKING:
    from taskdisc.project import Project


def usable(
    project: Project,
    now: float,
    code_counts: bool,
    age_counts: bool,
    is_forced: Callable[[int, int], bool] | None,
) -> Reuse:
    """Say which kept results may count; most projects restrict nothing, and do not pay for it."""

    def restored(file: FileResult) -> bool:
        from taskdisc.fileresults import restored

        return restored(file, project.config.root, project.config.store, project.objects)

    plain = Reuse(restored, code_counts=code_counts, is_forced=is_forced, gain=_gain(project))
    options = [task.options for task in project.graph.tasks.values()]
    if not project.config.track and not any(o.track or o.expires or not o.cache for o in options):
        return plain
    from taskdisc.reuse import Freshness, Versions

    tracking = plain._replace(versions=Versions(project.config.track).of)
    return tracking._replace(fresh=Freshness(project.index, now).fresh) if age_counts else tracking


def _gain(project: Project) -> Callable[..., bool] | None:
    """What looks into the store that a team shares, if there is one."""
    if project.team is None:
        return None
    from taskdisc.shared.gain import Gain

    return Gain(project.team, project.remarks.append)
