"""What `run` says while it works: a line for every step (-v), failures only (-q)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from taskdisc.builtin.terminal import progress_line

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


def progress(elsewhere: int) -> str:
    run: Any = SimpleNamespace(
        counts={"succeeded": 2}, total=9, failures=[], running={7: 0.5}, id_of="step[n={}]".format, elsewhere=()
    )
    run.elsewhere = range(elsewhere)
    return progress_line(run, 2.0)


def test_progress_names_what_runs_here_and_in_other_runs() -> None:
    assert progress(0) == "2/9 · running step[n=7] 1.50 s"
    assert progress(1) == "2/9 · running step[n=7] 1.50 s · another run has step[n=0]"
    assert progress(5).endswith(" · another run has step[n=0], step[n=1], step[n=2] and 2 more")
