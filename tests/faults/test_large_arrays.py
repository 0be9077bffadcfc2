"""Large arrays are mapped where they lie: aligned, writable, shared between workers, and the store never changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.projects import Folder

TASKS = """
import os
from taskdisc import Gather, axis, task

SIZE = 4_000_000
k = axis(range(4))

def numbers():
    import numpy
    return {"before": "x", "array": numpy.arange(SIZE, dtype="float64"), "small": numpy.ones(3)}

def use(numbers, k: int):
    array = numbers["array"]
    total = float(array.sum())
    copied = copied_bytes()
    array[k] = -1.0
    return {
        "aligned": array.ctypes.data % 4096 == 0,
        "writable": bool(array.flags.writeable and numbers["small"].flags.writeable),
        "total": total,
        "copied": copied > 100_000,
        "changed": float(array[k]),
    }

def copied_bytes():
    '''What this process holds of the object for itself alone, in bytes.'''
    inside, found = False, 0
    for line in open("/proc/self/smaps"):
        if "-" in line.split(" ")[0]:
            inside = "/objects/" in line
        elif inside and line.startswith("Private_Dirty:"):
            found += 1024 * int(line.split()[1])
    return found

def answers(use: Gather[dict]):
    return list(use.values())
"""
EXPECTED = {"aligned": True, "writable": True, "total": sum(range(4_000_000)), "copied": False, "changed": -1.0}


@pytest.mark.parametrize("executor", ["process", "inline"])
def test_workers_share_what_they_may_change(tmp_path: Path, executor: str) -> None:
    folder = Folder(tmp_path)
    folder.write({"tasks_x.py": TASKS})
    ended = folder.run("answers", "-j", "2", executor=executor)
    assert ended.code == 0, ended.err
    assert eval(ended.out) == [EXPECTED] * 4
    (path,) = (tmp_path / ".taskdisc" / "objects").glob("*/*")
    before = path.read_bytes()
    folder.write({"tasks_x.py": TASKS.replace("-1.0", "-2.0")})
    again = folder.run("answers", "-j", "2", executor=executor)
    assert eval(again.out) == [{**EXPECTED, "changed": -2.0}] * 4
    assert "use[k=0]" in again.executed
    assert "numbers" not in again.executed
    assert path.read_bytes() == before


CUT = """
import os
from pathlib import Path
from taskdisc import task

def numbers():
    import numpy
    return numpy.arange(1_000_000)

def cut(numbers):
    if not os.path.exists("cut"):
        Path("cut").touch()
        path, = Path(".taskdisc/objects").glob("*/*")
        os.truncate(path, 100_000)
    return int(numbers.sum())

def other():
    return 1
"""


def test_an_object_that_is_cut_while_it_is_used_ends_that_job_alone(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write({"tasks_x.py": CUT})
    ended = folder.run("cut", "other", "-j", "1", executor="process")
    assert ended.code == 1
    assert "KILLED cut - worker ended with signal SIGBUS" in ended.err
    assert "hint: A file that was mapped into memory became shorter, or its disk is full." in ended.err
    assert set(ended.executed) == {"numbers", "other"}
    ended = folder.run("cut", executor="process")
    assert (ended.code, ended.out) == (0, f"{sum(range(1_000_000))}\n"), ended.err
    assert ended.executed == ["numbers", "cut"]
