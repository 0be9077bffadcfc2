"""A caller's file for type checkers: `# is T` is what they reveal, `# wrong` what they refuse. Never imported."""
# ruff: noqa: F821 - reveal_type is theirs

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import taskdisc
from taskdisc import Artifact, FinishedRun, Gather, Project, TaskdiscError, TaskFailed, axis, file, task

raw = file("data/penguins.csv")
k = axis(1, 3, 5)
seed: int = axis(range(3))


@task
def plain(raw: Path, factor: float = 2.0) -> str:
    return raw.read_text() * int(factor)


@task(outputs=("train", "test"), tags=("heavy",), version=2, prefix="nice", open=("day",))
def split(plain: str, seed: int, *, day: str) -> tuple[list[int], list[int]]:
    return [len(plain), seed], [len(day)]


@task()
async def slow(k: int) -> int:
    return k


def total(slow: Gather[int], best: Gather[float]) -> float:
    reveal_type(slow[1])  # is int
    reveal_type(max(slow.values()))  # is int
    reveal_type([value for _, value in best.items()])  # is list[float]
    reveal_type(best.get((1, 2)))  # is float | None
    return sum(slow.values()) + len(best)


reveal_type(plain)  # is (raw: Path, factor: float = ...) -> str
reveal_type(plain(Path("x")))  # is str
reveal_type(split("x", 1, day="y"))  # is tuple[list[int], list[int]]
reveal_type(Gather({1: 2.5}))  # is Gather[float]

project = Project.discover(".")
run = project.run("total", total, params={"factor": 1.5}, workers=2, executor="process", check=False, progress=True)
reveal_type(project)  # is Project
reveal_type(run)  # is FinishedRun
reveal_type(run.value)  # is Any
reveal_type(run["slow[k=1]"])  # is Any
reveal_type(run.report.counts)  # is dict[str, int]
reveal_type(run.report.outcomes)  # is dict[str, str]
reveal_type(run.report.timeline[0].seconds)  # is float
reveal_type(run.raise_for_failures())  # is None
reveal_type(project.artifact("slow[k=1]"))  # is Artifact
reveal_type(project.artifact("slow[k=1]").paths)  # is tuple[Path, ...]
reveal_type(project.clear(slow))  # is int
reveal_type(project.graph().nodes["slow"])  # is dict[str, Any]
reveal_type(Project.from_functions(plain, total))  # is Project
reveal_type(Project.from_module(taskdisc))  # is Project
reveal_type(taskdisc.run("total", start="elsewhere"))  # is FinishedRun

with ThreadPoolExecutor(2) as pool:
    project.run(executor=pool)

try:
    project.run()
except TaskFailed as error:
    reveal_type(error.id)  # is str
    reveal_type(error.logs)  # is dict[str, Path]
    reveal_type(error.run)  # is FinishedRun | None
except TaskdiscError:
    pass


def annotated(run: FinishedRun, artifact: Artifact) -> object:
    return run.value or artifact.load()


task(plain, name="x")  # wrong
task(nmae="x")  # wrong
project.run("total", worker=2)  # wrong
project.run(3)  # wrong
plain(3)  # wrong
