"""How a measurement is made: whole processes, candidates in turn, the minimum of several."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PYTHON = sys.executable
PASS = [PYTHON, "-c", "pass"]


class Row(NamedTuple):
    """One line of the table: a measure is a ratio to the floor where there is one, else a cost by itself."""

    goal: str
    what: str
    floor: float | None
    """Seconds."""
    ours: float
    """Seconds."""
    measure: float
    unit: str
    limit: float

    @property
    def is_met(self) -> bool:
        return self.measure <= self.limit


def against(goal: str, what: str, floor: float, ours: float, limit: float) -> Row:
    """Return the row of a goal that is a ratio to a floor."""
    return Row(goal, what, floor, ours, ours / floor, "x", limit)


def each(goal: str, what: str, seconds: float, count: int, limit: float) -> Row:
    """Return the row of a goal in microseconds for each of `count` things."""
    return Row(goal, what, None, seconds, seconds / count * 1e6, "us", limit)


def environment() -> dict[str, str]:
    """The environment of everything that is measured: bytecode is kept, and nothing configures taskdisc."""
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    kept = {name: value for name, value in kept.items() if not name.startswith("TASKDISC_")}
    return kept if os.path.exists(_script()) else {**kept, "PYTHONPATH": str(REPOSITORY)}


def _script() -> str:
    return os.path.join(os.path.dirname(PYTHON), "taskdisc")


def command() -> list[str]:
    """The installed command, or what stands for it where taskdisc is only on the path."""
    return [_script()] if os.path.exists(_script()) else [PYTHON, "-m", "taskdisc"]


def seconds_of(words: Sequence[str], folder: Path | None = None) -> float:
    """Run a command to its end; return its wall time. Raises RuntimeError with what it wrote where it fails."""
    began = time.perf_counter()
    done = subprocess.run(words, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, capture_output=True)
    taken = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout!r}\n{done.stderr.decode()}")
    return taken


def fastest(repeats: int, **candidates: Callable[[], float]) -> dict[str, float]:
    """Measure the candidates in turn, `repeats` times, and return the minimum of each, in seconds."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(repeats):
        for name, measure in candidates.items():
            times[name].append(measure())
    return {name: min(found) for name, found in times.items()}


def apart(function: str, folder: Path, **arguments: object) -> Mapping[str, Any]:
    """Call `tests.benchmarks.inside.<function>` in an interpreter of its own, in `folder`; return its numbers."""
    program = (
        f"import sys, json; sys.path.insert(0, {str(REPOSITORY)!r})\n"
        f"from tests.benchmarks.inside import {function}\n"
        f"print(json.dumps({function}(**{arguments!r})))"
    )
    done = subprocess.run([PYTHON, "-c", program], cwd=folder, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    numbers: Mapping[str, Any] = json.loads(done.stdout)
    return numbers
