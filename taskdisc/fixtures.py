"""Fixtures in the graph: what their parameters may be, and what those who use them depend on."""

from __future__ import annotations

from taskdisc.errors import CollectionError
from taskdisc.graph import FromFixture, Source
from taskdisc.model import Fixture

TAKES = "A fixture takes settings, files and other fixtures"


def refusal(fixture: Fixture, name: str, what: str) -> str:
    """Say why a parameter cannot be filled by `what`: "a task (tasks_x.py:3)", "an axis (...)"."""
    return (
        f"{fixture.place} {fixture.name}: {name!r} is {what}, and a fixture is made once for many tasks. "
        f"{TAKES}: let the tasks that use {fixture.name} take {name} too."
    )


def belongs_to_an_execution(fixture: Fixture, name: str) -> str:
    """Say that a built-in such as `task_dir` is not for fixtures."""
    return (
        f"{fixture.place} {fixture.name}: {name!r} belongs to one execution of a task, and a fixture outlives it. "
        f"{TAKES}."
    )


def nothing_fills(fixture: Fixture, name: str, meant: str) -> str:
    """Say that nothing has the name of a parameter; `meant` is a sentence about a near one, or empty."""
    return (
        f"{fixture.place} {fixture.name}: nothing fills {name!r}.{meant} {TAKES}. A value? Give it a default, "
        f"and pass -p {name}=..."
    )


def order_fixtures(fixtures: list[Fixture], sources: dict[str, dict[str, Source]]) -> dict[str, Fixture]:
    """Return the fixtures by id, those that others use first. Raises CollectionError for a circle."""
    by_id = {fixture.id: fixture for fixture in fixtures}
    used = {id: {source.fixture for source in sources[id].values() if isinstance(source, FromFixture)} for id in by_id}
    ordered: dict[str, Fixture] = {}
    while len(ordered) < len(by_id):
        ready = [id for id in by_id if id not in ordered and used[id] <= ordered.keys()]
        if not ready:
            raise CollectionError(_circle(by_id, {id: used[id] - ordered.keys() for id in by_id if id not in ordered}))
        ordered.update((id, by_id[id]) for id in ready)
    return ordered


def _circle(fixtures: dict[str, Fixture], waiting: dict[str, set[str]]) -> str:
    """Follow what waits for what until something comes again."""
    ring = [min(waiting)]
    while (following := min(waiting[ring[-1]])) not in ring:
        ring.append(following)
    ring = [*ring[ring.index(following) :], following]
    names = " -> ".join(fixtures[id].name for id in ring)
    places = "".join(f"\n    {fixtures[one].place} {fixtures[one].name} takes {fixtures[other].name}"
                     for one, other in zip(ring, ring[1:], strict=False))  # fmt: skip
    return f"circle of fixtures: {names}{places}\n    One of them must do without the other."
