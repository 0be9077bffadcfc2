"""Results that were damaged, deleted or cannot be loaded: never believed, never fatal, and made again."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.projects import Folder

TASKS = """
from taskdisc import Gather, axis

n = axis(range(3))

def large(n):
    return bytes([n]) * 100_000

def first(large):
    return large[0] + {edit}

def total(first: Gather[int]):
    return sum(first.values()){edit:+}
"""
EXECUTORS = ("inline", "process")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A project whose tasks have all run."""
    folder = Folder(tmp_path)
    folder.write({"tasks_x.py": TASKS.format(edit=0)})
    assert folder.run("total").out == "3\n"
    return folder


def objects(folder: Folder) -> list[Path]:
    return sorted((folder.root / ".taskdisc" / "objects").glob("*/*"))


def quarantined(folder: Folder) -> int:
    place = folder.root / ".taskdisc" / "quarantine"
    return len(list(place.iterdir())) if place.exists() else 0


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[500] ^= 16
    path.write_bytes(data)


def turn_into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link_elsewhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


DAMAGES: dict[str, Callable[[Path], None]] = {
    "a flipped bit": flip,
    "truncated": lambda path: os.truncate(path, 60_000),
    "empty": lambda path: os.truncate(path, 0),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "another object": lambda path: path.write_bytes(bytes([9]) * 100_021),
    "a folder": turn_into_a_folder,
    "a device": link_elsewhere,
}
LOSSES: dict[str, Callable[[Path], None]] = {
    "deleted": Path.unlink,
    "its folder deleted": lambda path: shutil.rmtree(path.parent),
    "a file where the folder was": lambda path: (shutil.rmtree(path.parent), path.parent.write_text("x"))[0],
}


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_input_is_made_again(folder: Folder, damage: str, executor: str) -> None:
    """Only its producer and what was edited run; the bad object is kept apart."""
    DAMAGES[damage](objects(folder)[1])
    folder.write({"tasks_x.py": TASKS.format(edit=1)})
    ended = folder.run("total", executor=executor)
    assert (ended.code, ended.out) == (0, "7\n"), ended.err
    assert ended.err.startswith("5 succeeded, 2 cached in ")
    assert sorted(ended.executed)[:3] == ["first[n=0]", "first[n=1]", "first[n=2]"]
    assert len([name for name in ended.executed if name.startswith("large")]) == 1
    assert quarantined(folder) == 1
    assert folder.run("total").executed == []
    assert folder.run("large").code == 0


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_lost_input_is_made_again(folder: Folder, loss: str, executor: str) -> None:
    path = objects(folder)[1]
    LOSSES[loss](path)
    folder.write({"tasks_x.py": TASKS.format(edit=1)})
    ended = folder.run("total", executor=executor)
    if loss == "a file where the folder was":
        assert ended.code == 1
        assert "the store cannot keep its result: " in ended.err
        assert "Traceback" not in ended.err
        path.parent.unlink()
        ended = folder.run("total", executor=executor)
    assert (ended.code, ended.out) == (0, "7\n"), ended.err
    assert folder.run("total").executed == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_value_is_neither_shown_nor_printed(folder: Folder, damage: str) -> None:
    before = folder.run("large").out
    DAMAGES[damage](objects(folder)[1])
    shown = folder.command("show", "large[n=1]", "large[n=0]", "large[n=2]")
    assert shown.code == 1
    assert "Traceback" not in shown.err
    assert ". taskdisc run makes it again\n" in shown.err
    ended = folder.run("large")
    assert (ended.code, ended.out, len(ended.executed)) == (0, before, 1)
    DAMAGES[damage](objects(folder)[1])
    ended = folder.run("large")
    assert (ended.code, ended.out, len(ended.executed)) == (0, before, 1), ended.err
    assert "; it is made again\n" in ended.err


CAREFREE = """
import os, shutil
from taskdisc import Gather, axis

n = axis(range(2))

def large(n):
    return bytes([n]) * 100_000

def careless(large: Gather[bytes]):
    try:
        if not os.path.exists("lost"):
            open("lost", "w").close()
            shutil.rmtree(".taskdisc/objects")
        return [len(value) for value in large.values()]
    except BaseException:
        return "wrong"

def after(careless):
    return careless
"""


def test_several_damaged_values_are_made_again_and_printed(folder: Folder) -> None:
    """Of one target, and of several."""
    before = folder.run("large", "first").out
    for words in (["large"], ["large[n=1]", "large[n=0]", "large[n=2]"]):
        for path in objects(folder):
            flip(path)
        ended = folder.run(*words, "first")
        assert (ended.code, len(ended.executed)) == (0, 3), ended.err
        assert sorted(ended.out.splitlines()) == sorted(before.splitlines())


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_job_that_meets_a_lost_object_is_void_whatever_it_caught(tmp_path: Path, executor: str) -> None:
    folder = Folder(tmp_path)
    folder.write({"tasks_x.py": CAREFREE})
    ended = folder.run("after", executor=executor)
    assert (ended.code, ended.out) == (0, "[100000, 100000]\n"), ended.err
    assert ended.executed.count("careless") == 1
    assert ended.err.startswith("4 succeeded in ")


