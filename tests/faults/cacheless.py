"""A project that is edited, and what is true of it: the answers, and what a run may execute. Nothing here runs it.

`State` is all that a user can change. `State.files()` spells it as a project; `steps(state)` says, in plain Python and
without a cache, which instances there are, what each of them returns, and its *recipe*: its own code with all that
this code reaches, its settings, and what goes in (results by their value). Two instances of equal recipes are one
computation.

`Ledger` is the model of the store. It knows of each recipe whether its result is kept:

- `SURE`: a run has reported it, and nothing has happened to it since;
- `PERHAPS`: it may be there or not: the run that made it was killed before it could say so, its file was damaged (which
  is noticed when it is read), or a collection may have taken it.

A recipe that is neither was never computed, or was cleared. From that follow the two bounds that every run keeps:
whatever is needed and not kept *must* be executed, and nothing else *may* be, but what is perhaps kept; what is to run
in every run; what is made again since its value is not kept and something needs it; and what returned a file that is
no longer what it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pprint import pformat
from typing import Any, NamedTuple

HELPERS = """
import os
import time

SCALE = {constant}

def scaled(number, by):
    return _inner(number) * SCALE + by

def _inner(number):
    # comment {comment}
    return number % {inner}

def unused():
    return {unused}

def note(name):
    file = os.open("executed.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{{name}}\\n".encode())
    os.close(file)
    if os.path.exists(f"gate-{{name}}"):
        open("reached", "w").close()
        while os.path.exists(f"gate-{{name}}"):
            time.sleep(0.001)
"""
TASKS = """
from pathlib import Path
from helpers import note, scaled
from taskdisc import Gather, axis, file, task

BASE = {base}
raw = file("raw.txt")
n = axis({elements})

@task(cache=False)
def source(raw):
    note("source")
    return len(raw.read_text()) % 2

def numbers(raw, source):
    note("numbers")
    return [int(word) + {numbers} + source for word in raw.read_text().split()]

def large(numbers, n):
    '''Comment {comment}.'''
    note(f"large[n={{n}}]")
    return b"<large %d %d>" % (sum(numbers) % 3 + {large}, n) * 3_000

@task(keep=False)
def middle(numbers, n):
    note(f"middle[n={{n}}]")
    return [number % 4 for number in numbers] * n

def picked(middle, n, factor: int = {default}):
    note(f"picked[n={{n}}]")
    return scaled(sum(middle), n) * factor % 5 + BASE + {picked}

@task(outputs=("low", "high"))
def split(picked, n):
    note(f"split[n={{n}}]")
    return picked % 2, picked // 2

def written(low, n, task_dir: Path):
    note(f"written[n={{n}}]")
    (task_dir / "number.txt").write_text(f"<written {{low}} {{n}}>")
    return task_dir / "number.txt"

def total(large: Gather[bytes], written: Gather[Path], high: Gather[int]):
    note("total")
    texts = [path.read_text() for path in written.values()]
    return sum(len(each) + each[7] for each in large.values()), "".join(texts), dict(high)

def report(total):
    note("report")
    Path("report.txt").write_text(f"{{total}}\\n")
    return Path("report.txt")
