"""What Slurm is asked for: resources of tasks as flags of sbatch and srun, which mean the same to both."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

RESOURCES: Mapping[str, Callable[[float], str]] = {
    "cpus": lambda n: f"--cpus-per-task={math.ceil(n)}",
    "memory_gb": lambda n: f"--mem={math.ceil(n * 1024)}M",
    "gpu": lambda n: f"--gres=gpu:{math.ceil(n)}",
    "time_h": lambda n: f"--time={math.ceil(round(n * 60, 6))}",
    "nodes": lambda n: f"--nodes={math.ceil(n)}",
}
"""By resource, the flag for an amount of it."""
MARGIN = 60.0
"""Seconds that a job may take beside its tasks, in its time limit."""


def resource_flags(amounts: Iterable[tuple[str, float]]) -> list[str]:
    """Return the flags for these amounts; other resources are none of Slurm's."""
    return [RESOURCES[name](amount) for name, amount in amounts if name in RESOURCES]


def time_flag(timeout: float, jobs: int, words: Sequence[str]) -> list[str]:
    """Return a time limit in which so many jobs fit, one after the other, unless the words have one."""
    if not timeout or any(word.startswith(("--time", "-t")) for word in words):
        return []
    return [f"--time={math.ceil((timeout * jobs + MARGIN) / 60)}"]
