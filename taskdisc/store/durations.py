"""How long tasks took in earlier runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskdisc.store.index import Index

LATEST = 200
"""Results of a task, the newest, whose durations count."""


def mean_seconds(index: Index, task: str) -> float | None:
    """Return the mean wall time of the newest kept results of a task, None where there are none. Raises StoreError."""
    # Of the newest family alone, whose rows are in their order: other ones would have to be sorted, all of them.
    mean: float | None = index.read(
        "select avg(seconds) from (select seconds from artifact "
        "where family=(select max(id) from family where task=?) order by id desc limit ?)",
        (task, LATEST),
    )[0][0]
    return mean
