"""Published workflows with real sleeps on real processes: what starts first, and how long it takes.

Whether a run goes by the longest path is seen from the order of events in the process that decides, so that a busy
machine changes nothing: what starts has the longest path to the end of all that could start, and no worker rests while
something could. The durations are those of `tests/unit/traces.py`, where it stands where they come from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby, product
from pathlib import Path
from typing import NamedTuple

import pytest

from taskdisc.store.earlier import usual_seconds
from taskdisc.store.folder import INDEX
from taskdisc.store.index import Index
from taskdisc.testing import Project
from tests.unit.test_makespans import UNREACHABLE, floor, needs_of
from tests.unit.traces import FREQUENCIES, INDIVIDUALS, OVERLAPS, TRACES, Stage

HEAD = """
import os, time
from pathlib import Path
from taskdisc import Gather, axis, gather, ref, requires

def _note(kind, step):
    with open(os.environ["EVENTS"], "a") as file:
        file.write(f"{kind} {step}\\n")

def taskdisc_job_started(step):
    _note("+", step.id)

def taskdisc_job_finished(step):
    _note("-", step.id)

def _sleep(seconds):
    time.sleep(seconds * float(os.environ["SCALE"]))
"""
MONTAGE = """
image, way = axis(range(166)), axis(range(4))

def mProjectPP(image): _sleep(13.58)

@requires(other=lambda image, way: ref(mProjectPP, image=(image + 1 + way) % 166))
def mDiffFit(mProjectPP, image, way, other): _sleep(10.59)

def mConcatFit(mDiffFit: Gather[None]): _sleep(52.96)
def mBgModel(mConcatFit): _sleep(89.12)
def mBackground(mProjectPP, mBgModel): _sleep(10.74)
def mImgTbl(mBackground: Gather[None]): _sleep(65.91)
def mAdd(mImgTbl): _sleep(99.53)
def mShrink(mAdd): _sleep(22.25)
def mJPEG(mShrink): _sleep(2.52)
"""
EPIGENOMICS = """
lane, chunk = axis(range(7)), axis(range(35))

def fastqSplit(lane): _sleep(60.36)
def filterContams(fastqSplit, chunk): _sleep(1.40)
def sol2sanger(filterContams): _sleep(0.37)
def fast2bfq(sol2sanger): _sleep(0.68)
def map(fast2bfq): _sleep(6068.53)

@requires(maps=gather(map, over="chunk"))
def mapMerge(maps): _sleep(18.98)

def mapMergeAll(mapMerge: Gather[None]): _sleep(136.76)
def maqIndex(mapMergeAll): _sleep(0.18)
def pileup(maqIndex): _sleep(1845.77)
"""
GENOMES = f"""
chromosome, part, population = axis(range(10)), axis(range(10)), axis(range(7))

def individuals(chromosome, part): _sleep({INDIVIDUALS}[part])
def sifting(chromosome): _sleep(0.309)

@requires(parts=gather(individuals, over="part"))
def individuals_merge(parts): _sleep(38.206)

