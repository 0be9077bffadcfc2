"""`explain` compares with the kept result that is nearest to the present."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MODULE = """
def f(n: int = 1):
    return n + 1
def g(f, n: int = 2):
    return f * n
"""


def taskdisc(folder: Path, *arguments: str, exit_code: int = 0) -> str:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("TASKDISC_")}
    done = subprocess.run(
        [sys.executable, "-m", "taskdisc", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == exit_code, done.stderr
    return done.stdout


def test_results_of_other_settings_are_no_reason(tmp_path: Path) -> None:
    (tmp_path / "tasks_a.py").write_text(MODULE)
    taskdisc(tmp_path, "run", "g")
    taskdisc(tmp_path, "run", "g", "-p", "n=5")
    (tmp_path / "tasks_a.py").write_text(MODULE.replace("f * n", "n * f"))
    assert taskdisc(tmp_path, "explain", "g") == (
        "g: run\n    code: tasks_a.g has changed\n"
        "         def g(f, n: int=2):\n        -    return f * n\n        +    return n * f\n"
    )


def test_a_new_setting_is_named_alone(tmp_path: Path) -> None:
    (tmp_path / "tasks_a.py").write_text(MODULE)
    taskdisc(tmp_path, "run", "g")
    assert taskdisc(tmp_path, "explain", "g", "-p", "g.n=7") == "g: run\n    setting n: 2 -> 7\n"


def calls(names: str) -> str:
    return "def f():\n" + "".join(f"    {name}()\n" for name in names.split()) + "    return 1\n\n"


HELPERS = "".join(f"def _{letter}(): ...\n\n" for letter in "ab")


def test_comments_docstrings_and_format_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "tasks_a.py").write_text('def f():\n    """One."""\n    # a comment\n    return [1,\n        2]\n')
    taskdisc(tmp_path, "run")
    (tmp_path / "tasks_a.py").write_text('def f():\n    """Another."""\n    return [1, 3]\n')
    assert taskdisc(tmp_path, "explain") == (
        "f: run\n    code: tasks_a.f has changed\n         def f():\n        -    return [1, 2]\n"
        "        +    return [1, 3]\n"
    )


def test_a_class_a_constant_and_a_default_are_shown(tmp_path: Path) -> None:
    text = """
LIMIT = 1
class Shape:
    sides = 3
def helper(x=1):
    return x
def f():
    return LIMIT + Shape.sides + helper()
"""
    (tmp_path / "tasks_a.py").write_text(text.replace("def helper", "def _helper").replace("+ helper", "+ _helper"))
    taskdisc(tmp_path, "run")
    edited = text.replace("LIMIT = 1", "LIMIT = 2").replace("sides = 3", "sides = 4").replace("x=1", "x=2")
    (tmp_path / "tasks_a.py").write_text(edited.replace("def helper", "def _helper").replace("+ helper", "+ _helper"))
    assert taskdisc(tmp_path, "explain") == (
        "f: run\n"
        "    code: tasks_a.LIMIT has changed\n        -LIMIT = 1\n        +LIMIT = 2\n"
        "    code: tasks_a.Shape has changed\n         class Shape:\n"
        "        -    sides = 3\n        +    sides = 4\n"
        "    code: tasks_a._helper (defaults) has changed\n        -def _helper(x=1):\n        +def _helper(x=2):\n"
        "             return x\n"
    )


def test_a_long_difference_is_cut(tmp_path: Path) -> None:
    (tmp_path / "tasks_a.py").write_text(HELPERS + calls("_a " * 30))
    taskdisc(tmp_path, "run")
    (tmp_path / "tasks_a.py").write_text(HELPERS + calls("_b " * 30))
    lines = taskdisc(tmp_path, "explain").splitlines()
    assert "        ... and 42 lines more: -v" in lines
    whole = taskdisc(tmp_path, "explain", "-v").splitlines()
    assert whole.count("        -    _a()") == whole.count("        +    _b()") == 30


def test_a_change_is_told_once_for_many_instances_and_by_a_dry_run_too(tmp_path: Path) -> None:
    text = "from taskdisc import axis\nk = axis(range(100))\ndef f(k):\n    return k\ndef g(f):\n    return f\n"
    (tmp_path / "tasks_a.py").write_text(text)
    taskdisc(tmp_path, "run")
    (tmp_path / "tasks_a.py").write_text(text.replace("return k", "return -k"))
    expected = (
        "f[k=0], f[k=1], f[k=2] and 97 more: run\n    code: tasks_a.f has changed\n"
        "         def f(k):\n        -    return k\n        +    return -k\n"
    )
    assert taskdisc(tmp_path, "explain", "f") == expected
    assert taskdisc(tmp_path, "run", "-n", "-v", "f") == expected


def test_the_text_of_an_edit_that_is_taken_back_is_known(tmp_path: Path) -> None:
    for value in (1, 2, 3):
        (tmp_path / "tasks_a.py").write_text(f"def f():\n    return {value}\n")
        taskdisc(tmp_path, "run")
    taskdisc(tmp_path, "clear", "f")
    assert taskdisc(tmp_path, "explain") == "f: run\n    there is no result of it yet\n"
    taskdisc(tmp_path, "run")
    (tmp_path / "tasks_a.py").write_text("def f():\n    return 1\n")
    assert taskdisc(tmp_path, "explain").endswith("        -    return 3\n        +    return 1\n")


def test_a_failure_is_told(tmp_path: Path) -> None:
    (tmp_path / "tasks_a.py").write_text("def f(): return 1 / 0\ndef g(f): return f\n")
    assert taskdisc(tmp_path, "explain", "f") == "f: run\n    there is no result of it yet\n"
    taskdisc(tmp_path, "run", "g", exit_code=1)
    failed = "f: run\n    it failed last time, and nothing has changed; `taskdisc logs` shows its output\n"
    assert taskdisc(tmp_path, "explain", "f") == failed
    (tmp_path / "tasks_a.py").write_text("def f(): return 1 / 1\ndef g(f): return f\n")
    assert taskdisc(tmp_path, "explain", "f") == "f: run\n    there is no result of it yet\n"
