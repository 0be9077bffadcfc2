"""`taskdisc list`: what tasks there are."""

from __future__ import annotations

from taskdisc.cli.options import Options, opened
from taskdisc.cli.output import print_table
from taskdisc.errors import ExitCode, NothingMatched
from taskdisc.graph import FromFixture, TaskGraph
from taskdisc.model import Fixture, Task


def list_tasks(options: Options, *, tree: bool) -> int:
    """Run the command; return the exit code."""
    from taskdisc.select import select

    with opened(options) as (project, targets):
        graph = project.graph
        if not graph.tasks:
            from taskdisc.aims import no_tasks

            raise NothingMatched(no_tasks(project))
        wanted = [s.task for s in select(graph, targets)] if targets else list(graph.tasks)
        if tree:
            for task in wanted if targets else _ends(graph):
                _print_tree(graph, task)
        else:
            rows = [_row(described(graph, graph.tasks[task]), graph.tasks[task]) for task in wanted]
            if not targets:
                rows += [_row(_named(fixture), fixture) for fixture in graph.fixtures.values()]
            print_table(rows)
    return ExitCode.OK


def _row(name: str, shown: Task | Fixture) -> tuple[str, str, str]:
    doc = (getattr(shown.function, "__doc__", None) or "").strip().partition("\n")[0]
    return name, str(shown.place), doc


def described(graph: TaskGraph, task: Task) -> str:
    """Return the task's name with its axes and outputs: `split[seed] -> train, test`."""
    name = graph.names[task.id]
    axes = ",".join([*(axis.name for axis in graph.axes[task.id]), *(f"{s.name}={s.label}" for s in task.swept)])
    outputs = f" -> {', '.join(task.options.outputs)}" if task.options.outputs else ""
    return f"{name}{f'[{axes}]' if axes else ''}{outputs}"


def _named(fixture: Fixture) -> str:
    return f"{fixture.name} (fixture)"


def _ends(graph: TaskGraph) -> list[str]:
    needed = {dependency for task in graph.tasks for dependency in graph.dependencies(task)}
    return [task for task in graph.tasks if task not in needed]


def _below(graph: TaskGraph, name: str) -> list[str]:
    """The tasks whose results a task receives, and then the fixtures."""
    fixtures = [source.fixture for source in graph.sources[name].values() if isinstance(source, FromFixture)]
    tasks = graph.dependencies(name) if name in graph.tasks else []
    return list(dict.fromkeys([*tasks, *fixtures]))


def _print_tree(graph: TaskGraph, task: str) -> None:
    """Each is spelled out once; where it comes again, three dots stand for what is below it."""
    seen: set[str] = set()
    todo = [(task, 0)]
    while todo:
        name, depth = todo.pop()
        dependencies = _below(graph, name)
        again = " ..." if name in seen and dependencies else ""
        shown = described(graph, graph.tasks[name]) if name in graph.tasks else _named(graph.fixtures[name])
        print(f"{'    ' * depth}{shown}{again}")
        if not again:
            todo += [(dependency, depth + 1) for dependency in reversed(dependencies)]
        seen.add(name)
