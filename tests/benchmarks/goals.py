"""The goals by number: each measures, beside its floor, and returns rows of the table."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks import floors, projects
from tests.benchmarks.measuring import PASS, PYTHON, Row, against, apart, command, each, fastest, seconds_of
from tests.benchmarks.metg import metg

MEGABYTE = 2**20


class Sizes(NamedTuple):
    """How much is measured."""

    fan: int
    large_fan: int
    huge_fan: int | None
    chain: int
    grid: tuple[int, int, int]
    metg: tuple[int, int]
    """Tasks, and halvings of the time that they take."""
    array: int
    """Bytes."""
    repeats: int
    short_repeats: int
    """Of what takes milliseconds."""


QUICK = Sizes(50, 100, None, 20, (3, 3, 2), (20, 1), MEGABYTE, 1, 1)
USUAL = Sizes(10_000, 100_000, None, 10_000, (100, 100, 10), (4_000, 6), 400_000_000, 3, 20)
FULL = USUAL._replace(huge_fan=1_000_000, chain=100_000)


class Bench:
    """The goals, measured in one folder that is removed afterwards."""

    def __init__(self, folder: Path, sizes: Sizes) -> None:
        self.folder = folder
        self.sizes = sizes
        self._fans: dict[int, Path] = {}

    def _fan(self, size: int) -> Path:
        """A fan of this size, which has run once."""
        if size not in self._fans:
            self._fans[size] = projects.fan(self.folder / f"fan{size}", size)
            self._run(self._fans[size])
        return self._fans[size]

    def _run(self, project: Path, target: str = "total") -> float:
        return seconds_of([*command(), "run", target, "-j", "2"], project)

    def _cold(self, project: Path, target: str = "total") -> float:
        return self._run(projects.emptied(project), target)

    def cold_fan(self) -> list[Row]:
        """1: many no-ops and their sum, nothing kept before."""
        size = self.sizes.fan
        project = self._fan(size)
        found = fastest(
            self.sizes.repeats,
            floor=lambda: seconds_of([PYTHON, floors.__file__, "fan", str(size)]),
            ours=lambda: self._cold(project),
        )
        return [against("1", f"cold, {size:,} + sum, over ProcessPoolExecutor.map", found["floor"], found["ours"], 0.3)]

    def warm_fan(self) -> list[Row]:
        """2: the same again, nothing to do."""
        size = self.sizes.fan
        project = self._fan(size)
        found = fastest(self.sizes.short_repeats, floor=lambda: seconds_of(PASS), ours=lambda: self._run(project))
        rows = [against("2", f"warm, {size:,} + sum, over python -c pass", found["floor"], found["ours"], 8)]
        return rows + [self._warm_slope(count) for count in self._large()]

    def _large(self) -> list[int]:
        return [self.sizes.large_fan] + ([self.sizes.huge_fan] if self.sizes.huge_fan else [])

    def _warm_slope(self, count: int) -> Row:
        small, large = self._fan(10), self._fan(count)
        found = fastest(self.sizes.repeats, small=lambda: self._run(small), large=lambda: self._run(large))
        return each("2", f"warm, {count:,}, a task beyond a run of 10", found["large"] - found["small"], count, 3)

    def large_fan(self) -> list[Row]:
        """3: cold with very many tasks: time and memory."""
        times = {count: self._fastest_cold(self._fan(count)) for count in self._large()}
        rows = [each("3", f"cold, {count:,}, a task", taken, count, 15) for count, taken in times.items()]
        if self.sizes.huge_fan:
            few, many = times[self.sizes.large_fan], times[self.sizes.huge_fan]
            rows.append(against("3", "cold, the largest over the large", few, many, 12))
        return [*rows, self._memory()]

    def _fastest_cold(self, project: Path) -> float:
        return fastest(min(2, self.sizes.repeats), ours=lambda: self._cold(project))["ours"]

    def _memory(self) -> Row:
        few, many = self.sizes.fan, self.sizes.large_fan
        began = time.perf_counter()
        peaks = [
            apart("peak_of_run", projects.emptied(self._fan(size)), target="total")["peak"] for size in (few, many)
        ]
        taken = time.perf_counter() - began
        what = f"memory an instance, {few:,} to {many:,}, main process"
        return Row("3", what, None, taken, (peaks[1] - peaks[0]) / (many - few), "B", 1024)

    def start(self) -> list[Row]:
        """4: how long it takes to do nothing."""
        project = self._fan(10)
        found = fastest(
            self.sizes.short_repeats,
            floor=lambda: seconds_of(PASS),
            version=lambda: seconds_of([*command(), "--version"]),
            warm=lambda: self._run(project),
        )
        return [
            against("4", "--version over python -c pass", found["floor"], found["version"], 1.5),
            against("4", "warm run of 10 over python -c pass", found["floor"], found["warm"], 5),
        ]

    def shortest_tasks(self) -> list[Row]:
        """5: how short tasks may be."""
        return [self._metg("independent", projects.independent, 0.2), self._metg("stencil", projects.stencil, 0.7)]

    def _metg(self, shape: str, write: Callable[[Path, int, int], Path], goal: float) -> Row:
        folder, (size, steps) = self.folder / shape, self.sizes.metg

        def floor_of(shape: str) -> Callable[[int, int], float]:
            return lambda count, us: seconds_of([PYTHON, floors.__file__, shape, str(count), str(us)])

        floor = metg(floor_of(shape), floor_of("bare"), size, steps)
        ours = metg(lambda count, us: self._cold(write(folder, count, us), "last"), floor_of("bare"), size, steps)
        return against("5", f"METG(50%), {shape}, over ProcessPoolExecutor", floor, ours, goal)

    def chain(self) -> list[Row]:
        """6: one step after the other."""
        length = self.sizes.chain
        project = projects.chain(self.folder / "chain", length)
        last = f"step{length - 1}"
        self._run(project, last)
        found = fastest(
            min(2, self.sizes.repeats),
            floor=lambda: seconds_of([PYTHON, floors.__file__, "chain", str(length)]),
            ours=lambda: self._cold(project, last),
        )
        rows = [against("6", f"chain of {length:,} functions over submit and wait", found["floor"], found["ours"], 0.7)]
        project = projects.chain_by_ref(self.folder / "chain_by_ref")
        took = fastest(min(2, self.sizes.repeats), ours=lambda: self._cold(project, f"step[n={length - 1}]"))
        return [*rows, against("6", f"the same by ref, {length:,} instances", found["floor"], took["ours"], 0.7)]

    def array(self) -> list[Row]:
        """7: a large array saved, loaded, and used by another worker."""
        size = self.sizes.array
        folder = self._new("array")
        words = ["dd", "if=/dev/zero", "of=floor", f"bs={MEGABYTE}", f"count={size // MEGABYTE}", "conv=fsync"]
        floor = min(seconds_of(words, folder) for _ in range(self.sizes.repeats))
        (folder / "floor").unlink()
        found = apart("array", folder, size=size)
        what = f"array of {size // 1_000_000} MB"
        return [
            against("7", f"{what}: save over dd conv=fsync", floor, found["save"], 1.5),
            Row("7", f"{what}: first load", None, found["first"], found["first"] * 1e3, "ms", 5),
            Row("7", f"{what}: load again", None, found["load"], found["load"] * 1e3, "ms", 5),
            Row(
                "7", f"{what}: copied when loaded and read", None, found["load"], found["copied"] / size, "of it", 0.05
            ),
        ]

    def workers(self) -> list[Row]:
        """8: the first worker, and the one that replaces a dead one."""
        folder = self._new("workers")
        found = [apart("workers", folder) for _ in range(self.sizes.repeats * 2)]
        ready, replaced = (min(each[name] for each in found) for name in ("ready", "replaced"))
        return [
            Row("8", "from the plan to the first worker's first result", None, ready, ready * 1e3, "ms", 10),
            Row("8", "from a worker's death to the first result of the next", None, replaced, replaced * 1e3, "ms", 20),
        ]

    def planning(self) -> list[Row]:
        """9: instances and their keys."""
        grid = projects.grid(self.folder / "grid", *self.sizes.grid)
        fan = projects.fan(self.folder / "planned", self.sizes.large_fan)
        shape = " x ".join(map(str, self.sizes.grid))
        return [
            *self._planned(f"fan of {self.sizes.large_fan:,}", fan, "total"),
            *self._planned(f"grids of {shape}, two gathers", grid, "lines"),
            self._grown("a chain by ref", f"chain[n={self.sizes.large_fan}]", 4),
            self._grown("a nested axis of 300 x 300, gathered", "total", 4),
        ]

    def _grown(self, what: str, target: str, goal: float) -> Row:
        folder = self.folder / "grown"
        folder.mkdir(exist_ok=True)
        found = apart("growing", folder, target=target)
        return each("9", f"{what}: growth, an instance", found["grow"], found["instances"], goal)

    def _planned(self, what: str, project: Path, target: str) -> list[Row]:
        found = apart("planning", project, target=target)
        both = found["expand"] / found["instances"] + found["keys"] / found["keyed"]
        return [
            each("9", f"{what}: expansion, an instance", found["expand"], found["instances"], 0.3),
            each("9", f"{what}: and keys, an instance", both, 1, 2),
        ]

    def changed_helper(self) -> list[Row]:
        """10: from the command to the first job, after one helper was changed."""
        project = projects.many_modules(self.folder / "modules")
        seconds_of([*command(), "run", "-j", "2"], project)
        versions = iter(range(1, sys.maxsize))

        def until_first_job() -> float:
            projects.change_helper(project, next(versions))
            began = time.perf_counter()
            seconds_of([*command(), "run", "-j", "2"], project)
            return float((project / "began").read_text()) - began

        found = fastest(max(1, self.sizes.short_repeats // 3), floor=lambda: seconds_of(PASS), ours=until_first_job)
        what = "a changed helper, 300 tasks in 30 modules, until the first job"
        return [against("10", what, found["floor"], found["ours"], 10)]

    def _new(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder


GOALS: dict[int, Callable[[Bench], list[Row]]] = {
    1: Bench.cold_fan,
    2: Bench.warm_fan,
    3: Bench.large_fan,
    4: Bench.start,
    5: Bench.shortest_tasks,
    6: Bench.chain,
    7: Bench.array,
    8: Bench.workers,
    9: Bench.planning,
    10: Bench.changed_helper,
}
