"""The graph of tasks as others draw it: networkx, Graphviz, Mermaid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx

    from taskdisc.graph import TaskGraph
    from taskdisc.model import Task


def described(graph: TaskGraph, task: Task) -> str:
    """Return the task's name with its axes and outputs: `split[seed] -> train, test`."""
    name = graph.names[task.id]
    axes = ",".join(axis.name for axis in graph.axes[task.id])
    outputs = f" -> {', '.join(task.options.outputs)}" if task.options.outputs else ""
    return f"{name}{f'[{axes}]' if axes else ''}{outputs}"


def edges(graph: TaskGraph, tasks: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (dependency, dependent) once each, of tasks that come with all that they depend on."""
    for task in tasks:
        for dependency in dict.fromkeys(graph.dependencies(task)):
            yield dependency, task


def digraph(graph: TaskGraph) -> networkx.DiGraph[str]:
    """Return the tasks by their printed names, with edges from each to what depends on it."""
    import networkx

    drawn: networkx.DiGraph[str] = networkx.DiGraph()
    for task in graph.tasks.values():
        drawn.add_node(
            graph.names[task.id],
            function=task.function,
            place=str(task.place),
            axes=tuple(axis.name for axis in graph.axes[task.id]),
            outputs=task.options.outputs,
            tags=task.options.tags,
        )
    drawn.add_edges_from((graph.names[one], graph.names[other]) for one, other in edges(graph, graph.tasks))
    return drawn


def dot(graph: TaskGraph, tasks: list[str]) -> Iterator[str]:
    """Yield the lines of a Graphviz document."""
    yield "digraph tasks {"
    yield "    rankdir=LR; node [shape=box];"
    for task in tasks:
        yield f"    {_quoted(graph.names[task])} [label={_quoted(described(graph, graph.tasks[task]))}];"
    for one, other in edges(graph, tasks):
        yield f"    {_quoted(graph.names[one])} -> {_quoted(graph.names[other])};"
    yield "}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def mermaid(graph: TaskGraph, tasks: list[str]) -> Iterator[str]:
    """Yield the lines of a Mermaid flowchart; its nodes are numbered, since some names mean something to Mermaid."""
    numbers = {task: f"t{number}" for number, task in enumerate(tasks)}
    yield "flowchart LR"
    for task, number in numbers.items():
        text = described(graph, graph.tasks[task]).replace('"', "#quot;").replace(">", "#gt;")
        yield f'    {number}["{text}"]'
    for one, other in edges(graph, tasks):
        yield f"    {numbers[one]} --> {numbers[other]}"
