"""The other commands: list, status, explain, show, logs, clear; with exact output."""

from __future__ import annotations

import re

import pytest

from taskdisc.testing import Project

MODULE = '''
    """Words."""
    from taskdisc import Gather, axis, file, task
    from helpers import clean
    raw = file("data/x.txt")
    k = axis(1, 2)

    def words(raw):
        """Split the text into words.

        More."""
        return clean(raw.read_text())

    @task(outputs=("train", "test"))
    def split(words, fraction: float = 0.5): return words[:1], words[1:]

    def model(train, k: int):
        print("model", k)
        return [*train, k]

    def best(model: Gather[list], test): return len(model) + len(test)

    def report(best, task_dir):
        path = task_dir / "report.txt"
        path.write_text(str(best))
        return path
'''


@pytest.fixture
def words(project: Project) -> Project:
    project.write({"data/x.txt": "one two\n"}, tasks_words=MODULE, helpers="def clean(text): return text.split()")
    return project


def output(project: Project, *command: str) -> str:
    result = project.taskdisc(*command).assert_ok()
    assert not result.stderr, result
    return result.stdout


def test_list(words: Project) -> None:
    assert output(words, "list") == (
        "words                 tasks_words.py:7   Split the text into words.\n"
        "split -> train, test  tasks_words.py:14\n"
        "model[k]              tasks_words.py:16\n"
        "best                  tasks_words.py:20\n"
        "report                tasks_words.py:22\n"
    )
    assert output(words, "list", "m*") == "model[k]  tasks_words.py:16\n"


def test_list_tree(words: Project) -> None:
    assert output(words, "list", "--tree") == (
        "report\n"
        "    best\n"
        "        model[k]\n"
        "            split -> train, test\n"
        "                words\n"
        "        split -> train, test ...\n"
    )
    assert output(words, "list", "--tree", "model") == ("model[k]\n    split -> train, test\n        words\n")


def test_status(words: Project) -> None:
    assert output(words, "status") == (
        "words                 1 to run\n"
        "split -> train, test  1 may run\n"
        "model[k]              2 may run\n"
        "best                  1 may run\n"
        "report                1 may run\n"
    )
    words.run("model[k=1]").assert_ok()
    assert output(words, "status", "model") == (
        "words                 1 cached\nsplit -> train, test  1 cached\nmodel[k]              1 cached, 1 to run\n"
    )
    words.run().assert_ok()
    assert output(words, "status", "-p", "fraction=0.7", "model") == (
        "words                 1 cached\nsplit -> train, test  1 to run\nmodel[k]              2 may run\n"
    )


def test_explain(words: Project) -> None:
    assert output(words, "explain", "words") == "words: run\n    there is no result of it yet\n"
    assert output(words, "explain", "report") == (
        "report: may run\n    it depends on best, which may give another result\n"
    )
    words.run().assert_ok()
    assert output(words, "explain") == (
        "words, split, model[k=1] and 3 more: cached\n    its code, settings and inputs are those of a kept result\n"
    )
    assert output(words, "explain", "-p", "fraction=0.7", "split", "model") == (
        "split: run\n    setting fraction: 0.5 -> 0.7\n"
        "model[k=1], model[k=2]: may run\n    it depends on split, which may give another result\n"
    )


