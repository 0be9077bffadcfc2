"""The projects that are measured, written where they are wanted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.benchmarks import floors

MODULES, TASKS_EACH = 30, 10


def fan(folder: Path, size: int) -> Path:
    """`size` independent no-op tasks and their sum."""
    return _written(
        folder,
        f"""
from taskdisc import Gather, axis

i = axis(range({size}))

def noop(i: int) -> int:
    return i

def total(noop: Gather[int]) -> int:
    return sum(noop.values())
""",
    )


def chain(folder: Path, length: int) -> Path:
    """A function after the other, each of which passes on what it receives."""
    steps = [f"def step{number}(step{number - 1}):\n    return step{number - 1}\n" for number in range(1, length)]
    return _written(folder, "\n".join(["def step0():\n    return 0\n", *steps]))


def chain_by_ref(folder: Path) -> Path:
    """One task, whose instances each pass on what they receive from the one before."""
    return _written(
        folder,
        """
from taskdisc import ref, requires

@requires(before=lambda n: ref(step, n=n - 1) if n else 0)
def step(n: int, before: int) -> int:
    return before
""",
    )


SPIN = f"""
import sys
sys.path.append({str(Path(floors.__file__).parent)!r})
from floors import WIDTH, neighbours, spin
from taskdisc import Gather, axis, ref, requires

def last(busy: Gather[None]) -> int:
    return len(busy)

"""


def independent(folder: Path, size: int, microseconds: int) -> Path:
    """Tasks that are busy for a while, and one that waits for all of them, `last`."""
    source = f"i = axis(range({size}))\ndef busy(i: int): spin({microseconds})\n"
    return _written(folder, SPIN + source)


def stencil(folder: Path, size: int, microseconds: int) -> Path:
    """The same, where each task needs its three neighbours of the row before."""
    return _written(
        folder,
        f"""{SPIN}
t, i = axis(range(max(1, {size} // WIDTH))), axis(range(WIDTH))

@requires(near=lambda t, i: [ref(busy, t=t - 1, i=j) for j in neighbours(i)] if t else [])
def busy(t: int, i: int, near): spin({microseconds})
""",
    )


def grid(folder: Path, *sizes: int) -> Path:
    """A task on three axes, one after it, and a gather of each."""
    a, b, c = sizes
    return _written(
        folder,
        f"""
from taskdisc import Gather, axis

a, b, c = axis(range({a})), axis(range({b})), axis(range({c}))

def cell(a: int, b: int, c: int) -> int:
    return a

def line(cell: int, a: int) -> int:
    return cell

def cells(cell: Gather[int]) -> int:
    return len(cell)

def lines(line: Gather[int], cells: int) -> int:
    return len(line)
""",
    )


def many_modules(folder: Path) -> Path:
    """300 tasks in 30 modules; one in each module calls the helper."""
    _written(folder, "")
    (folder / "tasks_a.py").unlink()
    for module in range(MODULES):
        (folder / f"tasks_{module:02}.py").write_text(_module_text(module))
    change_helper(folder, 0)
    return folder


def _module_text(module: int) -> str:
    tasks = [
        f"def value_{module}_{number}(value_{module}_{number - 1}):\n"
        f'    """Step {number} of module {module}."""\n'
        f"    rows = [value_{module}_{number - 1} + each for each in range({number})]\n"
        f"    return sum(rows) / (len(rows) or 1)\n"
        for number in range(1, TASKS_EACH)
    ]
    head = f"from helper import scaled\n\ndef value_{module}_0():\n    return scaled({module})\n"
    return "\n".join([head, *tasks])


def change_helper(folder: Path, number: int) -> None:
    """Give the helper another constant; the first job that calls it notes the time."""
    helper = folder / "helper.py"
    helper.write_text(
        f"""
import os, time

def scaled(value):
    try:
        note = os.open("began", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return value * {number}
    os.write(note, str(time.perf_counter()).encode())
    return value * {number}
"""
    )
    os.utime(helper, (1_000_000_000 + number,) * 2)  # bytecode knows its source by size and whole seconds
    (folder / "began").unlink(missing_ok=True)


def emptied(folder: Path) -> Path:
    """Take the project's store away; bytecode stays."""
    shutil.rmtree(folder / ".taskdisc", ignore_errors=True)
    return folder


def _written(folder: Path, source: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text("[tool.taskdisc]\n")
    (folder / "tasks_a.py").write_text(source)
    return folder
