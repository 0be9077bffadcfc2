"""The columns of the expansion say what the readable reference says: instances, ids, dependencies, slices."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskdisc.errors import Place
from taskdisc.expand import Block, Expansion, expand
from taskdisc.gathered import label_key
from taskdisc.graph import FromAxis, TaskGraph
from taskdisc.labels import label_texts, parse_target
from taskdisc.marks import Axis, Element
from taskdisc.model import DEFAULTS, Task
from taskdisc.select import Selection, rows_of, select
from tests.reference import Graph, Identity, Instance, Run
from tests.reference.instances import Label
from tests.unit.random_graphs import OPEN_VALUE, Description, World, descriptions, reference_of, world_of


def reference_run(description: Description) -> Run:
    given = {axis.name: OPEN_VALUE for axis in description.axes if axis.open}
    return Run(Graph(reference_of(description)), given, {}, {})


def name_of(world: World, block: Block) -> str:
    return world.graph.tasks[block.task].name


def identity(world: World, block: Block, row: int) -> Identity:
    """Return the reference's name of a row."""
    return Identity(name_of(world, block), coordinate(world.expansion, block, row, block.axes), ())


def coordinate(expansion: Expansion, block: Block, row: int, axes: Any) -> tuple[tuple[str, Label], ...]:
    return tuple((axis.name, Label(expansion.elements[axis].elements[block.columns[axis][row]].label)) for axis in axes)


def dependencies(world: World, block: Block, row: int) -> dict[str, Any]:
    """Return what each parameter takes: an identity, or the (labels, identity) pairs of a gather, in order."""
    found: dict[str, Any] = {}
    for link in block.links:
        target = world.expansion.blocks[link.block]
        found[link.parameter] = _gathered(world, target, link.rows[row]) if target.gather else None
        if target.gather is None:
            found[link.parameter] = identity(world, target, link.rows[row])
    return found


def _gathered(world: World, block: Block, row: int) -> list[tuple[list[Label], Identity]]:
    groups = block.gather
    assert groups is not None
    target = world.expansion.blocks[groups.target]
    rows = groups.rows[groups.starts[row] : groups.starts[row + 1]]
    return [
        ([label for _, label in coordinate(world.expansion, target, each, groups.over)], identity(world, target, each))
        for each in rows
    ]


def in_reference(instance: Instance) -> dict[str, Any]:
    """Return the reference's dependencies in the same form."""
    return {
        name: taken if isinstance(taken, Identity) else [(_labels(key), one) for key, one in taken]
        for name, taken in instance.dependencies.items()
    }


def _labels(key: Any) -> list[Label]:
    return [Label(label) for label in key] if type(key).__name__ == "Coordinate" else [Label(key)]


def check_against_reference(description: Description) -> None:
    world, run = world_of(description), reference_run(description)
    for block in world.expansion.by_task.values():
        expected = run.instances(name_of(world, block), {})
        assert [identity(world, block, row) for row in range(block.size)] == [each.identity for each in expected]
        for row, instance in enumerate(expected):
            assert dependencies(world, block, row) == in_reference(instance)


def check_slice(description: Description, data: Any) -> None:
    """One instance is picked at random, and some of its coordinates become the slice."""
    world = world_of(description)
    blocks = [block for block in world.expansion.by_task.values() if block.size]
    if not blocks:
        return
    block = data.draw(st.sampled_from(blocks))
    row = data.draw(st.integers(0, block.size - 1))
    fixed = data.draw(st.lists(st.sampled_from(block.axes), unique=True)) if block.axes else []
    texts = {axis.name: world.expansion.elements[axis].texts[block.columns[axis][row]] for axis in fixed}
    target = name_of(world, block) + ("[" + ",".join(f"{n}={text}" for n, text in texts.items()) + "]" if texts else "")
    assert needed(world, target) == reference_needs(description, world, block, row, fixed)


def needed(world: World, target: str) -> set[Identity]:
    (selection,) = select(world.graph, [target])
    rows = rows_of(world.graph, world.expansion, selection)
    marks = world.expansion.needed({world.expansion.by_task[selection.task].number: rows})
    return {
        identity(world, block, row)
        for block in world.expansion.by_task.values()
        for row, mark in enumerate(marks[block.number])
        if mark
    }


def reference_needs(description: Description, world: World, block: Block, row: int, fixed: Any) -> set[Identity]:
    run = reference_run(description)
    run.instances(
        name_of(world, block),
        {name: label.value for name, label in coordinate(world.expansion, block, row, fixed)},
    )
    return {instance.identity for instance in run.computed()}


def check_ids(description: Description) -> None:
    """Every id is another, and means its instance when it is pasted back."""
    world = world_of(description)
    for block in world.expansion.by_task.values():
        ids = world.expansion.ids(block, name_of(world, block))
        assert len(set(ids)) == len(ids) == block.size
        for row, text in enumerate(ids):
            (selection,) = select(world.graph, [text])
            assert (rows_of(world.graph, world.expansion, selection) or [0]) == [row]


