"""What is said of targets that are no tasks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from taskdisc.testing import Project


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


OPEN = """
    from taskdisc import Gather, axis, task
    k = axis(1, 2)
    @task
    def load(day: int) -> int: return day
    def report(load: int, k: int) -> int:
        if k == 2 and load > 8: raise ValueError(load)
        return load * k
    @axis
    def piece(parts): return parts
    @task
    def parts(n: int) -> list[int]: return list(range(n))
    def part(parts, piece: int) -> int: return piece
    def whole(part: Gather[int]) -> int: return sum(part.values())
    """


def test_ids_that_give_different_values_to_an_open_parameter(project: Project) -> None:
    project.write(tasks_x=OPEN)
    first = project.run("report[day=8]", "report[day=9]", "report[day=10]")
    failed = [line.split()[1] for line in first.stderr.splitlines() if line.startswith("FAILED ")]
    assert sorted(failed) == ["report[day=10,k=2]", "report[day=9,k=2]"]
    assert first.stdout.splitlines()[-1] == "report[day=10,k=1]: 10"
    again = project.run(*failed)  # as they stand in the short summary
    assert (again.exit_code, again.ran) == (1, sorted(failed))
    some = project.run("report[day=9,k=1]", "report[day=8,k=2]", "load[day=7]").assert_ok()
    assert (some.stdout, some.ran) == ("report[day=9,k=1]: 9\nreport[day=8,k=2]: 16\nload[day=7]: 7\n", ["load[day=7]"])
    assert project.run("report[day=8,k=2]").assert_ok().ran == []  # it is the same result


def test_different_values_where_the_graph_grows(project: Project) -> None:
    project.write(tasks_x=OPEN)
    assert project.run("whole[n=3]", "whole[n=5]").assert_ok().stdout == "whole[n=3]: 3\nwhole[n=5]: 10\n"
    chosen = project.run("part[n=5,piece=4]", "part[n=6,piece=5]").assert_ok()
    assert chosen.stdout == "part[n=5,piece=4]: 4\npart[n=6,piece=5]: 5\n"
    assert chosen.ran == ["part[n=6,piece=5]", "parts[n=6]", "piece[n=6]"]


def test_values_of_targets_and_of_a_sweep_exclude_each_other(project: Project) -> None:
    project.write(tasks_x=OPEN)
    result = project.run("load[day=1]", "load[day=2]", "--sweep", "day=3,4")
    assert result.exit_code == 4
    assert "--sweep day: a target has day=1. Leave one out." in result.stderr
