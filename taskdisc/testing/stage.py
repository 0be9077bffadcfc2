"""A small project on disk, and an executor that runs its tasks: where the contracts of executors are tried."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from select import select
from typing import TYPE_CHECKING, Any

from taskdisc.builtin.disk import DiskStore
from taskdisc.builtin.pickling import PickleCodec
from taskdisc.errors import Place
from taskdisc.model import ArgumentKind, FixtureSpec, Job, JobResult, Outcome, TaskSpec, WorkerContext
from taskdisc.store.objects import Objects, load

if TYPE_CHECKING:
    from pathlib import Path

    from taskdisc.protocols import Chaining, Executor

MODULE = "tasks_contract"
PATIENCE = 60.0
"""Seconds after which an executor counts as hung."""

SOURCE = '''
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import taskdisc

class Odd(Exception):
    """Is pickled well, and cannot be unpickled."""

    def __init__(self, first, second):
        super().__init__("odd")

def _put(path, text=""):
    """Write a file all at once."""
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)

def _await(path):
    deadline = time.monotonic() + 60
    while not os.path.exists(path):
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.002)

def square(number):
    return number * number

def echo(value):
    return value

def large(size):
    return bytes(size)

def longer(kept):
    kept.append(len(kept))
    return kept

def passing(kept):
    return kept

def breaking(kept):
    raise ValueError(kept)

def falling(kept):
    dying(9)

def failing(text):
    raise ValueError(text)

def odd():
    raise Odd(1, 2)

def leaving(status):
    sys.exit(status)

def interrupting():
    raise KeyboardInterrupt

def unkeepable():
    return (number for number in range(3))

def skipped(reason):
    taskdisc.skip(reason)

def whereabouts():
    return os.getcwd(), os.getpid()

def variable(name):
    return os.environ.get(name)

def told(task_info):
    return task_info.id, task_info.attempt, task_info.resources

def page(task_dir, text):
    (task_dir / "page").write_text(text)
    return task_dir / "page"

def misleading(task_dir):
    (task_dir / "page").write_text("x")
    return str(task_dir / "page")

def saying(text):
    print(text)
    os.write(2, b"by number\\n")
    subprocess.run([sys.executable, "-c", "print('by a child')"], check=True)

def meeting(own, other):
    _put(own)
    _await(other)

def looking(name, own, other):
    _put(own)
    _await(other)
    found = os.environ.get(name)
    _put(own + "-done")
    _await(other + "-done")
    return found

def waiting(here, gate):
    _put(here)
    _await(gate)
    return "over"

def progressing(here, gate, task_info):
    task_info.progress(1, 4)
    _put(here)
    _await(gate)

def vanishing(status):
    os._exit(status)

def dying(number):
    os.kill(os.getpid(), number)
    time.sleep(60)

def hanging(here):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    _put(here, f"{os.getpid()} {child.pid}")
    time.sleep(600)

@taskdisc.fixture
def connection():
    with open("opened", "a") as file:
        file.write("x")
    yield "connected"
    with open("closed", "a") as file:
        file.write("x")

def connected(connection):
    return connection
'''

ARGUMENTS = {
    "square": "number",
    "echo": "value",
    "large": "size",
    "longer": "kept",
    "passing": "kept",
    "breaking": "kept",
    "falling": "kept",
    "failing": "text",
    "odd": "",
    "leaving": "status",
    "interrupting": "",
    "unkeepable": "",
    "skipped": "reason",
    "whereabouts": "",
    "variable": "name",
    "told": "task_info",
    "page": "task_dir text",
    "misleading": "task_dir",
    "saying": "text",
    "meeting": "own other",
    "looking": "name own other",
    "waiting": "here gate",
    "progressing": "here gate task_info",
    "vanishing": "status",
    "dying": "number",
    "hanging": "here",
    "connected": "connection",
}
"""By task, its parameters."""
KINDS = {
    "task_dir": ArgumentKind.INJECTED,
    "task_info": ArgumentKind.INJECTED,
    "connection": ArgumentKind.FIXTURE,
    "kept": ArgumentKind.RESULT,
}
"""Of parameters that are no plain values."""
NUMBERS = {name: number for number, name in enumerate(ARGUMENTS)}


def place_of(task: str) -> Place:
    """Return where a task of the project is defined."""
    lines = SOURCE.splitlines()
    return Place(f"{MODULE}.py", next(n for n, line in enumerate(lines, 1) if line.startswith(f"def {task}(")))


def spec_of(task: str) -> TaskSpec:
    """Return what workers must know of a task of the project."""
    arguments = tuple((name, KINDS.get(name, ArgumentKind.VALUE)) for name in ARGUMENTS[task].split())
    return TaskSpec(f"{MODULE}.py::{task}", MODULE, task, pickle.dumps({}), arguments, (), "pickle", place_of(task))


def context_at(root: Path) -> WorkerContext:
    """Write the project; return what workers must know of it."""
    (root / f"{MODULE}.py").write_text(SOURCE, encoding="utf-8")
    store = root / ".taskdisc"
    for folder in ("logs/1", "dirs/1"):
        (store / folder).mkdir(parents=True, mode=0o700)
    connection = FixtureSpec(
        f"{MODULE}.py::connection", "connection", MODULE, "connection", place_of("connection"), pickle.dumps({}), ()
    )
    return WorkerContext(
        os.path.realpath(root),
        os.path.realpath(store),
        "logs/1",
        "dirs/1",
        ((MODULE, f"{MODULE}.py"),),
        (),
        tuple(map(spec_of, ARGUMENTS)),
        fixtures=(connection,),
    )


class Stage:
    """A project, and executors that run its tasks as a run would have them do."""

    def __init__(self, root: Path, make: Callable[[int], Executor]) -> None:
        self.root = root
        self.context = context_at(root)
        self.executors: list[Executor] = []
        self._make = make
        self._submitted = 0

    def change(self, task: str, **changes: Any) -> None:
        """Change the options of a task; before an executor is started."""
        specs = list(self.context.specs)
        specs[NUMBERS[task]] = specs[NUMBERS[task]]._replace(**changes)
        self.context = self.context._replace(specs=tuple(specs))

    def start(self, workers: int = 2) -> Executor:
        """Start an executor."""
        executor = self.make(workers)
        executor.start(self.context)
        return executor

    def make(self, workers: int) -> Executor:
        """Make an executor that is stopped when the test has ended."""
        executor = self._make(workers)
        self.executors.append(executor)
        return executor

    def job(self, task: str, *values: Any, **fields: Any) -> Job:
        """Return a job with a number of its own; `fields` are others of the job."""
        self._submitted += 1
        given = iter(values)
        arguments = tuple(_argument(name, given) for name in ARGUMENTS[task].split())
        job = Job(self._submitted, NUMBERS[task], f"{task}[{self._submitted}]", 1, arguments)
        return job._replace(**fields)

    def following(self, task: str) -> Job:
        """Return a job of a task with one parameter, `kept`, for what the job before it in a chain gives."""
        return self.job(task, None, arguments=(("pickle", 0),), follows=True)

    def run_chain(self, executor: Executor, jobs: Sequence[Job], behind: Sequence[Job] = ()) -> list[JobResult]:
        """Run jobs as a chain, submitted after others; return the results of all in their order."""
        chaining: Chaining = executor  # type: ignore[assignment]
        if behind:
            executor.submit(behind)
        chaining.submit_chain(jobs)
        return self._ended(executor, [*behind, *jobs])

    def run(self, executor: Executor, jobs: Sequence[Job]) -> list[JobResult]:
        """Run jobs to their end, submitting what there is room for; return the results in the order of the jobs."""
        return self._ended(executor, jobs, list(jobs))

    def _ended(self, executor: Executor, jobs: Sequence[Job], waiting: Sequence[Job] = ()) -> list[JobResult]:
        results: list[JobResult] = []
        deadline = time.monotonic() + PATIENCE
        while len(results) < len(jobs):
            room = executor.free()
            if room > 0 and waiting:
                executor.submit(waiting[:room])
                waiting = waiting[room:]
            results += collect(executor, 0.1)
            assert time.monotonic() < deadline, f"{len(results)} of {len(jobs)} jobs have ended after {PATIENCE:g} s"
        found = {result.number: result for result in results}
        assert sorted(found) == sorted(job.number for job in jobs), "each job ends once"
        return [found[job.number] for job in jobs]

    def values(self, results: Sequence[JobResult]) -> list[Any]:
        """Return the values of results, all of which must have succeeded."""
        return [self.value(result) for result in results]

    def value(self, result: JobResult) -> Any:
        """Return the value of a result."""
        assert result.outcome == Outcome.SUCCEEDED, result.error
        (part,) = result.parts
        stored = part.payload if part.payload is not None else part.object or ""
        return load(stored, PickleCodec(), Objects(DiskStore(self.context.store)))

    def until_there(self, path: Path, executor: Executor) -> list[JobResult]:
        """Go on until a job has written a file; return what has ended meanwhile."""
        results: list[JobResult] = []
        deadline = time.monotonic() + PATIENCE
        while not path.exists():
            results += collect(executor, 0.01)
            assert time.monotonic() < deadline, f"no job has written {path.name}: {results}"
        return results

    def close(self) -> None:
        """Stop what still runs."""
        for executor in self.executors:
            executor.stop(kill=True)


def _argument(name: str, given: Iterator[Any]) -> Any:
    kind = KINDS.get(name, ArgumentKind.VALUE)
    if kind == ArgumentKind.INJECTED:
        return None
    if kind == ArgumentKind.FIXTURE:
        return 0
    pickled = pickle.dumps(next(given), 5)
    return ("pickle", pickled) if kind == ArgumentKind.RESULT else pickled


def collect(executor: Executor, seconds: float) -> list[JobResult]:
    """Wait for results as a run does, but not longer than so many seconds."""
    descriptor, due = executor.fileno(), executor.deadline()
    if descriptor is not None:
        left = seconds if due is None else min(seconds, max(0.0, due - time.monotonic()))
        select([descriptor], [], [], left)
    return executor.collect()
