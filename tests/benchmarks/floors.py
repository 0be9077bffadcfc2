"""What the goals are compared with: the standard library alone, which keeps nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

WIDTH = 8
"""Columns of a stencil."""
TURNS = 50
"""Of a loop, in about a microsecond."""


def noop(value: int) -> int:
    return value


def fan(size: int) -> None:
    """Map a no-op over `size` numbers in two processes, one at a time, and add up."""
    with ProcessPoolExecutor(2) as pool:
        print(sum(pool.map(noop, range(size), chunksize=1)))


def chain(length: int) -> None:
    """Submit a no-op and wait for it, `length` times."""
    value = 0
    with ProcessPoolExecutor(2) as pool:
        for _ in range(length):
            value = pool.submit(noop, value).result()
    print(value)


def spin(microseconds: int) -> None:
    """Do as much as takes about so long on a machine that has nothing else to do."""
    for _ in range(microseconds * TURNS):
        pass


def bare(size: int, microseconds: int) -> None:
    """Spin `size` times, in two processes that do nothing else."""
    child = os.fork()
    for _ in range(size // 2):
        spin(microseconds)
    if not child:
        os._exit(0)
    os.waitpid(child, 0)


def independent(size: int, microseconds: int) -> None:
    """Be busy `size` times, in two processes."""
    with ProcessPoolExecutor(2) as pool:
        for _ in pool.map(spin, [microseconds] * size, chunksize=1):
            pass


def neighbours(place: int) -> list[int]:
    """Return the columns of a stencil that one depends on."""
    return [column for column in (place - 1, place, place + 1) if 0 <= column < WIDTH]


def stencil(size: int, microseconds: int) -> None:
    """The same, each after its three neighbours of the row before: submitted when the last of them has ended."""
    rows = max(1, size // WIDTH)
    lacking = {(row, place): len(neighbours(place)) if row else 0 for row in range(rows) for place in range(WIDTH)}

    def freed_by(row: int, place: int) -> Iterator[tuple[int, int]]:
        for cell in [(row + 1, column) for column in neighbours(place) if row + 1 < rows]:
            lacking[cell] -= 1
            if not lacking[cell]:
                yield cell

    with ProcessPoolExecutor(2) as pool:
        running: dict[Future[None], tuple[int, int]] = {}
        ready = [(0, place) for place in range(WIDTH)]
        while ready or running:
            running.update({pool.submit(spin, microseconds): cell for cell in ready})
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            ready = [cell for future in done for cell in freed_by(*running.pop(future))]


if __name__ == "__main__":
    call = {"fan": fan, "chain": chain, "bare": bare, "independent": independent, "stencil": stencil}[sys.argv[1]]
    call(*map(int, sys.argv[2:]))
