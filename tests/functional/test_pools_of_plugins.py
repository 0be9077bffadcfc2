"""Plugins may supply executors of `concurrent.futures`: they are adapted, and shut down with the run."""

from __future__ import annotations

import pytest

from taskdisc.testing import Project

PLUGIN = """
    import atexit
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

    made = []

    def _kept(pool):
        made.append(pool)
        return pool

    @atexit.register
    def look():
        if made:  # not in a spawned worker
            print("any left:", any([_takes(pool) for pool in made]))

    def _takes(pool):
        try:
            pool.submit(int)
        except RuntimeError:
            return False
        return True

    def taskdisc_executors():
        return {
            "threads": lambda workers: _kept(ThreadPoolExecutor(workers)),
            "processes": lambda workers: _kept(ProcessPoolExecutor(workers)),
            "spawned": lambda workers: _kept(ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))),
        }
"""

TASKS = """
    from taskdisc import Gather, axis
    k = axis(range(10))
    def square(k): return k * k
    def total(square: Gather[int]): return sum(square.values())
"""


def write(project: Project, tasks: str) -> None:
    project.write({"pyproject.toml": '[tool.taskdisc]\nplugins = ["pools"]\n'}, pools=PLUGIN, tasks_x=tasks)


@pytest.mark.parametrize("name", ["threads", "processes", "spawned"])
def test_a_pool_by_name_for_a_whole_run(project: Project, name: str) -> None:
    write(project, TASKS)
    result = project.run("total", "--executor", name, "-j", "2").assert_ok()
    assert result.stdout == "285\nany left: False\n"


def test_pools_for_single_tasks(project: Project) -> None:
    write(
        project,
        """
        import os
        from taskdisc import task
        @task(executor="threads")
        def thread(): return os.getpid()
        @task(executor="processes")
        def process(): return os.getpid()
        @task(executor="inline")
        def all(thread, process): return os.getpid() == thread, os.getpid() == process
        """,
    )
    result = project.run("all").assert_ok()
    assert result.stdout == "(True, False)\nany left: False\n"


@pytest.mark.parametrize("threads", ["threads", "thread"])
def test_pools_of_processes_are_not_forked_while_a_thread_holds_a_lock(project: Project, threads: str) -> None:
    project.write(
        slow="""
        import pathlib, time
        pathlib.Path("importing").touch()
        while not pathlib.Path("imported").exists():
            time.sleep(0.01)
        """
    )
    write(
        project,
        f"""
        import os, pathlib, time
        from taskdisc import task
        @task(executor="{threads}")
        def quick():
            while not os.path.exists("importing"):
                time.sleep(0.01)
            return 1
        @task(executor="{threads}")
        def thread():
            import slow  # until the other one has begun: a lock is held
        @task(executor="processes")
        def process(quick):
            pathlib.Path("imported").touch()
            import slow
            return quick
        def all(thread, process): return process
        """,
    )
    assert project.run("all", "-j", "2").assert_ok().stdout == "1\nany left: False\n"


def test_pools_that_nothing_runs_in_are_shut_down_too(project: Project) -> None:
    write(
        project,
        """
        from taskdisc import task
        @task(executor="processes")
        def a(): return 1
        @task(executor="threads")
        def b(): return 2
        def c(a, b): return a + b
        """,
    )
    project.run("a", "b").assert_ok()
    assert project.run("c").assert_ok().stdout == "3\nany left: False\n"


def test_what_pools_cannot_honour_is_refused(project: Project) -> None:
    write(project, "from taskdisc import task\n@task(executor='threads', timeout='1m')\ndef x(): return 1\n")
    result = project.run("x")
    assert (result.exit_code, result.ran) == (4, [])
    assert (
        "tasks_x.py:3 x: timeout=\"1m\" needs an executor that ends jobs that take too long, and 'threads' does not.\n"
        '    Choose one that does (executor="process"; there are command, process), or leave timeout out.'
    ) in result.stderr
    assert "True" not in result.stdout


def test_a_failure_of_a_pool_is_one_of_the_task(project: Project) -> None:
    write(project, "import os\ndef x(): os._exit(3)\ndef y(): return 1\n")
    result = project.run("x", "--executor", "processes", "-j", "1")
    assert (result.exit_code, result.outcomes) == (1, {"x": "killed"})
    assert "a worker of the executor ended while this ran" in result.stderr
