"""What becomes of a run in which something fails: the report, the rest of the graph, and the run after a fix."""

from __future__ import annotations

import sys

import pytest

from taskdisc.testing import Project, Result

FAILED = 1


def report(result: Result) -> list[str]:
    """The lines on stderr up to the closing one, which tells the time."""
    assert result.exit_code == FAILED, result
    return result.stderr.splitlines()[:-1]


def closing(result: Result) -> str:
    """The last line, without the time."""
    return result.stderr.splitlines()[-1].rpartition(" in ")[0]


def test_the_section_of_a_failure(project: Project) -> None:
    project.write(
        tasks_x="""
            import sys
            import helpers

            def a(): return 1

            def b(a):
                print("to stdout")
                print("to stderr", file=sys.stderr)
                return helpers.halve(a)

            def c(b): ...

            def d(c): ...
        """,
        helpers="""
            def halve(a):
                raise ValueError(f"{a} is odd\\nand that is that")
        """,
    )
    result = project.run("d")
    assert report(result) == [
        "=================================== FAILURES ===================================",
        "______________________________________ b _______________________________________",
        "tasks_x.py:9: in b",
        "    return helpers.halve(a)",
        "helpers.py:2: in halve",
        '    raise ValueError(f"{a} is odd\\nand that is that")',
        "E   ValueError: 1 is odd",
        "E   and that is that",
        "------------------------------- captured stdout --------------------------------",
        "to stdout",
        "log: .taskdisc/logs/1/1.1.out",
        "------------------------------- captured stderr --------------------------------",
        "to stderr",
        "log: .taskdisc/logs/1/1.1.err",
        "blocked: c, d",
        "================================ short summary =================================",
        "FAILED b - ValueError: 1 is odd (helpers.py:2)",
    ]
    assert closing(result) == "1 succeeded, 1 failed, 2 blocked"
    assert project.read(".taskdisc/logs/1/1.1.out") == "to stdout\n"
    assert result.stdout == ""


def test_the_rest_of_the_graph_runs(project: Project) -> None:
    project.write(
        tasks_x="""
            from taskdisc import Gather, axis
            k = axis(1, 2, 3)
            def half(k):
                if k == 2:
                    raise ValueError(k)
                return k / 2
            def double(half): return half * 2
            def total(double: Gather[float]): return sum(double.values())
            def other(): return "untouched"
        """
    )
    result = project.run()
    assert result.exit_code == FAILED
    assert result.outcomes == {
        "half[k=1]": "succeeded",
        "half[k=2]": "failed",
        "half[k=3]": "succeeded",
        "double[k=1]": "succeeded",
        "double[k=2]": "blocked",
        "double[k=3]": "succeeded",
        "total": "blocked",
        "other": "succeeded",
    }
    assert result.counts == {"succeeded": 5, "failed": 1, "blocked": 2}
    assert "blocked: double[k=2], total" in report(result)


def test_what_is_there_of_the_targets_is_printed(project: Project) -> None:
    project.write(tasks_x="def good(): return 1\ndef bad(): raise ValueError")
    result = project.run("good", "bad")
    assert (result.exit_code, result.stdout) == (FAILED, "1\n")


def test_a_failure_is_not_kept_and_a_fix_runs_no_more_than_needed(project: Project) -> None:
    broken = "import helpers\ndef a(): return 1\ndef b(a): return helpers.f(a)\ndef c(b): return b"
    project.write(tasks_x=broken, helpers="def f(a): return a / 0")
    assert project.run("c").ran == ["a", "b"]
    assert project.run("c").ran == ["b"]
    assert project.taskdisc("status").stdout == "a  1 cached\nb  1 to run, 1 failed last time\nc  1 may run\n"
    project.write(helpers="def f(a): return a + 1")
    assert project.taskdisc("status", "b").stdout == "a  1 cached\nb  1 to run\n"
    result = project.run("c").assert_ok()
    assert (result.ran, result.stdout) == (["b", "c"], "2\n")


def test_a_failure_leaves_the_earlier_result_alone(project: Project) -> None:
    project.write(tasks_x="def a(): return 1")
    project.run("a").assert_ok()
    project.write(tasks_x="def a(): return 1 / 0")
    assert project.run("a").exit_code == FAILED
    project.write(tasks_x="def a(): return 1")
    assert project.run("a").assert_ok().ran == []


