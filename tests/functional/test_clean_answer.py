"""The answer of any run is that of a clean evaluation, and nothing is executed whose own code and inputs were seen.

Small random projects are run, edited and run again with the real command. What each run must print is computed by the
reference, which calls the same functions as plain Python; what it must execute follows from the results: an instance
whose code, settings, axis values, files and inputs' results have been together before has a result.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskdisc.labels import label_texts
from tests.projects import Folder
from tests.reference import Graph, Identity, Instance, Project, Run, Setting, Task
from tests.unit.random_graphs import (
    OPEN_VALUE,
    AxisText,
    Description,
    Filled,
    TaskText,
    described,
    reference_axis,
    reference_source,
)

HELPERS = '''
"""Helpers that are no tasks."""
import zlib

SALT = {salt}

def salted(*parts):
    return _digest(SALT, *parts)

def unsalted(*parts):
    return _digest(*parts)

def _digest(*parts):
    """Few different results, so that a change often ends in an equal one."""
    return zlib.crc32(repr(parts).encode()) % 5

def plain(gathered):
    return list(gathered.items())

def unused():
    return {unused}
'''
TASK = """
LIMIT_{name} = {limit}

@task({options})
def {name}({parameters}):
    # comment {comment}
    parts = {body}, LIMIT_{name}, {arguments}
    return {result}
"""


class Code(NamedTuple):
    """What of a task can be edited."""

    body: int = 0
    limit: int = 0
    comment: int = 0
    default: int = 3
    salted: bool = False
    reads: bool = False


class State(NamedTuple):
    """A project as it is at some time."""

    description: Description
    codes: dict[str, Code]
    salt: int = 0
    unused: int = 0
    raw: str = "1"
    given: tuple[str, ...] = ()
    """What is passed with -p, as name=int."""

    def files(self) -> dict[str, str]:
        """Return the texts of the project's files."""
        description = self.description
        axes = [axis for axis in description.axes if not axis.open]
        head = "from taskdisc import Gather, axis, file, task\nfrom helpers import plain, salted, unsalted\n"
        first = [head, 'raw = file("raw.txt")', *(axis.source for axis in axes)]
        second = [head, *(f"from tasks_0 import {axis.name}" for axis in axes)]
        for task in description.tasks:
            (second if task.module else first).append(task_source(task, self.codes[task.name]))
        helpers = HELPERS.format(salt=self.salt, unused=self.unused)
        return {
            "helpers.py": helpers,
            "tasks_0.py": "\n".join(first),
            "tasks_1.py": "\n".join(second),
            "raw.txt": self.raw,
        }


def task_source(task: TaskText, code: Code) -> str:
    parameters = sorted(task.parameters, key=lambda each: each.kind == "setting")
    spelt = [f"setting={code.default}" if each.kind == "setting" else each.source for each in parameters]
    arguments = [f"plain({each.name})" if each.kind == "gather" else each.name for each in parameters]
    digest = "salted" if code.salted else "unsalted"
    if code.reads:
        spelt.insert(0, "raw")
        arguments.append("raw.read_text()")
    several = ", ".join(f"{digest}({number}, *parts)" for number in range(len(task.outputs)))
    return TASK.format(
        name=task.name,
        **code._asdict() | {"body": code.body},
        options=f"outputs={task.outputs!r}" if task.outputs else "",
        parameters=", ".join(spelt),
        arguments=f"[{', '.join(arguments)}]",
        result=several or f"{digest}(*parts)",
    )


# ---- the clean answer


class Clean(NamedTuple):
    """What the reference says of a state: by printed id, the value and all that the value can depend on."""

    values: dict[str, Any]
    recipes: dict[str, Any]


def clean(state: State, root: Path) -> Clean:
    """Evaluate from scratch, by calling the functions of the project's modules."""
    functions = plain_functions(state.files())
    axes = {axis.name: reference_axis(axis) for axis in state.description.axes}
    tasks = []
    for task in state.description.tasks:
        code = state.codes[task.name]
        sources = {filled.name: reference_source(filled, axes) for filled in task.parameters}
        if "setting" in sources:
            sources["setting"] = Setting(code.default)
        if code.reads:
            sources["raw"] = Setting(root / "raw.txt")
        tasks.append(Task(task.name, functions[task.name], sources, task.outputs))
    opened = {axis.name: OPEN_VALUE for axis in state.description.axes if axis.open}
    run = Run(Graph(Project(*tasks)), {**opened, **given_values(state)}, {}, {})
    instances = [each for task in state.description.tasks for each in run.instances(task.name, {})]
    values = {instance.identity: instance.value for instance in instances}
    texts = {axis.name: label_table(axis) for axis in state.description.axes}
    return Clean(
        {printed(each.identity, texts): each.value for each in instances},
        {printed(each.identity, texts): recipe(each, state, values) for each in instances},
    )


