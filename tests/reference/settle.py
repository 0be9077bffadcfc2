"""Recursion of any depth, by a worklist."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from .vocabulary import CircleError

Steps = Generator[Any, Any, Any]


def settle(goal: Any, steps_of: Callable[[Any], Steps], known: dict[Any, Any]) -> Any:
    """Return the answer to `goal`, where `steps_of(goal)` yields each goal that it needs and is sent its answer."""
    if goal in known:
        return known[goal]
    chain = {goal: steps_of(goal)}
    answer = None
    while chain:
        current = next(reversed(chain))
        try:
            wanted = chain[current].send(answer)
        except StopIteration as finished:
            answer = known[current] = finished.value
            del chain[current]
            continue
        answer = known.get(wanted)
        if wanted in chain:
            goals = list(chain)
            raise CircleError([str(goal) for goal in [*goals[goals.index(wanted) :], wanted]])
        if wanted not in known:
            chain[wanted] = steps_of(wanted)
    return answer
