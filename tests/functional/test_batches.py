"""`batch=`: commands that run several instances, each with its own result, log, time limit and failure."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from taskdisc.testing import LAUNCHER, Project

PREFIX = """sh -c 'echo {id} >> launches; \\"$@\\"' sh"""
"""Writes down which commands there are."""


def write(project: Project, body: str, options: str = "batch=4", count: int = 10, max_jobs: int = 1) -> None:
    project.write({"pyproject.toml": f"[tool.taskdisc]\nmax_jobs = {max_jobs}\n"})
    project.write(
        tasks_x=f"""
from taskdisc import Gather, axis, task
import os, time
k = axis(range({count}))

@task(prefix="{PREFIX}", {options})
def one(k):
{body}

def total(one: Gather[object]):
    return list(one.values())
"""
    )


def launches(project: Project) -> int:
    return len(project.read("launches").splitlines())


def outcomes(project: Project, *arguments: str) -> dict[str, str]:
    return {step: outcome for step, outcome in project.run(*arguments).outcomes.items() if outcome != "succeeded"}


def test_a_command_runs_so_many_instances(project: Project) -> None:
    write(project, "    return os.getpid()")
    processes = eval(project.run("total").assert_ok().stdout)
    assert sorted(Counter(processes).values()) == [2, 4, 4]
    assert launches(project) == 3


def test_instances_are_spread_over_the_commands_that_may_run(project: Project) -> None:
    write(project, "    return os.getpid()", "batch=50", count=6, max_jobs=2)
    processes = eval(project.run("total").assert_ok().stdout)
    assert sorted(Counter(processes).values()) == [3, 3]


def test_tasks_without_batches_beside(project: Project) -> None:
    write(project, "    return k")
    project.write(
        tasks_y="""
        from tasks_x import k
        from taskdisc import Gather, task
        import os
        @task(prefix="nice -n 1")
        def alone(k): return os.getpid()
        def alones(alone: Gather[int]): return len(set(alone.values()))
        """
    )
    result = project.run("total", "alones").assert_ok()
    assert "alones: 10" in result.stdout
    assert launches(project) == 3


def test_each_instance_has_its_own_log_and_seed(project: Project) -> None:
    write(project, "    import random\n    print('this is', k)\n    return random.random()")
    first = project.run("total").assert_ok().stdout
    assert len(set(eval(first))) == 10
    for k in range(10):
        said = project.taskdisc("logs", f"one[k={k}]", "--stdout").assert_ok().stdout
        assert said.splitlines()[-1] == f"this is {k}"


def test_an_exception_fails_one_instance(project: Project) -> None:
    write(project, "    if k == 1: raise ValueError('on purpose')\n    return k")
    assert outcomes(project, "one") == {"one[k=1]": "failed"}
    assert launches(project) == 3


@pytest.mark.parametrize("death", ["os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_a_crash_fails_the_instance_that_ran(project: Project, death: str) -> None:
    write(project, f"    print('last words', flush=True)\n    if k == 1: {death}\n    return k")
    result = project.run("one")
    lost = {step: outcome for step, outcome in result.outcomes.items() if outcome != "succeeded"}
    assert list(lost) == ["one[k=1]"]
    assert result.counts["succeeded"] == 9
    assert "before the task had a result" in result.stderr
    assert "last words" in project.taskdisc("logs", "one[k=1]").stdout
    assert project.taskdisc("logs", "one[k=1]", "--stdout").stdout.count("last words") == 1


def test_every_instance_may_crash(project: Project) -> None:
    write(project, "    os._exit(3)", count=5)
    result = project.run("one")
    assert set(result.outcomes.values()) == {"failed"}
    assert launches(project) == 5


def test_a_time_limit_is_that_of_each_instance(project: Project) -> None:
    """Those of the second command take longer together than one may."""
    write(project, "    time.sleep(600 if k == 2 else 0.8)\n    return k", "batch=10, timeout='5s'")
    result = project.run("one")
    assert {s: o for s, o in result.outcomes.items() if o != "succeeded"} == {"one[k=2]": "timed out"}
    assert result.counts["succeeded"] == 9


def test_retries_of_one_instance(project: Project) -> None:
    body = "    if k == 1 and task_info.attempt == 1: os._exit(1)\n    return task_info.attempt"
    write(project, body, "batch=5, retries=1, retry_delay='0s'", count=5)
    project.write(tasks_x=project.read("tasks_x.py").replace("def one(k):", "def one(k, task_info):"))
    assert project.run("total").assert_ok().stdout == "[1, 2, 1, 1, 1]\n"


def test_a_launcher_that_fails_afterwards_fails_them_all(project: Project) -> None:
    write(project, "    return k", "batch=5", count=3)
    project.write(tasks_x=project.read("tasks_x.py").replace('\\"$@\\"', '\\"$@\\"; exit 7'))
    result = project.run("one")
    assert result.outcomes == {f"one[k={k}]": "failed" for k in range(3)}
    assert "command ended with exit status 7 after the task had succeeded" in result.stderr


def test_nothing_waits_where_the_next_failure_ends_all(project: Project) -> None:
    write(project, "    if k == 0: raise ValueError\n    return k", "batch=50")
    result = project.run("one", "-x")
    assert result.outcomes == {"one[k=0]": "failed"}


def test_an_interruption_keeps_what_was_finished_and_begins_nothing(project: Project) -> None:
    body = """\
    open(f'begun-{k}', 'w').close()
    while k == 1 and not os.path.exists("go"): time.sleep(0.01)
    return k

def taskdisc_run_interrupted():
    open("stopping", "w").close()
"""
    write(project, body, "batch=10")
    project.write({"pyproject.toml": '[tool.taskdisc]\nmax_jobs = 1\ngrace = "60s"\n'})
    command = [sys.executable, "-c", LAUNCHER, "run", "one"]
    process = subprocess.Popen(command, cwd=project.path, stderr=subprocess.PIPE, text=True)
    wait_for(project.path / "begun-1")
    os.kill(process.pid, signal.SIGINT)
    wait_for(project.path / "stopping")
    (project.path / "go").touch()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 2, stderr
    assert not (project.path / "begun-2").exists()
    assert project.run("one").assert_ok().counts == {"cached": 2, "succeeded": 8}


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_from_configuration(project: Project) -> None:
    write(project, "    return os.getpid()", "tags=('t',)")
    project.write({"pyproject.toml": '[tool.taskdisc]\nmax_jobs = 1\n[tool.taskdisc.tasks."tag:t"]\nbatch = 5\n'})
    processes = eval(project.run("total").assert_ok().stdout)
    assert sorted(Counter(processes).values()) == [5, 5]


@pytest.mark.parametrize("wrong", ["0", "-1", "True", "'4'", "1.5"])
def test_what_is_no_number_of_instances_is_refused(project: Project, wrong: str) -> None:
    project.write(tasks_x=f"from taskdisc import task\n@task(batch={wrong})\ndef one(): return 1\n")
    result = project.run("one")
    assert result.exit_code == 4
    assert f"batch takes a whole number from 1, not {wrong}." in result.stderr