def given_values(state: State) -> dict[str, int]:
    return {name: int(value) for name, _, value in (each.partition("=") for each in state.given)}


def plain_functions(files: dict[str, str]) -> dict[str, Any]:
    modules = {name: ModuleType(name) for name in ("helpers", "tasks_0", "tasks_1")}
    found: dict[str, Any] = {}
    with patch.dict(sys.modules, modules):
        for name, module in modules.items():
            exec(compile(files[f"{name}.py"], f"{name}.py", "exec", dont_inherit=True), vars(module))
            found.update(vars(module))
    return found


def label_table(axis: AxisText) -> dict[tuple[type, str], str]:
    labels = [OPEN_VALUE] if axis.open else list(axis.labels)
    return {(type(label), repr(label)): text for label, text in zip(labels, label_texts(labels), strict=True)}


def printed(identity: Identity, texts: dict[str, dict[tuple[type, str], str]]) -> str:
    items = [f"{name}={texts[name][type(lb.value), repr(lb.value)]}" for name, lb in identity.coordinates]
    return identity.task + (f"[{','.join(items)}]" if items else "")


def recipe(instance: Instance, state: State, values: dict[Identity, Any]) -> Any:
    """Return all that the instance's result can depend on, its inputs by their results; repr keeps types apart."""
    (task,) = (each for each in state.description.tasks if each.name == instance.identity.task)
    code, coordinates = state.codes[task.name], dict(instance.identity.coordinates)
    own: list[Any] = [task.name, code.body, code.limit, code.salted and state.salt]
    own += [state.raw] if code.reads else []
    for filled in task.parameters:
        own.append(_taken(filled, instance, coordinates, state, values))
    return repr(own)


def _taken(filled: Filled, instance: Instance, coordinates: Any, state: State, values: dict[Identity, Any]) -> Any:
    if filled.kind == "setting":
        given = given_values(state)
        return given.get(
            f"{instance.identity.task}.setting", given.get("setting", state.codes[instance.identity.task].default)
        )
    if filled.kind in ("axis", "open"):
        return filled.name, axis_value(state, filled.name, coordinates[filled.name].value)
    taken = instance.dependencies[filled.name]
    pairs = [(None, taken)] if isinstance(taken, Identity) else taken
    return [(key, values[one] if filled.output is None else values[one][filled.output]) for key, one in pairs]


def axis_value(state: State, name: str, label: Any) -> Any:
    (axis,) = (axis for axis in state.description.axes if axis.name == name)
    return [axis.labels.index(label)] if axis.labelled else label


# ---- edits


def first_state(seed: int, size: int) -> State:
    rng = Random(~seed)
    description = described(seed, size)
    codes = {
        task.name: Code(rng.randrange(3), rng.randrange(3), salted=rng.random() < 0.5, reads=rng.random() < 0.3)
        for task in description.tasks
    }
    return State(description, codes)


EDITS = ("body", "limit", "comment", "default", "salt", "unused", "raw", "given", "axis", "undo", "nothing")


def edited(states: list[State], rng: Random) -> State:
    """Return what comes after the last of these states."""
    state, kind = states[-1], rng.choice(EDITS)
    if kind in Code._fields:
        name = rng.choice(sorted(state.codes))
        code = state.codes[name]._replace(**{kind: rng.randrange(4)})
        return state._replace(codes={**state.codes, name: code})
    if kind in ("salt", "unused"):
        return state._replace(**{kind: rng.randrange(3)})
    if kind == "raw":
        return state._replace(raw=str(rng.randrange(3)))
    if kind == "given":
        return state._replace(given=_given(state, rng))
    if kind == "axis":
        return state._replace(description=_other_axis(state.description, rng))
    return rng.choice(states) if kind == "undo" else state


