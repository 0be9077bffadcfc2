"""What can only be measured from inside: pieces of taskdisc, each called in an interpreter of its own.

Times are in seconds, memory in bytes.
"""

from __future__ import annotations

import os
import pickle
import time
from pathlib import Path
from typing import Any


def peak_of_run(target: str) -> dict[str, float]:
    """Run a target; return the peak memory of the main process alone."""
    from taskdisc.cli import invoke

    output = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if invoke(["run", target, "-j", "2"]):
        raise RuntimeError("the run failed")
    os.dup2(output, 1)
    return {"peak": _status("VmHWM")}


def _status(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return float(line.split()[1]) * 1024
    raise LookupError(field)


def planning(target: str) -> dict[str, float]:
    """Expand a target and make its instances' keys; return the time of each and the number of instances."""
    from taskdisc.config import load
    from taskdisc.expand import expand
    from taskdisc.project import Project
    from taskdisc.run import Run

    run = Run(Project(load()), [target])
    graph = run.project.graph
    tasks = graph.ancestors(selection.task for selection in run.selections)
    expanding = []
    for _ in range(3):
        began = time.perf_counter()
        expanded = expand(graph, tasks, run.bindings.elements)
        expanding.append(time.perf_counter() - began)
    count = sum(block.size for block in expanded.blocks if block.gather is None)
    keys, deciding = _time_of_keys(run)
    return {"expand": min(expanding), "instances": count, "keys": deciding, "keyed": keys}


def _time_of_keys(run: Any) -> tuple[int, float]:
    """Decide all steps as if each had been made, so that every one gets its key."""
    count, taken = 0, 0.0
    while (ready := run.scheduler.take_undecided()) is not None:
        began = time.perf_counter()
        cached, must_run = run.plan.decide(*ready)
        taken += time.perf_counter() - began
        count += len(must_run)
        run.scheduler.done([*cached, *must_run])
    return count, taken


class _Given:
    def __init__(self, value: Any) -> None:
        self.value = value

    def take(self) -> Any:
        return self.value


def array(size: int) -> dict[str, float]:
    """Save an array of `size` bytes as a worker does, and load it as another does."""
    import numpy

    runner = _runner({"given": _Given(numpy.arange(size // 8, dtype="f8")).take})
    saving = []
    for _ in range(2):
        began = time.perf_counter()
        result = runner.run(_job(0))
        saving.append(time.perf_counter() - began)
        if result.error is not None:
            raise RuntimeError(result.error.traceback)
        (part,) = result.parts
        runner.objects.delete(part.object)
    runner.run(_job(0))
    return {"save": min(saving), **_loading(part.object)}


def _loading(name: str) -> dict[str, float]:
    """Load the object in a child, which has no memory of it: twice, since the first load checks the bytes."""
    read, write = os.pipe()
    if os.fork():
        os.wait()
        numbers: dict[str, float] = pickle.loads(os.read(read, 4096))
        return numbers
    runner = _runner({})
    times = []
    before = _status("RssAnon")
    for _ in range(2):
        began = time.perf_counter()
        value = runner.load(name, "pickle")
        times.append(time.perf_counter() - began)
    writable = value.flags.writeable
    value.sum()
    copied = _status("RssAnon") - before
    os.write(write, pickle.dumps({"first": times[0], "load": times[1], "copied": copied, "writable": writable}))
    os._exit(0)


def workers() -> dict[str, float]:
    """Start a worker, let it die, and have it replaced; return what each took."""
    import taskdisc.jobs
    import taskdisc.run  # noqa: F401 - a run that has planned has imported it
    from taskdisc.builtin.process import ProcessExecutor
    from taskdisc.pluginmanager import plugin_manager

    plugin_manager()
    context = _context({"noop": int, "die": _die})
    began = time.perf_counter()
    executor = ProcessExecutor(1)
    executor.start(context)
    _finish(executor, 0)
    ready = time.perf_counter() - began
    _finish(executor, 1)
    _finish(executor, 0)
    replaced = time.perf_counter() - float(Path("died").read_text())
    executor.stop(kill=False)
    return {"ready": ready, "replaced": replaced}


def _die() -> None:
    Path("died").write_text(str(time.perf_counter()))
    os._exit(1)


def _finish(executor: Any, task: int) -> None:
    import select

    executor.submit([_job(task)])
    while not executor.collect():
        select.select([executor.fileno()], [], [])


def _runner(functions: dict[str, Any]) -> Any:
    from taskdisc.worker import Runner

    return Runner(_context(functions))


def _context(functions: dict[str, Any]) -> Any:
    from taskdisc.errors import Place
    from taskdisc.model import TaskSpec, WorkerContext

    specs = [
        TaskSpec(name, "", name, pickle.dumps({}), (), (), "pickle", Place("", 0), function=function)
        for name, function in functions.items()
    ]
    root = os.getcwd()
    return WorkerContext(root, os.path.join(root, ".taskdisc"), "logs", "dirs", (), (), tuple(specs))


def _job(task: int) -> Any:
    from taskdisc.model import Job

    return Job(task, task, f"job{task}", 1, ())


GROWN = """
from taskdisc import Gather, axis, ref, requires

@requires(before=lambda n: ref(chain, n=n - 1) if n else None)
def chain(n: int, before): ...

book = axis(range(300))

@axis
def chapter(book): return range(300)

def words(chapter): ...

def total(words: Gather[int]): ...
"""


def growing(target: str) -> dict[str, float]:
    """Let a chain by ref, or all chapters of all books, grow; return the time, scheduler included, and the number."""
    from taskdisc.config import load
    from taskdisc.growing import Growing
    from taskdisc.project import Project
    from taskdisc.run import Run

    Path("pyproject.toml").write_text("[tool.taskdisc]\n")
    Path("tasks_grown.py").write_text(GROWN)
    run = Run(Project(load()), ["words[book=0,chapter=0]"])  # imports what growth imports
    run = Run(Project(load()), [target])
    began = time.perf_counter()
    growing = Growing(run, run.tasks)
    growing.begin(run.selections)
    return {"grow": time.perf_counter() - began, "instances": run.expansion.size / 2}
