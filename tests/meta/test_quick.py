"""The quick reading of `taskdisc run` and click's agree on every line that the quick one takes."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import taskdisc.cli.run  # noqa: F401 - what click calls is put in its place
from taskdisc.cli import commands
from taskdisc.cli.quick import VALUES, read_run

FLAGS = [*VALUES, "-n", "-v", "-q", "-h", "-", "--", "-x", "--help", "--dry-run", "--work", "--prof"]
JOINED = ["-j2", "-pk=1", "-Cdir", "--workers=3", "--profile=p", "-nv", "-1"]
VALUE = st.one_of(
    st.sampled_from(
        ["", "1", "-1", " 2", "1_0", "٣", "2.0", "1e3", "k=1", "k=-1", "k=--x", "run", "dir", "-j", "a\nb"]
    ),
    st.integers().map(str),
    st.text(max_size=5),
)
TARGET = st.one_of(st.sampled_from(["total", "run", "part[k=-1]", "tasks_a.py::x", "*", "", "list"]), VALUE)
PAIR = st.tuples(st.sampled_from(sorted(VALUES)), VALUE).map(list)
WORDS = st.one_of(TARGET.map(lambda word: [word]), PAIR, st.sampled_from([*FLAGS, *JOINED]).map(lambda word: [word]))
LINE = st.tuples(
    st.one_of(st.just([]), VALUE.map(lambda folder: ["-C", folder])),
    st.sampled_from([["run"], ["run"], ["run"], ["list"], []]),
    st.lists(st.one_of(TARGET.map(lambda word: [word]), PAIR, WORDS), max_size=6),
).map(lambda line: [*line[0], *line[1], *(word for words in line[2] for word in words)])


def read_by_click(line):
    """Return the options with which click calls `taskdisc run`; None where it calls nothing."""
    called = []
    module = sys.modules["taskdisc.cli.run"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "run", lambda options: called.append(options) or 0)
        commands.invoke_click(line)
    return called[0] if called else None


@given(LINE)
def test_both_read_the_same(line):
    quick = read_run(line)
    if quick is not None:
        assert read_by_click(line) == quick


@pytest.mark.parametrize(
    "line",
    [
        ["run"],
        ["run", "total"],
        ["run", "total", "-j", "2"],
        ["run", "-p", "k=1", "part[k=1]", "-p", "fraction=0.5"],
        ["-C", "dir", "run", "total", "--workers", "-1", "--profile", "cluster"],
        ["run", "-C", "dir"],
    ],
)
def test_plain_lines_are_read_quickly(line):
    assert read_run(line) is not None
    assert read_by_click(line) == read_run(line)


@pytest.mark.parametrize("line", [["list"], ["run", "-n"], ["run", "--help"], ["run", "-j", "two"], ["run", "-p"], []])
def test_other_lines_are_left_to_click(line):
    assert read_run(line) is None
