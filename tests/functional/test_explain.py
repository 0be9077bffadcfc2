"""`explain` compares with the kept result that is nearest to the present."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MODULE = """
def f(n: int = 1):
    return n + 1
def g(f, n: int = 2):
    return f * n
"""


def taskdisc(folder: Path, *arguments: str, exit_code: int = 0) -> str:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("TASKDISC_")}
    done = subprocess.run(
        [sys.executable, "-m", "taskdisc", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == exit_code, done.stderr
    return done.stdout


def test_results_of_other_settings_are_no_reason(tmp_path: Path) -> None:
    (tmp_path / "tasks_a.py").write_text(MODULE)
    taskdisc(tmp_path, "run", "g")
    taskdisc(tmp_path, "run", "g", "-p", "n=5")
    (tmp_path / "tasks_a.py").write_text(MODULE.replace("f * n", "n * f"))
    assert taskdisc(tmp_path, "explain", "g") == "g: run\n    code: tasks_a.g has changed\n"


def test_a_new_setting_is_named_alone(tmp_path: Path) -> None:
    (tmp_path / "tasks_a.py").write_text(MODULE)
    taskdisc(tmp_path, "run", "g")
    assert taskdisc(tmp_path, "explain", "g", "-p", "g.n=7") == "g: run\n    setting n: 2 -> 7\n"


def test_a_failure_is_told(tmp_path: Path) -> None:
    (tmp_path / "tasks_a.py").write_text("def f(): return 1 / 0\ndef g(f): return f\n")
    assert taskdisc(tmp_path, "explain", "f") == "f: run\n    there is no result of it yet\n"
    taskdisc(tmp_path, "run", "g", exit_code=1)
    failed = "f: run\n    it failed last time, and nothing has changed; `taskdisc logs` shows its output\n"
    assert taskdisc(tmp_path, "explain", "f") == failed
    (tmp_path / "tasks_a.py").write_text("def f(): return 1 / 1\ndef g(f): return f\n")
    assert taskdisc(tmp_path, "explain", "f") == "f: run\n    there is no result of it yet\n"
