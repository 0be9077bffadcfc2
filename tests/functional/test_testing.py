"""The fixture `project` of `taskdisc.testing`, from inside and as an outside test file uses it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from taskdisc.testing import Project, Result

CHAIN = """
    def first():
        print("to stdout")
        return 1

    def second(first):
        return first / 0

    def third(second):
        return second
"""


def test_files_are_dedented_and_folders_made(project: Project) -> None:
    project.write({"data/x.csv": "a\n", "deep/er/raw.bin": b"\x00\xff"}, helpers="\n    A = 1\n    B = 2\n")
    assert project.read("data/x.csv") == "a\n"
    assert project.read("helpers.py") == "A = 1\nB = 2\n"
    assert (project.path / "deep/er/raw.bin").read_bytes() == b"\x00\xff"


@pytest.mark.parametrize("in_process", [False, True])
def test_a_run_tells_of_its_steps(project: Project, in_process: bool) -> None:
    project.write(tasks_chain=CHAIN)
    result = project.run("third", in_process=in_process)
    assert result.exit_code == 1
    assert result.outcomes == {"first": "succeeded", "second": "failed", "third": "blocked"}
    assert result.counts == {"succeeded": 1, "failed": 1, "blocked": 1}
    assert result.ran == ["first", "second"]
    assert result.stdout == ""
    assert "ZeroDivisionError" in result.stderr
    again = project.run("first", in_process=in_process).assert_ok()
    assert again.ran == []
    assert again.counts == {"cached": 1}
    assert again.stdout == "1\n"


@pytest.mark.parametrize("in_process", [False, True])
def test_any_command(project: Project, in_process: bool) -> None:
    project.write({"sub/x.txt": ""}, tasks_chain=CHAIN)
    assert project.taskdisc("status", "first", cwd="sub", in_process=in_process).stdout == "first  1 to run\n"
    assert project.taskdisc("status", "none", in_process=in_process).exit_code == 5
    assert project.taskdisc("--version", in_process=in_process).stdout.startswith("taskdisc ")


def test_the_recorder_leaves_no_mark_on_other_commands(project: Project) -> None:
    project.write(tasks_chain=CHAIN)
    assert "outcomes" not in project.taskdisc("plugins").stdout
    assert "outcomes" not in project.taskdisc("config").stdout


def test_plugins_of_the_test_are_loaded_beside_the_recorder(project: Project) -> None:
    project.write(
        tasks_x="def one(): return 1",
        spy="def taskdisc_run_finished(report): print('spied', report.counts)",
    )
    project.environment["TASKDISC_PLUGINS"] = "spy"
    result = project.run("one").assert_ok()
    assert result.stdout == "spied {'succeeded': 1}\n1\n"
    assert result.ran == ["one"]


def test_variables_about_taskdisc_do_not_leak_in(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKDISC_NONSENSE", "1")
    project.write(tasks_x="def one(): return 1")
    project.run("one").assert_ok()


def test_in_process_leaves_no_trace(project: Project) -> None:
    project.write(
        {"pyproject.toml": '[tool.taskdisc]\nplugins = ["spy"]\n', ".env": "SECRET=1\n"},
        spy="def taskdisc_run_finished(report): pass",
        helpers="VALUE = 1",
        tasks_x="""
            import helpers
            def one(): return helpers.VALUE
        """,
    )
    before = state()
    assert project.run("one", in_process=True).assert_ok().stdout == "1\n"
    assert state() == before
    project.write(helpers="VALUE = 22")
    assert project.run("one", in_process=True).assert_ok().stdout == "22\n"
    assert project.run("none", in_process=True).exit_code == 5
    assert state() == before


def state() -> dict[str, Any]:
    from taskdisc import pluginmanager

    return {
        "folder": os.getcwd(),
        "path": list(sys.path),
        "modules": {name for name in sys.modules if name in ("helpers", "tasks_x", "spy")},
        "environ": dict(os.environ),
        "managers": dict(pluginmanager._managers),
        "streams": (sys.stdout, sys.stderr),
    }


def test_in_process_catches_what_tasks_and_their_programs_print(project: Project) -> None:
    project.write(
        tasks_x="""
            import os
            def one():
                print("from python")
                os.system("echo from a program")
                return 1
        """
    )
    result = project.run("one", "--executor", "inline", in_process=True).assert_ok()
    assert sorted(result.stdout.splitlines()) == ["1", "from a program", "from python"]


def test_a_result_shows_everything() -> None:
    result = Result(("run", "x"), 4, "out\n", "err\n", [])
    assert repr(result) == "$ taskdisc run x\nexit code: 4\n--- stdout\nout\n--- stderr\nerr"
    with pytest.raises(pytest.fail.Exception, match=r"exit code: 4\n--- stdout\nout\n--- stderr\nerr"):
        result.assert_ok()


def test_an_outside_test_file_needs_nothing_but_the_fixture(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        "def test_good(project):\n"
        "    project.write(tasks_x='def one(): return 1')\n"
        "    assert project.run('one').assert_ok().ran == ['one']\n"
        "\n"
        "def test_bad(project):\n"
        "    project.write(tasks_x='def one(): return 1 / 0')\n"
        "    project.run('one').assert_ok()\n"
    )
    loaded = ["-p", "taskdisc.testing"] if not _is_installed() else []
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *loaded, "."]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 failed, 1 passed" in process.stdout, process.stdout + process.stderr
    assert "E       $ taskdisc run one\n" in process.stdout
    assert "ZeroDivisionError: division by zero" in process.stdout


def _is_installed() -> bool:
    from importlib.metadata import entry_points

    return any(entry.value == "taskdisc.testing" for entry in entry_points(group="pytest11"))


def test_the_plugin_is_light() -> None:
    script = (
        "import sys, pytest; before = set(sys.modules); import taskdisc.testing\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert process.stdout.split() == ["taskdisc", "taskdisc.testing", "taskdisc.testing.modules"]
