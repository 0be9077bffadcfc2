"""What is edited while a run is going on never passes for what the run was planned with."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from taskdisc.testing import LAUNCHER, Project

PATIENCE = 60.0


@contextmanager
def waiting_run(project: Project, *targets: str) -> Iterator[None]:
    """A run that waits in the middle, until the block has ended."""
    command = [sys.executable, "-c", LAUNCHER, "run", *targets]
    with subprocess.Popen(command, cwd=project.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for(project, "waiting")
        yield
        project.write({"go": ""})
        process.communicate(timeout=PATIENCE)


def wait_for(project: Project, name: str) -> None:
    until = time.monotonic() + PATIENCE
    while not os.path.exists(project.path / name):
        assert time.monotonic() < until
        time.sleep(0.005)


WAIT = """
import os
import time

def _wait():
    open("waiting", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.005)
"""


def test_a_module_that_is_edited_while_it_is_imported(project: Project) -> None:
    project.write(tasks_a=f"{WAIT}\nVALUE = 1\n_wait()\n\ndef value():\n    return VALUE\n")
    with waiting_run(project, "value"):
        project.write(tasks_a=project.read("tasks_a.py").replace("VALUE = 1", "VALUE = 2"))
    assert project.run("value").assert_ok().stdout == "2\n"


def test_a_helper_that_is_edited_before_a_task_imports_it(project: Project) -> None:
    project.write(
        tasks_a=f"{WAIT}\ndef first():\n    _wait()\n\n"
        "def value(first):\n    import helpers\n    return helpers.VALUE\n",
        helpers="VALUE = 1\n",
    )
    with waiting_run(project, "value"):
        project.write(helpers="VALUE = 22\n")
    project.write(helpers="VALUE = 1\n")
    assert project.run("value").assert_ok().stdout == "1\n"


def test_a_task_that_is_edited_before_its_command_starts(project: Project) -> None:
    project.write(
        tasks_a=f"{WAIT}\ndef first():\n    _wait()\n",
        tasks_b="from taskdisc import task\n\n@task(prefix='nice -n 1')\ndef value(first):\n    return 1\n",
    )
    with waiting_run(project, "value"):
        project.write(tasks_b=project.read("tasks_b.py").replace("return 1", "return 22"))
    project.write(tasks_b=project.read("tasks_b.py").replace("return 22", "return 1"))
    assert project.run("value").assert_ok().stdout == "1\n"


def test_edits_during_a_run_leave_its_results_as_they_are(project: Project) -> None:
    project.write(
        shapes="class Shape:\n    def __init__(self, side):\n        self.side = side\n",
        tasks_a=f"from shapes import Shape\n{WAIT}\ndef first():\n    _wait()\n\n"
        "def shape(first):\n    return Shape(3)\n\n"
        "def side(shape):\n    return shape.side\n",
    )
    with waiting_run(project, "side"):
        project.write(shapes=project.read("shapes.py").replace("= side", "= side * 2"))
    project.write(shapes=project.read("shapes.py").replace("= side * 2", "= side"))
    result = project.run("side").assert_ok()
    assert (result.stdout, result.ran) == ("3\n", [])
