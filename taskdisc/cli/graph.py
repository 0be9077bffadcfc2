"""`taskdisc graph`: what depends on what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from taskdisc.cli.options import Options, opened
from taskdisc.drawing import described, dot, mermaid
from taskdisc.errors import ExitCode, NothingMatched

if TYPE_CHECKING:
    from taskdisc.graph import TaskGraph


def graph(options: Options, *, form: str) -> int:
    """Run the command; return the exit code."""
    from taskdisc.select import select

    with opened(options) as (project, targets):
        tasks = project.graph
        if not tasks.tasks:
            from taskdisc.project import no_tasks

            raise NothingMatched(no_tasks(project))
        wanted = [selection.task for selection in select(tasks, targets)] if targets else ends(tasks)
        if form == "tree":
            lines: Iterator[str] = (line for task in wanted for line in tree_lines(tasks, task))
        else:
            lines = {"dot": dot, "mermaid": mermaid}[form](tasks, tasks.ancestors(wanted))
        for line in lines:
            print(line)
    return ExitCode.OK


def ends(graph: TaskGraph) -> list[str]:
    """Return the tasks on which nothing depends."""
    needed = {dependency for task in graph.written() for dependency in graph.seen_dependencies(task.id)}
    return [task.id for task in graph.written() if task.id not in needed]


def tree_lines(graph: TaskGraph, task: str) -> Iterator[str]:
    """Yield a line for each task that this one needs, indented below what needs it.

    Each task is spelled out once; where it comes again, three dots stand for what is below it.
    """
    seen: set[str] = set()
    todo = [(task, 0)]
    while todo:
        name, depth = todo.pop()
        dependencies = graph.seen_dependencies(name)
        again = " ..." if name in seen and dependencies else ""
        yield f"{'    ' * depth}{described(graph, graph.tasks[name])}{again}"
        if not again:
            todo += [(dependency, depth + 1) for dependency in reversed(dependencies)]
        seen.add(name)
