"""Keys and value digests are the same in every process: hash seeds, kinds of workers, orders of import, Pythons."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import taskdisc
from tests.corpus.keys_project import FILES, FILES_OF_THIS_PYTHON, ORDERS
from tests.pythons import VERSIONS, interpreters

PURE = ("pluggy", "click", "cloudpickle", "filelock", "dotenv", "networkx")
"""What taskdisc needs, written in Python alone: any version can import it from where this one has it."""


class Kept(NamedTuple):
    """What a store says of the results of a project."""

    keys: dict[tuple[str, str], tuple[str, str]]
    """By task and coordinates: the key, and the digest of the value, in hex."""
    code: dict[str, Any]
    """By task: the fingerprints of the code that it reaches."""
    how: set[str]
    """The command lines of the processes in which tasks ran."""


def kept_in(root: Path) -> Kept:
    index = sqlite3.connect(root / ".taskdisc" / "index.sqlite")
    rows = index.execute("select task, instance, key, digest from artifact join family on family.id = family")
    keys = {(task, instance): (key.hex(), digest.hex()) for task, instance, key, digest in rows}
    code = {task: json.loads(parts)["code"] for task, parts in index.execute("select task, parts from family")}
    index.close()
    return Kept(keys, code, set((root / "how.txt").read_text().splitlines()))


def run(
    root: Path, files: dict[str, str], *words: str, python: str = sys.executable, libraries: str = "", **variables: str
) -> Kept:
    """Run everything in a new folder, by the interpreter `python`; the environment has `variables`."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    home = str(Path(taskdisc.__file__).parents[1])
    path = os.pathsep.join(filter(None, [home, libraries]))
    environment = {**os.environ, "PYTHONPATH": path, "ORDER": "", **variables}
    command = [python, "-m", "taskdisc", "-C", str(root), "run", "--plugin", "early", "-j", "2", *words]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    return kept_in(root)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """What every other run is compared with."""
    kept = run(tmp_path_factory.mktemp("usual"), FILES_OF_THIS_PYTHON, PYTHONHASHSEED="0")
    assert len(kept.keys) == 102
    return kept


def assert_same(kept: Kept, usual: Kept) -> None:
    assert kept.code == usual.code
    assert kept.keys.keys() == usual.keys.keys()
    assert [name for name, found in kept.keys.items() if found != usual.keys[name]] == []


@pytest.mark.parametrize("seed", range(1, 21))
def test_hash_seeds(tmp_path: Path, usual: Kept, seed: int) -> None:
    """Also those of other workers, other orders of import and other places: all of it is varied."""
    words = ["--executor", "inline"] if seed % 2 else []
    kept = run(tmp_path / ("x" * seed), FILES_OF_THIS_PYTHON, *words, ORDER=ORDERS[seed % 3], PYTHONHASHSEED=str(seed))
    assert_same(kept, usual)


@pytest.mark.parametrize(
    ("words", "started"),
    [
        (("--executor", "inline"), "-m taskdisc -C"),
        (("--executor", "process"), "-m taskdisc -C"),
        (("--executor", "process", "--plugin", "threads"), "-m taskdisc.builtin.serving"),
    ],
    ids=["inline", "forked", "fresh"],
)
@pytest.mark.parametrize("order", ORDERS)
def test_workers_and_orders_of_import(
    tmp_path: Path, usual: Kept, words: tuple[str, ...], started: str, order: str
) -> None:
    kept = run(tmp_path, FILES_OF_THIS_PYTHON, *words, ORDER=order, PYTHONHASHSEED="random")
    assert_same(kept, usual)
    assert all(started in how for how in kept.how)  # options of the interpreter come first


@cache
def _pure_libraries(folder: Path) -> str:
    """Return a folder with what taskdisc needs and nothing else of this interpreter's."""
    folder.mkdir(exist_ok=True)
    for name in PURE:
        spec = find_spec(name)
        assert spec is not None and spec.origin is not None
        (folder / name).symlink_to(Path(spec.origin).parent)
    return str(folder)


@pytest.mark.parametrize("version", VERSIONS)
def test_pythons(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, usual: Kept, version: str) -> None:
    libraries = _pure_libraries(tmp_path_factory.getbasetemp() / "pure")
    kept = run(tmp_path, FILES, python=interpreters()[version], libraries=libraries, PYTHONHASHSEED="random")
    mine = Kept(
        {name: found for name, found in usual.keys.items() if "this_python" not in name[0]},
        {name: found for name, found in usual.code.items() if "this_python" not in name},
        usual.how,
    )
    assert_same(kept, mine)
