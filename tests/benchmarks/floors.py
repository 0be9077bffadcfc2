"""What the goals are compared with: the standard library alone, which keeps nothing."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor


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


if __name__ == "__main__":
    {"fan": fan, "chain": chain}[sys.argv[1]](int(sys.argv[2]))
