"""How often Slurm is asked: once for all jobs."""

import os
import shutil
import signal
import time

import pytest

QUICK = """
from taskdisc import Gather, axis, task
k = axis(range(120))
def square(k: int):
    return k * k
@task(executor="process")
def total(square: Gather[int]):
    return sum(square.values())
"""
SLOW = """
import time
from pathlib import Path
import taskdisc_slurm.executor
from taskdisc import axis
taskdisc_slurm.executor.END = 60.0  # what the run cancels it sees the end of, on a busy machine too
k = axis(range(30))
def slow(k: int):
    Path("begun").touch()
    time.sleep(600)
"""


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """What returns how often each of Slurm's programs was called: each notes that before it does its work."""
    programs, notes = tmp_path / "programs", tmp_path / "notes"
    programs.mkdir()
    notes.touch()
    for name in ("sbatch", "squeue", "scancel"):
        (programs / name).write_text(f'#!/bin/sh\necho {name} >>{notes}\nexec {shutil.which(name)} "$@"\n')
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")

    def count(name):
        return notes.read_text().split().count(name)

    return count


def test_one_array_and_one_query_for_all(slurm, on_slurm, asked):
    on_slurm.write(tasks_x=QUICK)
    began = time.monotonic()
    assert on_slurm.run("total").assert_ok().stdout == f"{sum(k * k for k in range(120))}\n"
    assert asked("sbatch") == 1
    assert 1 <= asked("squeue") <= 2 * (time.monotonic() - began) + 2  # it looks about once a second, at all jobs
    assert asked("scancel") == 0


def test_an_interruption_cancels_all_at_once(slurm, on_slurm, begin, asked):
    on_slurm.write(tasks_x=SLOW)
    run = begin("slow")
    while not (on_slurm.path / "begun").exists():
        assert run.poll() is None, run.log.read_text()
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    assert run.wait(120) == 2
    assert slurm.jobs() == []
    assert 1 <= asked("scancel") <= 2  # what waits, and then what runs
