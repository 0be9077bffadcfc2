"""Tasks at the keyboard: interactive ones, the debugger, output that nobody catches; on terminals of their own."""

from __future__ import annotations

import os

import pytest

from taskdisc.testing import Project
from tests.terminals import on_pty

ASKING = """
    import os
    import time

    from taskdisc import Gather, axis, task

    k = axis(1, 2)

    def first():
        while not os.path.exists("go"):
            time.sleep(0.005)
        return "first"

    @task(interactive=True)
    def asked(k: int) -> str:
        return input(f"what is {k}? ")

    def answers(asked: Gather[str], first) -> str:
        return " and ".join(asked.values())
    """


def test_interactive_tasks_ask_one_after_the_other_while_others_work(project: Project) -> None:
    project.write(tasks_ask=ASKING)
    with on_pty(project.path, "run", "answers", "-j", "2") as terminal:
        terminal.expect(r"what is 1\? ")
        terminal.type("one\n")
        terminal.expect(r"what is 2\? ")
        project.write({"go": ""})
        terminal.type("two\n")
        terminal.expect("one and two\n")
        assert terminal.end() == 0
    assert project.run("answers").assert_ok().ran == []


def test_the_live_area_makes_room_for_a_question(project: Project) -> None:
    project.write(
        tasks_ask="""
        import os
        import time

        from taskdisc import task

        def first():
            while not os.path.exists("go"):
                time.sleep(0.005)

        @task(interactive=True)
        def asked(first):
            return input("what is it? ")
        """
    )
    with on_pty(project.path, "run", "asked") as terminal:
        terminal.expect(r"  first  [\d.]+ s")
        project.write({"go": ""})
        before = terminal.expect(r"what is it\? ")
        assert before.endswith("\x1b[Jwhat is it? "), "the area must be gone"
        terminal.type("that\n")
        terminal.expect("that\n(?s:.*)2 succeeded")
        assert terminal.end() == 0


def test_what_interactive_tasks_see(project: Project) -> None:
    project.write(
        tasks_ask="""
        import os
        import sys
        import threading

        from taskdisc import task

        def home():
            return os.getpid()

        @task(interactive=True, prefix="false")
        def here(home):
            main = threading.current_thread() is threading.main_thread()
            print("isatty", sys.stdin.isatty(), sys.stdout.isatty(), os.getpid() != home, main)
        """
    )
    with on_pty(project.path, "run", "here") as terminal:
        terminal.expect("isatty True True True True\n")
        terminal.expect(r"warning: tasks_ask.py:11 here: it is interactive, so its prefix is ignored\n")
        assert terminal.end() == 0


def test_breakpoint_in_an_interactive_task(project: Project) -> None:
    project.write(
        tasks_ask="""
        from taskdisc import task

        @task(interactive=True)
        def f():
            value = 1
            breakpoint()
            return value
        """
    )
    with on_pty(project.path, "run", "f") as terminal:
        terminal.expect(r"\(Pdb\) ")
        terminal.type("value = 42\n")
        terminal.expect(r"\(Pdb\) ")
        terminal.type("c\n")
        terminal.expect("1 succeeded in .*\n42\n")
        assert terminal.end() == 0


def test_an_interactive_task_without_anybody(project: Project) -> None:
    project.write(tasks_ask=ASKING, tasks_other="def lonely():\n    return input()\n")
    report = project.run("asked[k=1]", "lonely").stderr
    assert "hint: A task that asks must be run where somebody can answer: standard input is at its end." in report
    assert "hint: Workers have no keyboard. A task that asks is one with @task(interactive=True)." in report


def test_interrupting_a_question_ends_the_run(project: Project) -> None:
    project.write(tasks_ask=ASKING)
    with on_pty(project.path, "run", "answers") as terminal:
        terminal.expect(r"what is 1\? ")
        terminal.rests()
        terminal.type("\x03")
        terminal.expect("interrupted: what was finished is kept")
        assert terminal.end() == 2


def test_interactive_takes_true_or_false(project: Project) -> None:
    project.write(tasks_ask="from taskdisc import task\n\n@task(interactive=1)\ndef f(): pass\n")
    result = project.run("f")
    assert (result.exit_code, result.stderr) == (
        4,
        "error: tasks_ask.py:3: @task: interactive takes True or False, not 1.\n",
    )


FAILING = """
    from taskdisc import axis

    k = axis(range(4))
    _inputs = []

    def number(k: int) -> int:
        return k * 10

    def inverse(number: int) -> float:
        print("dividing by", number)
        divisor = number - 20
        return 1 / divisor
    """


