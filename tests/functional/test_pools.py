"""Executors of `concurrent.futures` that belong to the caller: threads, processes, loky."""

from __future__ import annotations

import pytest

from tests.functional.test_from_python import program

POOLS = {
    "threads": "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(3)",
    "processes": "from concurrent.futures import ProcessPoolExecutor\npool = ProcessPoolExecutor(2)",
    "spawned": "import multiprocessing\nfrom concurrent.futures import ProcessPoolExecutor\n"
    "pool = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context('spawn'))",
    "loky": "import loky\npool = loky.get_reusable_executor(max_workers=2)",
    "own": """
from concurrent.futures import Executor, Future

class Immediate(Executor):
    def submit(self, function, /, *arguments, **named):
        future = Future()
        try:
            future.set_result(function(*arguments, **named))
        except BaseException as error:
            future.set_exception(error)
        return future

pool = Immediate()
""",
}

HEAD = """
import taskdisc
from taskdisc import Project, TaskFailed

if __name__ == "__main__":
"""

TASKS = """
import os
from pathlib import Path
from taskdisc import Gather, axis

number = axis(range(30))

def square(number: int) -> int:
    return number**2

def total(square: Gather[int]) -> int:
    return sum(square.values())

def numbers() -> list[int]:
    return []

def one(numbers: list[int]) -> list[int]:
    numbers.append(1)
    return numbers

def two(numbers: list[int]) -> list[int]:
    numbers.append(2)
    return numbers

def large() -> bytes:
    return bytes(100_000)

def page(large: bytes, task_dir: Path) -> Path:
    (task_dir / "page").write_bytes(large)
    return task_dir / "page"

def ratio(number: int) -> float:
    return 1 / (number - 3)

def ratios(ratio: Gather[float]) -> float:
    return sum(ratio.values())

def leaving(number: int) -> int:
    if number == 15:  # by then, all but three before it were received: what runs beside it may end with it
        os._exit(7)
    return number
"""


def run_with(pool: str, project, body: str) -> list[str]:
    project.write(tasks_all=TASKS)
    lines = [*POOLS[pool].splitlines(), *body.strip().splitlines()]
    return program(project.path, HEAD + "\n".join(f"    {line}" for line in lines) + "\n").splitlines()


@pytest.mark.parametrize("pool", POOLS)
def test_results_are_those_of_any_other_executor(pool, project):
    printed = run_with(
        pool,
        project,
        """
project = Project.discover(".")
run = project.run("total", "page", "one", "two", executor=pool)
print(run["total"], run["one"], run["two"], len(run["page"].read_bytes()))
print(run.report.counts)
print(pool.submit(pow, 2, 3).result())
print(project.run("total", "page", "one", "two").report.counts)
""",
    )
    counts = 30 + 6
    assert printed == ["8555 [1] [2] 100000", f"{{'succeeded': {counts}}}", "8", f"{{'cached': {counts}}}"]


@pytest.mark.parametrize("pool", POOLS)
def test_a_failure_is_one_of_the_task(pool, project):
    printed = run_with(
        pool,
        project,
        """
try:
    Project.discover(".").run("ratios", executor=pool)
except TaskFailed as error:
    print(error.id, error.error)
    print(error.traceback)
    print(error.run.report.counts)
""",
    )
    assert printed[0] == "ratio[number=3] ZeroDivisionError: division by zero"
    assert printed[-3:] == [
        "    return 1 / (number - 3)",
        "E   ZeroDivisionError: division by zero",
        "{'succeeded': 29, 'failed': 1, 'blocked': 1}",
    ]


@pytest.mark.parametrize("pool", ["processes", "spawned", "loky"])
def test_a_broken_pool_is_told_by_the_tasks_that_ran(pool, project):
    printed = run_with(
        pool,
        project,
        """
project = Project.discover(".")
try:
    project.run("leaving", executor=pool)
except TaskFailed as error:
    run = error.run
    killed = [step.id for step in run.report.failures if step.outcome == "killed"]
    print(error.id in killed, len(killed) <= 2, "leaving[number=15]" in killed)
    print("a worker of the executor ended while this ran" in str(error), "make a new executor" in str(error))
    lost = {step.id for step in run.report.failures}
    kept = [n for n in range(15) if f"leaving[number={n}]" not in lost]
    print(sum(run.report.counts.values()), len(kept) >= 12, [run[f"leaving[number={n}]"] for n in kept] == kept)
""",
    )
    assert printed == ["True True True", "True True", "30 True True"]


def test_a_pool_that_was_shut_down_is_refused(project):
    printed = run_with(
        "threads",
        project,
        """
pool.shutdown()
try:
    Project.discover(".").run("total", executor=pool)
except taskdisc.TaskdiscError as error:
    print(error)
print(Project.discover(".").run("total").value)
""",
    )
    assert printed == [
        "the executor takes no jobs: cannot schedule new futures after shutdown. Give the run another one.",
        "8555",
    ]


@pytest.mark.parametrize("pool", ["processes", "loky"])
def test_workers_that_are_older_than_an_edit_run_the_new_code(pool, project):
    project.write(helpers="NUMBER = 1\n", tasks_edited="import helpers\n\ndef edited():\n    return helpers.NUMBER\n")
    printed = run_with(
        pool,
        project,
        """
from pathlib import Path
project = Project.discover(".")
for number in (1, 20, 300):
    Path("helpers.py").write_text(f"NUMBER = {number}\\n")
    print(project.run("edited", executor=pool).value)
""",
    )
    assert printed == ["1", "20", "300"]


@pytest.mark.parametrize("pool", ["threads", "processes", "spawned"])
def test_functions_of_the_program_itself(pool, project):
    text = f"""
from taskdisc import Gather, Project, axis

number = axis(range(5))

def square(number: int) -> int:
    return number**2

def total(square: Gather[int]) -> int:
    return sum(square.values())

if __name__ == "__main__":
{chr(10).join("    " + line for line in POOLS[pool].splitlines())}
    print(Project.from_functions(square, total).run(total, executor=pool).value)
"""
    assert program(project.path, text) == "30\n"
