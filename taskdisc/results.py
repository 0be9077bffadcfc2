"""The values of a run's results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from taskdisc.jobs import Values
from taskdisc.schedule import DONE
from taskdisc.select import Selection, rows_of
from taskdisc.store.objects import DamagedResult

if TYPE_CHECKING:
    from taskdisc.run import Run


def values(run: Run, selection: Selection, chosen: Sequence[int] | None = None) -> list[tuple[str, Any]]:
    """Return (id, value) of the selected instances that have a result; `chosen` are their rows, if known.

    Raises DamagedResult, after which another run makes the result again; `intact` says that this would not help.
    """
    index = run.project.index
    task = run.graph.tasks[selection.task]
    if index is None and task.id not in run.graph.given:
        return []
    block = run.expansion.by_task[task.id]
    if chosen is None:
        chosen = rows_of(run.graph, run.expansion, selection)
    offset = run.offset(block.number)
    rows = [r for r in (range(block.size) if chosen is None else chosen) if run.scheduler.state(offset + r) == DONE]
    stored = Values(run.plan, index, run.expansion, run.graph).fetch(block.number, rows)
    outputs, codec = task.options.outputs, task.options.codec
    names = run.expansion.ids(block, selection.output or run.graph.names[task.id], rows)
    found = []
    for name, row in zip(names, rows, strict=True):
        chosen_parts = _chosen_parts(stored[row], outputs, selection)
        try:
            parts = [run.project.decode(each, codec) for each in chosen_parts]
        except DamagedResult as damage:
            assert index is not None, "what this run was given is whole"
            artifact = run.plan.artifacts[block.number][row]
            index.refused.add(artifact)
            hopeless = damage.intact and index.result(artifact).run == run.number
            raise DamagedResult(damage.stored, f"{name}: {damage.reason}", intact=hopeless) from damage
        value = dict(zip(outputs, parts, strict=True)) if outputs and selection.output is None else parts[0]
        found.append((name, value))
    return found


def _chosen_parts(stored: tuple[Any, ...], outputs: tuple[str, ...], selection: Selection) -> tuple[Any, ...]:
    return (stored[outputs.index(selection.output)],) if selection.output else stored
