"""The contract of executors as tests: subclass it, say how yours is made, and pytest runs them."""

from __future__ import annotations

import functools
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from taskdisc.api.surroundings import surroundings
from taskdisc.endings import logs_of
from taskdisc.executors import adapted
from taskdisc.model import JobResult, Outcome
from taskdisc.testing.leftovers import Belongings, is_gone, left_since
from taskdisc.testing.modules import modules_as_before
from taskdisc.testing.stage import MODULE, PATIENCE, Stage, collect, place_of

if TYPE_CHECKING:
    from concurrent.futures import Executor as Pool

    from taskdisc.protocols import Executor

Test = Callable[..., None]
LARGE = 2_000_000
"""Bytes; more than a pipe holds, and than is kept inline."""


def where_it_can(*capabilities: str) -> Callable[[Test], Test]:
    """Mark a test that asks nothing of executors without these capabilities."""

    def mark(test: Test) -> Test:
        @functools.wraps(test)
        def tried(self: ExecutorContract, **fixtures: Any) -> None:
            if all(getattr(self.capabilities, name) for name in capabilities):
                test(self, **fixtures)

        return tried

    return mark


def where_it_chains(test: Test) -> Test:
    """Mark a test that asks nothing of executors that take no chains (see `protocols.Chaining`)."""

    @functools.wraps(test)
    def tried(self: ExecutorContract, **fixtures: Any) -> None:
        if hasattr(self.stage.make(1), "submit_chain"):
            test(self, **fixtures)

    return tried


