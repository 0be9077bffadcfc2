"""Edges between blocks of nodes, and how they look from the other side."""

from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple


class Edge(NamedTuple):
    """The dependencies of a block's rows on an earlier block: one row each, or a group each.

    Without `starts`, row i depends on row `rows[i]`; with it, on each of `rows[starts[i]:starts[i + 1]]`.
    """

    block: int
    rows: Sequence[int]
    starts: Sequence[int] | None = None


class Dependents(NamedTuple):
    """An edge seen from the other side: the rows of `block` that depend on a row."""

    block: int
    rows: Sequence[int] | None
    """None: row i is what depends on row i."""
    starts: Sequence[int] | None
    """None: all dependents share the one row 0 (`rows` None otherwise)."""


def reverse(number: int, edge: Edge, size: int) -> Dependents:
    """Return the edge of block `number` as seen from the block that it leads to, which has `size` rows."""
    rows, starts = edge.rows, edge.starts
    if starts is None:
        if rows == range(size):
            return Dependents(number, None, None)
        return Dependents(number, *_sorted_by_target(rows, range(len(rows)), size))
    if len(starts) == 2 and rows == range(size):
        return Dependents(number, (0,), None)
    owners = array("I")
    for row in range(len(starts) - 1):
        owners.extend(array("I", (row,)) * (starts[row + 1] - starts[row]))
    return Dependents(number, *_sorted_by_target(rows, owners, size))


def _sorted_by_target(targets: Sequence[int], owners: Sequence[int], size: int) -> tuple[Sequence[int], Sequence[int]]:
    """Counting sort: the owners, grouped by target, and where each target's group starts."""
    if size == 1:
        return owners, (0, len(owners))
    return grouped_by_target(targets, owners, size)


def grouped_by_target(targets: Sequence[int], owners: Sequence[int], size: int) -> tuple[Sequence[int], Sequence[int]]:
    counts = [0] * (size + 1)
    for target in targets:
        counts[target + 1] += 1
    starts = array("I", accumulate(counts))
    position = list(starts)
    grouped = array("I", bytes(4 * len(targets)))
    for owner, target in zip(owners, targets, strict=True):
        grouped[position[target]] = owner
        position[target] += 1
    return grouped, starts


def rows_of(dependents: Dependents, row: int) -> Sequence[int]:
    """Return the rows of the dependent block that depend on `row`."""
    if dependents.rows is None:
        return (row,)
    if dependents.starts is None:
        return dependents.rows
    return dependents.rows[dependents.starts[row] : dependents.starts[row + 1]]
