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
        ("f[k=1", "error: target f[k=1: cannot read 'f[k=1'. Write name[axis=label,...].\n"),
        ("g", "error: target g: there is no task 'g'. `taskdisc list` shows the tasks.\n"),
    ],
)
def test_a_target_that_is_no_task(tmp_path: Path, target: str, message: str) -> None:
    (tmp_path / "tasks_f.py").write_text("from taskdisc import axis\nk = axis(1, 2)\ndef f(k): return k\n")
    environment = {name: text for name, text in os.environ.items() if not name.startswith("TASKDISC_")}
    command = [sys.executable, "-m", "taskdisc", "run", target]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stderr, done.returncode) == (message, 5)
