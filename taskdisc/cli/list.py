"""`taskdisc list`: what tasks there are."""

from __future__ import annotations

from taskdisc.cli.options import Options, opened
from taskdisc.cli.output import print_table
from taskdisc.errors import ExitCode, NothingMatched
from taskdisc.graph import TaskGraph
from taskdisc.model import Task


def list_tasks(options: Options, *, tree: bool) -> int:
    """Run the command; return the exit code."""
    from taskdisc.select import select

    with opened(options) as (project, targets):
        graph = project.graph
        if not graph.tasks:
            from taskdisc.run import no_tasks

            raise NothingMatched(no_tasks(project))
        wanted = [s.task for s in select(graph, targets)] if targets else [task.id for task in graph.written()]
        if tree:
            for task in wanted if targets else _ends(graph):
                _print_tree(graph, task)
        else:
            print_table(_row(graph, graph.tasks[task]) for task in wanted)
    return ExitCode.OK


def _row(graph: TaskGraph, task: Task) -> tuple[str, str, str]:
    doc = (getattr(task.function, "__doc__", None) or "").strip().partition("\n")[0]
    return described(graph, task), str(task.place), doc


def described(graph: TaskGraph, task: Task) -> str:
    """Return the task's name with its axes and outputs: `split[seed] -> train, test`."""
    name = graph.names[task.id]
    axes = ",".join(axis.name for axis in graph.axes[task.id])
    outputs = f" -> {', '.join(task.options.outputs)}" if task.options.outputs else ""
    return f"{name}{f'[{axes}]' if axes else ''}{outputs}"


def _ends(graph: TaskGraph) -> list[str]:
    needed = {dependency for task in graph.written() for dependency in _dependencies(graph, task.id)}
    return [task.id for task in graph.written() if task.id not in needed]


def _dependencies(graph: TaskGraph, task: str) -> list[str]:
    """The tasks that a task needs; what an axis function or a planner needs, the task needs itself."""
    found: dict[str, None] = {}
    todo = graph.dependencies(task)[::-1]
    seen = set()
    while todo:
        name = todo.pop()
        if name not in graph.inner:
            found[name] = None
        elif name not in seen:
            seen.add(name)
            todo += graph.dependencies(name)[::-1]
    return list(found)


def _print_tree(graph: TaskGraph, task: str) -> None:
    """Each task is spelled out once; where it comes again, three dots stand for what is below it."""
    seen: set[str] = set()
    todo = [(task, 0)]
    while todo:
        name, depth = todo.pop()
        dependencies = _dependencies(graph, name)
        again = " ..." if name in seen and dependencies else ""
        print(f"{'    ' * depth}{described(graph, graph.tasks[name])}{again}")
        if not again:
            todo += [(dependency, depth + 1) for dependency in reversed(dependencies)]
        seen.add(name)