FEW = settings(max_examples=400, deadline=None, derandomize=True, database=None)
MANY = settings(max_examples=1000, deadline=None, database=None)


@FEW
@given(descriptions())
def test_instances_and_dependencies(description: Description) -> None:
    check_against_reference(description)


@FEW
@given(descriptions(), st.data())
def test_what_a_slice_needs(description: Description, data: Any) -> None:
    check_slice(description, data)


@FEW
@given(descriptions())
def test_ids(description: Description) -> None:
    check_ids(description)


@pytest.mark.long
@MANY
@given(descriptions(), st.data())
def test_many_graphs(description: Description, data: Any) -> None:
    check_against_reference(description)
    check_slice(description, data)
    check_ids(description)


# ---- labels of all kinds


class Colour(enum.Enum):
    RED = 1
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.text("ab=,[]\"'\\ ()~.\n\té", max_size=6),
    st.sampled_from(
        [
            "1",
            "True",
            "nan",
            "1e5",
            "Colour.RED",
            "2026-01-01",
            "a/b",
            "(1,2)",
            "PosixPath(a/b)",
            'tuple("(1,2)")',
            "Colour(Colour.RED)",
            "date(2026-01-01)",
            "Level(Level.LOW)",
        ]
    ),
)
DATES = st.dates(datetime.date(2026, 1, 1), datetime.date(2026, 1, 3))
PLAIN = st.one_of(
    TEXTS,
    st.integers(-3, 3),
    st.integers(),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=True).filter(lambda value: value != 0),
    st.sampled_from([*Colour, *Level]),
    DATES,
    st.datetimes(datetime.datetime(2026, 1, 1), datetime.datetime(2026, 1, 2)),
    st.times(),
    st.sampled_from([Path("a/b"), Path("a b"), Path("x,y"), Path(".")]),
    st.binary(max_size=3),
    st.decimals(-2, 2, places=1),
    st.fractions(-2, 2, max_denominator=3),
    st.uuids(),
)
LABELS = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=4)


def grid(*labels: list[Any]) -> tuple[TaskGraph, Expansion]:
    """Return one task along as many axes as there are lists of labels."""
    place = Place("tasks_x.py", 1)
    axes = tuple(
        Axis(tuple(Element(label, None) for label in each), module="tasks_x", place=place, name=name)
        for name, each in zip(("größe", "k"), labels, strict=False)
    )
    task = Task("tasks_x.py::t", "t", "tasks_x", place, lambda: None, (), DEFAULTS)
    sources: dict[str, Any] = {axis.name: FromAxis(axis) for axis in axes}
    graph = TaskGraph({task.id: task}, {task.id: sources}, {task.id: axes}, (), {task.id: task.name})
    return graph, expand(graph, [task.id], {axis: axis.elements for axis in axes})


def check_labels(*labels: list[Any]) -> None:
    graph, expansion = grid(*labels)
    block = expansion.by_task["tasks_x.py::t"]
    ids = expansion.ids(block, "t")
    assert len(set(ids)) == len(ids)
    for row, text in enumerate(ids):
        selection = Selection("tasks_x.py::t", None, parse_target(text))
        assert rows_of(graph, expansion, selection) == [row], text
        assert "\n" not in text


@settings(FEW, max_examples=300)
@given(*[st.lists(LABELS, min_size=1, max_size=5, unique_by=label_key)] * 2)
def test_ids_of_labels_of_all_kinds(one: list[Any], other: list[Any]) -> None:
    check_labels(one, other)


@pytest.mark.long
@settings(MANY, max_examples=3000)
@given(*[st.lists(LABELS, min_size=1, max_size=5, unique_by=label_key)] * 2)
def test_ids_of_many_labels(one: list[Any], other: list[Any]) -> None:
    check_labels(one, other)


@pytest.mark.parametrize(
    "labels",
    [
        [1, True, 1.0, "1", "True", "1.0"],
        [None, "None", float("nan"), "nan", float("inf"), "inf"],
        [(1, 2), "(1,2)", 'tuple("(1,2)")'],
        [(1,), (True,), (1.0,), ("1",)],
        [(Path("a"),), ("a",), ("PosixPath(a)",)],
        [Path("a/b"), "a/b", "PosixPath(a/b)"],
        [Colour.RED, "Colour.RED", "Colour(Colour.RED)"],
        [Level.LOW, 1, "Level.LOW"],
        [datetime.date(2026, 1, 1), "2026-01-01", "date(2026-01-01)"],
        [decimal.Decimal("1.0"), fractions.Fraction(1), 1],
        [uuid.UUID(int=1), b"1", "", " ", '"', '""', "[", "]", ",", "=", "\\", "\n", "é", "a=b,c=d"],
    ],
    ids=repr,
)
def test_labels_that_look_alike_are_told_apart(labels: list[Any]) -> None:
    assert len(set(label_texts(labels))) == len(labels)
    check_labels(labels)
