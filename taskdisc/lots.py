"""Lots: the results of many tiny jobs of one task, a value each and nothing beside it, as columns.

What handles them one by one costs more than such jobs do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from taskdisc.model import JobResult, Outcome, Part

LEAST = 16
"""Results that are worth a lot."""


class Lot(NamedTuple):
    """Results of nodes of one block, which have the same place in each column."""

    block: int
    rows: list[int]
    nodes: list[int]
    ids: list[str]
    """Printed ids."""
    results: list[JobResult]
    parts: list[Part]
    started: Sequence[float]
    seconds: Sequence[float]
    cpu: Sequence[float]
    memory: Sequence[int]


def lot_of(results: list[JobResult], rows_of: Callable[[list[int]], tuple[int, list[int]] | None]) -> Lot | None:
    """Return results as a lot, without their ids; None where they cannot be one.

    `rows_of` returns the number of the block of nodes and their rows there, None where they are of several blocks.
    """
    if len(results) < LEAST:
        return None
    columns = zip(*results, strict=True)
    numbers, outcomes, parts, files, directories, started, seconds, cpu, memory, *others = columns
    if outcomes.count(Outcome.SUCCEEDED) < len(results) or any(map(any, (files, directories, *others))):
        return None
    if set(map(len, parts)) != {1} or len(set(numbers)) < len(numbers):
        return None
    nodes = list(numbers)
    place = rows_of(nodes)
    if place is None:
        return None
    return Lot(*place, nodes, [], results, [part for (part,) in parts], started, seconds, cpu, memory)


class Columns:
    """The lots of one block that wait for being written, as columns of all of them."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.ids: list[str] = []
        self.parts: list[Part] = []
        self.started: list[float] = []
        self.seconds: list[float] = []
        self.cpu: list[float] = []
        self.memory: list[int] = []

    def add(self, lot: Lot) -> None:
        """Take a lot."""
        self.rows += lot.rows
        self.ids += lot.ids
        self.parts += lot.parts
        self.started += lot.started
        self.seconds += lot.seconds
        self.cpu += lot.cpu
        self.memory += lot.memory
