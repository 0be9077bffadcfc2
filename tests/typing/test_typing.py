"""Callers' files pass mypy --strict and pyright, which see what is meant."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CALLER = Path(__file__).with_name("caller.py")
LINES = CALLER.read_text(encoding="utf-8").splitlines()
REVEALED = {n: line.partition("# is ")[2] for n, line in enumerate(LINES, 1) if "  # is " in line}
WRONG = [number for number, line in enumerate(LINES, 1) if line.endswith("  # wrong")]


@pytest.fixture
def caller(tmp_path: Path) -> Path:
    """The file in a folder of its own, so that no configuration but its own counts."""
    shutil.copy(CALLER, tmp_path / "caller.py")
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "standard"}')
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = true\n")
    return tmp_path


def run(folder: Path, *command: str) -> str:
    """Run a checker, which finds what is wrong in the file, and return what it prints."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def plain(revealed: str) -> str:
    """A revealed type as both checkers would write it."""
    without_modules = re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", revealed.removeprefix("def "))
    return re.sub(r" =(?: ?[\d.]+)?(?=[,)])", " = ...", without_modules)


def test_mypy(caller: Path) -> None:
    printed = run(caller, "mypy", "--no-error-summary", "--show-error-codes", "caller.py")
    revealed = {
        int(n): plain(t) for n, t in re.findall(r'^caller.py:(\d+): note: Revealed type is "(.*)"$', printed, re.M)
    }
    assert revealed == REVEALED
    assert [int(number) for number in re.findall(r"^caller.py:(\d+): error", printed, re.M)] == WRONG


def test_pyright(caller: Path) -> None:
    document = json.loads(run(caller, "basedpyright", "--outputjson", "--pythonpath", sys.executable, "caller.py"))
    revealed, wrong = {}, []
    for found in document["generalDiagnostics"]:
        line = found["range"]["start"]["line"] + 1
        if found["severity"] == "information":
            revealed[line] = plain(re.sub(r'(?s)^Type of ".*" is "(.*)"$', r"\1", found["message"]))
        else:
            wrong.append(line)
    assert revealed == REVEALED
    assert wrong == WRONG
