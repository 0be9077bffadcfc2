"""Several runs on one store at once: each step is computed by one of them, and nobody waits for the dead."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskdisc.store.index import Index
from taskdisc.store.rows import Records
from tests.projects import Folder

HELPERS = """
import os

def note(name):
    file = os.open("executed.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{name}\\n".encode())
    os.close(file)

def wait_for(name):
    import time
    while not os.path.exists(name):
        time.sleep(0.002)
"""
SLOW = """
import os
import subprocess
import sys
from gates import note, wait_for

def slow():
    note("slow")
    if os.path.exists("spawn") and not os.path.exists("child"):
        subprocess.Popen([sys.executable, "-c", "from gates import *; note('child'); wait_for('end')"], close_fds=False,
            start_new_session=True)
        if not os.fork():
            os.setsid()
            wait_for("end")
            os._exit(0)
        wait_for("child-is-there")
    wait_for("go")
    if os.path.exists("broken"):
        raise ValueError("broken")
    return 5

def other():
    note("other")
    return 7

def both(slow, other):
    note("both")
    return slow * other
"""


class Runs:
    """Commands that run at once in one project, whose tasks write down that they are executed."""

    def __init__(self, root: Path) -> None:
        self.folder = Folder(root)
        self.folder.write({"gates.py": HELPERS})
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `taskdisc run`."""
        process = self.folder.start("run", *arguments)
        self._started.append(process)
        return process

    def end(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        """Wait for the run; return its exit code and what it printed."""
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in err, err
        return process.returncode, out

    def executed(self) -> Counter[str]:
        """How often each step has begun."""
        path = self.folder.root / "executed.txt"
        return Counter(path.read_text().split() if path.exists() else [])

    def wait_until(self, **times: int) -> None:
        """Wait until these steps have begun so often."""
        deadline = time.monotonic() + 60
        while any(self.executed()[name] < count for name, count in times.items()):
            assert time.monotonic() < deadline, self.executed()
            time.sleep(0.002)

    def open(self, name: str) -> None:
        """Make the file that a task waits for."""
        (self.folder.root / name).touch()

    def locks(self) -> list[str]:
        """The files of runs that have not ended well, or not yet."""
        return [name for name in os.listdir(self.folder.root / ".taskdisc" / "runs") if name.endswith(".lock")]

    def clear_up(self) -> None:
        """Leave nothing running."""
        self.open("end")
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for stream in (process.stdout, process.stderr):
                assert stream is not None
                stream.close()


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    found = Runs(tmp_path)
    yield found
    found.clear_up()


def start_two(runs: Runs, *arguments: str) -> tuple[subprocess.Popen[str], subprocess.Popen[str]]:
    """Start two runs of `both`: the first is computing `slow`, and the second waits for that."""
    runs.folder.write({"tasks_slow.py": SLOW})
    first = runs.start("slow", *arguments)
    runs.wait_until(slow=1)
    second = runs.start("both", "-j", "2")
    runs.wait_until(other=1)  # it was given both, and got only this
    return first, second


def test_a_step_is_computed_by_one_run(runs: Runs) -> None:
    first, second = start_two(runs)
    assert len(runs.locks()) == 2
    runs.open("go")
    assert runs.end(first) == (0, "5\n")
    assert runs.end(second) == (0, "35\n")
    assert runs.executed() == {"slow": 1, "other": 1, "both": 1}
    assert runs.locks() == []


@pytest.mark.parametrize("executor", ["inline", "process"])
def test_a_run_that_only_waits(runs: Runs, executor: str) -> None:
    runs.folder.write({"tasks_slow.py": SLOW})
    first = runs.start("slow")
    runs.wait_until(slow=1)
    second = runs.start("slow", "--executor", executor)
    while len(runs.locks()) < 2:
        time.sleep(0.002)
    runs.open("go")
    assert [runs.end(first), runs.end(second)] == [(0, "5\n")] * 2
    assert runs.executed() == {"slow": 1}


def test_steps_of_other_settings_are_other_steps(runs: Runs) -> None:
    runs.folder.write(
        {
            "tasks_levels.py": """
from gates import note, wait_for

def slow(level: int = 1):
    note(f"slow{level}")
    wait_for(f"go{level}")
    return level
"""
        }
    )
    first = runs.start("slow")
    runs.wait_until(slow1=1)
    second = runs.start("slow", "-p", "level=2")
    runs.wait_until(slow2=1)
    runs.open("go2")
    assert runs.end(second) == (0, "2\n")
    runs.open("go1")
    assert runs.end(first) == (0, "1\n")


@pytest.mark.parametrize("executor", ["inline", "process"])
def test_a_run_that_is_killed_holds_nothing(runs: Runs, executor: str) -> None:
    first, second = start_two(runs, "--executor", executor)
    first.kill()
    runs.wait_until(slow=2)
    runs.open("go")
    assert runs.end(second) == (0, "35\n")
    assert runs.executed() == {"slow": 2, "other": 1, "both": 1}
    assert runs.locks() == []


@pytest.mark.parametrize("executor", ["inline", "process"])
def test_processes_that_outlive_their_run_hold_nothing(runs: Runs, executor: str) -> None:
    runs.open("spawn")
    first, second = start_two(runs, "--executor", executor)
    runs.wait_until(child=1)
    runs.open("child")
    first.kill()
    runs.wait_until(slow=2)
    runs.open("go")
    assert runs.end(second) == (0, "35\n")


def test_a_run_that_is_stopped_keeps_its_claims_until_it_goes_on(runs: Runs) -> None:
    first, second = start_two(runs)
    first.send_signal(signal.SIGSTOP)
    runs.open("go")
    third = runs.start("other")
    assert runs.end(third) == (0, "7\n")  # a stopped run is in nobody's way
    assert second.poll() is None
    first.send_signal(signal.SIGCONT)
    assert runs.end(first) == (0, "5\n")
    assert runs.end(second) == (0, "35\n")
    assert runs.executed() == {"slow": 1, "other": 1, "both": 1}


def test_a_run_that_is_stopped_can_be_killed(runs: Runs) -> None:
    first, second = start_two(runs)
    first.send_signal(signal.SIGSTOP)
    first.kill()
    runs.wait_until(slow=2)
    runs.open("go")
    assert runs.end(second) == (0, "35\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_gives_up_its_claims(runs: Runs, number: signal.Signals) -> None:
    first, second = start_two(runs)
    first.send_signal(number)
    assert runs.end(first)[0] == 2
    runs.wait_until(slow=2)
    runs.open("go")
    assert runs.end(second) == (0, "35\n")
    assert runs.locks() == []


def test_what_failed_in_one_run_is_tried_in_the_other(runs: Runs) -> None:
    first, second = start_two(runs)
    runs.open("broken")
    runs.open("go")
    assert runs.end(first)[0] == 1
    assert runs.end(second) == (1, "")
    assert runs.executed() == {"slow": 2, "other": 1}
    assert runs.locks() == []


def test_claims_end_with_their_steps_not_with_their_run(runs: Runs) -> None:
    runs.folder.write({"tasks_slow.py": SLOW})
    first = runs.start("both", "--executor", "inline")
    runs.wait_until(slow=1)
    runs.open("go")
    runs.wait_until(other=1)
    assert runs.end(runs.start("slow", "-p", "x=1"))[0] == 4
    assert runs.end(runs.start("slow")) == (0, "5\n")
    assert runs.end(first) == (0, "35\n")
    assert runs.executed() == {"slow": 1, "other": 1, "both": 1}


def test_two_runs_that_need_what_the_other_computes(runs: Runs) -> None:
    """Each goes on only when the other has begun, so both hold a claim that the other waits for."""
    runs.folder.write(
        {
            "tasks_crossed.py": """
from gates import note, wait_for

def x():
    note("x")
    wait_for("y-began")
    return 2

def y():
    note("y")
    wait_for("x-began")
    return 3

def left(x, y):
    note("left")
    return x + y

def right(y, x):
    note("right")
    return x * y
"""
        }
    )
    first = runs.start("left", "--executor", "inline")
    runs.wait_until(x=1)
    second = runs.start("right", "--executor", "inline")
    runs.wait_until(y=1)
    runs.open("x-began")
    runs.open("y-began")
    assert runs.end(first) == (0, "5\n")
    assert runs.end(second) == (0, "6\n")
    assert runs.executed() == {"x": 1, "y": 1, "left": 1, "right": 1}


GRID = """
import time
from taskdisc import Gather, axis, task
from gates import note

n = axis(range({size}))

def first(n):
    note(f"first-{{n}}")
    time.sleep({pause})
    return n + {version}

@task(outputs=("low", "high"))
def second(first, n):
    note(f"second-{{n}}")
    return first % 7, bytes(150_000 if first % 10 == 0 else 10) + b"%d" % first

def third(high, low, n):
    note(f"third-{{n}}")
    return int(high.lstrip(bytes(1))) + low

def total(third: Gather[int]):
    note("total")
    return sum(third.values())
"""
SIZE = 150


def answers(version: int) -> dict[str, str]:
    """What the targets of the grid print."""
    first = [n + version for n in range(SIZE)]
    low = "".join(f"low[n={n}]: {each % 7}\n" for n, each in enumerate(first))
    return {"total": f"{sum(each + each % 7 for each in first)}\n", "low": low}


@pytest.mark.parametrize(
    "commands",
    [
        [("total", "-j", "2")] * 2,
        [("total", "-j", "2")] * 4,
        [("total", "-j", "2"), ("low", "-j", "2"), ("low", "--executor", "inline"), ("total", "-j", "1")],
    ],
)
@pytest.mark.parametrize("pause", [0, 0.003])
def test_each_step_is_executed_once_in_all(runs: Runs, commands: list[tuple[str, ...]], pause: float) -> None:
    for version in range(2):
        runs.folder.write({"tasks_grid.py": GRID.format(size=SIZE, version=version, pause=pause)})
        expected, before = answers(version), runs.executed()
        started = [runs.start(*command) for command in commands]
        assert [runs.end(each) for each in started] == [(0, expected[command[0]]) for command in commands]
        again = {name: count for name, count in (runs.executed() - before).items() if count != 1}
        assert again == {}
        assert len(runs.executed() - before) == 3 * SIZE + 1
        assert runs.locks() == []


def test_one_of_four_runs_is_killed(runs: Runs) -> None:
    runs.folder.write({"tasks_grid.py": GRID.format(size=SIZE, version=0, pause=0.003)})
    started = [runs.start("total", "-j", "2") for _ in range(4)]
    runs.wait_until(**{f"first-{SIZE // 2}": 1})
    victim = started.pop(1)
    victim.kill()
    assert [runs.end(each) for each in started] == [(0, answers(0)["total"])] * 3
    assert len(runs.executed()) == 3 * SIZE + 1
    assert runs.locks() == []


def use_index(path: Path, worker: int) -> None:
    """What a run does to an index: open it, begin, write families and results, close it."""
    index = Index(str(path))
    run = index.start_run(0.0, "test")
    for part in range(5):
        with index.transaction():
            family = index.add_family("task", b"%d" % part, {})
            key = b"%d-%d" % (worker, part)
            row = (family, "", key, b"", b"", run, 0.0, 0.0, 0.0, 0, 0, None, None, None, None, None, key)
            first = index.add(Records(*zip(row, row, strict=True)))
        assert index.result(first).key == index.result(first + 1).key == key
        index.keep_file_stamps({"x": ("stamp", str(worker))})
    index.end_run(run, 0.0, {})
    index.close()


def test_an_index_that_many_open_make_and_write_at_once(tmp_path: Path) -> None:
    for attempt in range(10):
        path, workers = tmp_path / f"{attempt}.sqlite", []
        start, release = os.pipe()
        for worker in range(6):
            process = os.fork()
            if not process:
                code = 1
                try:
                    os.close(release)
                    os.read(start, 1)
                    use_index(path, worker)
                    code = 0
                finally:
                    os._exit(code)
            workers.append(process)
        os.close(start)
        os.close(release)
        assert [os.waitpid(process, 0)[1] for process in workers] == [0] * len(workers)
        index = Index(str(path))
        assert len(index.families("task")) == 5
        assert len(index.results("task")) == index.next_artifact() - 1 == 6 * 5 * 2
        index.close()
