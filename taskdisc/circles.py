"""Circles of instances, which refs can make: found before anything in them could wait for ever."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from taskdisc.errors import UsageError
from taskdisc.graph import TaskGraph

if TYPE_CHECKING:
    from taskdisc.expand import Expansion

Edges = Mapping[int, tuple[list[int], list[int]]]


def refuse_circles(graph: TaskGraph, expansion: Expansion, first: int, edges: Edges) -> None:
    """Raise UsageError where nodes from `first` on, which are new, need one another in a circle."""
    count = expansion.size - first
    if not count:
        return
    if all(o < t or t < first for some, others in edges.values() for o, t in zip(some, others, strict=True)):
        return  # each needs only what was asked for after it
    waits = array("I", bytes(4 * count))
    owners, targets = array("I"), array("I")
    for some, others in edges.values():
        for owner, target in zip(some, others, strict=True):
            if owner >= first and target >= first:
                owners.append(owner - first)
                targets.append(target - first)
                waits[owner - first] += 1
    if not owners:
        return
    order = sorted(range(len(targets)), key=targets.__getitem__)
    starts = array("I", bytes(4 * (count + 1)))
    for target in targets:
        starts[target + 1] += 1
    for number in range(count):
        starts[number + 1] += starts[number]
    free = [number for number in range(count) if not waits[number]]
    left = count
    while free:
        number = free.pop()
        left -= 1
        for position in range(starts[number], starts[number + 1]):
            owner = owners[order[position]]
            waits[owner] -= 1
            if not waits[owner]:
                free.append(owner)
    if left:
        start = next(number for number in range(count) if waits[number])

        def in_circles(node: int) -> bool:
            return node >= first and waits[node - first] > 0

        raise UsageError(circle(graph, expansion, first + start, in_circles))


def circle(graph: TaskGraph, expansion: Expansion, node: int, waits: Callable[[int], bool]) -> str:
    """Return the message for a circle of instances; `node` waits, and so does all that is asked for with `waits`."""
    path: dict[int, int] = {}
    while node not in path:
        path[node] = len(path)
        node = next(needed for needed in expansion.direct(node) if waits(needed))
    ring = list(path)[path[node] :]
    steps = [each for each in ring if expansion.place(each)[0].gather is None]
    start = steps.index(min(steps))
    steps = steps[start:] + steps[:start]
    names = " -> ".join(_id_of(graph, expansion, each) for each in [*steps, steps[0]])
    through = next(_requirements(graph, expansion, steps), "")
    return f"circle of instances: {names}{through}"


def _id_of(graph: TaskGraph, expansion: Expansion, node: int) -> str:
    block, row = expansion.place(node)
    return expansion.ids(block, graph.names[block.task], range(row, row + 1))[0]


def _requirements(graph: TaskGraph, expansion: Expansion, steps: list[int]) -> Iterator[str]:
    """Say through which decorator the circle goes."""
    for step in steps:
        block, _ = expansion.place(step)
        for name in block.filled:
            task = graph.tasks[block.task]
            if name in task.requires:
                yield f" (through @requires({name}=...), {task.requires[name].place})"
