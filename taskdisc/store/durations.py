"""How long tasks took in earlier runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskdisc.store.batches import LEAST, columns_of

if TYPE_CHECKING:
    from taskdisc.store.index import Index

LATEST = 200
"""Results of a task, the newest, whose durations count."""


def mean_seconds(index: Index, task: str) -> float | None:
    """Return the mean wall time of the newest kept results of a task, None where there are none. Raises StoreError."""
    # Of the newest family alone, whose rows are in their order: other ones would have to be sorted, all of them.
    ((family,),) = index.read("select max(id) from family where task=?", (task,))
    seconds = [] if family is None else latest_seconds(index, family, LATEST)
    return sum(seconds) / len(seconds) if seconds else None


def latest_seconds(index: Index, family: int, most: int, *, batched: bool = True) -> list[float]:
    """Return how long the newest results of a family took, up to `most` of them, newest first.

    `batched`: whether some may be in batches.
    """
    newest = "where family=? order by id desc limit ?"
    rows = index.read_folded(f"select id, seconds from artifact {newest}", (family, most))
    wanted = (family, most // LEAST + 1)
    batches = index.read_folded(f"select id, size, data from batch {newest}", wanted) if batched else []
    for first, size, data in batches:
        columns = columns_of(data, size)
        rows += enumerate(columns.seconds if columns is not None else (), first)
    return [seconds for _, seconds in sorted(rows, reverse=True)[:most]]
