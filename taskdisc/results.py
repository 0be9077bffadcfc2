"""The values of a run's instances, read from the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from taskdisc.nodes import DONE
from taskdisc.store.objects import DamagedResult
from taskdisc.storedvalues import Values

if TYPE_CHECKING:
    from taskdisc.expand import Block
    from taskdisc.run import Run
    from taskdisc.select import Selection


def values_of(run: Run, selection: Selection, nodes: Sequence[int]) -> list[tuple[str, Any]]:
    """Return (id, value) of those of a target's nodes that have a result.

    Raises DamagedResult, of the first one; those behind it that are damaged do not count any more either.
    """
    index, project = run.project.index, run.project
    task = run.graph.tasks[selection.task]
    if index is None and task.id not in run.graph.given:
        return []
    outputs, codec = task.options.outputs, task.options.codec
    is_axis = task.id in run.graph.inner and run.graph.inner[task.id].axis is not None
    found: list[tuple[str, Any]] = []
    damaged: list[DamagedResult] = []
    done = [node for node in nodes if run.scheduler.state(node) == DONE]
    for name, block, row, stored in _stored(run, done, selection):
        chosen = (stored[outputs.index(selection.output)],) if selection.output else stored
        try:
            parts = [project.decode(each, codec) for each in chosen]
        except DamagedResult as damage:
            assert index is not None, "what this run was given is whole"
            artifact = run.plan.artifacts[block.number][row]
            index.refused.add(artifact)
            hopeless = damage.intact and index.result(artifact).run == run.number
            damaged.append(DamagedResult(damage.stored, f"{name}: {damage.reason}", intact=hopeless))
            damaged[-1].__cause__ = damage
            continue
        value = dict(zip(outputs, parts, strict=True)) if outputs and selection.output is None else parts[0]
        found.append((name, {label: element for label, element, _ in value} if is_axis else value))
    if damaged:
        raise min(damaged, key=lambda damage: not damage.intact)  # what cannot be made again is told first
    return found


def _stored(run: Run, nodes: list[int], selection: Selection) -> Iterator[tuple[str, Block, int, Any]]:
    """Yield (printed id, block, row, stored value) of nodes, which are fetched block by block."""
    values = Values(run.plan, run.project.index, run.expansion, run.graph)
    name = selection.output or run.graph.names[selection.task]
    places = [run.expansion.place(node) for node in nodes]
    rows: dict[Block, list[int]] = {}
    for block, row in places:
        rows.setdefault(block, []).append(row)
    stored = {block: values.fetch(block.number, members) for block, members in rows.items()}
    ids = {
        block: dict(zip(members, run.expansion.ids(block, name, members), strict=True))
        for block, members in rows.items()
    }
    for block, row in places:
        yield ids[block][row], block, row, stored[block][row]