def _given(state: State, rng: Random) -> tuple[str, ...]:
    owners = [t.name for t in state.description.tasks if any(each.kind == "setting" for each in t.parameters)]
    if not owners or rng.random() < 0.3:
        return ()
    return (f"{rng.choice(['', rng.choice(owners) + '.'])}setting={rng.randrange(5)}",)


def _other_axis(description: Description, rng: Random) -> Description:
    """Take an element away, add one, or turn their order."""
    number = rng.randrange(len(description.axes))
    axis = description.axes[number]
    if axis.open:
        return description
    change = rng.choice((axis.labels[:-1], (*axis.labels, f"new {len(axis.labels)}"), axis.labels[::-1]))
    if len(set(map(repr, change))) < len(change):
        return description
    axes = (*description.axes[:number], axis._replace(labels=change), *description.axes[number + 1 :])
    return description._replace(axes=axes)


# ---- the proof


def check(seed: int, size: int, steps: int, executor: str) -> None:
    rng, states, seen = Random(seed), [first_state(seed, size)], set()
    with tempfile.TemporaryDirectory() as name:
        folder = Folder(Path(name).resolve())
        for _ in range(steps):
            state = states[-1]
            folder.write(state.files())
            expected = clean(state, folder.root)
            executed = answer(folder, state, expected, executor)
            fresh = {recipe for recipe in expected.recipes.values() if recipe not in seen}
            assert {expected.recipes[one] for one in executed} == fresh, (executed, state)
            seen |= fresh
            states.append(edited(states, rng))


def answer(folder: Folder, state: State, expected: Clean, executor: str) -> list[str]:
    """Run all tasks, compare what is printed, and return what was executed."""
    opened = [f"{axis.name}={OPEN_VALUE}" for axis in state.description.axes if axis.open]
    has = {filled.name for task in state.description.tasks for filled in task.parameters}
    words = [word for each in (*opened, *state.given) if each.partition("=")[0] in has or "." in each
             for word in ("-p", each)]  # fmt: skip
    names = [task.name for task in state.description.tasks]
    ended = folder.run(*names, *words, executor=executor)
    assert ended.code == 0, ended.err
    if len(expected.values) == 1:
        assert ended.out == f"{next(iter(expected.values.values()))}\n"
    else:
        assert ended.out == "".join(f"{one}: {value!r}\n" for one, value in expected.values.items())
    assert len(ended.executed) == len(set(ended.executed))
    return ended.executed


def test_an_edit_within_the_second_of_a_run_is_seen(tmp_path: Path) -> None:
    """Python itself would take the bytecode of the first text for that of the second."""
    folder = Folder(tmp_path)
    task = "import values\n\ndef one():\n    import later\n    return values.X, later.X\n"
    folder.write({"tasks_x.py": task, "values.py": "X = 1\n", "later.py": "X = 1\n"})
    soon = time.time_ns() + 3600 * 10**9  # they were written just now, however long the first run takes
    for content, out in ("X = 1\n", "(1, 1)\n"), ("X = 2\n", "(2, 2)\n"):
        for name in ("values.py", "later.py"):
            (tmp_path / name).write_text(content)
            os.utime(tmp_path / name, ns=(soon, soon))
        assert folder.run("one").out == out


FIXED = settings(deadline=None, derandomize=True, database=None)
SEEDS, SIZES, STEPS = (
    st.integers(0, 2**32),
    st.sampled_from([*range(3, 8), *[8] * 8]),
    st.sampled_from([1, 2, *[7] * 8]),
)


@settings(FIXED, max_examples=40)
@given(SEEDS, SIZES, STEPS)
def test_answers_and_work_inline(seed: int, size: int, steps: int) -> None:
    check(seed, size, steps, "inline")


@settings(FIXED, max_examples=8)
@given(SEEDS, SIZES, STEPS)
def test_answers_and_work_in_workers(seed: int, size: int, steps: int) -> None:
    check(seed, size, steps, "process")


@pytest.mark.long
@settings(FIXED, max_examples=300, derandomize=False)
@given(SEEDS, SIZES, STEPS, st.sampled_from(["inline", "process"]))
def test_many_answers(seed: int, size: int, steps: int, executor: str) -> None:
    check(seed, size, steps, executor)
