"""Every edit of the corpus, end to end: run, edit, run, undo, run; exactly what must run is executed."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import pytest

from tests.projects import Folder

CORPUS = runpy.run_path(str(Path(__file__).parents[1] / "corpus" / "reruns.py"))
PROJECT: dict[str, str] = CORPUS["PROJECT"]
PAIRS = CORPUS["PAIRS"]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """The project after its first run."""
    folder = Folder(tmp_path)
    folder.write(PROJECT)
    first = folder.run()
    assert (first.code, len(first.executed)) == (0, 14), first.err
    return folder


def edited(edit: dict[str, tuple[str, str]]) -> dict[str, str]:
    for path, (old, _) in edit.items():
        assert PROJECT[path].count(old) == 1, (path, old)
    return {path: PROJECT[path].replace(old, new) for path, (old, new) in edit.items()}


@pytest.mark.parametrize(("title", "edit", "executed"), PAIRS, ids=[title for title, *_ in PAIRS])
def test_edit_executes_what_it_reaches(
    folder: Folder, title: str, edit: dict[str, tuple[str, str]], executed: set[str]
) -> None:
    folder.write(edited(edit))
    ended = folder.run()
    assert ended.code == 0, ended.err
    assert sorted(ended.executed) == sorted(executed)
    assert folder.run().executed == []
    folder.write(PROJECT)
    assert folder.run().executed == []


def test_touched_files_execute_nothing(folder: Folder) -> None:
    for name in PROJECT:
        os.utime(folder.root / name, (1, 1))
    assert folder.run().executed == []


def test_settings_of_the_command_line_come_and_go(folder: Folder) -> None:
    assert folder.run("-p", "fraction=0.9").executed == ["rows"]
    assert folder.run("-p", "rows.fraction=0.9").executed == []
    assert folder.run().executed == []
    assert folder.run("best", "-p", "k=2").executed == ["best"]
    assert folder.run("best").executed == []


def test_a_target_executes_only_what_it_needs(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(PROJECT)
    assert folder.run("total[k=2]").executed == ["rows", "cleaned", "size", "total[k=2]"]
    assert folder.run("low").executed == ["halves"]
    assert folder.run("best").executed == ["total[k=1]", "best"]


def test_the_real_command_says_so_too(folder: Folder) -> None:
    """In an interpreter of its own, with workers."""
    assert folder.command("run", "best").out == "12\n"
    folder.write(edited({"helpers.py": ("n * 2", "n * 3")}))
    ended = folder.command("run", "best")
    assert (ended.out, sorted(ended.executed)) == ("18\n", ["best", "total[k=1]", "total[k=2]"])
    again = folder.command("run", "best")
    assert (again.out, again.executed) == ("18\n", [])
