"""Results as JSON: what is loaded equals what was returned, and no code runs for it."""

from __future__ import annotations

import json
import math
import sqlite3
import subprocess
import sys
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdisc.builtin.json_codec import JsonCodec
from taskdisc.store.inline import CHECK
from taskdisc.testing import Project

CODEC = JsonCodec()
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
KEYS = (
    st.text() | st.sampled_from(["$", "$tuple", "$dict", "$path"]) | st.integers() | st.tuples(st.text(), st.booleans())
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner) | st.dictionaries(st.text(), inner)
    ),
    max_leaves=20,
)


def round_trip(value: object) -> object:
    pieces = CODEC.encode(value)
    return CODEC.decode(memoryview(b"".join(pieces)))


def shown(value: object) -> str:
    """Equal only where types are equal, too."""
    return repr(value)


@given(VALUES)
def test_what_comes_back_is_what_was_given(value: object) -> None:
    assert shown(round_trip(value)) == shown(value)


def test_numbers_that_are_none(tmp_path: object) -> None:
    assert math.isnan(round_trip(math.nan))  # type: ignore[arg-type]
    assert shown(round_trip([math.inf, -0.0])) == "[inf, -0.0]"
    assert round_trip(PurePosixPath("a/b")) == PurePosixPath("a/b")


def test_plain_data_is_plain_json() -> None:
    value = {"name": "Ada", "masses": [3750, 3.5, None, True]}
    assert json.loads(b"".join(CODEC.encode(value))) == value


class Own(dict): ...


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1, 2}, "JSON holds no builtins.set"),
        ([1, {"a": (2, 3j)}], "JSON holds no builtins.complex (in [1]['a'][1])"),
        (Own(), f"JSON holds no {__name__}.Own"),
    ],
)
def test_all_else_is_refused(value: object, message: str) -> None:
    with pytest.raises(TypeError) as raised:
        CODEC.encode(value)
    assert str(raised.value) == message


TASKS = """
    from taskdisc import Gather, axis, task

    k = axis(1, 2)

    def pair(k: int):
        return k, {"k": k, 3: b"x"}

    def pairs(pair: Gather[tuple]):
        return list(pair.values())

    @task(outputs=("one", "two"))
    def both():
        return [1], "two"

    def page(one, two, task_dir):
        path = task_dir / "page.txt"
        path.write_text(f"{one} {two}" * 9000)
        return {"path": path, "size": path.stat().st_size}

    @axis
    def word(one):
        return ["a", "b"]

    def long(word: str):
        return word * 2

    def odd():
        return {1, 2}

    def fails():
        return odd
    """
NO_PICKLE = {"pyproject.toml": "[tool.taskdisc]\npickle = false\n"}


@pytest.mark.parametrize("executor", ["process", "inline", "command"])
def test_a_project_without_pickles(project: Project, executor: str) -> None:
    project.write(NO_PICKLE, tasks_x=TASKS)
    result = project.run("pairs", "page", "long", "--executor", executor, "-j", "1").assert_ok()
    assert result.stdout.startswith("pairs: [(1, {'k': 1, 3: b'x'}), (2, {'k': 2, 3: b'x'})]\npage: {'path': ")
    assert result.stdout.endswith("long[word=a]: aa\nlong[word=b]: bb\n")
    assert project.run("pairs", "page", "long").assert_ok().ran == []
    for path in (project.path / ".taskdisc" / "objects").rglob("*"):
        assert not path.is_file() or not path.read_bytes().startswith(b"\x80"), path
    with sqlite3.connect(project.path / ".taskdisc" / "index.sqlite") as index:
        payloads = [
            row[0] for row in index.execute("select payload from artifact union all select payload from part") if row[0]
        ]
    index.close()
    assert payloads
    assert not [payload for payload in payloads if payload[CHECK:].startswith(b"\x80")]


def test_results_that_json_does_not_take_fail_with_the_reason(project: Project) -> None:
    project.write(NO_PICKLE, tasks_x=TASKS)
    result = project.run("odd", "fails")
    assert result.outcomes == {"odd": "failed", "fails": "failed"}
    assert (
        "the result cannot be kept by the codec json: JSON holds no builtins.set. "
        "Return what it takes, or choose another: @task(codec=...)."
    ) in result.stderr
    assert "JSON holds no builtins.function" in result.stderr


def test_pickles_in_the_store_are_never_loaded(project: Project) -> None:
    """Neither those of earlier runs, nor such as somebody puts in the place of JSON."""
    project.write(
        tasks_x="""
            import os

            class Bomb:
                def __reduce__(self):
                    return os.mkdir, ("exploded",)

            def bomb():
                return [1]

            def after(bomb):
                return bomb
            """,
    )
    project.run("after").assert_ok()
    project.write(NO_PICKLE)
    assert project.run("after").assert_ok().ran == ["after", "bomb"]
    code = (
        "import pickle, sqlite3, tasks_x\n"
        "from taskdisc.store.inline import checked\n"
        "index = sqlite3.connect('.taskdisc/index.sqlite')\n"
        "for number, key in index.execute('select id, key from artifact').fetchall():\n"
        "    bomb = checked(key, pickle.dumps(tasks_x.Bomb()))\n"
        "    index.execute('update artifact set payload = ? where id = ?', (bomb, number))\n"
        "index.commit()\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=project.path, check=True)
    assert "UnicodeDecodeError" in project.taskdisc("show", "after").stderr
    project.run("after", "-f")
    project.run("after")
    assert not (project.path / "exploded").exists()


def test_one_task_may_be_kept_as_json(project: Project) -> None:
    project.write(tasks_x=TASKS.replace("    def pair(", "    @task(codec='json')\n    def pair("))
    assert project.run("pairs").assert_ok().stdout == "[(1, {'k': 1, 3: b'x'}), (2, {'k': 2, 3: b'x'})]\n"