"""
TARGETS = ("report", "total", "large", "high", "picked", "written")
DEPENDENCIES = {
    "source": (),
    "numbers": ("source",),
    "large": ("numbers",),
    "middle": ("numbers",),
    "picked": ("middle",),
    "split": ("picked",),
    "written": ("split",),
    "total": ("large", "written", "split"),
    "report": ("total",),
}
"""Of each task, in the order in which they can be computed."""


class State(NamedTuple):
    """Whatever a user can change; the numbers stand in the code."""

    numbers: int = 0
    large: int = 0
    picked: int = 0
    base: int = 0
    constant: int = 1
    inner: int = 7
    default: int = 1
    unused: int = 0
    comment: int = 0
    raw: str = "1 2 3"
    elements: tuple[int, ...] = (1, 2)
    configured: int | None = None
    """The setting `factor`, in pyproject.toml."""
    given: int | None = None
    """The same, on the command line."""
    version: int | None = None
    """The option of `picked`, in pyproject.toml."""

    @property
    def factor(self) -> int:
        """What the setting is."""
        return next(value for value in (self.given, self.configured, self.default) if value is not None)

    @property
    def words(self) -> list[str]:
        """What stands on the command line."""
        return [] if self.given is None else ["-p", f"factor={self.given}"]

    def files(self) -> dict[str, str]:
        """Return the project."""
        numbers = self._asdict()
        return {
            "helpers.py": HELPERS.format(**numbers),
            "tasks_x.py": TASKS.format(**{**numbers, "elements": ", ".join(map(str, self.elements))}),
            "raw.txt": self.raw,
            "pyproject.toml": self._configuration(),
        }

    def _configuration(self) -> str:
        lines = ["[tool.taskdisc]"]
        if self.configured is not None:
            lines += ["[tool.taskdisc.params]", f"factor = {self.configured}"]
        if self.version is not None:
            lines += ["[tool.taskdisc.tasks.picked]", f"version = {self.version}"]
        return "\n".join([*lines, ""])


CHOICES: dict[str, tuple[Any, ...]] = {
    "numbers": (0, 1),
    "large": (0, 1, 2),
    "picked": (0, 1),
    "base": (0, 1),
    "constant": (1, 2),
    "inner": (7, 100, 1000),
    "default": (1, 2),
    "unused": (0, 1),
    "comment": (0, 1, 2),
    "raw": ("1 2 3", "3 2 1", "12 3", "5"),
    "elements": ((1, 2), (2, 1), (1, 2, 3), (2,), ()),
    "configured": (None, 1, 2),
    "given": (None, 2, 3),
    "version": (None, 1, 2),
}
"""What each field of a state can be."""


class Step(NamedTuple):
    """One instance as it has to be."""

    id: str
    task: str
    value: Any
    recipe: tuple[Any, ...]


def steps(state: State) -> dict[str, Step]:
    """Return all instances by printed id, each after what it depends on."""
    found: dict[str, Step] = {}

    def add(task: str, coordinate: str, value: Any, *recipe: Any) -> Any:
        name = task + coordinate
        found[name] = Step(name, task, value, (name, *recipe))
        return value

    source = add("source", "", len(state.raw) % 2, state.raw)
    numbers = [int(word) + state.numbers + source for word in state.raw.split()]
    add("numbers", "", numbers, state.numbers, state.raw, source)
    large, written, high = {}, {}, {}
    for n in state.elements:
        at = f"[n={n}]"
        head = sum(numbers) % 3 + state.large
        large[n] = add("large", at, f"<large {head} {n}>" * 3_000, state.large, tuple(numbers))
        middle = [number % 4 for number in numbers] * n
        add("middle", at, middle, tuple(numbers))
        scaled = (sum(middle) % state.inner) * state.constant + n
        picked = scaled * state.factor % 5 + state.base + state.picked
        code = state.picked, state.base, state.constant, state.inner, state.version
        add("picked", at, picked, code, state.factor, tuple(middle))
        high[n] = add("split", at, (picked % 2, picked // 2), picked)[1]
        written[n] = add("written", at, f"<written {picked % 2} {n}>", picked % 2)
    sizes = sum(len(text) + ord(text[7]) for text in large.values())
    total = (sizes, "".join(written.values()), dict(high))
    add("total", "", total, tuple(large.items()), tuple(written.items()), tuple(high.items()))
    add("report", "", f"{total}\n", repr(total))
    return found


def printed(state: State, target: str, root: str) -> str | None:
    """Return what a run of the target prints; None for paths below the store, whose names are its own."""
    if target == "written" and state.elements:
        return None
    task = "split" if target == "high" else target
    chosen = [step for step in steps(state).values() if step.task == task]
    lines = [(step.id.replace("split", "high"), _shown(step, target, root)) for step in chosen]
    if len(lines) == 1 and target == "large":
        return f"{pformat(chosen[0].value.encode(), width=100)}\n"
    if len(lines) == 1:
        return f"{lines[0][1]}\n"
    return "".join(f"{name}: {text}\n" for name, text in lines)


def _shown(step: Step, target: str, root: str) -> str:
    if target == "report":
        return f"{root}/report.txt"
    if target == "large":
        return repr(step.value.encode())
    return repr(step.value[1] if target == "high" else step.value)


def reach(target: str) -> set[str]:
    """Return the task and all that it depends on."""
    found = {"split" if target == "high" else target}
    for task in reversed(DEPENDENCIES):
        if task in found:
            found.update(DEPENDENCIES[task])
    return found


def needed(state: State, target: str) -> list[Step]:
    """Return the instances that a run needs: of what is gathered from an axis without elements, there are none."""
    tasks = reach(target) if state.elements else reach(target) & {"total", "report"}
    return [step for step in steps(state).values() if step.task in tasks]


SURE, PERHAPS = "sure", "perhaps"


class Bounds(NamedTuple):
    """The ids that a run must execute, and those that it may execute beside them."""

    must: frozenset[str]
    may: frozenset[str]


class Ledger:
    """What is kept of all that was ever computed."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], str] = {}
        self._values: dict[tuple[Any, ...], tuple[str, Any]] = {}
        """Of each recipe: task and value."""
        self._newest: dict[str, tuple[Any, ...]] = {}
        """By id, the recipe that was computed last."""

    def bounds(self, state: State, target: str, report: str | None) -> Bounds:
        """Say what a run may do; `report` is what stands in the file that the task of this name returns."""
        wanted = needed(state, target)
        must = {step.id for step in wanted if self._must(step, report)}
        may = {step.id for step in wanted if self._kept.get(step.recipe) == PERHAPS}
        busy = {name.replace("picked", "middle") for name in must | may if name.startswith("picked")}
        may |= busy & {step.id for step in wanted}  # its value is not kept
        return Bounds(frozenset(must), frozenset(may - must))

    def _must(self, step: Step, report: str | None) -> bool:
        if step.recipe not in self._kept or step.task == "source":
            return True
        return step.task == "report" and self._kept[step.recipe] == SURE and report != step.value

    def computed(self, state: State, names: Iterable[str], certainty: str = SURE) -> None:
        """Note what was executed under this state."""
        known = steps(state)
        for name in names:
            step = known[name]
            if certainty == SURE or self._kept.get(step.recipe) != SURE:
                self._kept[step.recipe] = certainty
            self._values[step.recipe] = step.task, step.value
            self._newest[name] = step.recipe

    def damaged(self, content: bytes) -> None:
        """Something has happened to a stored file that held this; what is damaged already may hold anything."""
        marks = {mark.decode() for mark in re.findall(rb"<(?:large|written) \d+ \d+>", content)}
        for recipe, (task, value) in self._values.items():
            if task in ("large", "written") and value.startswith(tuple(marks)):
                self._doubt(recipe)

    def collected(self) -> None:
        """Only the newest result of each instance had to stay."""
        for recipe in list(self._kept):
            newest = self._newest[recipe[0]]
            if recipe != newest or self._kept[newest] != SURE:
                self._doubt(recipe)

    def cleared(self, task: str | None, *, downstream: bool = False) -> None:
        """All results of a task are gone, or of all tasks; `downstream`: of those that depend on it, too."""
        gone = {each for each in DEPENDENCIES if task in (None, each) or (downstream and task in reach(each))}
        for recipe in [recipe for recipe in self._kept if self._values[recipe][0] in gone]:
            del self._kept[recipe]

    def _doubt(self, recipe: tuple[Any, ...]) -> None:
        if recipe in self._kept:
            self._kept[recipe] = PERHAPS
