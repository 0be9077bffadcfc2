"""Runs of 500 tasks are killed at random moments and started again: what the stream called done is never repeated.

Tasks write down that they are executed, and `--json` what the run says of them. A kill hits the run's main process
alone, as that of a system short of memory does; the workers have to notice.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from taskdisc.store.sweep import STARTING
from tests.faults.processes import until
from tests.faults.test_interrupted_runs import check_index
from tests.projects import Folder

NOTES = """
import os

def note(name):
    file = os.open("executed.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{name}\\n".encode())
    os.close(file)
"""
TASKS = """
from pathlib import Path
from notes import note
from taskdisc import Gather, axis, task

VERSION = {version}
n = axis(range(124))
half = axis("even", "odd")

def tiny(n):
    note(f"tiny[n={{n}}]")
    return n * VERSION

@task(outputs=("low", "high"))
def split(tiny, n):
    note(f"split[n={{n}}]")
    return tiny % 7, tiny.to_bytes(4, "big") * (40_000 if n % 8 == 0 else 10)

def written(low, n, task_dir: Path):
    note(f"written[n={{n}}]")
    (task_dir / "low.txt").write_text(str(low))
    return task_dir / "low.txt"

def both(high, written, n):
    note(f"both[n={{n}}]")
    return int.from_bytes(high[-4:], "big") + int(written.read_text())

def part(both: Gather[int], half):
    note(f"part[half={{half}}]")
    return [value for n, value in both.items() if n % 2 == (half == "odd")] * 5_000

@task(prefix="env")
def launched(part: Gather[list]):
    note("launched")
    return sum(sum(values) for values in part.values()) // 5_000

def total(launched, low: Gather[int]):
    note("total")
    return launched, sum(low.values())
"""
SIZE, STEPS = 124, 500
FORMS = (("-j", "2"), ("-j", "1"), ("-j", "4"), ("--executor", "inline"))
MOST_KILLS = 9
"""Of one edition of the project, before it is run to its end."""


def answer(version: int) -> str:
    numbers = [n * version for n in range(SIZE)]
    low = sum(number % 7 for number in numbers)
    return f"({sum(numbers) + low}, {low})\n"


class Killed:
    """A project whose runs are killed, and what they had said before."""

    def __init__(self, root: Path, seed: int) -> None:
        self.folder = Folder(root)
        self.folder.write({"notes.py": NOTES})
        (root / "tasks_watcher.py").unlink()
        self.rng = Random(seed)
        self.done: set[str] = set()
        """What the streams of this edition's runs called done."""
        self.kills = Counter[str]()
        """By what the killed run had said: nothing, some, all."""
        self.form: tuple[str, ...] = ()

    def begin(self, version: int) -> None:
        """Write an edition of which nothing is known."""
        self.folder.write({"tasks_x.py": TASKS.format(version=version)})
        self.form = FORMS[version % len(FORMS)]
        self.done = set()

    def kill_one(self) -> bool:
        """Start a run and kill it; return whether it was still there."""
        self._begin_notes()
        alive, held = os.pipe()
        process = self.folder.start("run", "total", *self.form, "--json", "steps.jsonl", inherited=(held,))
        os.close(held)
        self._await_the_moment(process)
        process.kill()
        process.communicate(timeout=60)
        with open(alive, "rb") as stream:
            stream.read()  # until the workers, which hold the other end, have gone as well
        said = {step["id"] for step in self._entries() if step.get("outcome") == "succeeded"}
        assert self.done.isdisjoint(self._executed())
        assert self.done.isdisjoint(said)
        self.done |= said
        if process.returncode == 0:
            return False
        self.kills["all" if len(self.done) == STEPS else "some" if said else "nothing"] += 1
        return True

    def _await_the_moment(self, process: subprocess.Popen[str]) -> None:
        """Half of the kills come at a random time, start-up included; half after so and so many results."""
        if self.rng.random() < 0.5:
            wait(process, self.rng.uniform(0, 0.6))
            return
        least = self.rng.randrange(STEPS // 4)
        while process.poll() is None and self._size() < least:
            time.sleep(0.001)
        wait(process, self.rng.uniform(0, 0.02))

    def end(self, version: int) -> None:
        """Run to the end: the rest is executed, the answer is right, and the store is whole."""
        self._begin_notes()
        ended = self.folder.command("run", "total", *self.form, "--json", "steps.jsonl")
        assert (ended.code, ended.out) == (0, answer(version)), ended.err
        *steps, run = self._entries()
        outcomes = {step["id"]: step["outcome"] for step in steps}
        executed = self._executed()
        assert self.done.isdisjoint(executed)
        assert len(outcomes) == len(steps) == sum(run["counts"].values()) == STEPS
        assert sorted(executed) == sorted(name for name in outcomes if outcomes[name] == "succeeded")
        assert all(outcomes[name] == "cached" for name in self.done)
        self._check_the_store(version)

    def _check_the_store(self, version: int) -> None:
        verified = self.folder.command("verify")
        assert (verified.code, verified.out) == (0, ""), verified
        check_index(self.folder)
        self._begin_notes()
        assert self.folder.command("run", "total", "-q").out == answer(version)
        assert self.folder.command("run", "-q").code == 0
        assert self._executed() == []

    def check_leftovers(self, version: int) -> None:
        """What killed runs left behind can be removed, and was nothing that is needed."""
        assert self.folder.command("gc").code == 0
        self._check_the_store(version)
        # One that was killed before it had its lock may just be starting, for all that anybody knows: for a minute.
        until(lambda: self.folder.command("gc").out == "nothing to remove\n", "nothing is left", seconds=STARTING + 30)
        assert self.folder.command("run", "total", "--force").code == 0  # what executes something looks for the dead
        assert list((self.folder.root / ".taskdisc" / "runs").glob("*.lock")) == []

    def _begin_notes(self) -> None:
        for name in ("executed.txt", "steps.jsonl"):
            (self.folder.root / name).unlink(missing_ok=True)

    def _executed(self) -> list[str]:
        path = self.folder.root / "executed.txt"
        return path.read_text().split() if path.exists() else []

    def _size(self) -> int:
        path = self.folder.root / "steps.jsonl"
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def _entries(self) -> list[dict[str, object]]:
        """All whole lines; a kill may leave a part of one."""
        path = self.folder.root / "steps.jsonl"
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def wait(process: subprocess.Popen[str], seconds: float) -> None:
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        pass


def check_kills(root: Path, number: int, seed: int) -> Counter[str]:
    killed, version = Killed(root, seed), 0
    while killed.kills.total() < number:
        version += 1
        killed.begin(version)
        for _ in range(min(MOST_KILLS, number - killed.kills.total())):
            if not killed.kill_one():
                break
        killed.end(version)
    killed.check_leftovers(version)
    assert killed.kills["some"] > number / 4, killed.kills
    return killed.kills


def test_runs_killed_at_random(tmp_path: Path) -> None:
    check_kills(tmp_path, 20, 3)


@pytest.mark.long
def test_runs_killed_at_two_hundred_moments(tmp_path: Path) -> None:
    check_kills(tmp_path, 200, 11)
