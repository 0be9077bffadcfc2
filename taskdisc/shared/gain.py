"""Gain: what a run finds in a shared store when the local one lacks something."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from taskdisc.shared.remote import Unreachable

if TYPE_CHECKING:
    from taskdisc.shared.team import Team

Families = Callable[[], Iterable[bytes]]


class Gain:
    """Asks the remote, once in a run and for all that the run may need."""

    def __init__(self, team: Team, tell: Callable[[str], None]) -> None:
        self._team = team
        self._tell = tell
        self._listed: dict[str, list[str]] | None = None
        self._gained: set[str] = set()
        self._asked: set[str] = set()

    def __call__(self, prefix: bytes, families: Families) -> bool:
        """Say whether the index may know more of a family now; `families` are those that the run may need.

        Raises StoreError where the remote cannot be used as it is configured.
        """
        family = prefix.hex()
        if family in self._asked:
            return False
        try:
            self._ask(family, families)
        except Unreachable as error:
            self._listed = {}
            self._tell(f"what is missing is made here, since the team's store is out of reach: {error}")
        self._asked.add(family)
        return family in self._gained

    def _ask(self, family: str, families: Families) -> None:
        wanted = {family}
        if self._listed is None:
            self._listed = self._team.listed()
            if self._listed:
                wanted.update(prefix.hex() for prefix in families())
        names = [name for each in sorted(wanted) for name in self._listed.pop(each, ())]
        if names:
            self._gained |= self._team.bring(names)
