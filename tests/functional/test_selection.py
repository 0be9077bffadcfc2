"""What a run takes of its targets (-k, -m, --lf), runs again (--force), and when it stops (-x, --maxfail)."""

from __future__ import annotations

import pytest

from taskdisc.testing import Project

TASKS = """
    import os
    from taskdisc import Gather, axis, task
    n = axis(range(5))
    @task(tags=("slow", "gpu"))
    def base(n: int): return n
    @task(tags=("slow",))
    def shaky(base, n: int):
        if n in (1, 3) and not os.path.exists("fixed"):
            raise ValueError(n)
        return base * 10
    def total(shaky: Gather[int]): return sum(shaky.values())
"""


def bases(*numbers: int) -> set[str]:
    return {f"base[n={n}]" for n in numbers}


def shaky(*numbers: int) -> set[str]:
    return {f"shaky[n={n}]" for n in numbers}


@pytest.mark.parametrize(
    ("arguments", "ran"),
    [
        (["-k", "base"], bases(*range(5))),
        (["-k", "BASE and n=2"], bases(2)),
        (["-k", "shaky and (n=0 or n=2)"], bases(0, 2) | shaky(0, 2)),
        (["-k", "not total and not shaky and not n=0"], bases(1, 2, 3, 4)),
        (["-k", "tasks_x.py and base[n=4]"], bases(4)),
        (["-m", "gpu"], bases(*range(5))),
        (["-m", "slow and not gpu", "-k", "n=2"], bases(2) | shaky(2)),
        (["shaky", "-k", "n=4"], bases(4) | shaky(4)),
    ],
)
def test_targets_are_chosen_by_ids_and_tags(project: Project, arguments: list[str], ran: set[str]) -> None:
    project.write({"fixed": ""}, tasks_x=TASKS)
    assert set(project.run(*arguments).assert_ok().ran) == ran


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-k", "nothing"], 5, "-k 'nothing': matches none of the targets. `taskdisc list` shows the tasks."),
        (["total", "-k", "base"], 5, "-k 'base': matches none of the targets. `taskdisc list` shows the tasks."),
        (["-m", "gpus"], 5, "-m 'gpus': matches none of the targets. Did you mean gpu?"),
        (["-m", "x"], 5, "-m 'x': matches none of the targets. There are the tags gpu, slow."),
        (["-k", "a and"], 4, "-k 'a and': at the end, a word is missing."),
        (["-k", "a b"], 4, "-k 'a b': at character 3 stands 'b', where and, or, or the end should be."),
        (["-k", "(a"], 4, "-k '(a': at the end, and, or, or a ) is missing."),
        (["-k", "or a"], 4, "-k 'or a': at character 1 stands 'or', where a word should be."),
        (["-k", 'a "b'], 4, "-k 'a \"b': a quotation mark is not closed."),
    ],
)
def test_expressions_that_match_nothing_or_cannot_be_read(
    project: Project, arguments: list[str], code: int, message: str
) -> None:
    project.write(tasks_x=TASKS)
    result = project.run(*arguments)
    assert (result.exit_code, result.stderr, result.ran) == (code, f"error: {message}\n", [])


def test_list_and_status_are_narrowed_too(project: Project) -> None:
    project.write(tasks_x=TASKS)
    assert [line.split()[0] for line in project.taskdisc("list", "-m", "slow").stdout.splitlines()] == [
        "base[n]",
        "shaky[n]",
    ]
    assert project.taskdisc("list", "-k", "tot").stdout.split()[0] == "total"
    assert project.taskdisc("list", "-k", "nothing").exit_code == 5
    assert project.taskdisc("status", "-k", "base and (n=1 or n=2)").stdout == "base[n]  2 to run\n"


def test_what_failed_last_is_run_again(project: Project) -> None:
    project.write(tasks_x=TASKS)
    assert project.run("total").exit_code == 1
    assert set(project.run("shaky", "--lf").ran) == shaky(1, 3)
    project.write({"fixed": ""})
    result = project.run("--lf").assert_ok()
    assert (set(result.ran), result.stdout) == (shaky(1, 3), "")
    assert project.run("total", "--lf").assert_ok().stdout == "100\n"  # nothing failed, so all is taken


def test_force_runs_targets_again_and_nothing_else(project: Project) -> None:
    project.write({"fixed": ""}, tasks_x=TASKS)
    project.run("total").assert_ok()
    assert project.run("shaky[n=2]", "-f").assert_ok().ran == ["shaky[n=2]"]
    assert project.run("total").assert_ok().ran == []  # its result was equal
    assert set(project.run("shaky[n=2]", "--force-all").assert_ok().ran) == bases(2) | shaky(2)
    again = project.run("shaky[n=2]", "-f", "-n", "-v")
    assert again.stdout == "shaky[n=2]: run\n    it is to run whatever is kept (--force)\n"
    assert len(project.run("--force-all").assert_ok().ran) == 11


STOPS = """
    import time
    from taskdisc import axis, task
    n = axis(range(20))
    {options}
    def job(n: int):
        if n < 3:
            raise ValueError(n)
        time.sleep(0.05)
"""


@pytest.mark.parametrize(("arguments", "failed"), [(["-x"], 1), (["--maxfail", "2"], 2), (["-x", "--maxfail", "3"], 3)])
@pytest.mark.parametrize("executor", ["process", "inline", "thread"])
def test_after_enough_failures_nothing_more_is_started(
    project: Project, arguments: list[str], failed: int, executor: str
) -> None:
    project.write(tasks_x=STOPS.format(options=""))
    result = project.run("-j", "1", "--executor", executor, *arguments)
    assert result.exit_code == 1
    last, before = result.stderr.splitlines()[-1], result.stderr.splitlines()[-2]
    more = "s" if failed > 1 else ""
    assert before == f"stopped after {failed} failure{more}; run again to go on"
    assert f"{failed} failed" in last
    assert len(result.ran) < 10
    assert f"{20 - len(result.ran)} cancelled" in last


def test_what_runs_when_enough_has_failed_comes_to_its_end(project: Project) -> None:
    """And what has failed is told before that."""
    tasks = """
        import os, time
        from taskdisc import task
        def slow():
            open("begun", "w").close()
            _until("failed")
            return 1
        def bad():
            _until("begun")
            raise ValueError
        def after(slow): return slow
        def _until(name):
            while not os.path.exists(name):
                time.sleep(0.01)
        def taskdisc_job_finished(step):
            if step.id == "bad":
                open("failed", "w").close()
    """
    project.write(tasks_x=tasks)
    result = project.run("-x", "-j", "2")
    assert (result.exit_code, result.outcomes) == (1, {"slow": "succeeded", "bad": "failed"})
    assert "1 succeeded, 1 failed, 1 cancelled" in result.stderr


def test_attempts_that_are_due_are_not_made_after_the_end(project: Project) -> None:
    project.write(tasks_x=STOPS.format(options='@task(retries=1, retry_delay="0s")'))
    result = project.run("-j", "1", "-x")
    assert result.exit_code == 1
    assert "1 failed" in result.stderr


def test_one_failure_that_ends_all_is_no_stop(project: Project) -> None:
    project.write(tasks_x="def bad(): raise ValueError")
    result = project.run("-x")
    assert result.exit_code == 1
    assert "stopped" not in result.stderr
