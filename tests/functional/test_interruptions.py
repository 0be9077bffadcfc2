"""Runs that are stopped from outside, or by a plugin: what was finished is kept, and nothing goes on running."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from taskdisc.testing import LAUNCHER, Project

SIGNALS = """
    import os
    import signal

    from taskdisc import Gather, axis
    from taskdisc.store.index import Index

    number = axis(range(5))

    def one(number):
        return number

    def total(one: Gather):
        return sum(one.values())

    if os.environ.get("INTERRUPT"):
        _add = Index.add

        def _add_and_interrupt(self, *given):
            os.kill(os.getpid(), getattr(signal, os.environ["INTERRUPT"]))
            return _add(self, *given)

        Index.add = _add_and_interrupt
    """


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interruption_while_results_are_written_loses_none(project: Project, name: str) -> None:
    project.write(tasks_a=SIGNALS)
    project.environment["INTERRUPT"] = name
    result = project.run("total", "-j", "1")
    assert result.exit_code == 2
    assert "what was finished is kept" in result.stderr
    project.environment.clear()
    again = project.run("total").assert_ok()
    assert again.stdout == "10\n"
    assert again.counts.get("cached", 0) > 0


def test_a_hook_that_fails_costs_no_finished_work(project: Project) -> None:
    project.write(
        tasks_a="""
        import os
        import time

        from taskdisc import axis

        number = axis(range(10))

        def one(number):
            patience = time.monotonic() + 20  # a worker that was slow before may be given this one alone
            while number == 8 and not os.path.exists("hook") and time.monotonic() < patience:
                time.sleep(0.005)
            if number == 9:
                open("last", "w").close()
                time.sleep(600)
        """,
        broken="""
        import os
        import time

        def taskdisc_job_started(step):
            if step.id != "one[number=9]":
                return
            open("hook", "w").close()  # it waits in the worker behind another
            while not os.path.exists("last"):
                time.sleep(0.005)
            raise ValueError("broken")
        """,
    )
    result = project.run("one", "--plugin", "broken", "-j", "1")
    assert result.exit_code == 4
    assert "broken" in result.stderr
    assert "Traceback" not in result.stderr
    project.write(tasks_a=project.read("tasks_a.py").replace("range(10)", "range(9)"))
    assert project.run("one").assert_ok().ran == []


def test_an_index_that_breaks_in_the_middle_ends_the_run_and_its_workers(project: Project) -> None:
    project.write(
        tasks_a="""
        import os
        import sqlite3
        import time

        def broken():
            with open("worker", "w") as file:
                file.write(str(os.getpid()))
            with sqlite3.connect(".taskdisc/index.sqlite") as index:
                index.execute("drop table artifact")

        def other():
            time.sleep(600)
        """
    )
    result = project.run("-j", "2")
    assert result.exit_code == 4
    assert "index.sqlite is damaged (no such table: artifact)." in result.stderr
    assert "Traceback" not in result.stderr
    with pytest.raises(ProcessLookupError):
        os.kill(int(project.read("worker")), 0)


def test_an_input_that_is_changed_during_the_run_voids_what_was_made_of_it(project: Project) -> None:
    project.write(
        {"data.txt": "1"},
        tasks_a="""
        from taskdisc import file

        data = file("data.txt")

        def first():
            with open("data.txt", "w") as stream:
                stream.write("2")

        def second(first, data):
            return data.read_text()
        """,
    )
    result = project.run("second")
    assert result.outcomes == {"first": "succeeded", "second": "failed"}
    assert "the input file data.txt was changed while the run was going on" in result.stderr
    assert project.run("second").assert_ok().stdout == "2\n"
    project.write({"data.txt": "1"})
    assert project.run("second").assert_ok().stdout == "1\n"


def test_a_host_that_ignores_its_children(project: Project) -> None:
    project.write(
        tasks_a="import signal\n\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n\ndef one():\n    return 1\n"
    )
    assert project.run("one").assert_ok().stdout == "1\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(project: Project, closed: str) -> None:
    project.write(tasks_a="def one():\n    print('hello')\n    return 1\n")
    command = [sys.executable, "-c", LAUNCHER, "run", "one"]
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *command]
    process = subprocess.run(shell, cwd=project.path, capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stdout) == (0, "" if ">&-" in closed.replace("2>&-", "") else "1\n")
    assert "Traceback" not in process.stderr
    assert project.run("one").assert_ok().ran == []
    assert "hello" in project.taskdisc("logs", "one").assert_ok().stdout


def test_output_to_a_full_device(project: Project) -> None:
    project.write(tasks_a="def one():\n    return 1\n")
    for command in ("run one", "list", "status"):
        words = [sys.executable, "-c", LAUNCHER, *command.split()]
        with open("/dev/full", "w") as full:
            process = subprocess.run(
                words, cwd=project.path, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
            )
        assert process.returncode == 1
        assert "the output cannot be written" in process.stderr
        assert "Traceback" not in process.stderr