def test_exceptions_that_do_not_pickle(project: Project) -> None:
    project.write(
        tasks_x="""
            class Odd(Exception):
                def __init__(self, one, two):
                    super().__init__(one)
                    self.lock = lambda: two

            def a(): raise Odd("words", 2)
        """
    )
    assert report(project.run("a"))[-1] == "FAILED a - tasks_x.Odd: words (tasks_x.py:6)"


def test_an_exception_whose_text_cannot_be_made(project: Project) -> None:
    project.write(
        tasks_x="""
            class Odd(Exception):
                def __str__(self): raise RuntimeError("no")

            def a(): raise Odd
        """
    )
    result = project.run("a")
    assert report(result)[-1] == "FAILED a - tasks_x.Odd: (its str() raises RuntimeError) (tasks_x.py:4)"
    assert result.outcomes == {"a": "failed"}


def test_chained_exceptions(project: Project) -> None:
    project.write(
        tasks_x="""
            def meant():
                try:
                    {}["key"]
                except KeyError as error:
                    raise ValueError("no key") from error

            def met():
                try:
                    {}["key"]
                except KeyError:
                    raise ValueError("no key")

            def hidden():
                try:
                    {}["key"]
                except KeyError:
                    raise ValueError("no key") from None
        """
    )
    assert report(project.run("meant"))[2:-2] == [
        "tasks_x.py:3: in meant",
        '    {}["key"]',
        "E   KeyError: 'key'",
        "",
        "which was the direct cause of:",
        "",
        "tasks_x.py:5: in meant",
        '    raise ValueError("no key") from error',
        "E   ValueError: no key",
    ]
    assert "and while that was being handled:" in report(project.run("met"))
    assert report(project.run("hidden"))[2:-2] == [
        "tasks_x.py:17: in hidden",
        '    raise ValueError("no key") from None',
        "E   ValueError: no key",
    ]


if sys.version_info >= (3, 11):  # exception groups and notes are new there

    def test_exception_groups_and_notes(project: Project) -> None:
        project.write(
            tasks_x="""
                def a():
                    error = ExceptionGroup("many", [ValueError("one"), TypeError("two")])
                    error.add_note("a note")
                    raise error
            """
        )
        assert report(project.run("a"))[2:] == [
            "tasks_x.py:4: in a",
            "    raise error",
            "E   ExceptionGroup: many (2 sub-exceptions)",
            "E   a note",
            "  1:",
            "  E   ValueError: one",
            "  2:",
            "  E   TypeError: two",
            "================================ short summary =================================",
            "FAILED a - ExceptionGroup: many (2 sub-exceptions) (tasks_x.py:4)",
        ]


def test_an_error_inside_a_library_shows_its_last_frame_only(project: Project) -> None:
    project.write(tasks_x="import json\ndef a():\n    return json.loads('{')")
    lines = report(project.run("a"))
    assert lines[2:4] == ["tasks_x.py:3: in a", "    return json.loads('{')"]
    assert sum(": in " in line for line in lines) == 2
    assert lines[-1].endswith("(tasks_x.py:3)")


def test_deep_recursion_is_cut_short(project: Project) -> None:
    project.write(tasks_x="def a(): return _f(1)\ndef _f(n): return _f(n + 1)")
    lines = report(project.run("a"))
    assert len(lines) < 50
    assert any(line.startswith("... ") and line.endswith(" more frames ...") for line in lines)
    assert lines[2] == "tasks_x.py:1: in a"


@pytest.mark.parametrize(
    ("call", "words"),
    [("sys.exit(3)", "SystemExit: 3"), ("sys.exit('words')", "SystemExit: words"), ("sys.exit()", "SystemExit")],
)
def test_sys_exit_is_a_failure_of_the_task(project: Project, call: str, words: str) -> None:
    project.write(tasks_x=f"import sys\ndef a():\n    {call}\ndef b(a): ...\ndef other(): return 1")
    result = project.run()
    assert result.outcomes == {"a": "failed", "b": "blocked", "other": "succeeded"}
    assert report(result)[-1] == f"FAILED a - {words} (tasks_x.py:3)"
    assert "hint: A task ends by returning. To fail, raise an exception that says why." in report(result)


