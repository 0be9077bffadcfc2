"""gc, clear and verify while a run is at work: it ends right, and what it reported as done stays done."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projects import Ended, Folder

TASKS = """
import os
import time
from taskdisc import Gather, axis

n = axis(range(6))

def _gate(name):
    open(f"{{name}}.begun", "w").close()
    while not os.path.exists(f"{{name}}.open"):
        time.sleep(0.002)

def first(n, task_dir):
    path = task_dir / "first.txt"
    path.write_text(str(n))
    return path

def large(n):
    return bytes(100_000) + str(n).encode()

def slow(large):
    return large[-1:] * 50_000 + b"slow"

def gate(slow: Gather[bytes], first: Gather):
    if {gated}:
        _gate("gate")
    return len(slow)

def late(gate, slow, first, large):
    return slow[0] - 48 + int(first.read_text()) + int(large[100_000:])

def total(late: Gather[int]):
    return sum(late.values())
"""
ANSWER = f"{3 * sum(range(6))}\n"


class Gated:
    """A run that waits in the midst of one of its tasks, until the test lets it go on."""

    def __init__(self, root: Path) -> None:
        self.folder = Folder(root)
        self.process: subprocess.Popen[str] | None = None

    def write(self, *, gated: bool) -> None:
        self.folder.write({"tasks_x.py": TASKS.format(gated=gated)})

    def begin(self) -> None:
        """Start the run; return when it is in the task with the gate, and has reported all that comes before it."""
        self.write(gated=True)
        self.start()
        self.wait_until(lambda: set(self.folder.finished("succeeded")) == steps("first", "large", "slow"))

    def start(self) -> None:
        """Start the run; return when it is in the task with the gate."""
        self.folder.forget_finished()
        self.process = self.folder.start("run", "total", "-j", "2")
        self.wait_until(lambda: (self.folder.root / "gate.begun").exists())

    def wait_until(self, condition: object) -> None:
        assert callable(condition) and self.process is not None
        deadline = time.monotonic() + 60
        while not condition():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def end(self) -> tuple[int, str, str]:
        """Open the gate; return how the run ended."""
        assert self.process is not None
        (self.folder.root / "gate.open").touch()
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err

    def command(self, *words: str) -> Ended:
        """Run another command, without forgetting what the run has reported."""
        process = self.folder.start(*words)
        out, err = process.communicate(timeout=60)
        return Ended(process.returncode, out, err, [])

    def check(self, again: set[str]) -> None:
        """The next run executes just these steps, `verify` finds nothing, and `gc` leaves nothing."""
        assert self.command("verify").code == 0
        ended = self.folder.command("run", "total")
        assert (ended.code, ended.out) == (0, ANSWER), ended.err
        assert set(ended.executed) == again
        assert self.command("gc").code == 0
        assert self.folder.command("run", "total").executed == []
        verified = self.command("verify")
        assert (verified.code, verified.out) == (0, ""), verified
        index = sqlite3.connect(self.folder.root / ".taskdisc" / "index.sqlite")
        try:
            newest = "(select max(id) from artifact)"
            assert index.execute(f"select count(*) from artifact where family = 0 and id < {newest}").fetchone() == (0,)
        finally:
            index.close()


@pytest.fixture
def gated(tmp_path: Path) -> Iterator[Gated]:
    run = Gated(tmp_path)
    yield run
    if run.process is not None and run.process.poll() is None:
        os.killpg(run.process.pid, signal.SIGKILL)
        run.process.communicate()


def steps(*tasks: str) -> set[str]:
    return {f"{task}[n={n}]" for task in tasks for n in range(6)}


@pytest.mark.parametrize(
    "options",
    [[], ["--older-than", "0s"], ["--max-size", "0"], ["--keep-latest"], ["--keep-latest", "--older-than", "0s"]],
)
def test_gc_keeps_what_a_run_has_made(gated: Gated, options: list[str]) -> None:
    gated.begin()
    ended = gated.command("gc", *options)
    assert (ended.code, ended.out, ended.err) == (
        0,
        "nothing to remove\n",
        "a run is at work: what it may use is kept\n",
    )
    assert gated.end()[:2] == (0, ANSWER)
    gated.write(gated=True)
    gated.check(set())


def test_gc_keeps_what_a_run_has_found(gated: Gated) -> None:
    """Everything was computed by an earlier run; the gate alone is new."""
    gated.write(gated=False)
    assert gated.folder.command("run", "total").out == ANSWER
    before = sum(1 for _ in (gated.folder.root / ".taskdisc").rglob("first.txt"))
    gated.write(gated=True)
    gated.start()
    for options in ([], ["--older-than", "0s"], ["--max-size", "0"]):
        assert gated.command("gc", *options).code == 0
    assert sum(1 for _ in (gated.folder.root / ".taskdisc").rglob("first.txt")) == before
    code, out, err = gated.end()
    assert (code, out) == (0, ANSWER), err
    assert gated.folder.finished("succeeded") == ["gate"]
    gated.check(set())


@pytest.mark.parametrize("target", ["large", "first", "slow[n=1]", "--all"])
def test_clear_leaves_a_run_what_it_has_found(gated: Gated, target: str) -> None:
    gated.begin()
    reported = set(gated.folder.finished("succeeded"))
    cleared = gated.command("clear", target)
    assert cleared.code == 0
    assert cleared.err.endswith(
        "a run is at work: what it has found before, it may still use; `taskdisc gc` gives the space back\n"
    )
    names = {line.removeprefix("cleared ") for line in cleared.out.splitlines()}
    assert names and names <= reported
    if target == "--all":
        assert names == reported
    assert gated.command("verify").code == 0
    code, out, err = gated.end()
    assert (code, out) == (0, ANSWER), err
    assert set(gated.folder.finished("succeeded")) >= reported
    gated.check(names)


@pytest.mark.parametrize("target", ["large", "--all"])
def test_a_run_that_nobody_can_see_makes_again_what_was_cleared(gated: Gated, target: str) -> None:
    """As on a file system without locks: what the run had found is really gone."""
    gated.begin()
    store = gated.folder.root / ".taskdisc"
    for lock in (store / "runs").glob("*.lock"):
        lock.unlink()
    index = sqlite3.connect(store / "index.sqlite")
    index.execute("update run set started = started - 3600")
    index.commit()
    index.close()
    cleared = gated.command("clear", target)
    assert cleared.code == 0 and "a run is at work" not in cleared.err
    code, out, err = gated.end()
    assert (code, out) == (0, ANSWER), err
    assert gated.command("verify").code == 0
    ended = gated.folder.command("run", "total")
    assert (ended.code, ended.out) == (0, ANSWER)


def test_clear_downstream_during_a_run(gated: Gated) -> None:
    gated.begin()
    names = {line.removeprefix("cleared ") for line in gated.command("clear", "--downstream", "large").out.splitlines()}
    assert names == steps("large", "slow")
    assert gated.end()[:2] == (0, ANSWER)
    gated.check(names)


def test_another_run_computes_what_was_cleared(gated: Gated) -> None:
    gated.begin()
    assert gated.command("clear", "large", "first").code == 0
    gated.folder.forget_finished()
    other = gated.command("run", "large", "first")
    assert other.code == 0, other.err
    assert sorted(gated.folder.finished("succeeded")) == sorted(steps("large", "first"))
    assert gated.command("gc", "--keep-latest").code == 0
    assert gated.end()[:2] == (0, ANSWER)
    gated.check(set())


def test_what_a_killed_run_left_goes(gated: Gated) -> None:
    gated.begin()
    assert gated.process is not None
    reported = set(gated.folder.finished("succeeded"))
    stray = gated.folder.root / ".taskdisc" / "dirs" / "1" / "stray"
    stray.mkdir(parents=True)
    assert gated.command("gc").out == "nothing to remove\n"
    os.killpg(gated.process.pid, signal.SIGKILL)
    gated.process.communicate(timeout=60)
    assert stray.exists()
    (gated.folder.root / "gate.open").touch()
    ended = gated.command("gc")
    assert ended.code == 0 and ended.out.startswith("removed ") and ended.err == ""
    assert not stray.exists()
    assert reported == steps("first", "large", "slow")
    gated.check(steps("late") | {"gate", "total"})
