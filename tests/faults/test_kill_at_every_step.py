"""A run is killed at every change that it makes to a file: what it had reported stays, and the next one ends right."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from hashlib import sha256
from pathlib import Path

import pytest

from tests.faults.stepping import run_until
from tests.faults.test_interrupted_runs import check_index
from tests.projects import Folder, _be_the_command

TASKS = """
from pathlib import Path
from taskdisc import Gather, axis, task

n = axis(range(6))

def large(n):
    return bytes([n]) * 100_000

@task(outputs=("low", "high"))
def split(large, n):
    return n, large[:50_000] + b"x"

def written(low, task_dir: Path):
    path = task_dir / "number.txt"
    path.write_text(str(low))
    return path

def total(written: Gather[Path], high: Gather[bytes]):
    print("adding")
    return sum(int(path.read_text()) for path in written.values()) + sum(map(len, high.values()))
"""
ANSWER = f"adding\n{sum(range(6)) + 6 * 50_001}\n"
STEPS = 19


def run_in_fork(folder: Folder, step: int | None) -> int | None:
    """Run the command up to its n-th change of a file."""

    def command() -> None:
        with open(folder.root / "out.txt", "w") as out, open(folder.root / "err.txt", "w") as err:
            words = ["run", "total", "-C", str(folder.root), "--executor", "inline"]
            _be_the_command(words, out.fileno(), err.fileno())

    return run_until(step, command)


def check_objects(folder: Folder) -> None:
    """Every object is what its name says, and every result has its object."""
    store = folder.root / ".taskdisc"
    files = [path for path in (store / "objects").glob("*/*") if ".tmp" not in path.name]
    objects = {path.parent.name + path.name: path for path in files}
    for name, path in objects.items():
        assert sha256(path.read_bytes()).hexdigest() == name
    index = sqlite3.connect(store / "index.sqlite")
    named = "select object from artifact union select object from part"
    assert {name for (name,) in index.execute(named) if name is not None} <= set(objects)
    for (files,) in index.execute("select files from artifact where files is not null"):
        for path, _, _, _, members, _ in json.loads(files):
            assert (folder.root / path).exists()
            assert {name for _, name in members} <= set(objects)
    index.close()


def check_step(root: Path, step: int) -> None:
    root.mkdir()
    folder = Folder(root)
    folder.write({"tasks_x.py": TASKS})
    changes = run_in_fork(folder, step)
    assert changes is None or changes < step  # the clock says when results are written, so runs differ by a few changes
    reported = set(folder.finished("succeeded"))
    ended = folder.run("total")
    assert (ended.code, ended.out.removeprefix("adding\n")) == (0, ANSWER.removeprefix("adding\n")), (step, ended.err)
    assert reported.isdisjoint(ended.executed), step
    assert len(reported) + len(ended.executed) <= STEPS
    assert folder.run("total").executed == []
    check_index_of(folder)
    check_objects(folder)
    shutil.rmtree(root)


def check_index_of(folder: Folder) -> None:
    check_index(folder)
    assert not [name for name in os.listdir(folder.root / ".taskdisc") if "damaged" in name]


def count_steps(root: Path) -> int:
    folder = Folder(root)
    folder.write({"tasks_x.py": TASKS})
    changes = run_in_fork(folder, None)
    assert (folder.root / "out.txt").read_text() == ANSWER
    assert changes is not None
    assert len(folder.finished("succeeded")) == STEPS
    return changes


@pytest.mark.parametrize("first", range(4))
def test_a_run_killed_at_some_of_its_changes(tmp_path: Path, first: int) -> None:
    changes = count_steps(tmp_path)
    assert changes > 100
    for step in range(1 + first * 7, changes + 1, 28):
        check_step(tmp_path / f"at {step}", step)


@pytest.mark.long
def test_a_run_killed_at_each_of_its_changes(tmp_path: Path) -> None:
    for step in range(1, count_steps(tmp_path) + 1):
        check_step(tmp_path / f"at {step}", step)