def mutation_overlap(individuals_merge, sifting, population): _sleep({OVERLAPS}[population])
def frequency(individuals_merge, sifting, population): _sleep({FREQUENCIES}[population])
"""


class Workflow(NamedTuple):
    """A project that is a published workflow."""

    modules: str
    axes: Mapping[str, int]
    tasks: Mapping[str, tuple[str, str]]
    """By task, the axes that it has and the tasks that it needs: those instances that agree on the axes of both."""
    scale: float
    """Seconds for one of the published, so that eight workers take about two."""


WORKFLOWS = {
    "montage": Workflow(
        MONTAGE,
        {"image": 166, "way": 4},
        {
            "mProjectPP": ("image", ""),
            "mDiffFit": ("image way", "mProjectPP"),
            "mConcatFit": ("", "mDiffFit"),
            "mBgModel": ("", "mConcatFit"),
            "mBackground": ("image", "mProjectPP mBgModel"),
            "mImgTbl": ("", "mBackground"),
            "mAdd": ("", "mImgTbl"),
            "mShrink": ("", "mAdd"),
            "mJPEG": ("", "mShrink"),
        },
        1 / 700,
    ),
    "epigenomics": Workflow(
        EPIGENOMICS,
        {"chunk": 35, "lane": 7},
        {
            "fastqSplit": ("lane", ""),
            "filterContams": ("chunk lane", "fastqSplit"),
            "sol2sanger": ("chunk lane", "filterContams"),
            "fast2bfq": ("chunk lane", "sol2sanger"),
            "map": ("chunk lane", "fast2bfq"),
            "mapMerge": ("lane", "map"),
            "mapMergeAll": ("", "mapMerge"),
            "maqIndex": ("", "mapMergeAll"),
            "pileup": ("", "maqIndex"),
        },
        1 / 80_000,
    ),
    "1000genome": Workflow(
        GENOMES,
        {"chromosome": 10, "part": 10, "population": 7},
        {
            "individuals": ("chromosome part", ""),
            "sifting": ("chromosome", ""),
            "individuals_merge": ("chromosome", "individuals"),
            "mutation_overlap": ("chromosome population", "individuals_merge sifting"),
            "frequency": ("chromosome population", "individuals_merge sifting"),
        },
        1 / 800,
    ),
}


class Trace:
    """A workflow as nodes, which are numbered as the stages of the simulation are."""

    def __init__(self, name: str) -> None:
        self.name, self.workflow = name, WORKFLOWS[name]
        self.rows = {task: self._rows(axes.split()) for task, (axes, _) in self.workflow.tasks.items()}
        self.stages = [self._stage(stage) for stage in TRACES[name]()]
        self.needs = needs_of(self.stages)
        self.ids = [self._id(task, row) for task, rows in self.rows.items() for row in rows]
        self.task_of = [task for task, rows in self.rows.items() for _ in rows]

    def _rows(self, axes: Sequence[str]) -> list[dict[str, int]]:
        sizes = [range(self.workflow.axes[axis]) for axis in axes]
        return [dict(zip(axes, row, strict=True)) for row in product(*sizes)]

    def _stage(self, published: Stage) -> Stage:
        """The stage, with its instances in the order of this project."""
        name, rows = published.name, self.rows[published.name]
        seconds = [published.seconds[number % len(published.seconds)] for number in range(len(rows))]
        needs = [(task, [self._targets(row, task) for row in rows]) for task in self.workflow.tasks[name][1].split()]
        return Stage(name, seconds, needs)

    def _targets(self, row: dict[str, int], task: str) -> list[int]:
        found = [n for n, other in enumerate(self.rows[task]) if all(row.get(k, v) == v for k, v in other.items())]
        return [*found, (row["image"] + 1 + row["way"]) % 166] if "way" in row else found

    def _id(self, task: str, row: Mapping[str, int]) -> str:
        return f"{task}[{','.join(f'{axis}={label}' for axis, label in row.items())}]" if row else task

    def ranks(self, known: Mapping[str, float]) -> list[float]:
        """Return by node the longest path to the end, as known of the tasks."""
        ranks: dict[str, float] = {}
        for task in reversed(self.workflow.tasks):
            users = [user for user, (_, needs) in self.workflow.tasks.items() if task in needs.split()]
            ranks[task] = known[task] + max((ranks[user] for user in users), default=0.0)
        return [ranks[task] for task in self.task_of]


class Runs:
    """Runs of a workflow."""

    def __init__(self, project: Project, trace: Trace) -> None:
        self.project, self.trace = project, trace
        self.events = project.path.parent / "events.txt"
        project.write({"pyproject.toml": "[tool.taskdisc]\n"}, tasks_x=HEAD + trace.workflow.modules)

    def run(self, workers: int, scale: float) -> float:
        """Run all; return the seconds from the first start to the last end."""
        self.events.unlink(missing_ok=True)
        self.project.environment = {"EVENTS": str(self.events), "SCALE": str(scale)}
        timeline = self.project.path.parent / "timeline.jsonl"
        self.project.run("--force-all", "-j", str(workers), "--json", str(timeline)).assert_ok()
        steps = [step for step in map(json.loads, timeline.read_text().splitlines()) if "id" in step]
        return max(s["started"] + s["seconds"] for s in steps) - min(s["started"] for s in steps)

    def known(self) -> dict[str, float]:
        """What the next run knows of its tasks."""
        index = Index(str(self.project.path / ".taskdisc" / INDEX))
        try:
            return {task.rpartition("::")[2]: seconds for task, seconds in usual_seconds(index).items()}
        finally:
            index.close()


def check(trace: Trace, events: Path, ranks: Sequence[float], workers: int) -> None:
    """Check what started when, by the order of events."""
    numbers = {name: number for number, name in enumerate(trace.ids)}
    lines = [line.split(" ", 1) for line in events.read_text().splitlines()]
    left = [len(needs) for needs in trace.needs]
    users: list[list[int]] = [[] for _ in left]
    for node, needs in enumerate(trace.needs):
        for target in needs:
            users[target].append(node)
    ready, running = {node for node, count in enumerate(left) if not count}, 0
    started: set[int] = set()  # maybe before the ends that it waited for were reported
    for kind, group in groupby(lines, lambda line: line[0]):
        nodes = [numbers[name] for _, name in group]
        if kind == "+":
            started.update(nodes)
            ready = could = ready - started
            running += len(nodes)
            highest = max((ranks[node] for node in could), default=0.0)
            early = [trace.ids[node] for node in nodes if ranks[node] < highest - 1e-9]
            first = [trace.ids[node] for node in could if ranks[node] == highest]
            assert not early, f"{early[0]} started, and {first[0]} did not"
            assert not could or running >= workers, f"{first[0]} could run, and only {running} were running"
        else:
            running -= len(nodes)
            for user in [user for node in nodes for user in users[node]]:
                left[user] -= 1
                if not left[user] and user not in started:
                    ready.add(user)
    assert not ready and not running and not any(left)


@pytest.mark.parametrize(
    ("name", "workers"), [("montage", 8), ("epigenomics", 8), ("1000genome", 2), ("1000genome", 8)]
)
def test_the_longest_path_starts_first_and_no_worker_rests(project: Project, name: str, workers: int) -> None:
    trace = Trace(name)
    runs = Runs(project, trace)
    runs.run(16, trace.workflow.scale / 4)
    ranks = trace.ranks(runs.known())
    runs.run(workers, trace.workflow.scale * workers / 8)
    check(trace, runs.events, ranks, workers)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "workers"),
    [(name, workers) for name in TRACES for workers in (2, 8, 64) if (name, workers) not in UNREACHABLE],
)
def test_published_workflows_take_hardly_longer_than_they_must(project: Project, name: str, workers: int) -> None:
    """The second time, within 10% of what no order can be below; where the machine was busy, with longer sleeps."""
    trace = Trace(name)
    runs = Runs(project, trace)
    runs.run(16, trace.workflow.scale / 4)
    lowest, seen = floor(trace.stages, workers), []
    for longer in (1, 3, 9):
        scale = trace.workflow.scale * longer * workers / 2
        seen.append(runs.run(workers, scale) / (lowest * scale))
        assert seen[-1] > 0.999
        if seen[-1] <= 1.1:
            return
    raise AssertionError(f"{seen} times what is lowest")