@pytest.mark.parametrize(
    ("call", "words", "hint"),
    [
        ("os._exit(7)", "worker ended with exit status 7", "hint: os._exit() in the task"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "worker ended with signal SIGKILL (9)", "hint: Out of memory?"),
        ("os.abort()", "worker ended with signal SIGABRT (6)", "hint: Compiled code gave up"),
    ],
)
def test_a_worker_that_dies_takes_one_task_with_it(project: Project, call: str, words: str, hint: str) -> None:
    project.write(
        tasks_x=f"""
            import os, signal
            from taskdisc import axis
            k = axis(range(20))
            def a():
                print("last words", flush=True)
                {call}
            def b(a): ...
            def other(k): return k
        """
    )
    result = project.run()
    assert result.counts == {"succeeded": 20, "killed": 1, "blocked": 1}
    lines = report(result)
    assert f"E   {words}" in lines
    assert any(line.startswith(hint) for line in lines)
    assert "last words" in lines
    assert "blocked: b" in lines
    assert lines[-1] == f"KILLED a - {words} (tasks_x.py:4)"


def test_results_that_cannot_be_kept(project: Project) -> None:
    project.write(
        tasks_x="""
            import threading
            def generator(): return (x for x in [])
            def inner(): return {"key": [threading.Lock()]}
        """
    )
    advice = "Return plain data, or what is needed to make it again."
    assert report(project.run("generator"))[2:] == [
        "tasks_x.py:2: in generator",
        "E   TypeError: the result cannot be kept: generator does not pickle (cannot pickle 'generator' object). "
        + advice,
        "================================ short summary =================================",
        "FAILED generator - TypeError: the result cannot be kept: generator does not pickle "
        f"(cannot pickle 'generator' object). {advice} (tasks_x.py:2)",
    ]
    assert "does not pickle (cannot pickle '_thread.lock' object)" in report(project.run("inner"))[-1]


def test_what_only_cloudpickle_takes_is_kept(project: Project) -> None:
    project.write(tasks_x="def made(): return lambda x: x + 1\ndef used(made): return made(1)")
    assert project.run("used").assert_ok().stdout == "2\n"


def test_wrong_named_outputs(project: Project) -> None:
    project.write(
        tasks_x="""
            from taskdisc import task
            @task(outputs=("train", "test"))
            def one(): return 1
            @task(outputs=("x", "y"))
            def three(): return 1, 2, 3
            @task(outputs=("u", "v"))
            def keys(): return {"u": 1, "w": 2}
            def user(train): ...
        """
    )
    wrong = "FAILED one - TypeError: outputs are train, test: return a tuple in this order or a dict with these keys"
    assert report(project.run("user"))[-1] == f"{wrong}, not int (tasks_x.py:3)"
    three = "FAILED three - TypeError: outputs are x, y, and 3 values were returned (tasks_x.py:5)"
    assert report(project.run("three"))[-1] == three
    keys = "FAILED keys - TypeError: outputs are u, v, and the returned dict has u, w (tasks_x.py:7)"
    assert report(project.run("keys"))[-1] == keys


def test_a_returned_path_must_exist(project: Project) -> None:
    project.write(tasks_x="from pathlib import Path\ndef a(): return {'file': [Path('nowhere.txt')]}")
    assert report(project.run("a"))[-1] == (
        "FAILED a - FileNotFoundError: the result names 'nowhere.txt', which does not exist. "
        "Create it, or return a str. (tasks_x.py:2)"
    )


def test_many_failures_are_told_in_a_line_each(project: Project) -> None:
    project.write(tasks_x="from taskdisc import axis\nk = axis(range(30))\ndef a(k): raise ValueError(k)")
    lines = report(project.run("a"))
    assert sum(line.startswith("E   ") for line in lines) == 20
    assert sum(line.startswith("FAILED a[k=") for line in lines) == 30


def test_inline_failures_are_told_alike(project: Project) -> None:
    project.write(tasks_x="def a(): return 1\ndef b(a): raise ValueError(a)\ndef c(b): ...")
    result = project.run("c", "--executor", "inline")
    assert report(result)[2:6] == [
        "tasks_x.py:2: in b",
        "    def b(a): raise ValueError(a)",
        "E   ValueError: 1",
        "blocked: c",
    ]
    assert result.counts == {"succeeded": 1, "failed": 1, "blocked": 1}
