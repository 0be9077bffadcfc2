"""Attempts that take too long: they end with all that they have started, and nothing else does."""

from __future__ import annotations

import pytest

from taskdisc.testing import Project
from tests.faults.processes import FAMILY, read_numbers, until_gone

WAYS = ["", ", prefix='env'"]


@pytest.mark.parametrize("way", WAYS, ids=["process", "command"])
def test_a_task_that_hangs_ends_with_its_family(project: Project, way: str) -> None:
    project.write(
        tasks_x=FAMILY
        + f"""
from taskdisc import task

@task(timeout="8s"{way})
def hangs():
    print("before", flush=True)
    _family("family")

def after(hangs): ...

def other(): return 1
"""
    )
    result = project.run("after", "other", "-j", "2")
    assert result.exit_code == 1
    assert result.outcomes == {"hangs": "timed out", "after": "blocked", "other": "succeeded"}
    lines = result.stderr.splitlines()
    assert lines[-2] == "TIMED OUT hangs - still running after 8 s (tasks_x.py:22)"
    assert "hint: Does it hang? Its log may show where. Or give it more time: timeout=..." in lines
    assert (
        lines[lines.index("------------------------------- captured stdout --------------------------------") + 1]
        == "before"
    )
    family = read_numbers(project.path / "family")
    assert len(family) == 4
    until_gone(family)


@pytest.mark.parametrize("way", WAYS, ids=["process", "command"])
def test_a_task_that_does_not_listen_is_killed(project: Project, way: str) -> None:
    project.write(
        tasks_x=f"""
            import os, signal, time
            from taskdisc import task
            @task(timeout="4s"{way})
            def deaf():
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                with open("pid.new", "w") as file:
                    file.write(str(os.getpid()))
                os.rename("pid.new", "pid")
                time.sleep(600)
        """
    )
    assert project.run("deaf").outcomes == {"deaf": "timed out"}
    (process,) = read_numbers(project.path / "pid")
    until_gone([process])


@pytest.mark.parametrize("way", WAYS, ids=["process", "command"])
def test_what_ends_only_when_it_is_asked_to_has_taken_too_long(project: Project, way: str) -> None:
    project.write(
        tasks_x=f"""
            import signal, threading
            from taskdisc import task
            @task(timeout="1s"{way})
            def late():
                asked = threading.Event()
                signal.signal(signal.SIGTERM, lambda *_: asked.set())
                asked.wait()
                return 1
        """
    )
    assert project.run("late").outcomes == {"late": "timed out"}
    assert project.taskdisc("status").stdout == "late  1 to run, 1 failed last time\n"


@pytest.mark.parametrize("way", WAYS, ids=["process", "command"])
def test_only_the_slow_instance_ends(project: Project, way: str) -> None:
    project.write(
        tasks_x=f"""
            import time
            from taskdisc import axis, task
            k = axis(range(8))
            @task(timeout="5s"{way})
            def one(k: int):
                if k == 1:
                    time.sleep(600)
                return k
        """
    )
    result = project.run("one", "-j", "2")
    assert result.counts == {"succeeded": 7, "timed out": 1}
    assert result.outcomes["one[k=1]"] == "timed out"


def test_time_in_the_queue_does_not_count(project: Project) -> None:
    project.write(
        tasks_x="""
            import time
            from taskdisc import axis, task
            k = axis(range(6))
            @task(priority=1)
            def slow():
                time.sleep(4.5)
            @task(timeout="4s")
            def one(k: int): ...
        """
    )
    project.run("-j", "1").assert_ok()


@pytest.mark.parametrize("way", WAYS, ids=["process", "command"])
@pytest.mark.parametrize(
    ("retry_on", "good"), [("", True), (", retry_on='timeout'", True), (", retry_on=OSError", False)]
)
def test_another_attempt_after_a_time_limit(project: Project, way: str, retry_on: str, good: bool) -> None:
    project.write(
        tasks_x=f"""
            import time
            from taskdisc import task
            @task(timeout="4s", retries=1, retry_delay="0s"{retry_on}{way})
            def once(task_info):
                if task_info.attempt == 1:
                    time.sleep(600)
                return 1
        """
    )
    result = project.run("once")
    assert result.outcomes == {"once": "succeeded" if good else "timed out"}
    if good:
        assert "RETRIED once after 1 failed - still running after 4 s (tasks_x.py:4)" in result.stderr


def test_a_time_limit_from_configuration_for_a_slice_of_tasks(project: Project) -> None:
    project.write(
        {"pyproject.toml": '[tool.taskdisc.tasks."s*"]\ntimeout = "1s"\n'},
        tasks_x="import time\ndef slow(): time.sleep(600)\ndef quick(): return 1\n",
    )
    assert project.run().outcomes == {"slow": "timed out", "quick": "succeeded"}
