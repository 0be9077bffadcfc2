"""What has ended is told and durable, however long the run is then busy with something else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from taskdisc.testing import LAUNCHER, Project
from tests.faults.processes import until

TASKS = """
import os, time
from taskdisc import fixture, task

def _until(name):
    while not os.path.exists(name):
        time.sleep(0.01)

def taskdisc_job_finished(step):
    open(f"told-{step.id}", "w").close()

def taskdisc_job_retried(retry):
    open(f"told-{retry.step.id}", "w").close()

@fixture
def held():
    yield 1
    _until("go")

@task(priority=1)
def good():
    time.sleep(0.1)
    return 1

def long(good):
    _until("go")
    return 2

def holding(held):
    return 3

@task(retries=1, retry_delay="0s")
def again(task_info):
    if task_info.attempt == 1:
        raise ValueError
    _until("go")

@task(priority=1)
def begun():
    open("begun", "w").close()
    _until("go")

def bad(good):
    _until("begun")
    raise ValueError
"""

CASES = {
    "the next task, in this process": ("good", ("long", "--executor", "inline")),
    "the next attempt, in this process": ("again", ("again", "--executor", "inline")),
    "the end of a fixture": ("holding", ("holding",)),
    "the end of a fixture, in this process": ("holding", ("holding", "--executor", "inline")),
    "what runs beside a failure": ("bad", ("begun", "bad", "-x", "-j", "2")),
}


@pytest.fixture
def run(project: Project, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    project.write(tasks_x=TASKS)
    process = subprocess.Popen([sys.executable, "-c", LAUNCHER, "run", *CASES[request.param][1]], cwd=project.path)
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize(("run", "step"), [(case, CASES[case][0]) for case in CASES], ids=CASES, indirect=["run"])
def test_what_has_ended_is_told_and_kept(project: Project, run: subprocess.Popen[bytes], step: str) -> None:
    until((project.path / f"told-{step}").exists, f"{step} is told")
    assert run.poll() is None
    run.kill()
    run.wait()
    (project.path / "go").touch()
    if step == "bad":
        assert "1 failed last time" in project.taskdisc("status", "bad").stdout
    elif step != "again":
        assert project.run(step).assert_ok().ran == []
