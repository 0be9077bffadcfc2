"""Whole evaluations: the union of the runs of a sweep."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

from .graph import Graph
from .instances import Instance
from .run import Run
from .vocabulary import Project, RuleError


def evaluate(
    project: Project,
    targets: Iterable[str] | Mapping[str, Mapping[str, Any]],
    settings: Mapping[str, Any] | None = None,
    axis_overrides: Mapping[str, Any] | None = None,
    sweeps: Mapping[str, Iterable[Any]] | None = None,
) -> dict[str, list[Instance]]:
    """Return the instances of each target, in order; of a sweep the union of its runs, equal ones once (13).

    `targets` are names, or names with the labels and open values to select.
    """
    graph = Graph(project)
    origins: dict[Hashable, int] = {}
    selections = targets if isinstance(targets, Mapping) else {name: {} for name in targets}
    union: dict[str, dict[int, Instance]] = {name: {} for name in selections}
    for swept in _runs_of(graph, sweeps or {}):
        run = Run(graph, {**(settings or {}), **swept}, axis_overrides or {}, origins)
        for name, select in selections.items():
            for instance in run.instances(name, select):
                union[name].setdefault(instance.origin, instance)
    return {name: list(instances.values()) for name, instances in union.items()}


def _runs_of(graph: Graph, sweeps: Mapping[str, Iterable[Any]]) -> Iterator[dict[str, Any]]:
    for name in sweeps:
        if name in graph.names_of_axes():
            raise RuleError(13, f"{name} is an axis: replace its elements instead")
    return (dict(zip(sweeps, values, strict=True)) for values in itertools.product(*sweeps.values()))
