"""What `run` says while it works: a line for every step (-v), failures only (-q)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from taskdisc.testing import Project

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


def test_failures_that_are_alike_are_told_once(project: Project) -> None:
    project.write(
        tasks_x="""
            from taskdisc import Gather, axis
            k = axis(range(12))
            def f(k):
                if k == 3:
                    raise ValueError("three")
                return 1 / 0
            def g(f): return f
        """
    )
    report = project.run("g").stderr
    assert report.count("_ f[k=0] _") == report.count("_ f[k=3] _") == report.count("return 1 / 0") == 1
    assert "\nthe same error: f[k=1], f[k=2], f[k=4] and 7 more\n" in report
    blocked = re.findall(r"^blocked: (.*)$", report, re.MULTILINE)
    assert "g[k=3]" in blocked
    assert any(re.fullmatch(r"g\[k=\d+\], g\[k=\d+\], g\[k=\d+\] and 8 more", names) for names in blocked)
    lines = [line.split(" - ")[0] for line in report.splitlines() if line.startswith("FAILED")]
    order = [f"FAILED f[k={k}]" for k in range(12) if k != 3]
    assert [line for line in lines if line != "FAILED f[k=3]"] == order
    assert len(lines) == 12


def test_a_report_of_a_thousand_failures_can_be_read(project: Project) -> None:
    project.write(
        tasks_x="from taskdisc import axis\nk = axis(range(1000))\ndef f(k): raise ValueError(k)\ndef g(f): return f"
    )
    report = project.run("g").stderr.splitlines()
    assert len([line for line in report if line.startswith("___")]) == 20
    assert "... and 980 more" in report
    assert "... and 800 more; `taskdisc status` counts them" in report
    assert report[-1].startswith("1000 failed, 1000 blocked in ")


def test_a_breakpoint_in_a_worker_says_where_it_would_work(project: Project) -> None:
    project.write(tasks_x="def f():\n    breakpoint()\n    return 1")
    hint = "Workers have no keyboard. For breakpoint(): `taskdisc debug`, run --pdb, or @task(interactive=True)."
    assert hint in project.run("f").stderr
