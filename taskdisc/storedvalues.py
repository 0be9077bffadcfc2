"""The stored values of results, as jobs carry them: those of this run's, and what the index has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from taskdisc.graph import TaskGraph
from taskdisc.model import Part, Stored
from taskdisc.store.index import no_value

if TYPE_CHECKING:
    from taskdisc.expand import Expansion
    from taskdisc.plan import Plan
    from taskdisc.store.index import Index

Parts = tuple[Stored, ...]
"""The stored values of a result: one, or one for each named output."""
Places = tuple[int, ...]
"""What stands for them in a job that follows the one that makes them."""


class Values:
    """The stored values of results: of this run's until they are in the index, and from there."""

    def __init__(self, plan: Plan, index: Index | None, expansion: Expansion, graph: TaskGraph) -> None:
        self.fresh: dict[int, tuple[Part, ...]] = {}
        """By node, what is not in the index yet, or was lost there once."""
        self.lasting: set[int] = set()
        """Nodes whose values were lost: made again, they are not left to the index alone."""
        self.plan = plan
        self._index = index
        self._expansion = expansion
        self._graph = graph

    def written(self) -> None:
        """All values are in the index now."""
        self.fresh = {node: self.fresh[node] for node in self.lasting if node in self.fresh}

    def fetch(self, number: int, rows: Iterable[int]) -> dict[int, Parts]:
        """Return the stored values of these rows of a block, all of which have a result."""
        given = self._graph.given.get(self._expansion.blocks[number].task)
        if given is not None:
            return dict.fromkeys(rows, tuple(map(as_stored, given)))
        wanted = list(dict.fromkeys(rows))
        offset, fresh = self._expansion.blocks[number].offset, self.fresh
        found = {row: tuple(map(as_stored, fresh[offset + row])) for row in wanted if offset + row in fresh}
        missing = [row for row in wanted if row not in found] if found else wanted
        if not missing:
            return found
        assert self._index is not None, "there are results, so there is an index"
        artifacts = list(map(self.plan.artifacts[number].__getitem__, missing))
        outputs = self._graph.tasks[self._expansion.blocks[number].task].options.outputs
        if len(outputs) > 1:
            for row, artifact in zip(missing, artifacts, strict=True):
                parts = self._index.stored_parts(artifact)
                found[row] = parts if len(parts) == len(outputs) else (no_value(artifact),) * len(outputs)
        else:
            stored = self._index.stored(artifacts)
            values = [stored.get(artifact) or no_value(artifact) for artifact in artifacts]
            found.update(zip(missing, zip(values, strict=True), strict=True))
        return found

    def column(self, number: int, rows: Sequence[int]) -> Sequence[Stored]:
        """Return the stored values of these rows of a block whose task has one output, in the same order."""
        given = self._graph.given.get(self._expansion.blocks[number].task)
        if given is not None:
            return [as_stored(given[0])] * len(rows)
        offset, fresh = self._expansion.blocks[number].offset, self.fresh
        artifacts = list(map(self.plan.artifacts[number].__getitem__, rows))
        stored = self._index.stored(list(filter(None, artifacts))) if self._index is not None else {}
        values: list[Any] = list(map(stored.get, artifacts))
        if fresh or not all(values):
            for place, row in enumerate(rows):
                if offset + row in fresh:
                    values[place] = as_stored(fresh[offset + row][0])
                elif not values[place]:
                    values[place] = no_value(artifacts[place])
        return values


def as_stored(part: Part) -> Stored:
    """Return a part as jobs carry it."""
    return part.payload if part.payload is not None else part.object or ""
