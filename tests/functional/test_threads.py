"""The executor `thread`: what its tasks share, what they do not, and how a run ends that has some."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from taskdisc.testing import LAUNCHER, Project

TOGETHER = """
    import os, threading
    from taskdisc import Gather, axis, task

    k = axis(range(3))
    meeting = threading.Barrier(3)

    def met(k):
        meeting.wait(20)
        return os.getpid(), threading.current_thread() is threading.main_thread()

    def all_met(met: Gather[tuple]):
        return len({process for process, _ in met.values()}), {main for _, main in met.values()}
"""


@pytest.mark.parametrize("chosen", ["command line", "configuration", "task"])
def test_tasks_run_side_by_side_in_the_process_itself(project: Project, chosen: str) -> None:
    text = TOGETHER
    if chosen == "task":
        text = text.replace("def met", "@task(executor='thread')\n    def met")
    project.write(tasks_all=text)
    if chosen == "configuration":
        project.write({"pyproject.toml": '[tool.taskdisc.tasks.met]\nexecutor = "thread"\n'})
    options = ["--executor", "thread"] if chosen == "command line" else []
    assert project.run("all_met", "-j", "3", *options).assert_ok().stdout == "(1, {False})\n"


def test_each_job_has_its_own_copy_of_its_inputs(project: Project) -> None:
    project.write(
        tasks_all="""
        from taskdisc import Gather, axis
        k = axis(range(20))
        def numbers(): return [0]
        def longer(k, numbers):
            numbers.append(k)
            return numbers
        def total(longer: Gather[list]): return sum(len(each) for each in longer.values())
        """
    )
    assert project.run("total", "--executor", "thread", "-j", "4").assert_ok().stdout == "40\n"


def test_files_that_a_task_was_given_are_its_own_alone(project: Project) -> None:
    """What a task returns of its inputs it has not made; another thread's inputs do not count for that."""
    project.write(
        tasks_all="""
        from pathlib import Path
        from taskdisc import Gather, axis
        k = axis(range(40))
        def made(k):
            path = Path(f"made-{k}")
            path.write_text("x")
            return path
        def handed_on(made): return made
        def total(handed_on: Gather[Path]): return sum(path.exists() for path in handed_on.values())
        """
    )
    assert project.run("total", "--executor", "thread", "-j", "8").assert_ok().stdout == "40\n"


def test_fixtures_are_made_and_closed_in_each_thread(project: Project) -> None:
    project.write(
        tasks_all="""
        import os, threading
        from taskdisc import Gather, axis, fixture
        k = axis(range(12))
        meeting = threading.Barrier(3)
        @fixture
        def connection():
            made = threading.get_ident()
            yield made
            os.write(1, b"closed at home: %r\\n" % (made == threading.get_ident()))  # a line at once
        def used(k, connection):
            if k < 3:
                meeting.wait(20)
            return connection == threading.get_ident()
        def all_at_home(used: Gather[bool]): return all(used.values())
        """
    )
    result = project.run("all_at_home", "--executor", "thread", "-j", "3").assert_ok()
    assert sorted(result.stdout.splitlines()) == ["True", *["closed at home: True"] * 3]


def test_warnings_are_those_of_the_task(project: Project) -> None:
    project.write(
        tasks_all="""
        import warnings
        from taskdisc import axis
        k = axis(range(4))
        def warned(k): warnings.warn(f"number {k}")
        """
    )
    result = project.run("warned", "--executor", "thread", "-j", "2", "-v").assert_ok()
    for k in range(4):
        assert f"UserWarning: number {k}\n    in warned[k={k}]\n" in result.stderr


def test_cpu_time_is_that_of_the_task(project: Project) -> None:
    project.write(
        tasks_all="""
        import threading, time
        done = threading.Event()
        def busy():
            until = time.process_time() + 0.5
            while time.process_time() < until:
                pass
            done.set()
        def idle(): done.wait(20)
        """
    )
    project.run("--executor", "thread", "-j", "2", "--json", "ends.jsonl").assert_ok()
    import json

    ends = [json.loads(line) for line in project.read("ends.jsonl").splitlines()]
    cpu = {end["id"]: end["cpu_seconds"] for end in ends if "cpu_seconds" in end}
    assert cpu["idle"] < cpu["busy"] / 2


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ("timeout='1m'", 'timeout="1m" needs an executor that ends jobs that take too long'),
        ("env={'A': '1'}", "env (A) needs an executor that gives jobs variables of their own"),
        ("retry_on='killed'", 'retry_on="killed" needs an executor that knows which job a dead process had'),
        ("prefix='env'", 'prefix goes before a command, and executor="thread" runs none'),
    ],
)
def test_what_threads_cannot_honour_is_refused(project: Project, options: str, refused: str) -> None:
    project.write(tasks_x=f"from taskdisc import task\n@task(executor='thread', {options})\ndef x(): return 1\n")
    result = project.run("x")
    assert (result.exit_code, result.ran) == (4, [])
    assert f"tasks_x.py:3 x: {refused}" in result.stderr


def test_failures_retries_and_leaving(project: Project) -> None:
    project.write(
        tasks_x="""
        import sys
        from taskdisc import Gather, axis, task
        k = axis(range(4))
        @task(retries=1, retry_delay="0s")
        def flaky(k, task_info):
            if task_info.attempt == 1:
                raise OSError("not yet")
            return k
        def leaving(): sys.exit(3)
        def interrupting(): raise KeyboardInterrupt
        def total(flaky: Gather[int]): return sum(flaky.values())
        """
    )
    result = project.run("total", "leaving", "interrupting", "--executor", "thread", "-j", "2")
    assert result.exit_code == 1
    assert result.outcomes["total"] == "succeeded"
    assert [result.outcomes[name] for name in ("leaving", "interrupting")] == ["failed", "failed"]


def test_an_interrupted_run_ends_though_a_thread_hangs(project: Project) -> None:
    project.write(
        tasks_x="""
        import time
        def done(): return 1
        def hanging(done):
            open("here", "w").close()
            time.sleep(600)
        """
    )
    command = [sys.executable, "-c", LAUNCHER, "run", "hanging", "--executor", "thread"]
    process = subprocess.Popen(command, cwd=project.path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not (project.path / "here").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 2, stderr
    assert project.run("done").assert_ok().ran == []


def test_workers_beside_threads(project: Project) -> None:
    """Processes that are started where threads run are fresh interpreters, and do the same."""
    project.write(
        tasks_all="""
        import os, sys
        from taskdisc import Gather, axis, task
        k = axis(range(6))
        @task(executor="thread")
        def here(k): return os.getpid()
        def there(k, here): return os.getpid() != here, "taskdisc.builtin.serving" in sys.orig_argv
        def all(there: Gather[tuple]): return set(there.values())
        """
    )
    assert project.run("all", "-j", "2").assert_ok().stdout == "{(True, True)}\n"
