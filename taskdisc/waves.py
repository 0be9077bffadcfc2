"""What growth works with: tables of instances, searches along axes, and the waves in which it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from taskdisc.marks import Axis

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from taskdisc.calls import Coordinate
    from taskdisc.expand import Block, Variant
    from taskdisc.refer import Many, Standpoint


class Table:
    """The instances of a task, with settings of its own bound alike, that are no grid; or all groups of a gather."""

    __slots__ = ("axes", "coordinates", "fills", "known", "links", "many", "slots", "task", "variant")

    def __init__(self, task: str, axes: tuple[Axis, ...], variant: Variant, many: Many | None) -> None:
        self.task = task
        self.axes = axes
        self.variant = variant
        self.many = many
        """What a group of this table is, apart from where."""
        self.known: dict[Coordinate, int] = {}
        """Slots by coordinate."""
        self.slots: list[int] = []
        """Of this wave, as are the following."""
        self.coordinates: list[Coordinate] = []
        self.links: dict[str, list[int]] = {}
        """By parameter, what each row needs."""
        self.fills: tuple[str, ...] = ()
        """Parameters that receive structures."""


class Visit(NamedTuple):
    """A walk along a target's axes: what it has passed, and for whom it looks."""

    seeker: Seeker
    at: Coordinate


class Seeker:
    """Looks for all instances of a task at a part of its axes: a target's, or a group's."""

    __slots__ = ("asked", "found", "kept", "labels", "only", "open", "slot", "task", "texts", "variant")

    def __init__(self, task: str, variant: Variant, slot: int | None) -> None:
        self.task = task
        self.variant = variant
        self.slot = slot
        """The group that waits for it."""
        self.kept: dict[Axis, int] = {}
        self.labels: dict[Axis, Any] = {}
        self.texts: dict[Axis, str] = {}
        self.only: Callable[[str], bool] | None = None
        """Says of bracketed coordinates whether they are looked for; None: all are."""
        self.asked: list[int] = []
        self.found: list[Coordinate] = []
        self.open = 1
        """Visits that have not come to an end."""


class Parked(NamedTuple):
    """A structure that waits for a list, or for a planner's step."""

    slot: int
    here: Standpoint
    structure: Any


class Wave(NamedTuple):
    """What has grown."""

    blocks: list[Block]
    edges: dict[int, tuple[list[int], list[int]]]
    """By block: nodes of it, and what each of them needs."""
    complete: list[int]
    """Nodes of which everything is known now."""
    wanted: list[int]
    """Nodes of grids that are needed."""

    @property
    def is_empty(self) -> bool:
        """Say whether nothing has happened."""
        return not (self.blocks or self.edges or self.complete or self.wanted)


def depend(edges: dict[int, tuple[list[int], list[int]]], block: Block, node: int, nodes: Sequence[int]) -> None:
    """Note, by block, that a node depends on others."""
    if nodes:
        owners, targets = edges.setdefault(block.number, ([], []))
        owners += [node] * len(nodes)
        targets += nodes
