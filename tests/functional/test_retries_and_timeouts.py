"""Retries: which failures are followed by another attempt, when, and what is kept and said of them."""

from __future__ import annotations

import sqlite3

import pytest

from taskdisc.testing import Project

FLAKY = """
    import os
    from taskdisc import task

    def _count(name):
        with open(name, "a") as file:
            file.write(".")
        return os.path.getsize(name)

    @task(retries=2, retry_delay="0s"{options})
    def flaky():
        number = _count("flaky")
        print("attempt", number)
        if number < {good}:
            {failure}
        return number

    def after(flaky): return flaky
"""


def write(project: Project, good: int = 3, failure: str = "raise OSError('no route')", options: str = "") -> None:
    project.write(tasks_x=FLAKY.format(good=good, failure=failure, options=options))


def attempts_in(project: Project) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(project.path / ".taskdisc" / "index.sqlite")
    try:
        columns = "attempt, outcome, final, seconds >= 0, cpu >= 0, memory > 1000000, stdout"
        return connection.execute(f"select {columns} from failure order by id").fetchall()
    finally:
        connection.close()


def test_a_step_that_succeeds_at_last_is_a_success(project: Project) -> None:
    write(project)
    result = project.run("after").assert_ok()
    assert (result.stdout, result.outcomes) == ("3\n", {"flaky": "succeeded", "after": "succeeded"})
    assert result.stderr.splitlines()[:-1] == [
        "================================ short summary =================================",
        "RETRIED flaky after 2 failed - OSError: no route (tasks_x.py:14)",
    ]
    assert result.stderr.splitlines()[-1].startswith("2 succeeded, 2 retries in ")
    assert project.run("after").assert_ok().ran == []


def test_each_attempt_is_kept_apart(project: Project) -> None:
    write(project)
    project.run("flaky").assert_ok()
    assert attempts_in(project) == [
        (1, "failed", 0, 1, 1, 1, "logs/1/0.1.out"),
        (2, "failed", 0, 1, 1, 1, "logs/1/0.2.out"),
    ]
    assert project.taskdisc("logs", "flaky").assert_ok().stdout == (
        "--- flaky attempt 1 stdout\nattempt 1\n--- flaky attempt 2 stdout\nattempt 2\n--- flaky stdout\nattempt 3\n"
    )
    assert project.taskdisc("logs", "flaky", "--stdout").assert_ok().stdout == "attempt 1\nattempt 2\nattempt 3\n"
    info = project.taskdisc("show", "flaky", "--info").assert_ok().stdout.splitlines()
    assert [line.split()[:3] for line in info if line.startswith("    attempt ")] == [
        ["attempt", "1:", "failed"],
        ["attempt", "2:", "failed"],
    ]
    assert project.taskdisc("status").stdout == "flaky  1 cached\nafter  1 to run\n"


def test_verbose_runs_tell_of_each_attempt(project: Project) -> None:
    write(project, good=2)
    lines = project.run("flaky", "-v").assert_ok().stderr.splitlines()
    assert lines[0] == "FAILED flaky - OSError: no route (tasks_x.py:14); attempt 1 of 3, again in 0.00 s"
    assert lines[1].startswith("succeeded flaky in ")


def test_when_the_last_attempt_fails_the_step_has_failed(project: Project) -> None:
    write(project, good=9)
    result = project.run("after")
    assert result.exit_code == 1
    assert result.outcomes == {"flaky": "failed", "after": "blocked"}
    assert project.read("flaky") == "..."
    assert "attempt 3\nlog: .taskdisc/logs/1/0.3.out" in result.stderr
    assert result.stderr.splitlines()[-2] == "FAILED flaky - OSError: no route (tasks_x.py:14), 3 attempts"
    assert [(attempt, final) for attempt, _, final, *_ in attempts_in(project)] == [(1, 0), (2, 0), (3, 1)]
    assert project.taskdisc("status", "flaky").stdout == "flaky  1 to run, 1 failed last time\n"


def test_gc_and_clear_take_the_attempts_of_the_past(project: Project) -> None:
    write(project, good=9)
    project.run("flaky")
    (project.path / "flaky").unlink()
    project.run("flaky")
    project.taskdisc("gc").assert_ok()
    assert [log for *_, log in attempts_in(project)] == ["logs/2/0.1.out", "logs/2/0.2.out", "logs/2/0.3.out"]
    logs = sorted(path.name for path in (project.path / ".taskdisc" / "logs").rglob("*.out"))
    assert logs == ["0.1.out", "0.2.out", "0.3.out"]
    project.taskdisc("clear", "flaky")
    assert attempts_in(project) == []


@pytest.mark.parametrize(
    ("option", "failure", "number"),
    [
        ("OSError", "raise ConnectionError", 3),
        ("(ValueError, OSError)", "raise ConnectionError", 3),
        ("'OSError'", "raise ConnectionError", 3),
        ("['ConnectionError']", "raise ConnectionError", 3),
        ("'json.JSONDecodeError'", "import json; json.loads('')", 3),
        ("'JSONDecodeError'", "import json; json.loads('')", 3),
        ("'jso.JSONDecodeError'", "import json; json.loads('')", 1),
        ("ValueError", "raise ConnectionError", 1),
        ("'killed'", "raise ConnectionError", 1),
        ("'killed'", "os._exit(3)", 3),
        ("OSError", "os._exit(3)", 1),
        ("('OSError', 'killed')", "os._exit(3)", 3),
    ],
)
def test_retry_on(project: Project, option: str, failure: str, number: int) -> None:
    write(project, failure=failure, options=f", retry_on={option}")
    result = project.run("flaky")
    assert result.exit_code == (0 if number == 3 else 1), result
    assert len(project.read("flaky")) == number


