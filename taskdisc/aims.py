"""What a run is asked for: the project's graph with replacements and sweeps, and what of it is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from taskdisc.bind import bind
from taskdisc.labels import unquoted
from taskdisc.select import Selection, given_open, select

if TYPE_CHECKING:
    from taskdisc.bind import Bindings
    from taskdisc.graph import TaskGraph
    from taskdisc.project import Project


def with_replacements(project: Project) -> TaskGraph:
    """Return the graph with what this run has in the place of some of it."""
    if not project.config.replaced.values:
        return project.graph
    from taskdisc.overrides import replaced

    return replaced(project)


def check_replacements(graph: TaskGraph, tasks: Sequence[str]) -> None:
    """Raise UsageError where one of the tasks takes together what is replaced in part."""
    if graph.given:
        from taskdisc.overrides import check_outputs

        check_outputs(graph, tasks)


def found_in_run(asked: TaskGraph, graph: TaskGraph, text: str) -> list[Selection]:
    """Return what a text means among the tasks of a run: of what is swept, the copies that its brackets choose.

    `asked` is the graph before something was swept, `graph` that with all copies. Raises as `select` does.
    """
    found: list[Selection] = []
    for selection in select(asked, [text]):
        given = {name: unquoted(label) for name, label in (selection.target.brackets or {}).items()}
        copies = [
            copy.id
            for copy in graph.tasks.values()
            if copy.copy_of == selection.task
            and all(given.get(each.name, unquoted(each.label)) == unquoted(each.label) for each in copy.swept)
        ]
        found += [selection._replace(task=id) for id in copies] or [selection]
    return found


def with_sweeps(
    graph: TaskGraph, project: Project, selections: list[Selection], bindings: Bindings
) -> tuple[TaskGraph, list[Selection], Bindings]:
    """Return the graph, the selections and the bindings in all runs of a sweep; the same where nothing is swept."""
    config = project.config
    if not config.sweeps.values and not any(selection.target.brackets for selection in selections):
        return graph, selections, bindings
    from taskdisc.sweeps import is_needed, swept

    if not is_needed(graph, config, selections):
        return graph, selections, bindings
    given = given_open(graph, selections)
    graph, selections = swept(graph, config, selections)
    return graph, selections, bind(graph, config, given)
