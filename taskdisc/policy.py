"""What `pickle = false` means: what is kept is loaded without running any code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskdisc.graph import TaskGraph

PICKLE, JSON = "pickle", "json"


def keep_without_pickle(graph: TaskGraph) -> None:
    """Have the results of all tasks kept as JSON that would be kept as pickles."""
    for name, task in graph.tasks.items():
        if task.options.codec == PICKLE:
            graph.tasks[name] = task._replace(options=task.options._replace(codec=JSON))
