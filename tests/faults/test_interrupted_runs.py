"""Runs that are killed, interrupted, or not alone: nothing that was reported is lost, and the answer stays right."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from random import Random

import pytest

from tests.projects import Ended, Folder

SIZE = 100
TASKS = """
import time
from taskdisc import Gather, axis, task

VERSION = {version}
n = axis(range({size}))

def first(n):
    time.sleep(0.001)
    return n + VERSION

@task(outputs=("low", "high"))
def second(first):
    return first % 7, bytes(150_000 if first % 10 == 0 else 10) + b"%d" % first

def third(high, low):
    return int(high.lstrip(bytes(1))) + low

def total(third: Gather[int]):
    return sum(third.values())
"""
STEPS = 3 * SIZE + 1


def write(folder: Folder, version: int) -> str:
    """Write the project; return what its run must print."""
    folder.write({"tasks_x.py": TASKS.format(version=version, size=SIZE)})
    return f"{sum((n + version) + (n + version) % 7 for n in range(SIZE))}\n"


def check_index(folder: Folder) -> None:
    """The index is whole, every result has all its parts, and none refers to what is not there."""
    index = sqlite3.connect(folder.root / ".taskdisc" / "index.sqlite")
    try:
        assert index.execute("pragma integrity_check").fetchall() == [("ok",)]
        families = "select count(*) from artifact where family not in (select id from family)"
        assert index.execute(families).fetchone() == (0,)
        parts = """select count(*) from artifact join family on family.id = family where task like '%second'
            and 2 != (select count(*) from part where part.artifact = artifact.id)"""
        assert index.execute(parts).fetchone() == (0,)
    finally:
        index.close()


def wait_for_the_group(process: subprocess.Popen[str]) -> None:
    """Workers whose run is gone end by themselves; that is why this may wait, and must not wait for ever."""
    process.communicate(timeout=30)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    pytest.fail("workers outlive their run")


def stop_at(folder: Folder, delay: float, number: signal.Signals, at_work: bool) -> tuple[int, set[str]]:
    """Start a run and send it a signal after so many seconds; return its exit code, and what it had reported.

    `at_work` says whether the seconds begin when the run has reported something, and not with the run.
    """
    folder.forget_finished()
    process = folder.start("run", "total", "-j", "2")
    if at_work:
        wait_for_a_report(folder, process)
    try:
        process.wait(timeout=delay)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
    wait_for_the_group(process)
    return process.returncode, set(folder.finished("succeeded"))


def wait_for_a_report(folder: Folder, process: subprocess.Popen[str]) -> None:
    while not folder.finished("succeeded") and process.poll() is None:
        time.sleep(0.001)


def seconds_of_a_run(folder: Folder) -> float:
    write(folder, -1)
    begun = time.monotonic()
    assert folder.command("run", "total", "-j", "2").code == 0
    return time.monotonic() - begun


def check_the_next_run(folder: Folder, answer: str, reported: set[str]) -> None:
    ended = folder.command("run", "total", "-j", "2")
    assert (ended.code, ended.out) == (0, answer), ended.err
    assert reported.isdisjoint(ended.executed)
    assert len(reported) + len(ended.executed) <= STEPS
    assert folder.run("total").executed == []
    assert folder.run("high").code == 0
    check_index(folder)


def check_kills(root: Path, moments: int, seed: int) -> None:
    folder, rng = Folder(root), Random(seed)
    whole, amid = seconds_of_a_run(folder), 0
    for version in range(moments):
        answer = write(folder, version)
        at_work = version % 2 == 0
        delay = rng.uniform(0, 0.2) if at_work else rng.uniform(0.2, 1.1) * whole
        _, reported = stop_at(folder, delay, signal.SIGKILL, at_work)
        amid += 0 < len(reported) < STEPS
        check_the_next_run(folder, answer, reported)
    assert amid, "no kill hit a run at work"


def test_killed_runs_lose_nothing_that_was_reported(tmp_path: Path) -> None:
    check_kills(tmp_path, 20, 7)


@pytest.mark.long
def test_many_killed_runs(tmp_path: Path) -> None:
    check_kills(tmp_path, 200, int(time.time()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_runs_say_so_and_lose_nothing(tmp_path: Path, number: signal.Signals) -> None:
    folder = Folder(tmp_path)
    answer = write(folder, 0)
    module = folder.root / "tasks_x.py"
    patient = "    while not os.path.exists('go'):\n        time.sleep(0.01)\n"
    module.write_text("import os\n" + module.read_text().replace("    return sum", patient + "    return sum"))
    process = folder.start("run", "total", "-j", "2")
    wait_for_a_report(folder, process)
    process.send_signal(number)
    wait_for_the_group(process)
    reported = set(folder.finished("succeeded"))
    assert process.returncode == 2
    assert 0 < len(reported) < STEPS
    (folder.root / "go").touch()
    check_the_next_run(folder, answer, reported)


def together(folder: Folder, *commands: tuple[str, ...]) -> list[Ended]:
    """Run several commands at once."""
    processes = [folder.start(*command) for command in commands]
    ends = [(*process.communicate(timeout=60), process.returncode) for process in processes]
    return [Ended(code, out, err, []) for out, err, code in ends]


@pytest.mark.parametrize("attempt", range(4))
def test_two_first_runs_at_once(tmp_path: Path, attempt: int) -> None:
    """Both make the store, and they share the work."""
    folder = Folder(tmp_path)
    answer = write(folder, attempt)
    for ended in together(folder, *[("run", "total", "-j", "2")] * 2):
        assert (ended.code, ended.out) == (0, answer), ended.err
    executed = folder.finished("succeeded")
    assert len(executed) == len(set(executed)) == STEPS
    check_the_next_run(folder, answer, set(executed))


def test_runs_of_several_targets_at_once_on_one_store(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for version in range(3):
        answer = write(folder, version)
        commands = [("run", "total"), ("run", "low"), ("run", "third", "-j", "2"), ("run", "total", "-p", "n=1,2,3")]
        ends = together(folder, *commands)
        assert [ended.code for ended in ends] == [0] * 4, [ended.err for ended in ends]
        assert ends[0].out == answer
        assert ends[1].out == "".join(f"low[n={n}]: {(n + version) % 7}\n" for n in range(SIZE))
        assert ends[3].out == f"{sum((n + version) + (n + version) % 7 for n in (1, 2, 3))}\n"
        assert folder.run().executed == []
        check_index(folder)
