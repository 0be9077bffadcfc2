"""Which results a collection lets go: by age, by how much room they take, by how many newer ones there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from taskdisc.store.upkeep import Kept


class Rules(NamedTuple):
    """What results may be kept; None: no limit."""

    before: float | None = None
    """Results that were made before this time (seconds since the epoch) go."""
    most: int | None = None
    """The newest results that fit into so many bytes stay."""
    newest: int | None = None
    """So many results of each instance stay whatever else is said; by itself, all others go."""

    @property
    def is_empty(self) -> bool:
        return self.before is None and self.most is None and self.newest is None


def to_go(results: Sequence[Kept], rules: Rules) -> list[int]:
    """Return the numbers of the results that go; `results` come newest first."""
    if rules.is_empty:
        return []
    safe = _newest(results, rules.newest or 0)
    others = [result for result in results if result.id not in safe]
    if rules.before is None and rules.most is None:
        return [result.id for result in others]
    gone = {result.id for result in others if rules.before is not None and result.started < rules.before}
    if rules.most is not None:
        stay = [result for result in others if result.id not in gone]
        gone.update(_beyond(rules.most, [result for result in results if result.id in safe], stay))
    return [result.id for result in others if result.id in gone]


def _newest(results: Iterable[Kept], count: int) -> set[int]:
    seen: dict[tuple[str, str], int] = {}
    newest = set()
    for result in results:
        instance = result.task, result.instance
        seen[instance] = seen.get(instance, 0) + 1
        if seen[instance] <= count:
            newest.add(result.id)
    return newest


def _beyond(most: int, safe: Iterable[Kept], others: Iterable[Kept]) -> list[int]:
    """Return those of the others that find no room; what several results share takes it once."""
    objects: set[str] = set()
    room = most
    for result in safe:
        room -= _room(result, objects)
    gone = []
    for result in others:
        room -= _room(result, objects)
        if room < 0:
            gone.append(result.id)
    return gone


def _room(result: Kept, objects: set[str]) -> int:
    if result.object is None:
        return result.size
    if result.object in objects:
        return 0
    objects.add(result.object)
    return result.size
