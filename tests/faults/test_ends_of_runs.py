"""Runs that are interrupted once, twice, or killed: what had begun may end or not, and nothing is left running."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.faults.processes import FAMILY, read_numbers, until, until_gone
from tests.projects import Folder

SLOW = """
import os, time
from taskdisc import axis, task

k = axis(range(5))

@task({options})
def one(k: int):
    open("started", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.005)
    return k
"""

HANGING = (
    FAMILY
    + """
from taskdisc import task

def before(): return 1

@task({options})
def hangs(before): _family("family")

def after(hangs): ...
"""
)
OPTIONS = ["", "prefix='env'"]
SIGNALS = [signal.SIGINT, signal.SIGTERM]


def write(folder: Folder, tasks: str, options: str, grace: str) -> None:
    folder.write({"tasks_x.py": tasks.format(options=options)} if "{options}" in tasks else {"tasks_x.py": tasks})
    folder.write({"pyproject.toml": f'[tool.taskdisc]\ngrace = "{grace}"\nmax_jobs = 1\n'})


def hear(process: subprocess.Popen[str], grace: str) -> None:
    """Wait until the run says that it was interrupted."""
    assert process.stderr is not None
    said = process.stderr.readline()
    assert said == f"interrupted: what runs has {grace} to end; another Ctrl-C ends it at once\n"


@pytest.mark.parametrize("options", OPTIONS, ids=["process", "command"])
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_what_runs_may_end_and_nothing_begins(tmp_path: Path, number: signal.Signals, options: str) -> None:
    folder = Folder(tmp_path)
    write(folder, SLOW, options, "600s")
    process = folder.start("run", "one", "-j", "1")
    until((tmp_path / "started").exists, "the first job begins")
    process.send_signal(number)
    hear(process, "600s")
    (tmp_path / "go").touch()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "interrupted: what was finished is kept; run again to go on" in said
    assert said.splitlines()[-1].startswith("1 succeeded, 4 cancelled in ")
    assert folder.finished("succeeded") == ["one[k=0]"]
    assert sorted(folder.command("run", "one").executed) == [f"one[k={k}]" for k in range(1, 5)]


@pytest.mark.parametrize("options", OPTIONS, ids=["process", "command"])
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_what_does_not_end_in_time_is_ended_with_its_family(
    tmp_path: Path, number: signal.Signals, options: str
) -> None:
    folder = Folder(tmp_path)
    write(folder, HANGING.replace("{options}", options), "", "0.2s")
    process = folder.start("run", "after")
    family = read_numbers(tmp_path / "family")
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said.splitlines()[-1].startswith("1 succeeded, 2 cancelled in ")
    until_gone(family)
    assert folder.finished("succeeded") == ["before"]


@pytest.mark.parametrize("options", OPTIONS, ids=["process", "command"])
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_second_time_ends_all_at_once(tmp_path: Path, number: signal.Signals, options: str) -> None:
    folder = Folder(tmp_path)
    write(folder, HANGING.replace("{options}", options), "", "600s")
    process = folder.start("run", "after")
    family = read_numbers(tmp_path / "family")
    process.send_signal(number)
    hear(process, "600s")
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 2
    until_gone(family)


@pytest.mark.parametrize("options", OPTIONS, ids=["process", "command"])
def test_a_run_that_is_killed_leaves_no_worker(tmp_path: Path, options: str) -> None:
    """Nor what stayed in its worker's group; what has a session of its own is nobody's then."""
    folder = Folder(tmp_path)
    write(folder, HANGING.replace("{options}", options), "", "2s")
    process = folder.start("run", "after")
    worker, deaf, *others = read_numbers(tmp_path / "family")
    process.kill()
    process.communicate(timeout=60)
    until_gone([worker, deaf])
    for other in others:
        subprocess.run(["kill", "-9", str(other)], check=True)
    until_gone(others)


def test_a_step_that_waits_for_its_next_attempt_is_cancelled(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    write(
        folder,
        "from taskdisc import task\n@task(retries=3, retry_delay='1h')\ndef one(): raise OSError('no route')\n"
        "def two(one): ...\n",
        "",
        "600s",
    )
    process = folder.start("run", "two", "-v")
    assert process.stderr is not None
    assert process.stderr.readline().startswith("FAILED one - OSError: no route (tasks_x.py:3); attempt 1 of 4, again")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said.splitlines()[-1].startswith("2 cancelled, 1 retry in ")


def test_an_inline_task_is_broken_off(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    write(folder, SLOW, "", "600s")
    process = folder.start("run", "one", "--executor", "inline")
    until((tmp_path / "started").exists, "the first job begins")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said.splitlines()[-1].startswith("5 cancelled in ")
