"""Garbage is collected where work is done: start-up alone does without."""

import gc

import pytest


def test_tasks_run_with_garbage_collection(project):
    project.write(tasks_x="import gc\ndef collected():\n    return gc.isenabled()\n")
    assert project.run("collected").assert_ok().stdout == "True\n"
    assert project.run("collected", "--executor", "command").assert_ok().stdout == "True\n"


def test_the_run_itself_collects_garbage(project):
    project.write(
        tasks_x="""
            import gc
            def value():
                return 1
            def taskdisc_job_finished(step):
                print("collecting:", gc.isenabled())
        """
    )
    assert "collecting: True" in project.run("value").assert_ok().stdout


@pytest.mark.parametrize("executor", ["process", "thread", "inline", "command"])
def test_tasks_have_their_garbage_collected_as_often_as_elsewhere(project, executor):
    usual = gc.get_threshold()
    project.write(tasks_x="import gc\ndef thresholds():\n    return gc.get_threshold()\n")
    assert project.run("thresholds", "--executor", executor).assert_ok().stdout == f"{usual}\n"
