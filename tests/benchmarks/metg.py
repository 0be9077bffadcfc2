"""METG(50%): the shortest task at which two workers are busy with tasks for half of the time (Task Bench, SC20).

How long they would be busy is measured, too, since a machine has other things to do.
"""

from __future__ import annotations

from collections.abc import Callable

SHORTEST, LONGEST = 4, 1024
"""Microseconds."""
LONG = 400_000
"""Microseconds of work that are long enough to be measured."""
Seconds = Callable[[int, int], float]
"""Say how long so many tasks of so many microseconds take."""


def metg(seconds: Seconds, bare: Seconds, size: int, steps: int) -> float:
    """Return the METG in seconds, found by `steps` halvings of where it may be; `bare` does the work and nothing else.

    The time that two tasks take is not counted.
    """
    start, nothing = (min(each(2, 1) for _ in range(2)) for each in (seconds, bare))
    low, high = float(SHORTEST), float(LONGEST)
    for _ in range(steps):
        middle = (low * high) ** 0.5
        count = min(size, int(LONG / middle))
        times = [(bare(count, round(middle)), seconds(count, round(middle))) for _ in range(2)]
        busy, taken = min(busy for busy, _ in times) - nothing, min(taken for _, taken in times) - start
        low, high = (low, middle) if busy >= taken / 2 else (middle, high)
    return (low * high) ** 0.5 / 1e6
