"""What one task does to its process is not felt by the next, and nothing in a result depends on who ran before."""

from __future__ import annotations

import resource

import pytest

from taskdisc.testing import Project


@pytest.mark.parametrize("executor", ["process", "inline"])
def test_every_task_begins_in_the_root(project: Project, executor: str) -> None:
    project.write(
        tasks_a="""
        import os

        from taskdisc import Gather, axis

        number = axis(range(4))

        def place(number):
            here = os.getcwd()
            os.chdir("/")
            return here

        def places(place: Gather):
            return len(set(place.values()))
        """
    )
    assert project.run("places", "-j", "1", "--executor", executor).assert_ok().stdout == "1\n"


@pytest.mark.parametrize("module", ["random", "numpy.random"])
def test_generators_that_a_task_imports_itself_are_seeded(project: Project, module: str) -> None:
    name = "_draw" if module == "random" else "numpy"
    pytest.importorskip(module)
    project.write(
        tasks_a=f"""
        from taskdisc import axis

        number = axis(range(3))

        def drawn(number):
            import {module} as {name}
            return float({name}.random())
        """
    )
    first = project.run("drawn", "-j", "1").assert_ok().stdout
    assert len(set(first.split())) == 6
    project.taskdisc("clear", "--all").assert_ok()
    assert project.run("drawn", "-j", "2").assert_ok().stdout == first


def test_a_task_may_remove_its_task_dir(project: Project) -> None:
    project.write(tasks_a="def gone(task_dir):\n    task_dir.rmdir()\n    return 1\n")
    assert project.run("gone").assert_ok().stdout == "1\n"


def test_a_run_sleeps_while_its_commands_work(project: Project) -> None:
    project.write(
        tasks_a="""
        from taskdisc import task

        def first():
            return 1

        @task(prefix="nice -n 1")
        def second(first):
            import time

            time.sleep(2)
        """
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    project.run("second", "--executor", "inline").assert_ok()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.5
