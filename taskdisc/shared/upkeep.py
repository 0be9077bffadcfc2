"""What is old goes from a shared store: manifests by their age, then the objects that no other manifest needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from taskdisc.shared.manifest import OBJECTS

if TYPE_CHECKING:
    from taskdisc.shared.remote import Remote
    from taskdisc.shared.team import Team

AT_ONCE = 1000
"""Names in one request to delete."""


class Gone(NamedTuple):
    """What was removed, by names."""

    manifests: list[str]
    objects: list[str]


def collect(team: Team, before: float, *, remove: bool) -> Gone:
    """Remove what was written before that time (seconds since the epoch), or only say what would be.

    Objects are listed first: one that is new stays, and so does an old one that a manifest of today needs. Should a
    manifest come for an object that goes at this moment, its result is a miss, and the task runs.
    """
    objects = team.objects()
    manifests = team.manifests()
    old = sorted(name for name, written in manifests.items() if written < before)
    kept = team.fetched([name for name, written in manifests.items() if written >= before])
    needed = {OBJECTS + name for manifest in kept.values() for r in manifest.results for name in r.objects()}
    unneeded = sorted(name for name, written in objects.items() if written < before and name not in needed)
    if remove:
        _delete(team, old)
        _delete(team, unneeded)
    return Gone(old, unneeded)


def _delete(remote: Remote, names: list[str]) -> None:
    for start in range(0, len(names), AT_ONCE):
        remote.delete(names[start : start + AT_ONCE])
