"""Runs that go on while a test does something to them."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from servers import wait_for

from taskdisc.testing import LAUNCHER, Project

QUERIES = ("select count(*) from artifact", "select sum(size) from batch")
TASKS = """
import os
import time
from taskdisc import Gather, axis, task

n = axis(range(4))

@task(**{options})
def work(n: int):
    open(f"begun-{{n}}.{{os.getpid()}}", "w").close()
    while not os.path.exists(f"gate-{{n}}"):
        time.sleep(0.01)
    return n

def total(work: Gather[int]) -> int:
    return sum(work.values())
"""


def write_tasks(project: Project, **options: object) -> None:
    """Write tasks of which each waits for a gate of its own."""
    project.write(tasks_a=TASKS.format(options=options))


_runs: list[subprocess.Popen[bytes]] = []


def begin(project: Project, *words: str) -> subprocess.Popen[bytes]:
    """Begin a run, in a session of its own."""
    with open(project.path / "stderr", "wb") as stderr:
        run = subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, "run", *words],
            cwd=project.path,
            env={**os.environ, **project.environment},
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            start_new_session=True,
        )
    _runs.append(run)
    return run


def end_all() -> None:
    """End the runs of a test that has failed."""
    for run in _runs:
        run.kill()
        run.wait()
    _runs.clear()


def begun(project: Project) -> dict[int, list[int]]:
    """Return which jobs have begun, and in which processes."""
    found: dict[int, list[int]] = {}
    for path in project.path.glob("begun-*"):
        number, _, process = path.name.removeprefix("begun-").partition(".")
        found.setdefault(int(number), []).append(int(process))
    return found


def until_begun(project: Project, count: int) -> dict[int, list[int]]:
    """Wait until so many jobs have begun."""
    wait_for(lambda: len(begun(project)) >= count)
    return begun(project)


def open_gates(project: Project, *numbers: int) -> None:
    """Let jobs end."""
    for number in numbers or range(4):
        (project.path / f"gate-{number}").touch()


def is_there(process: int) -> bool:
    """Say whether a process runs."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def until_gone(*processes: int) -> None:
    """Wait until processes have ended."""
    wait_for(lambda: not any(map(is_there, processes)), 30)


def descendants(process: int) -> set[int]:
    """Return the children of a process, theirs, and so on."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, todo = set(), [process]
    while todo:
        parent = todo.pop()
        children = {child for child, its in parents.items() if its == parent}
        found |= children
        todo += children
    return found


def until_kept(project: Project, count: int) -> None:
    """Wait until so many results are durable."""

    def kept() -> int:
        path = project.path / ".taskdisc" / "index.sqlite"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            (single,), (many,) = (database.execute(query).fetchone() for query in QUERIES)
        return single + (many or 0)

    wait_for(lambda: kept() >= count)
