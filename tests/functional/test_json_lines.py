"""`taskdisc run --json FILE`: a line for each step as it ends, and one for the run."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from taskdisc.testing import Project
from tests.projects import Folder

TASKS = """
    from taskdisc import Gather, axis, task

    divisor = axis(0, 1, 2)

    def one():
        return 1

    @task(outputs=("low", "high"))
    def ratio(divisor: int):
        print("dividing")
        return 1 / divisor, divisor

    def total(low: Gather[float]):
        return sum(low.values())

    def last(total, one):
        return total
"""
EXECUTED = {"id", "outcome", "run", "attempt", "started", "seconds", "cpu_seconds", "peak_memory"}


def read(text: str) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Return the entries of the steps by id, each step's once, and that of the run."""
    *steps, run = [json.loads(line) for line in text.splitlines()]
    by_id = {step["id"]: step for step in steps}
    assert len(by_id) == len(steps)
    assert Counter(step["outcome"] for step in steps) == run["counts"]
    return by_id, run


@pytest.fixture
def ratios(project: Project) -> Project:
    project.write(tasks_ratios=TASKS)
    return project


def test_every_step_has_a_line(ratios: Project) -> None:
    assert ratios.run("last", "--json", "out.jsonl").exit_code == 1
    steps, run = read(ratios.read("out.jsonl"))
    assert {name: step["outcome"] for name, step in steps.items()} == {
        "one": "succeeded",
        "ratio[divisor=0]": "failed",
        "ratio[divisor=1]": "succeeded",
        "ratio[divisor=2]": "succeeded",
        "total": "blocked",
        "last": "blocked",
    }
    assert list(steps)[-2:] == ["total", "last"]
    assert set(steps["one"]) == EXECUTED
    assert (steps["one"]["run"], steps["one"]["attempt"]) == (1, 1)
    assert run["started"] <= steps["one"]["started"] <= run["started"] + run["seconds"] <= time.time()
    assert steps["total"] == {"id": "total", "outcome": "blocked", "run": 1}
    assert set(run) == {"run", "counts", "started", "seconds", "interrupted"}
    assert run["interrupted"] is False
    failed = steps["ratio[divisor=0]"]
    assert set(failed) == EXECUTED | {"stdout", "error"}
    assert Path(failed["stdout"]).read_text() == "dividing\n"
    assert failed["error"]["traceback"].splitlines()[-1] == "E   ZeroDivisionError: division by zero"
    assert {name: failed["error"][name] for name in ("kind", "message", "place")} == {
        "kind": "ZeroDivisionError",
        "message": "division by zero",
        "place": "tasks_ratios.py:11",
    }


def test_cached_steps_have_lines_too(ratios: Project) -> None:
    ratios.run("total", "one", "-p", "divisor=1,2").assert_ok()
    assert ratios.run("last", "-p", "divisor=1,2", "--json", "out.jsonl").assert_ok().stdout == "1.5\n"
    steps, run = read(ratios.read("out.jsonl"))
    assert [name for name, step in steps.items() if step["outcome"] != "cached"] == ["last"]
    assert (run["run"], run["counts"]) == (2, {"cached": 4, "succeeded": 1})
    ratios.run("last", "-p", "divisor=1,2", "--json", "out.jsonl").assert_ok()
    steps, run = read(ratios.read("out.jsonl"))  # begun anew
    assert (run["run"], run["counts"]) == (None, {"cached": 5})


def test_lines_on_standard_output_come_alone(ratios: Project) -> None:
    """Also where standard output was redirected for a while, as it is in this process."""
    for in_process in (True, False):
        result = ratios.run("one", "last", "-p", "divisor=1,2", "--json", "-", in_process=in_process).assert_ok()
        assert set(read(result.stdout)[0]) == {"one", "last", "total", "ratio[divisor=1]", "ratio[divisor=2]"}
    assert ratios.run("one", in_process=True).assert_ok().stdout == "1\n"  # the plugin is gone


def test_the_file_is_named_from_where_the_command_is_given(ratios: Project) -> None:
    (ratios.path / "sub").mkdir()
    ratios.run("one", "--json", "here.jsonl", cwd="sub").assert_ok()
    assert read(ratios.read("sub/here.jsonl"))[1]["counts"] == {"succeeded": 1}


def test_a_step_that_is_made_again_says_so(project: Project) -> None:
    """`large` is damaged between its end and its use: a second attempt, and what the first had said still stands."""
    project.write(
        tasks_x="""
        import glob

        def large():
            return bytes(100_000)

        def after(large):
            return 1

        def harm(after):
            for path in glob.glob(".taskdisc/objects/*/*"):
                open(path, "ab").write(b"damage")

        def size(large, harm):
            return len(large)
        """
    )
    result = project.run("size", "--json", "out.jsonl").assert_ok()
    assert result.stdout == "100000\n"
    *steps, run = [json.loads(line) for line in project.read("out.jsonl").splitlines()]
    assert [(step["id"], step["attempt"]) for step in steps] == [
        ("large", 1),
        ("after", 1),
        ("harm", 1),
        ("large", 2),
        ("size", 1),
    ]
    assert run["counts"] == {"succeeded": 4}


@pytest.mark.parametrize("executor", ["process", "inline"])
def test_an_interrupted_run_accounts_for_all_its_steps(tmp_path: Path, executor: str) -> None:
    folder = Folder(tmp_path)
    text = "import time\nfrom taskdisc import axis, task\nn = axis(range(50))\ndef slow(n):\n    time.sleep(600)\n"
    text += "@task(priority=1)\ndef fast(): return 1\ndef after(slow): pass\n"
    folder.write({"tasks_x.py": text, "pyproject.toml": '[tool.taskdisc]\ngrace = "0s"\n'})
    process = folder.start("run", "--executor", executor, "--json", "out.jsonl")
    while not folder.finished("succeeded"):
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 2
    steps, run = read((tmp_path / "out.jsonl").read_text())
    assert len(steps) == 101
    assert run["interrupted"] is True
    assert run["counts"]["cancelled"] > 50


def test_a_line_is_there_while_the_run_goes_on(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    tasks = "import os, time\n\ndef first(): return 1\n\ndef second(first):\n"
    tasks += "    while not os.path.exists('go'): time.sleep(0.002)\n"
    folder.write({"tasks_x.py": tasks})
    read_end, write_end = os.pipe()
    process = folder.start("run", "second", "--json", f"/dev/fd/{write_end}", inherited=(write_end,))
    os.close(write_end)
    with open(read_end) as lines:
        assert json.loads(lines.readline())["id"] == "first"
        (tmp_path / "go").touch()
        assert [json.loads(line).get("id") for line in lines] == ["second", None]  # nobody keeps it open
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_what_cannot_be_done_is_an_error(ratios: Project) -> None:
    message = f"error: --json {ratios.path}/no/x: No such file or directory. Name a file that can be written, or -.\n"
    result = ratios.run("one", "--json", "no/x")
    assert (result.exit_code, result.stderr, result.ran) == (4, message, [])
    message = "error: run: -n runs nothing, so there is nothing to write for --json. Leave out one of them.\n"
    result = ratios.run("one", "-n", "--json", "x")
    assert (result.exit_code, result.stderr) == (4, message)
    assert not (ratios.path / "x").exists()


def test_a_full_disk_is_an_error_and_loses_nothing(ratios: Project) -> None:
    result = ratios.run("one", "--json", "/dev/full")
    assert result.exit_code == 4
    message = "error: --json /dev/full: No space left on device. What was finished is kept: run again.\n"
    assert result.stderr == message
    assert ratios.run("one").assert_ok().ran == []
