"""An index that is damaged, of another schema, or not there: results count as missing, and nothing else is lost."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from taskdisc.store.index import SCHEMA
from tests.projects import Ended, Folder

TASKS = """
from pathlib import Path
from taskdisc import Gather, axis, file, task

source = file("source.txt")
n = axis(range(20))

@task(outputs=("low", "high"))
def split(n, source):
    return n, bytes([n]) * 20_000

def noisy(low, n: int, factor: int = 2):
    print("noise", n)
    return low * factor

def path(task_dir: Path):
    (task_dir / "x.txt").write_text("x")
    return task_dir / "x.txt"

def total(noisy: Gather[int], high: Gather[bytes], path):
    return sum(noisy.values()) + sum(map(len, high.values())) + len(path.read_text())
"""
ANSWER = "400381\n"
STEPS = 42
COMMANDS = [
    ["status"],
    ["list"],
    ["explain", "total"],
    ["logs", "noisy"],
    ["show", "total"],
    ["show", "--info", "split"],
]


def last_line(ended: Ended) -> str:
    """Return the value that a run printed, after what its tasks wrote."""
    return ended.out.rpartition("noise")[2].partition("\n")[2] if "noise" in ended.out else ended.out


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    folder.write({"tasks_x.py": TASKS, "source.txt": "x"})
    assert last_line(folder.run("total", executor="process")) == ANSWER
    return folder


def index_of(folder: Folder) -> Path:
    return folder.root / ".taskdisc" / "index.sqlite"


def aside(folder: Folder, ending: str) -> list[Path]:
    return sorted(index_of(folder).parent.glob(f"index.sqlite.{ending}-*"))


def fill(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def be_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def be_another_database(path: Path) -> None:
    path.unlink()
    other = sqlite3.connect(path)
    other.execute("create table something (else_)")
    other.execute(f"pragma user_version={SCHEMA}")
    other.close()


def lose_a_table(path: Path) -> None:
    index = sqlite3.connect(path)
    index.execute("drop table part")
    index.close()


DAMAGES: dict[str, Callable[[Path], None]] = {
    "garbage": lambda path: fill(path, Random(1).randbytes(50_000)),
    "a few bytes": lambda path: fill(path, b"SQL"),
    "text": lambda path: fill(path, b"<html>Not found</html>\n" * 100),
    "truncated": lambda path: fill(path, path.read_bytes()[:20_000]),
    "truncated in the header": lambda path: fill(path, path.read_bytes()[:50]),
    "garbage after the header": lambda path: fill(path, path.read_bytes()[:100] + Random(2).randbytes(60_000)),
    "zeros after the first page": lambda path: fill(path, path.read_bytes()[:4096] + bytes(80_000)),
    "a folder": be_a_folder,
    "another database": be_another_database,
    "a table gone": lose_a_table,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_is_moved_aside(folder: Folder, damage: str) -> None:
    DAMAGES[damage](index_of(folder))
    ended = folder.run("total")
    assert (ended.code, last_line(ended)) == (0, ANSWER), ended.err
    assert "Traceback" not in ended.err
    assert len(ended.executed) == STEPS
    assert ended.err.startswith("warning: the store's index ")
    assert ended.err.count("warning: ") == 1
    assert len(aside(folder, "damaged")) == 1
    assert folder.run("total").executed == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_commands_that_only_look_say_so_too(folder: Folder, damage: str) -> None:
    DAMAGES[damage](index_of(folder))
    ended = folder.command("status")
    assert ended.code == 0
    assert ended.err.count("warning: ") == len(aside(folder, "damaged")) <= 1
    assert "Traceback" not in ended.err


def test_an_empty_index_is_one_without_results(folder: Folder) -> None:
    fill(index_of(folder), b"")
    ended = folder.run("total")
    assert (ended.code, last_line(ended), len(ended.executed)) == (0, ANSWER, STEPS)


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bytes_never_give_a_wrong_answer(folder: Folder, seed: int) -> None:
    check_flips(folder, [Random(seed * 100 + n) for n in range(3)])


@pytest.mark.long
def test_many_flipped_bytes(folder: Folder) -> None:
    check_flips(folder, [Random(n) for n in range(300)])


def check_flips(folder: Folder, generators: list[Random]) -> None:
    good = index_of(folder).read_bytes()
    for rng in generators:
        data = bytearray(good)
        for _ in range(rng.choice([1, 3, 30])):
            data[rng.randrange(len(data))] = rng.randrange(256)
        fill(index_of(folder), data)
        for ended in (folder.run("total"), folder.run("noisy", "-p", "noisy.factor=3"), folder.run("total")):
            if ended.code == 4:  # the number of the schema was hit
                assert "written by a newer taskdisc" in ended.err
                break
            assert ended.code == 0, ended.err
            assert "Traceback" not in ended.err
        else:
            assert last_line(ended) == ANSWER
        for path in aside(folder, "damaged") + aside(folder, "old"):
            path.unlink() if path.is_file() else shutil.rmtree(path)
        for ending in ("-wal", "-shm"):
            index_of(folder).with_name(f"index.sqlite{ending}").unlink(missing_ok=True)


@pytest.mark.parametrize("seed", range(4))
def test_commands_survive_flipped_bytes(folder: Folder, seed: int) -> None:
    good, rng = index_of(folder).read_bytes(), Random(seed)
    for command in COMMANDS:
        data = bytearray(good)
        for _ in range(20):
            data[rng.randrange(100, len(data))] = rng.randrange(256)
        fill(index_of(folder), data)
        ended = folder.command(*command)
        assert ended.code in (0, 1), ended.err
        assert "Traceback" not in ended.err, command


# Schemas


def set_schema(folder: Folder, number: int) -> None:
    index = sqlite3.connect(index_of(folder))
    index.execute(f"pragma user_version={number}")
    index.close()


def test_an_older_schema_is_moved_aside(folder: Folder) -> None:
    set_schema(folder, SCHEMA - 1)
    ended = folder.run("total")
    assert (ended.code, last_line(ended), len(ended.executed)) == (0, ANSWER, STEPS)
    assert f"was written by an older taskdisc (schema {SCHEMA - 1}). It is now index.sqlite.old-" in ended.err
    assert len(aside(folder, "old")) == 1


@pytest.mark.parametrize("command", [["run", "total"], ["status"], ["show", "total"], ["clear", "--all"]])
def test_a_newer_schema_is_refused_and_left_untouched(folder: Folder, command: list[str]) -> None:
    set_schema(folder, SCHEMA + 1)
    before = {path: path.read_bytes() for path in index_of(folder).parent.glob("index*")}
    ended = folder.command(*command)
    assert ended.code == 4
    assert ended.err == (
        f"error: {index_of(folder)} was written by a newer taskdisc (schema {SCHEMA + 1}; this one knows {SCHEMA}). "
        f"Update taskdisc, or use another store: --store DIR\n"
    )
    assert {path: path.read_bytes() for path in index_of(folder).parent.glob("index*")} == before


# Files that are gone


def test_deleting_anything_loses_that_alone(folder: Folder) -> None:
    """Every file and folder of the store in turn; the answer stays right, and no more runs than what was lost."""
    store = folder.root / ".taskdisc"
    for path in sorted(store.rglob("*"), reverse=True):
        if not path.exists() or "quarantine" in path.parts:
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        ended = folder.run("total")
        assert (ended.code, last_line(ended)) == (0, ANSWER), (path, ended.err)
        assert "Traceback" not in ended.err
        lost = path.relative_to(store).parts[0]
        if lost in ("logs", "CACHEDIR.TAG", ".gitignore", "cache"):
            assert ended.executed == [], path
        if path.relative_to(store).parts[0] == "objects" and path.is_file():
            assert len(ended.executed) <= 1


def test_commands_survive_without_logs_and_folders(folder: Folder) -> None:
    for place in ("logs", "dirs", "objects"):
        shutil.rmtree(folder.root / ".taskdisc" / place)
        for command in COMMANDS:
            ended = folder.command(*command)
            assert ended.code in (0, 1), (place, command, ended.err)
            assert "Traceback" not in ended.err


@pytest.mark.parametrize("place", ["objects", "logs", "dirs"])
def test_a_file_where_a_folder_should_be(tmp_path: Path, place: str) -> None:
    folder = Folder(tmp_path)
    folder.write({"tasks_x.py": TASKS, "source.txt": "x"})
    (tmp_path / ".taskdisc").mkdir()
    (tmp_path / ".taskdisc" / place).write_text("x")
    ended = folder.run("total", executor="process")
    assert ended.code == (4 if place == "logs" else 1)
    assert "Traceback" not in ended.err
    assert str(tmp_path / ".taskdisc" / place) in ended.err
    (tmp_path / ".taskdisc" / place).unlink()
    assert last_line(folder.run("total")) == ANSWER
