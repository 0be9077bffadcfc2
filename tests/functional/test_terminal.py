"""What `run` says while it works: a line for every step (-v), failures only (-q)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = """
from taskdisc import axis
k = axis(0, 1)
def inverse(k: int) -> float:
    return 1 / k
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tasks_inverse.py").write_text(MODULE)
    return tmp_path


def report(folder: Path, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "taskdisc", "run", *options], cwd=folder, capture_output=True, text=True, timeout=60
    )
    return done.stderr


def test_verbose_prints_a_line_for_every_step(folder: Path) -> None:
    lines = report(folder, "-v", "-j", "1").splitlines()
    steps = [re.sub(r" in \S+ s$", "", line) for line in lines]
    assert {"failed inverse[k=0]", "succeeded inverse[k=1]"} <= set(steps)


def test_other_runs_do_not(folder: Path) -> None:
    assert "succeeded inverse" not in report(folder)


def test_quiet_prints_nothing_where_all_is_well(folder: Path) -> None:
    assert report(folder, "-q", "-p", "k=1,2") == ""
    assert report(folder, "-q", "-p", "k=1,2") == ""


def test_quiet_prints_failures(folder: Path) -> None:
    assert "FAILED inverse[k=0] - ZeroDivisionError" in report(folder, "-q")