def test_a_result_that_is_lost_again_and_again_fails(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write({"tasks_x.py": CAREFREE.replace('if not os.path.exists("lost"):', "if True:")})
    ended = folder.run("after", executor="process")
    assert ended.code == 1
    assert "FAILED large[n=0] - the result was lost twice in a row: its object " in ended.err
    assert "hint: Is the store's disk failing" in ended.err
    assert "1 succeeded, 1 failed, 2 blocked in " in ended.err


def damage_inline(folder: Folder, task: str) -> None:
    """Flip a bit of each small value of a task, which the database itself does not notice."""
    index = sqlite3.connect(folder.root / ".taskdisc" / "index.sqlite")
    family = "select id from family where task like ?"
    for number, payload in index.execute(
        f"select id, payload from artifact where family in ({family})", [f"%::{task}"]
    ).fetchall():
        damaged = bytearray(payload)
        damaged[-2] ^= 1
        index.execute("update artifact set payload=? where id=?", (bytes(damaged), number))
    index.commit()
    index.close()


@pytest.mark.parametrize("executor", EXECUTORS)
def test_damaged_small_values_are_made_again(folder: Folder, executor: str) -> None:
    damage_inline(folder, "first")
    folder.write({"tasks_x.py": TASKS.format(edit=0).replace("values())+0", "values())+5")})
    ended = folder.run("total", executor=executor)
    assert (ended.code, ended.out) == (0, "8\n"), ended.err
    assert sorted(ended.executed) == ["first[n=0]", "first[n=1]", "first[n=2]", "total"]


def test_a_damaged_small_value_is_not_printed(folder: Folder) -> None:
    damage_inline(folder, "total")
    assert folder.command("show", "total").code == 1
    ended = folder.run("total")
    assert (ended.code, ended.out, ended.executed) == (0, "3\n", ["total"])


# Values that cannot be loaded

SHAPES = """
class Square:
    def __init__(self, side):
        self.side = side
"""
DRAWING = """
import sys
sys.path.insert(0, "../library")
from taskdisc import task

def square():
    import {module}
    return {module}.Square(3)

def area(square):
    return square.side ** 2 + {edit}
"""


def test_a_class_that_vanished_makes_its_result_again(tmp_path: Path) -> None:
    """A library's class has moved: the kept value cannot be loaded, the new code makes one that can."""
    (tmp_path / "project").mkdir()
    folder, library = Folder(tmp_path / "project"), tmp_path / "library" / "shapes.py"
    library.parent.mkdir()
    library.write_text(SHAPES)
    folder.write({"tasks_x.py": DRAWING.format(module="shapes", edit=0)})
    assert folder.run("area").out == "9\n"
    folder.write({"tasks_x.py": DRAWING.format(module="shapes", edit=1)})
    library.unlink()
    ended = folder.run("area")
    assert ended.code == 1
    assert "ModuleNotFoundError: No module named 'shapes'" in ended.err
    shown = folder.command("show", "square")
    assert shown.code == 1
    assert "square: it cannot be loaded: ModuleNotFoundError: No module named 'shapes'" in shown.err
    assert "Traceback" not in shown.err
    library.write_text(SHAPES)
    ended = folder.run("area")
    assert (ended.code, ended.out, ended.executed) == (0, "10\n", ["area"])


def test_a_class_that_moved_makes_its_result_again(tmp_path: Path) -> None:
    """The kept value cannot be loaded any more, but the task makes one that can."""
    (tmp_path / "project").mkdir()
    folder, library = Folder(tmp_path / "project"), tmp_path / "library" / "shapes.py"
    library.parent.mkdir()
    library.write_text(SHAPES + "\nmake = Square\n")
    drawing = DRAWING.replace("Square(3)", "make(3)")
    folder.write({"tasks_x.py": drawing.format(module="shapes", edit=0)})
    assert folder.run("area").out == "9\n"
    library.write_text(SHAPES.replace("Square", "Box") + "\nmake = Box\n")
    folder.write({"tasks_x.py": drawing.format(module="shapes", edit=1)})
    ended = folder.run("area")
    assert (ended.code, ended.out, ended.executed) == (0, "10\n", ["square", "area"]), ended.err


ONE_WAY = """
class OneWay:
    def __reduce__(self):
        return (explode, ())

def explode():
    raise ValueError("cannot be made again")

def made():
    return OneWay()

def user(made):
    return 1
"""


def test_what_was_just_made_and_cannot_be_loaded_fails_its_user(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write({"tasks_x.py": ONE_WAY})
    ended = folder.run("user")
    assert ended.code == 1
    problem = "of its inputs, made cannot be used: it cannot be loaded: ValueError: cannot be made again"
    assert f"FAILED user - {problem} (tasks_x.py:12)" in ended.err
    assert ended.executed == ["made"]
    ended = folder.run("made")
    assert ended.code == 1
    assert ended.err.endswith("error: made: it cannot be loaded: ValueError: cannot be made again\n")