def test_retry_on_from_configuration(project: Project) -> None:
    project.write(
        {"pyproject.toml": '[tool.taskdisc.tasks.flaky]\nretry_on = ["TimeoutError", "OSError"]\nretries = 4\n'}
    )
    write(project, good=5)
    assert project.run("flaky").assert_ok().stdout == "5\n"


def test_a_worker_that_dies_costs_its_job_an_attempt_and_no_other(project: Project) -> None:
    project.write(
        tasks_x="""
            import os, signal
            from taskdisc import axis, task
            k = axis(range(20))
            @task(retries=1, retry_delay="0s")
            def one(k: int):
                mark = f"mark{k}"
                if k % 5 == 0 and not os.path.exists(mark):
                    open(mark, "w").close()
                    os.kill(os.getpid(), signal.SIGKILL)
                return k
        """
    )
    result = project.run("one", "-j", "2").assert_ok()
    assert result.counts == {"succeeded": 20}
    assert sorted(line.split(" after ")[0] for line in result.stderr.splitlines() if line.startswith("RETRIED")) == [
        "RETRIED one[k=0]",
        "RETRIED one[k=10]",
        "RETRIED one[k=15]",
        "RETRIED one[k=5]",
    ]


def test_others_go_on_while_a_step_waits_for_its_next_attempt(project: Project) -> None:
    """The second attempt comes when the other task is done, which takes the one worker."""
    project.write(
        tasks_x="""
            import os
            from taskdisc import task
            @task(retries=1, retry_delay="0.2s")
            def first():
                if not os.path.exists("order"):
                    open("order", "w").close()
                    raise OSError
                return open("order").read()
            def other():
                with open("order", "a") as order:
                    order.write("other")
        """
    )
    assert project.run("first", "other", "-j", "1").assert_ok().stdout == "first: other\nother: None\n"


def test_every_attempt_has_the_same_random_numbers_and_its_own_number(project: Project) -> None:
    project.write(
        {"pyproject.toml": '[tool.taskdisc]\nplugins = ["given"]\n'},
        given="def taskdisc_injectables():\n    return {'attempt': lambda execution: execution.job.attempt}\n",
        tasks_x="""
            import os, random
            from taskdisc import axis, task
            k = axis(1, 2)
            @task(retries=2, retry_delay="0s")
            def drawn(attempt, k: int):
                number = random.random()
                with open(f"drawn{k}", "a") as file:
                    file.write(f"{attempt} {number}\\n")
                if attempt < 3:
                    os._exit(1) if attempt == 1 else 1 / 0
                return number
        """,
    )
    project.run("drawn").assert_ok()
    drawn = {k: [line.split() for line in project.read(f"drawn{k}").splitlines()] for k in (1, 2)}
    assert [[number for number, _ in lines] for lines in drawn.values()] == [["1", "2", "3"]] * 2
    assert [len({value for _, value in lines}) for lines in drawn.values()] == [1, 1]
    assert drawn[1] != drawn[2]


def test_retries_of_commands(project: Project) -> None:
    write(project, options=", prefix='env'")
    assert project.run("flaky").assert_ok().stdout == "3\n"
    write(project, good=6, failure="os._exit(3)", options=", prefix='nice -n 1'")
    assert project.run("flaky").assert_ok().stdout == "6\n"


def test_retries_inline(project: Project) -> None:
    write(project)
    assert project.run("flaky", "--executor", "inline").assert_ok().stdout.endswith("3\n")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("retries=-1", "retries takes a whole number from 0, not -1."),
        ("retries=True", "retries takes a whole number from 0, not True."),
        ("retry_delay=None", 'retry_delay takes a duration such as "2s", not None. For no pause: "0s".'),
        ("retry_delay=2", "retry_delay takes a str, not 2."),
        ("retry_on=3", "retry_on takes exceptions or their names, not 3."),
        ("retry_on=(int,)", 'retry_on takes exceptions, their names, "killed" and "timeout", not <class \'int\'>.'),
        ("retry_on='a b'", 'retry_on takes exceptions, their names, "killed" and "timeout", not \'a b\'.'),
        ("timeout='0s'", "timeout='0s': nothing can be done in no time. For no limit, leave it out."),
        ("timeout=10", "timeout takes a str, not 10."),
        ("env='A=1'", 'env takes variables and texts, {"NAME": "text"}, not \'A=1\'.'),
        ("env={'A': 1}", 'env: A takes a str, not 1. Write "1".'),
        ("env={'A=B': '1'}", "env: 'A=B' cannot be the name of a variable."),
        ("executor=1", "executor takes a str, not 1."),
    ],
)
def test_wrong_values(project: Project, option: str, message: str) -> None:
    project.write(tasks_x=f"from taskdisc import task\n@task({option})\ndef x(): return 1")
    result = project.run()
    assert result.exit_code == 4
    assert f"tasks_x.py:2: @task: {message}" in result.stderr
