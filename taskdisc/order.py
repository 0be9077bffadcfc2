"""Order: on what terms the steps of each task start, by priority and by the longest path that is still to go.

Paths are measured by what the tasks took in earlier runs, which is looked up when there is something to run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from taskdisc.limits import Demand
from taskdisc.ready import Terms
from taskdisc.store.earlier import usual_seconds

if TYPE_CHECKING:
    from taskdisc.allotment import Allotment
    from taskdisc.graph import TaskGraph
    from taskdisc.model import Task
    from taskdisc.store.index import Index

UNKNOWN = 1.0
"""Seconds of a task where nothing is known of any."""


class Order:
    """The terms of the tasks of one run."""

    def __init__(
        self,
        graph: TaskGraph,
        index: Index | None,
        allotment: Allotment | None,
    ) -> None:
        """`index` tells of earlier runs, `allotment` of what is limited."""
        self._graph = graph
        self._index = index
        self._allotment = allotment
        self._ranks: Mapping[str, float] | None = None

    def terms(self, task: Task) -> Terms:
        """Return the terms of steps with the options that this task has."""
        demand: Demand = ()
        if self._allotment is not None:
            self._allotment.check(task)  # one that nobody knew of when the run began
            demand = self._allotment.demand(task)
        return Terms(task.options.priority, self.ranks[task.id], demand)

    @property
    def ranks(self) -> Mapping[str, float]:
        """By task, the seconds of the longest path from its start to the end."""
        if self._ranks is None:
            known = {} if self._index is None or len(self._graph.tasks) < 2 else usual_seconds(self._index)
            self._ranks = longest_paths(self._graph, known)
        return self._ranks


def longest_paths(graph: TaskGraph, known: Mapping[str, float]) -> dict[str, float]:
    """Return the longest path from each task to the end; a task that nothing is known of takes the mean of others."""
    costs = [known[task] for task in graph.tasks if task in known]
    mean = sum(costs) / len(costs) if costs else UNKNOWN
    beyond = dict.fromkeys(graph.tasks, 0.0)
    ranks = {}
    for task in reversed(graph.tasks):
        ranks[task] = beyond[task] + known.get(task, mean)
        for needed in graph.dependencies(task):
            beyond[needed] = max(beyond[needed], ranks[task])
    return ranks
