"""What an instance costs, beside what it costs with Dask alone: `python tests/benchmark.py`, by hand.

A scheduler and two workers of one thread on this machine. Each figure is (time for many - time for few) / difference,
the best of two, so that what is there once does not count. METG(50%) is the smallest task at which two workers do
half useful work.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from distributed import Client
from servers import Cluster

FEW, MANY, REPEATS = 200, 5000, 2
WORK_SECONDS = 2.0
"""Of work in all, where METG is looked for."""
MODULE = """
import time
from taskdisc import Gather, axis

n = axis(range({count}))

def work(n: int, seconds: float = {seconds}) -> int:
    end = time.perf_counter() + seconds
    while seconds and time.perf_counter() < end:
        pass
    return n

def total(work: Gather[int]) -> int:
    return sum(work.values())
"""


def spin(number: int, seconds: float) -> int:
    """Work for so many seconds."""
    end = time.perf_counter() + seconds
    while seconds and time.perf_counter() < end:
        pass
    return number


def by_dask(address: str) -> Callable[[int, float], float]:
    """Return what times `client.map`, with a client that is connected."""
    client = Client(address)

    def run(count: int, seconds: float) -> float:
        began = time.perf_counter()
        futures = client.map(spin, range(count), seconds=seconds, pure=False)
        assert sum(client.gather(futures)) == count * (count - 1) // 2
        return time.perf_counter() - began

    return run


def by_taskdisc(*options: str) -> Callable[[int, float], float]:
    """Return what times whole runs, with durable results."""

    def run(count: int, seconds: float) -> float:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "pyproject.toml").write_text("[tool.taskdisc]\n")
            Path(folder, "tasks_work.py").write_text(MODULE.format(count=count, seconds=seconds))
            environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
            began = time.perf_counter()
            command = [str(Path(sys.executable).parent / "taskdisc"), "run", "-q", "total", "-j", "2", *options]
            subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
            return time.perf_counter() - began

    return run


def best(run: Callable[[int, float], float], count: int, seconds: float) -> float:
    return min(run(count, seconds) for _ in range(REPEATS))


def each(run: Callable[[int, float], float]) -> float:
    """Return the seconds that an instance costs that does nothing."""
    return (best(run, MANY, 0) - best(run, FEW, 0)) / (MANY - FEW)


def metg(run: Callable[[int, float], float], guess: float) -> float:
    """Return the seconds of the smallest task with which half of the time is work, by bisection."""
    low, high = guess / 8, guess * 8
    while high / low > 1.3:
        seconds = (low * high) ** 0.5
        many = int(min(40_000, max(400, WORK_SECONDS / seconds)))
        few = many // 10
        spent = best(run, many, seconds) - best(run, few, seconds)
        if (many - few) * seconds / 2 >= spent / 2:
            high = seconds
        else:
            low = seconds
    return high


def main() -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder)) as cluster:
        cluster.scale(2)
        on_dask = "--executor", "dask", "--dask-address", cluster.address
        rows = {
            "Dask alone: client.map": by_dask(cluster.address),
            "taskdisc on Dask": by_taskdisc(*on_dask),
            "taskdisc, two processes": by_taskdisc("--executor", "process"),
        }
        for name, run in rows.items():
            cost = each(run)
            print(f"{name:<26} first {run(1, 0):5.2f} s  {cost * 1e6:8.0f} us an instance", end="", flush=True)
            print(f"  METG(50%) {metg(run, 4 * cost) * 1e6:8.0f} us", flush=True)


if __name__ == "__main__":
    main()
