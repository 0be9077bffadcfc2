"""Many instances, long chains and wide fans run to the end, in little memory, without recursion, and only once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.projects import WATCHER, Folder, environment

REPORTER = '''
import json

def taskdisc_run_finished(report):
    """The peak is that of this process alone: rusage counts what was there before exec, too."""
    with open("/proc/self/status") as stream:
        peak = next(int(line.split()[1]) for line in stream if line.startswith("VmHWM"))
    with open("report.json", "w") as stream:
        json.dump({"counts": report.counts, "peak": peak}, stream)
'''
SHALLOW = "import sys; from taskdisc.cli import main; sys.setrecursionlimit(200); main()"
FAN = """
from taskdisc import Gather, axis
n = axis(range({size}))
def tiny(n): return n
def total(tiny: Gather[int]): return sum(tiny.values())
"""
GRID = """
from taskdisc import Gather, axis
a = axis(range(200))
b = axis(range(20))
def one(a, b): return a * b
def two(one, a): return one + a
def three(two, b): return two + b
def rows(a, three: Gather[int]): return a + sum(three.values())
def four(rows, three, b): return (rows + three + b) % 1000
def five(four): return four + 1
def total(five: Gather[int]): return sum(five.values())
"""


class Ended(NamedTuple):
    """How a run ended, by its own account."""

    out: str
    counts: dict[str, int]
    peak: int
    """Most resident memory of the main process, in KiB."""


def run(root: Path, *arguments: str) -> Ended:
    """Run the command with room for 200 nested calls."""
    ended = subprocess.run(
        [sys.executable, "-c", SHALLOW, "run", *arguments, "-j", "2"],
        cwd=root,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    report: dict[str, Any] = json.loads((root / "report.json").read_text())
    return Ended(ended.stdout, **report)


def project(root: Path, text: str) -> Path:
    root.mkdir(exist_ok=True)
    Folder(root).write({WATCHER: REPORTER, "tasks_x.py": text})
    return root


def check_twice(root: Path, target: str, answer: int, steps: int) -> Ended:
    """Run everything, and then nothing; return how the first run ended."""
    first, again = run(root, target), run(root, target)
    assert (first.out, first.counts) == (f"{answer}\n", {"succeeded": steps})
    assert (again.out, again.counts) == (f"{answer}\n", {"cached": steps})
    return max(first, again, key=lambda ended: ended.peak)


def chain(length: int) -> str:
    return "def f0(): return 0\n" + "".join(f"def f{n}(f{n - 1}): return f{n - 1} + 1\n" for n in range(1, length))


def test_ten_thousand_independent_tasks(tmp_path: Path) -> None:
    check_twice(project(tmp_path, FAN.format(size=10_000)), "total", 49_995_000, 10_001)


def test_a_chain_of_a_thousand_functions(tmp_path: Path) -> None:
    check_twice(project(tmp_path, chain(1_000)), "f999", 999, 1_000)


@pytest.mark.long
def test_a_chain_of_ten_thousand_functions(tmp_path: Path) -> None:
    check_twice(project(tmp_path, chain(10_000)), "f9999", 9_999, 10_000)


@pytest.mark.long
def test_a_fan_of_a_hundred_thousand_in_little_memory(tmp_path: Path) -> None:
    """90,000 instances more, each of them in 1 KB of the main process."""
    small = check_twice(project(tmp_path / "small", FAN.format(size=10_000)), "total", 49_995_000, 10_001)
    large = check_twice(project(tmp_path / "large", FAN.format(size=100_000)), "total", 4_999_950_000, 100_001)
    assert large.peak - small.peak < 90 * 1024


@pytest.mark.long
def test_a_million_independent_tasks_in_a_kilobyte_each(tmp_path: Path) -> None:
    small = check_twice(project(tmp_path / "small", FAN.format(size=10_000)), "total", 49_995_000, 10_001)
    large = check_twice(project(tmp_path / "large", FAN.format(size=1_000_000)), "total", 499_999_500_000, 1_000_001)
    assert large.peak - small.peak < 990 * 1024  # KiB, for 990,000 instances more


def test_a_grid_with_joins_and_gathers_in_between(tmp_path: Path) -> None:
    """Four thousand steps in each of five layers; 200 steps gather all 4,000 of the third."""
    space: dict[str, Any] = {}
    exec(GRID.replace("axis(range", "(range"), space)
    cells = [(a, b) for a in range(200) for b in range(20)]
    three = {(a, b): space["three"](space["two"](space["one"](a, b), a), b) for a, b in cells}
    rows = [space["rows"](a, three) for a in range(200)]
    answer = sum(space["five"](space["four"](rows[a], three[a, b], b)) for a, b in cells)
    check_twice(project(tmp_path, GRID), "total", answer, 5 * 4000 + 200 + 1)
