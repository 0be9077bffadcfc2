"""Workers that are fresh interpreters, as they are where threads run, do all that forked ones do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from taskdisc.testing import LAUNCHER, Project
from tests.faults.processes import FAMILY, read_numbers, until, until_gone

THREAD_FIRST = """
from taskdisc import task

@task(executor="thread")
def threaded():
    return 1
"""
"""A task after which no worker is forked."""


@pytest.fixture
def running(project: Project) -> Iterator[subprocess.Popen[str]]:
    """A run with a hanging task in a fresh worker, and children of all kinds; its numbers are in the file `family`."""
    project.write(tasks_threaded=THREAD_FIRST)
    project.write(tasks_hanging=f"{FAMILY}\ndef hanging(threaded):\n    _family('family')\n")
    command = [sys.executable, "-c", LAUNCHER, "run", "hanging"]
    with subprocess.Popen(command, cwd=project.path, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_a_run_that_is_killed_leaves_no_worker(project: Project, running: subprocess.Popen[str]) -> None:
    worker, child, *strays = read_numbers(project.path / "family")
    running.kill()
    until_gone([worker, child])
    for stray in strays:  # of other sessions: nobody is left who could end them
        os.kill(stray, signal.SIGKILL)


def test_an_interrupted_run_leaves_nothing(project: Project, running: subprocess.Popen[str]) -> None:
    family = read_numbers(project.path / "family")
    os.kill(running.pid, signal.SIGINT)
    _, stderr = running.communicate(timeout=30)
    assert running.returncode == 2, stderr
    until_gone(family)


def test_workers_take_the_options_of_the_interpreter(project: Project) -> None:
    project.write(
        tasks_threaded=THREAD_FIRST,
        tasks_x="import sys\ndef seen(threaded): return __debug__, sys.flags.utf8_mode, 'error' in sys.warnoptions\n",
    )
    command = [sys.executable, "-O", "-X", "utf8", "-W", "error", "-m", "taskdisc", "run", "seen"]
    done = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "(False, 1, True)\n"), done.stderr


def test_a_task_that_is_edited_before_its_worker_starts(project: Project) -> None:
    project.write(
        tasks_threaded=THREAD_FIRST,
        tasks_a="""
        import os, time
        from taskdisc import task

        @task(executor="thread")
        def first():
            open("waiting", "w").close()
            while not os.path.exists("go"):
                time.sleep(0.005)
        """,
        tasks_b="def value(first):\n    return 1\n",
    )
    command = [sys.executable, "-c", LAUNCHER, "run", "value"]
    with subprocess.Popen(command, cwd=project.path, stderr=subprocess.PIPE, text=True) as process:
        until((project.path / "waiting").exists, "the first task runs")
        project.write(tasks_b="def value(first):\n    return 22\n")
        project.write({"go": ""})
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1, stderr
    project.write(tasks_b="def value(first):\n    return 1\n")
    assert project.run("value").assert_ok().stdout == "1\n"


NOTEBOOK = """
import threading
from taskdisc import Project, TaskdiscError

lock = threading.Lock()
end = threading.Event()
helper = threading.Thread(target=end.wait)
helper.start()

def one():
    with lock:
        return 1

def two(one):
    return one + 1

project = Project.from_functions(one, two)
try:
    project.run(two)
except TaskdiscError as error:
    print(error)
print(project.run(two, executor="thread").value)
end.set()
"""


def test_a_function_that_cannot_be_sent_is_told(project: Project) -> None:
    project.write(book=NOTEBOOK)
    command = [sys.executable, "book.py"]
    done = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (
        0,
        "book.py:9 one: it cannot be sent to another process: cannot pickle '_thread.lock' object. It uses something "
        'that belongs to this one. Make that in the function, or in a fixture, or choose executor="thread" or "inline".'
        "\n2\n",
    ), done.stderr