def test_pdb_opens_in_the_frame_that_failed(project: Project) -> None:
    project.write(tasks_x=FAILING)
    with on_pty(project.path, "run", "inverse", "--pdb") as terminal:
        terminal.expect(r"dividing by 20\n(?s:.*)inverse\[k=2\] failed; q goes on\n(?s:.*)\(Pdb\) ")
        terminal.type("p divisor, number\n")
        terminal.expect(r"\(0, 20\)\n\(Pdb\) ")
        terminal.type("q\n")
        terminal.expect("7 succeeded, 1 failed in ")
        assert terminal.end() == 1


def test_pdb_with_an_executor(project: Project) -> None:
    project.write(tasks_x=FAILING)
    result = project.run("--pdb", "--executor", "process")
    assert (result.exit_code, result.stderr) == (
        4,
        "error: run: --pdb chooses what runs the jobs. Leave out --executor.\n",
    )


def test_debug_runs_a_failed_instance_again_and_records_nothing(project: Project) -> None:
    project.write(tasks_x=FAILING)
    project.run("inverse")
    before = project.taskdisc("history").stdout
    kept = sorted(path.relative_to(project.path) for path in project.path.glob(".taskdisc/*/*"))
    with on_pty(project.path, "debug", "inverse[k=2]") as terminal:
        terminal.expect(r"dividing by 20\n(?s:.*)E   ZeroDivisionError: division by zero\n(?s:.*)\(Pdb\) ")
        terminal.type("p divisor\n")
        terminal.expect(r"0\n\(Pdb\) ")
        terminal.type("q\n")
        terminal.expect(r"inverse\[k=2\] failed; nothing of this was recorded\n")
        assert terminal.end() == 1
    assert project.taskdisc("history").stdout == before
    assert sorted(path.relative_to(project.path) for path in project.path.glob(".taskdisc/*/*")) == kept
    assert project.taskdisc("status").stdout.splitlines()[1] == "inverse[k]  3 cached, 1 to run, 1 failed last time"


def test_debug_of_an_instance_that_succeeds_prints_its_value(project: Project) -> None:
    project.write(
        tasks_x="""
        def large() -> bytes:
            return bytes(50_000)

        def written(large, task_dir):
            path = task_dir / "x"
            path.write_bytes(large)
            return path, large
        """
    )
    project.run("large").assert_ok()
    objects = sorted(os.listdir(project.path / ".taskdisc/objects"))
    done = project.taskdisc("debug", "written").assert_ok()
    assert done.stdout.startswith("(PosixPath(")
    assert done.stderr == "written succeeded; nothing of this was recorded\n"
    assert project.taskdisc("status").stdout.splitlines()[1] == "written  1 to run"
    assert sorted(os.listdir(project.path / ".taskdisc/objects")) == objects
    assert not (project.path / ".taskdisc/dirs").exists() or not os.listdir(project.path / ".taskdisc/dirs")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 4, "error: debug: name one instance, such as a failed one that the summary of a run names.\n"),
        (
            ["inverse"],
            4,
            "error: debug: inverse means 4 instances. Name one of them, such as 'inverse[k=0]', 'inverse[k=1]', "
            "'inverse[k=2]'.\n",
        ),
        (
            ["inverse[k=2]"],
            4,
            "error: debug inverse[k=2]: some of its inputs are not there, or out of date. "
            "`taskdisc run 'inverse[k=2]'` makes them.\n",
        ),
        (["inverse[k=7]"], 5, "error: inverse[k=7]: inverse has no k=7. There are 0, 1, 2, 3.\n"),
    ],
)
def test_debug_says_what_it_needs(project: Project, arguments: list[str], code: int, message: str) -> None:
    project.write(tasks_x=FAILING)
    result = project.taskdisc("debug", *arguments)
    assert (result.exit_code, result.stderr) == (code, message)


# Output that nobody catches

PRINTING = """
    import os
    import sys

    from taskdisc import task

    def f():
        print("from python")
        os.system("echo from a child; echo to stderr >&2")
        return sys.stdin.read()

    @task(prefix="env")
    def launched():
        print("from a launched one")
        return 1
    """


def test_s_lets_output_through(project: Project) -> None:
    project.write(tasks_x=PRINTING)
    result = project.run("-s", "f", "launched").assert_ok()
    lines = result.stdout.splitlines()
    assert sorted(lines[:3]) == ["from a child", "from a launched one", "from python"]
    assert lines[3:] == ["f: ", "launched: 1"]
    assert "to stderr\n" in result.stderr
    assert "wrote nothing" in project.taskdisc("logs", "f").stderr


def test_s_shows_output_while_the_task_runs(project: Project) -> None:
    project.write(
        tasks_x="""
        import os
        import time

        def f():
            print("begun")
            while not os.path.exists("go"):
                time.sleep(0.005)
            raise KeyboardInterrupt
        """
    )
    with on_pty(project.path, "run", "-s") as terminal:
        terminal.expect("begun\n")
        project.write({"go": ""})
        terminal.expect("FAILED f - KeyboardInterrupt")
        assert terminal.end() == 1
        assert "\x1b[J" not in terminal.seen
