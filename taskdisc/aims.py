"""What a run is asked for: the project's graph with replacements and sweeps, and what of it is wanted."""

from __future__ import annotations

from collections.abc import Sequence

from taskdisc.graph import TaskGraph
from taskdisc.project import Project
from taskdisc.select import Selection


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


def with_sweeps(
    graph: TaskGraph, project: Project, selections: list[Selection]
) -> tuple[TaskGraph, list[Selection]] | None:
    """Return the graph and the selections in all runs of a sweep; None where nothing is swept."""
    if not project.config.sweeps.values and not any(selection.target.brackets for selection in selections):
        return None
    from taskdisc.sweeps import is_needed, swept

    return swept(graph, project.config, selections) if is_needed(graph, project.config, selections) else None


def no_tasks(project: Project) -> str:
    """Say that there is nothing to run, and what to do."""
    config = project.config
    if not project.collection.modules:
        above = _tasks_above(config.root)
        remedy = (
            f"There are some in {above}: use -C {above}, or make it the root of all that is below it "
            f"by [tool.taskdisc] in its pyproject.toml."
            if above
            else "Make a tasks_hello.py with a function in it, or choose a folder with -C."
        )
        return f"no task modules in {config.root}: nothing matches {', '.join(config.files)}. {remedy}"
    files = ", ".join(path for _, path in project.collection.modules[:3])
    return (
        f"no tasks in {files}{', ...' if len(project.collection.modules) > 3 else ''}. Every public function is a task."
    )


def _tasks_above(root: str) -> str | None:
    """The nearest folder above that has modules of tasks: a command given too deep in a project."""
    import os
    from glob import escape, glob

    above = os.path.dirname(root)
    while above != os.path.dirname(above):
        if glob(os.path.join(escape(above), "tasks_*.py")):
            return above
        above = os.path.dirname(above)
    return None
