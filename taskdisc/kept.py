"""What is kept of targets: also the results of older code and of other settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from taskdisc.record import suffix_of

if TYPE_CHECKING:
    from taskdisc.project import Project
    from taskdisc.run import Run
    from taskdisc.select import Selection
    from taskdisc.store.rows import ResultRow

Instances = dict[str, set[str] | None]
"""By long id of a task: its instances, by their printed coordinates; None: all of them."""


def instances_of(project: Project, targets: list[str], *, downstream: bool = False) -> Instances:
    """Return what the targets mean; without targets, all tasks that the store knows, gone ones too."""
    from taskdisc.run import Run
    from taskdisc.select import select
    from taskdisc.store.upkeep import tasks_of_results

    if not targets:
        return {} if project.index is None else dict.fromkeys(tasks_of_results(project.index))
    found: Instances = {}
    sliced = []
    for selection in select(project.graph, targets):
        if selection.target.brackets:
            sliced.append(selection.target.text)
        else:
            found[selection.task] = None
    if sliced:
        run = Run(project, sliced)
        if run.growing is not None:
            run.preview()  # what is cached tells which instances there are
        for selection in run.selections:
            _add_slice(found, run, selection)
    if downstream:
        reached = project.graph.dependents(found)
        for task in reached:
            if task not in found or not set(reached).isdisjoint(project.graph.dependencies(task)):
                found[task] = None  # a slice that depends on no other target stays a slice
    return found


def _add_slice(found: Instances, run: Run, selection: Selection) -> None:
    known = found.setdefault(run.graph.tasks[selection.task].long_id, set())
    if known is not None:
        known.update(suffix_of(run.id_of(node)) for node in run.nodes_of(selection))


def kept_rows(project: Project, instances: Instances) -> list[tuple[str, ResultRow]]:
    """Return (printed id, result) of all that is kept of these instances, newest first within a task."""
    index = project.index
    if index is None:
        return []
    return [
        (f"{printed_name(project, task)}{row.instance}", row)
        for task, chosen in instances.items()
        for row in index.results(task)
        if chosen is None or row.instance in chosen
    ]


def printed_name(project: Project, task: str) -> str:
    """Return how a task is called, also one that the project has no longer."""
    return project.graph.names.get(task) or task


def forget(project: Project, instances: Instances, rows: Sequence[ResultRow]) -> bool:
    """Forget these results, and the failures of these instances; say whether a run was at work meanwhile."""
    from taskdisc.store.upkeep import forget_failures

    if project.index is None:
        return False
    index = project.open_index()
    with index.transaction():
        for task, chosen in instances.items():
            forget_failures(index, task, chosen)
    return project.broom().forget([row.id for row in rows]).in_company