class ExecutorContract:
    """What every executor promises.

    `class TestMine(ExecutorContract)` needs `make`; what `capabilities` claims is tested too, and nothing else.
    """

    side_by_side = True
    """Whether two jobs can run at the same time."""

    def make(self, workers: int) -> Executor | Pool:
        """Return a new executor, as the factory of a plugin does."""
        raise NotImplementedError("a contract needs to know how to make what it is about: define make(self, workers)")

    @pytest.fixture(autouse=True)
    def _on_stage(self, tmp_path: Path) -> Iterator[None]:
        root = tmp_path / "contract"
        root.mkdir()
        with modules_as_before():
            self.stage = Stage(root, self._adapted)
            with surroundings(str(root), ()):
                try:
                    yield
                finally:
                    self.stage.close()

    def _adapted(self, workers: int) -> Executor:
        return adapted(self.make(workers), workers)

    @functools.cached_property
    def capabilities(self) -> Any:
        """What the executor says that it can do."""
        return self.stage.make(1).capabilities

    # Results

    def test_each_job_has_its_own_result(self) -> None:
        stage = self.stage
        results = stage.run(stage.start(), [stage.job("square", n) for n in range(20)])
        assert stage.values(results) == [n * n for n in range(20)]

    def test_there_is_room_before_and_after(self) -> None:
        stage, executor = self.stage, self.stage.start()
        room = executor.free()
        assert room > 0
        for _ in range(3):
            stage.run(executor, [stage.job("square", n) for n in range(room)])
            assert executor.free() > 0
        assert collect(executor, 0) == []

    def test_no_job_waits_for_another_where_none_may(self) -> None:
        self.stage.context = self.stage.context._replace(ahead=False)
        assert 1 <= self.stage.start(2).free() <= 2

    def test_values_arrive_as_they_were_sent(self) -> None:
        stage = self.stage
        values = [None, "ü\n\0", b"\xff", {"a": (1, [2.5])}, {1, 2}, 2**100, float("inf")]
        results = stage.run(stage.start(), [stage.job("echo", value) for value in values])
        assert stage.values(results) == values

    def test_large_values_both_ways_at_once(self) -> None:
        stage = self.stage
        jobs = [stage.job("echo", bytes([n]) * LARGE) for n in range(4)]
        jobs += [stage.job("large", LARGE) for _ in range(4)]
        values = stage.values(stage.run(stage.start(), jobs))
        assert [(len(value), value[0]) for value in values] == [(LARGE, n) for n in (0, 1, 2, 3, 0, 0, 0, 0)]

    def test_each_job_has_its_own_copy_of_an_input(self) -> None:
        stage = self.stage
        results = stage.run(stage.start(), [stage.job("longer", [7]) for _ in range(6)])
        assert stage.values(results) == [[7, 1]] * 6

    def test_a_task_knows_its_attempt(self) -> None:
        stage, names = self.stage, ["told[k=1]", "told[k='a/b']", 'told["é"]']
        gpu = (("gpu", 1.0, ("3",)),)
        jobs = [stage.job("told", instance=name, attempt=n, resources=gpu) for n, name in enumerate(names, 1)]
        values = stage.values(stage.run(stage.start(), jobs))
        assert values == [(name, n, {"gpu": ["3"]}) for n, name in enumerate(names, 1)]

    def test_tasks_work_in_the_root(self) -> None:
        stage = self.stage
        (folder, _) = stage.value(stage.run(stage.start(), [stage.job("whereabouts")])[0])
        assert folder == os.path.realpath(stage.root)

    def test_files_and_warnings_come_with_the_result(self) -> None:
        stage = self.stage
        page, misleading = stage.run(stage.start(), [stage.job("page", "text"), stage.job("misleading")])
        assert [os.path.basename(file.path) for file in page.files] == ["page"]
        assert page.directory is not None
        assert (Path(stage.context.store) / page.directory / "page").read_text() == "text"
        assert "Return a Path" in misleading.warnings[0]

    def test_times_are_told(self) -> None:
        stage, before = self.stage, time.time()
        (result,) = stage.run(stage.start(), [stage.job("square", 1)])
        assert before - 1 <= result.started <= result.started + result.seconds <= time.time() + 1
        assert result.cpu_seconds >= 0
        assert result.peak_memory > 0

    # Failures

    def test_an_exception_is_told_with_its_place(self) -> None:
        stage = self.stage
        failed, fine = stage.run(stage.start(1), [stage.job("failing", "on purpose"), stage.job("square", 3)])
        assert (failed.outcome, failed.parts) == (Outcome.FAILED, ())
        assert failed.error is not None
        assert (failed.error.kind, failed.error.message) == ("ValueError", "on purpose")
        assert failed.error.place is not None
        assert (failed.error.place.path, failed.error.place.line) == (f"{MODULE}.py", place_of("failing").line + 1)
        assert "raise ValueError(text)" in failed.error.traceback
        assert stage.value(fine) == 9

    def test_an_exception_that_does_not_pickle(self) -> None:
        stage = self.stage
        failed, fine = stage.run(stage.start(1), [stage.job("odd"), stage.job("square", 3)])
        assert (failed.outcome, failed.error and failed.error.kind) == (Outcome.FAILED, f"{MODULE}.Odd")
        assert stage.value(fine) == 9

    def test_a_result_that_cannot_be_kept(self) -> None:
        stage = self.stage
        failed, fine = stage.run(stage.start(1), [stage.job("unkeepable"), stage.job("square", 3)])
        assert failed.outcome == Outcome.FAILED
        assert failed.error is not None
        assert "the result cannot be kept" in failed.error.message
        assert stage.value(fine) == 9

    def test_leaving_fails_the_job_alone(self) -> None:
        stage = self.stage
        failed, fine = stage.run(stage.start(1), [stage.job("leaving", 3), stage.job("square", 3)])
        assert (failed.outcome, failed.error and failed.error.kind) == (Outcome.FAILED, "SystemExit")
        assert stage.value(fine) == 9

    def test_an_interrupt_by_a_task_fails_the_job_alone(self) -> None:
        stage, executor = self.stage, self.stage.start(1)
        if executor.fileno() is not None:  # else it runs where Ctrl-C is for the run
            failed, fine = stage.run(executor, [stage.job("interrupting"), stage.job("square", 3)])
            assert failed.outcome in (Outcome.FAILED, Outcome.KILLED)
            assert stage.value(fine) == 9

    def test_a_task_may_skip(self) -> None:
        stage = self.stage
        skipped, fine = stage.run(stage.start(1), [stage.job("skipped", "no data"), stage.job("square", 3)])
        assert (skipped.outcome, skipped.error) == (Outcome.SKIPPED, None)
        assert stage.value(fine) == 9

    def test_modules_that_cannot_be_imported_fail_every_job(self) -> None:
        stage = self.stage
        (stage.root / f"{MODULE}.py").write_text("raise ImportError('out of order')\n")
        results = stage.run(stage.start(), [stage.job("square", n) for n in range(4)])
        assert {result.outcome for result in results} == {Outcome.FAILED}
        assert all("out of order" in result.error.message for result in results if result.error is not None)

    @where_it_can("attribution")
    def test_who_dies_is_known(self) -> None:
        stage = self.stage
        jobs = [stage.job("vanishing", 3), stage.job("square", 1), stage.job("dying", 9), stage.job("square", 2)]
        vanished, one, died, two = stage.run(stage.start(), jobs)
        assert stage.values([one, two]) == [1, 4]
        for result, task in ((vanished, "vanishing"), (died, "dying")):
            assert result.outcome in (Outcome.FAILED, Outcome.KILLED)
            assert result.error is not None
            assert result.error.place == place_of(task)
        assert died.outcome == Outcome.KILLED

    @where_it_can("attribution")
    def test_every_other_job_may_die(self) -> None:
        stage = self.stage
        jobs = [stage.job("vanishing", 1) if n % 2 else stage.job("square", n) for n in range(12)]
        results = stage.run(stage.start(), jobs)
        assert all(result.outcome != Outcome.SUCCEEDED for result in results[1::2])
        assert stage.values(results[::2]) == [n * n for n in range(0, 12, 2)]

    # What runs

    def test_two_jobs_meet(self) -> None:
        stage, here = self.stage, str(self.stage.root)
        if self.side_by_side:
            one, other = f"{here}/one", f"{here}/other"
            results = stage.run(stage.start(2), [stage.job("meeting", one, other), stage.job("meeting", other, one)])
            assert stage.values(results) == [None, None]

    def test_what_runs_shows(self) -> None:
        stage, executor = self.stage, self.stage.start(1)
        under_way = getattr(executor, "under_way", None)
        if under_way is not None and executor.fileno() is not None:
            here, gate = stage.root / "here", stage.root / "gate"
            before, job = time.time(), stage.job("progressing", str(here), str(gate))
            executor.submit([job])
            stage.until_there(here, executor)
            deadline = time.monotonic() + PATIENCE
            while not (running := under_way()):  # the news may take another way than the file
                assert time.monotonic() < deadline, "nothing runs, the executor says"
                collect(executor, 0.01)
            (activity,) = running
            assert activity.number == job.number
            assert before - 1 <= activity.began <= time.time() + 1
            assert (activity.done, activity.total) in ((1.0, 4.0), (0.0, 0.0))
            gate.touch()

    @where_it_can("environment")
    def test_variables_are_the_jobs_alone(self) -> None:
        stage = self.stage
        stage.change("variable", env=(("CONTRACT", "of the task"),))
        jobs = [stage.job("variable", "CONTRACT"), stage.job("variable", "HELD", env=(("HELD", "3"),))]
        jobs.append(stage.job("variable", "HELD"))
        assert stage.values(stage.run(stage.start(1), jobs)) == ["of the task", "3", None]
        assert "CONTRACT" not in os.environ

    @where_it_can("environment")
    def test_variables_are_not_those_of_jobs_beside(self) -> None:
        stage, here = self.stage, str(self.stage.root)
        if self.side_by_side:
            one, other = f"{here}/one", f"{here}/other"
            jobs = [
                stage.job("looking", "HELD", one, other, env=(("HELD", "3"),)),
                stage.job("looking", "HELD", other, one),
            ]
            assert stage.values(stage.run(stage.start(2), jobs)) == ["3", None]

    @where_it_can("capture")
    def test_output_is_kept_for_each_attempt(self) -> None:
        stage, store = self.stage, Path(self.stage.context.store)
        loud, silent = stage.run(stage.start(1), [stage.job("saying", "hello"), stage.job("square", 2)])
        assert loud.stdout is not None
        assert loud.stderr is not None
        assert (store / loud.stdout).read_text() == "hello\nby a child\n"
        assert (store / loud.stderr).read_text() == "by number\n"
        assert [name for name, _ in logs_of(silent.stdout, silent.stderr) if name != "launcher"] == []

    @where_it_can("replacement")
    def test_workers_make_room(self) -> None:
        stage = self.stage
        stage.context = stage.context._replace(max_tasks=2)
        values = stage.values(stage.run(stage.start(), [stage.job("whereabouts") for _ in range(9)]))
        processes = [process for _, process in values]
        assert max(map(processes.count, processes)) <= 2

    @where_it_can("timeouts")
    def test_what_takes_too_long_is_ended(self) -> None:
        stage, here = self.stage, self.stage.root / "here"
        for limit in 1.0, 5.0, 25.0:  # on a busy machine, a second may be over before the job has its child
            stage.change("hanging", timeout=limit)
            slow, fine = stage.run(stage.start(2), [stage.job("hanging", str(here)), stage.job("square", 2)])
            assert slow.outcome == Outcome.TIMED_OUT
            assert slow.seconds >= limit
            assert stage.value(fine) == 4
            if here.exists():
                break
        assert all(is_gone(int(process)) for process in here.read_text().split())

    def test_shared_things_are_closed(self) -> None:
        stage, executor = self.stage, self.stage.start()
        assert stage.values(stage.run(executor, [stage.job("connected") for _ in range(6)])) == ["connected"] * 6
        executor.stop(kill=False)
        opened, closed = ((stage.root / name).read_text() for name in ("opened", "closed"))
        assert 1 <= len(opened) == len(closed)

    # Chains

    @where_it_chains
    def test_each_job_of_a_chain_receives_what_the_one_before_gives(self) -> None:
        stage = self.stage
        jobs = [stage.job("longer", []), *(stage.following("longer") for _ in range(3))]
        results = stage.run_chain(stage.start(), jobs)
        assert stage.values(results) == [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]

    @where_it_chains
    def test_large_results_in_a_chain(self) -> None:
        stage = self.stage
        jobs = [stage.job("large", LARGE), stage.following("passing"), stage.following("passing")]
        assert stage.values(stage.run_chain(stage.start(), jobs)) == [bytes(LARGE)] * 3

    @where_it_chains
    def test_after_a_failure_nothing_of_a_chain_runs(self) -> None:
        stage, executor = self.stage, self.stage.start(1)
        jobs = [stage.job("longer", []), *map(stage.following, ("breaking", "passing", "passing"))]
        outcomes = [result.outcome for result in stage.run_chain(executor, jobs)]
        assert outcomes == [Outcome.SUCCEEDED, Outcome.FAILED, Outcome.UNDONE, Outcome.UNDONE]
        assert stage.values(stage.run(executor, [stage.job("square", 3)])) == [9]

    @where_it_chains
    @where_it_can("attribution")
    def test_a_chain_ends_with_its_worker(self) -> None:
        stage, executor = self.stage, self.stage.start(2)
        jobs = [stage.job("longer", []), *map(stage.following, ("falling", "passing", "passing"))]
        outcomes = [result.outcome for result in stage.run_chain(executor, jobs)]
        assert outcomes == [Outcome.SUCCEEDED, Outcome.KILLED, Outcome.UNDONE, Outcome.UNDONE]

    @where_it_chains
    @where_it_can("attribution")
    def test_a_chain_that_has_not_begun_goes_to_another_worker(self) -> None:
        stage, executor = self.stage, self.stage.start(1)
        jobs = [stage.job("longer", []), *(stage.following("longer") for _ in range(2))]
        first, *others = stage.run_chain(executor, jobs, behind=[stage.job("dying", signal.SIGKILL)])
        assert first.outcome == Outcome.KILLED
        assert stage.values(others) == [[0], [0, 1], [0, 1, 2]]

    # The end

    def test_stopping_what_has_done_nothing(self) -> None:
        for executor in (self.stage.make(2), self.stage.start()):
            executor.stop(kill=False)
            executor.stop(kill=True)
            assert executor.collect() == []

    def test_nothing_begins_after_dismiss(self) -> None:
        stage, executor = self.stage, self.stage.start(1)
        here, gate, second = (stage.root / name for name in ("here", "gate", "second"))
        first = stage.job("waiting", str(here), str(gate))
        later = [stage.job("meeting", str(second), str(gate)) for _ in range(min(5, executor.free() - 1))]
        executor.submit([first, *later])
        results = []
        if executor.fileno() is not None:
            results = stage.until_there(here, executor)
        executor.dismiss()
        gate.touch()
        results += self._drained(executor)
        executor.stop(kill=False)
        assert not second.exists()
        assert [result.number for result in results] == [first.number] * here.exists()

    def _drained(self, executor: Executor) -> list[JobResult]:
        results: list[JobResult] = []
        deadline = time.monotonic() + 60
        while executor.busy():
            results += collect(executor, 0.1)
            assert time.monotonic() < deadline, "it is busy for ever"
        return results + [result for result in executor.collect() if result.outcome != Outcome.CLOSED]

    def test_stopping_waits_for_what_runs(self) -> None:
        stage, executor = self.stage, self.stage.start(1)
        if executor.fileno() is not None:
            here, gate = stage.root / "here", stage.root / "gate"
            executor.submit([stage.job("waiting", str(here), str(gate))])
            stage.until_there(here, executor)
            gate.touch()
            executor.stop(kill=False)
            (result,) = [each for each in executor.collect() if each.outcome != Outcome.CLOSED]
            assert stage.value(result) == "over"

    @where_it_can("kill")
    def test_what_runs_can_be_ended(self) -> None:
        stage, executor, here = self.stage, self.stage.start(1), self.stage.root / "here"
        executor.submit([stage.job("hanging", str(here))])
        stage.until_there(here, executor)
        executor.stop(kill=True)
        assert not executor.busy()
        assert all(is_gone(int(process)) for process in here.read_text().split())

    def test_an_end_at_once_waits_for_nobody(self) -> None:
        stage, executor = self.stage, self.stage.start(1)
        if executor.fileno() is not None:
            here, gate = stage.root / "here", stage.root / "gate"
            executor.submit([stage.job("waiting", str(here), str(gate))])
            stage.until_there(here, executor)
            executor.stop(kill=True)
            gate.touch()

    def test_nothing_is_left(self) -> None:
        self._live()  # what a library starts once and for all is there now
        before = Belongings.now()
        self._live()
        assert left_since(before) == {}

    def _live(self) -> None:
        """A life of an executor, from its making to its end."""
        stage, executor = self.stage, self.stage.start()
        stage.run(executor, [stage.job("square", n) for n in range(5)])
        if executor.capabilities.attribution:
            stage.run(executor, [stage.job("dying", signal.SIGKILL), stage.job("square", 1)])
        executor.stop(kill=False)