def test_explain_names_the_part_that_changed(words: Project) -> None:
    words.run().assert_ok()
    words.write({"data/x.txt": "one two three\n"})
    assert output(words, "explain", "words") == "words: run\n    input raw: the file data/x.txt has changed\n"
    words.write({"data/x.txt": "one two\n"}, helpers="def clean(text): return text.lower().split()")
    assert output(words, "explain", "words") == (
        "words: run\n    code: helpers.clean has changed\n"
        "         def clean(text):\n        -    return text.split()\n        +    return text.lower().split()\n"
    )
    words.write(helpers="def clean(text): return _lower(text).split()\ndef _lower(text): return text.lower()")
    assert output(words, "explain", "words") == (
        "words: run\n    code: helpers._lower is new in what it reaches\n    code: helpers.clean has changed\n"
        "         def clean(text):\n        -    return text.split()\n        +    return _lower(text).split()\n"
    )
    words.write(
        tasks_words=MODULE.replace("len(model) + len(test)", "len(model)"),
        helpers="def clean(text): return text.split()",
    )
    assert output(words, "explain", "best") == (
        "best: run\n    code: tasks_words.best has changed\n"
        "         def best(model: Gather[list], test):\n"
        "        -    return len(model) + len(test)\n        +    return len(model)\n"
    )
    words.write(tasks_words=MODULE.replace("(best, task_dir)", "(best, test, task_dir)"))
    assert output(words, "explain", "report") == (
        "report: run\n    code: tasks_words.report has changed\n"
        "        -def report(best, task_dir):\n        +def report(best, test, task_dir):\n"
        "             path = task_dir / 'report.txt'\n             path.write_text(str(best))\n"
        "    inputs: best -> best, test\n"
    )


def test_explain_tells_every_instance_when_four_are_alike(project: Project) -> None:
    project.write(tasks_x="from taskdisc import axis\nk = axis(range(4))\ndef f(k): ...")
    assert (
        output(project, "explain", "f") == "f[k=0], f[k=1], f[k=2] and 1 more: run\n    there is no result of it yet\n"
    )


def test_show(words: Project) -> None:
    missing = words.taskdisc("show", "model")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert missing.stderr == "".join(
        f"model[k={k}]: no result that is up to date. taskdisc run 'model[k={k}]'\n" for k in (1, 2)
    )
    words.run().assert_ok()
    assert output(words, "show", "model") == "model[k=1]: ['one', 1]\nmodel[k=2]: ['one', 2]\n"
    assert output(words, "show", "model[k=2]") == "['one', 2]\n"
    assert output(words, "show", "test") == "['two']\n"
    assert output(words, "show", "split") == "{'train': ['one'], 'test': ['two']}\n"


def test_show_info_and_path(words: Project) -> None:
    words.run().assert_ok()
    info = output(words, "show", "--info", "report").splitlines()
    assert info[0] == "report"
    assert re.fullmatch(r"    made: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d in run 1", info[1])
    assert re.fullmatch(r"    took: \d+\.\d{4} s \(\d+\.\d{4} s of CPU\)", info[2])
    assert re.fullmatch(r"    size: \d+ bytes", info[3])
    assert re.fullmatch(r"    digest: [0-9a-f]{16}", info[4])
    (path,) = output(words, "show", "--path", "report").splitlines()
    assert info[5:] == [f"    file: {path}"]
    assert path.startswith(f"{words.path}/.taskdisc/") and path.endswith("/report.txt")
    assert re.search(
        rf"\n    logs: {words.path}/\.taskdisc/logs/1/\d+\.1\.out\n", output(words, "show", "--info", "model")
    )
    assert output(words, "show", "--path", "model") == ""


def test_logs(words: Project) -> None:
    none = words.taskdisc("logs", "model").assert_ok()
    assert none.stderr == "model[k=1]: has not run yet\nmodel[k=2]: has not run yet\n"
    words.run().assert_ok()
    assert output(words, "logs", "model") == ("--- model[k=1] stdout\nmodel 1\n--- model[k=2] stdout\nmodel 2\n")
    assert output(words, "logs", "--stdout", "model[k=2]") == "model 2\n"
    assert output(words, "logs", "--stderr", "model[k=2]") == ""
    assert words.taskdisc("logs", "words").assert_ok().stderr == "words: wrote nothing\n"


def test_logs_of_a_failure(project: Project) -> None:
    project.write(
        tasks_x="import sys\ndef a():\n    print('out')\n    print('err', file=sys.stderr)\n    raise ValueError"
    )
    assert project.run("a").exit_code == 1
    assert output(project, "logs", "a") == "--- a stdout\nout\n--- a stderr\nerr\n"


