"""What `run` prints beside values: durations, warnings of tasks, costs, colours; and what is not drawn into a pipe."""

from __future__ import annotations

import json
import re

import pytest

from taskdisc.testing import Project
from tests.terminals import on_pty

WARNING = """
    import warnings
    from warnings import warn

    from helper import helped
    from taskdisc import axis

    k = axis(range(5))

    def f(k: int) -> int:
        for _ in range(3):
            warn("be careful")
        if k == 2:
            warn("it is two", RuntimeWarning)
        helped()
        return k

    def g() -> None:
        warn("and then it failed,\\nsadly")
        raise ValueError
    """
HELPER = "import warnings\n\ndef helped():\n    warnings.warn('from a helper')\n"


@pytest.mark.parametrize("executor", ["process", "inline"])
def test_warnings_of_tasks_are_told_once_with_who_gave_them(project: Project, executor: str) -> None:
    project.write(tasks_w=WARNING, helper=HELPER)
    lines = project.run("-j", "1", "--executor", executor).stderr.splitlines()
    start = lines.index("=================================== warnings ===================================")
    assert lines[start + 1 : -1] == [
        "tasks_w.py:11: UserWarning: be careful",
        "    in f[k=0], f[k=1], f[k=2] and 2 more",
        "helper.py:4: UserWarning: from a helper",
        "    in f[k=0], f[k=1], f[k=2] and 2 more",
        "tasks_w.py:13: RuntimeWarning: it is two",
        "    in f[k=2]",
        "tasks_w.py:18: UserWarning: and then it failed, sadly",
        "    in g",
    ]
    assert "be careful" not in project.taskdisc("logs", "f").stdout


def test_what_counts_as_a_warning_is_said_as_for_any_python(project: Project) -> None:
    project.write(tasks_w=WARNING, helper=HELPER)
    project.environment["PYTHONWARNINGS"] = "ignore::UserWarning"
    report = project.run("f").stderr
    assert "be careful" not in report
    assert "RuntimeWarning: it is two" in report


def test_warnings_of_launched_tasks(project: Project) -> None:
    project.write(tasks_w=WARNING, helper=HELPER)
    project.write({"pyproject.toml": '[tool.taskdisc.tasks.g]\nprefix = "env"\n'})
    assert "UserWarning: and then it failed, sadly\n    in g\n" in project.run("g").stderr


def test_durations_names_the_slowest(project: Project) -> None:
    project.write(
        tasks_x="""
        import time
        from taskdisc import axis
        k = axis(1, 30, 60)
        def slept(k): time.sleep(k / 200)
        """
    )
    lines = project.run("--durations", "2", "--json", "out.jsonl").assert_ok().stderr.splitlines()
    *steps, _ = [json.loads(line) for line in project.read("out.jsonl").splitlines()]
    slowest = [step["id"] for step in sorted(steps, key=lambda step: -step["seconds"])]
    assert lines[0] == "================================ slowest steps ================================="
    assert [re.sub(r"^ +[\d.]+ s ", "", line) for line in lines[1:-1]] == slowest[:2]
    assert "slowest" not in project.run("--durations", "2").assert_ok().stderr


def test_very_verbose_names_what_was_cached_and_what_steps_cost(project: Project) -> None:
    project.write(tasks_x="def one():\n    return 1\n\ndef two(one):\n    return 2\n")
    project.run("one").assert_ok()
    lines = project.run("-vv").assert_ok().stderr.splitlines()
    assert re.fullmatch(r"succeeded two in \d\.\d\d s \(CPU \d\.\d\d s, worker up to \d+ MB\)", lines[0])
    assert lines[1] == "cached one"
    assert project.run("-vv").assert_ok().stderr.splitlines()[:2] == ["cached one", "cached two"]


def test_colours(project: Project) -> None:
    project.write(tasks_x="def one():\n    return 1\n")
    for variables, coloured in [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ]:
        project.environment = {"NO_COLOR": "", **variables}
        assert ("\x1b[32m" in project.run().stderr) == coloured


def test_colours_on_a_terminal(project: Project) -> None:
    project.write(tasks_x="def one():\n    return 1\n")
    for variables, coloured in [
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": "", "TERM": "dumb"}, False),
    ]:
        with on_pty(project.path, "run", **variables) as terminal:
            assert terminal.end() == 0
            assert ("\x1b[32m" in terminal.seen) == coloured


WAITING = """
    import os
    import time

    def slow():
        while not os.path.exists("go"):
            time.sleep(0.005)

    def failing():
        raise ValueError("on purpose")
    """


@pytest.mark.parametrize("variables", [{"CI": "true"}, {"TERM": "dumb"}])
def test_nothing_is_drawn_for_logs(project: Project, variables: dict[str, str]) -> None:
    project.write(tasks_x=WAITING)
    with on_pty(project.path, "run", "-v", **variables) as terminal:
        terminal.expect("failed failing in .* s\n")
        project.write({"go": ""})
        assert terminal.end() == 1
        assert "\x1b" not in terminal.seen


def test_quiet_draws_nothing(project: Project) -> None:
    project.write(tasks_x=WAITING.replace("failing", "_failing"))
    project.write({"go": ""})
    with on_pty(project.path, "run", "-q") as terminal:
        assert terminal.end() == 0
        assert terminal.seen == ""


def test_lines_of_steps_and_what_is_drawn_do_not_tear_each_other(project: Project) -> None:
    project.write(tasks_x=WAITING)
    with on_pty(project.path, "run", "-v", "-j", "2") as terminal:
        terminal.expect(r"failed failing in .* s\n")
        terminal.expect(r"  slow  [\d.]+ s\n1/2 · 1 failed · 0:0\d")
        project.write({"go": ""})
        terminal.expect(r"\x1b\[Jsucceeded slow in .* s\n")
        assert terminal.end() == 1
        assert terminal.seen.count("failed failing in") == 1


def test_the_terminal_is_left_as_it_was_where_a_plugin_breaks(project: Project) -> None:
    project.write(
        tasks_x=WAITING.replace("raise", "slow()\n        raise"),
        broken="""
        def taskdisc_job_finished(step):
            raise ValueError("broken")
        """,
    )
    with on_pty(project.path, "run", "--plugin", "broken", "-j", "2") as terminal:
        terminal.expect(r"0/2 · 0:0\d")
        project.write({"go": ""})
        terminal.expect(r"\x1b\[J(?s:.*)error: plugin broken: ")
        assert terminal.end() == 4
        assert "0/2" not in terminal.seen.rpartition("\x1b[J")[2]


def test_task_info(project: Project) -> None:
    project.write(
        tasks_x="""
        from taskdisc import axis
        k = axis(1, 2)
        def f(k: int, task_info, factor: float = 0.5):
            task_info.progress(1, 2)
            task_info.logger.info("hello")
            task_info.logger.debug("too much")
            return task_info.id, task_info.attempt, task_info.parameters, task_info.seed, repr(task_info)
        """
    )
    seen = r"\('f\[k=2\]', 1, \{'factor': 0.5, 'k': 2\}, \d+, '<task_info of f\[k=2\]>'\)\n"
    assert re.fullmatch(seen, project.run("f[k=2]").assert_ok().stdout)
    assert project.taskdisc("logs", "f[k=2]").stdout == "--- f[k=2] stderr\nINFO hello\n"
    inline = project.run("f", "-p", "k=2", "-p", "factor=1", "--executor", "inline").assert_ok()
    assert inline.stderr.startswith("INFO hello\n")
