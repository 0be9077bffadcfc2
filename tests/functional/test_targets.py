"""What is said of targets that are no tasks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("k", "error: target k: k is an axis (tasks_f.py:2). Targets are tasks: 'task[k=...]'.\n"),
        ("f.py", "error: target f.py: there is no file f.py with tasks in it. `taskdisc list` shows the tasks.\n"),
        ("g", "error: target g: there is no task 'g'. `taskdisc list` shows the tasks.\n"),
    ],
)
def test_a_target_that_is_no_task(tmp_path: Path, target: str, message: str) -> None:
    (tmp_path / "tasks_f.py").write_text("from taskdisc import axis\nk = axis(1, 2)\ndef f(k): return k\n")
    assert run(tmp_path, target) == (message, 5)


def run(folder: Path, target: str) -> tuple[str, int]:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("TASKDISC_")}
    command = [sys.executable, "-m", "taskdisc", "run", target]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    return done.stderr, done.returncode


@pytest.mark.parametrize("target", ["f[k=1", "f[1]"])
def test_a_target_that_cannot_be_read_is_a_usage_error(tmp_path: Path, target: str) -> None:
    (tmp_path / "tasks_f.py").write_text("from taskdisc import axis\nk = axis(1, 2)\ndef f(k): return k\n")
    message = f"error: target {target}: cannot be read. Write 'name[axis=label,...]', in quotes.\n"
    assert run(tmp_path, target) == (message, 4)


def test_many_labels_are_counted(tmp_path: Path) -> None:
    (tmp_path / "tasks_f.py").write_text("from taskdisc import axis\nk = axis(range(50))\ndef f(k): return k\n")
    message = "error: f[k=x]: f has no k=x. There are 0, 1, 2, 3, 4, 5, 6, 7 and 42 more.\n"
    assert run(tmp_path, "f[k=x]") == (message, 5)