def test_clear_makes_a_task_run_again(words: Project) -> None:
    words.run().assert_ok()
    result = words.taskdisc("clear", "model[k=1]").assert_ok()
    assert (result.stdout, result.stderr) == ("cleared model[k=1]\n", "cleared 1 result\n")
    assert words.run().assert_ok().ran == ["model[k=1]"]
    assert words.taskdisc("clear", "words").assert_ok().stdout == "cleared words\n"
    assert words.run().assert_ok().ran == ["words"]


def test_clear_in_a_dry_run_clears_nothing(words: Project) -> None:
    words.run().assert_ok()
    result = words.taskdisc("clear", "-n", "model").assert_ok()
    assert sorted(result.stdout.splitlines()) == ["would clear model[k=1]", "would clear model[k=2]"]
    assert result.stderr == "would clear 2 results\n"
    assert words.run().assert_ok().ran == []


def test_clear_downstream_and_all(words: Project) -> None:
    words.run().assert_ok()
    (path,) = output(words, "show", "--path", "report").splitlines()
    result = words.taskdisc("clear", "--downstream", "model").assert_ok()
    assert sorted(result.stdout.splitlines()) == [
        "cleared best",
        "cleared model[k=1]",
        "cleared model[k=2]",
        "cleared report",
    ]
    assert not (words.path / path).exists()
    assert words.run().assert_ok().ran == ["best", "model[k=1]", "model[k=2]", "report"]
    assert words.taskdisc("clear", "--all").assert_ok().stderr == "cleared 6 results\n"
    assert len(words.run().assert_ok().ran) == 6


def test_clear_downstream_of_a_slice_leaves_the_rest_of_its_task(words: Project) -> None:
    words.run().assert_ok()
    result = words.taskdisc("clear", "--downstream", "model[k=2]").assert_ok()
    assert sorted(result.stdout.splitlines()) == ["cleared best", "cleared model[k=2]", "cleared report"]
    assert words.run().assert_ok().ran == ["best", "model[k=2]", "report"]


def test_clear_removes_results_of_other_settings_and_open_parameters_too(project: Project) -> None:
    project.write(tasks_x="from taskdisc import task\ndef f(s=1): return s\n@task\ndef day(date: str, f): return date")
    for date in "xy":
        project.run("day", "-p", f"date={date}", "-p", "s=2").assert_ok()
    project.run("f").assert_ok()
    result = project.taskdisc("clear", "f").assert_ok()
    assert (result.stdout, result.stderr) == ("cleared f\n", "cleared 2 results\n")
    assert project.taskdisc("clear", "day[date=x]").assert_ok().stdout == "cleared day[date=x]\n"
    assert project.taskdisc("clear", "day").assert_ok().stdout == "cleared day[date=y]\n"


@pytest.mark.parametrize(
    ("command", "exit_code", "message"),
    [
        ("clear", 4, "clear: name targets, or give --all."),
        ("clear --all words", 4, "clear: name targets, or give --all."),
        ("clear wrds", 5, "target wrds: there is no task 'wrds'. Did you mean words (tasks_words.py:7)?"),
        ("show", 4, "show: name a target, such as a task. `taskdisc list` shows the tasks."),
        ("logs", 4, "logs: name a target, such as a task. `taskdisc list` shows the tasks."),
    ],
)
def test_mistakes(words: Project, command: str, exit_code: int, message: str) -> None:
    result = words.taskdisc(*command.split())
    assert (result.exit_code, result.stderr) == (exit_code, f"error: {message}\n")


def test_version_and_help(project: Project) -> None:
    assert re.fullmatch(r"taskdisc \d+\.\d+\.\d+\n", output(project, "--version"))
    for command in ("run", "list", "status", "explain", "show", "logs", "clear", "history", "verify", "gc", "config",
                    "plugins", "push", "pull"):  # fmt: skip
        assert output(project, command, "--help").startswith(f"Usage: taskdisc {command} [OPTIONS]")
