"""Measure the goals of speed and print them as a table; the exit code is 1 where one could not be measured."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.goals import FULL, GOALS, QUICK, USUAL, Bench
from tests.benchmarks.measuring import Row, command, seconds_of

ENGINES = sorted(Path(__file__).parents[2].glob("plugins/*/tests/benchmark.py"))
"""Scripts that measure what an instance costs on an engine, beside the engine alone."""
HEADINGS = ("goal", "what", "floor s", "ours s", "measured", "goal", "")


def main(arguments: Sequence[str]) -> int:
    """Measure what the command line asks for; return the exit code."""
    given = _parser().parse_args(arguments)
    sizes = QUICK if given.quick else FULL if given.full else USUAL
    seconds_of([*command(), "--version"])
    print(f"{' '.join(command())}, Python {platform.python_version()}, {os.cpu_count()} CPUs")
    print(_line(HEADINGS), flush=True)
    failed = False
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder), sizes)
        for number in given.only or GOALS:
            try:
                for row in GOALS[number](bench):
                    print(_line(_cells(row)), flush=True)
            except RuntimeError as error:
                failed = True
                print(f"{number:>4}  could not be measured: {error}", flush=True)
    for script in ENGINES if given.engines else ():
        print(f"\n{script.parents[1].name}", flush=True)
        failed |= subprocess.run([sys.executable, str(script)], check=False).returncode != 0
    return int(failed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", type=_numbers, metavar="1,4", help="these goals")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, which only show that it works")
    parser.add_argument("--engines", action="store_true", help="Slurm and Dask, too, whose plugins must be installed")
    parser.add_argument("--full", action="store_true", help="up to a million tasks")
    return parser


def _numbers(text: str) -> list[int]:
    numbers = [int(word) for word in text.split(",")]
    unknown = [number for number in numbers if number not in GOALS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such goal: {unknown}; there are {list(GOALS)}")
    return numbers


def _cells(row: Row) -> tuple[str, ...]:
    floor = "" if row.floor is None else f"{row.floor:.4f}"
    measured, limit = f"{row.measure:.2f} {row.unit}", f"{row.limit:g} {row.unit}"
    return (row.goal, row.what, floor, f"{row.ours:.4f}", measured, limit, "ok" if row.is_met else "MISS")


def _line(cells: Sequence[str]) -> str:
    goal, what, floor, ours, measured, limit, verdict = cells
    return f"{goal:>4}  {what:<62} {floor:>9} {ours:>9} {measured:>12} {limit:>10}  {verdict}".rstrip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
