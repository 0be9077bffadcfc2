"""Cost is linear in the instances: counted in calls and statements, which no busy machine changes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.faults.test_scale import FAN, chain
from tests.projects import Folder, environment

COUNTER = """
import json, os, sqlite3, sys

calls = statements = 0
connect = sqlite3.connect

def count_call(frame, event, argument):
    global calls
    calls += event in ("call", "c_call")

def count_statement(text):
    global statements
    statements += 1

def watched(*arguments, **options):
    database = connect(*arguments, **options)
    database.set_trace_callback(count_statement)
    return database

sqlite3.connect = watched
from taskdisc import record
from taskdisc.cli import invoke

record.OLDEST = float("inf")  # results are written when there are many, not when a slow machine has taken its time

sys.setprofile(count_call)
code = invoke(["run", sys.argv[1], "--executor", "inline"])
sys.setprofile(None)
with open("counts.json", "w") as stream:
    json.dump([code, calls, statements], stream)
"""


class Cost(NamedTuple):
    """What a run did."""

    calls: int
    """Of Python functions and of C functions by them."""
    statements: int
    """Of SQL."""


def cost(root: Path, target: str) -> Cost:
    subprocess.run(
        [sys.executable, "-c", COUNTER, target], cwd=root, env=environment(), capture_output=True, check=True
    )
    code, *counts = json.loads((root / "counts.json").read_text())
    assert code == 0
    return Cost(*counts)


def project(root: Path, text: str) -> Path:
    root.mkdir()
    Folder(root).write({"tasks_x.py": text})
    (root / "tasks_watcher.py").unlink()
    return root


def check_linear(sizes: tuple[int, int, int], costs: list[Cost]) -> None:
    """What an instance costs beyond the smallest run is within a tenth the same for the middle and the largest."""
    smallest, middle, largest = sizes
    for least, some, most in zip(*costs, strict=True):
        few, many = (some - least) / (middle - smallest), (most - least) / (largest - smallest)
        assert abs(many - few) <= 0.1 * max(few, 1), (few, many)


FAN_SIZES = (100, 1_000, 10_000)
CHAIN_SIZES = (20, 100, 1_000)


@pytest.fixture
def fans(tmp_path: Path) -> list[Path]:
    return [project(tmp_path / str(size), FAN.format(size=size)) for size in FAN_SIZES]


def test_a_fan_costs_as_much_for_every_instance(fans: list[Path]) -> None:
    check_linear(FAN_SIZES, [cost(root, "total") for root in fans])
    check_linear(FAN_SIZES, [cost(root, "total") for root in fans])  # and again, with nothing to do


def test_a_chain_costs_as_much_for_every_step(tmp_path: Path) -> None:
    roots = [project(tmp_path / str(size), chain(size)) for size in CHAIN_SIZES]
    targets = [f"f{size - 1}" for size in CHAIN_SIZES]
    check_linear(CHAIN_SIZES, list(map(cost, roots, targets)))
    check_linear(CHAIN_SIZES, list(map(cost, roots, targets)))
