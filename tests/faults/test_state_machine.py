"""Anything that users, accidents and other runs do to a project, in any order: the answer stays that of a clean run.

And no run executes more, or less, than the model without cache (`cacheless`) allows.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.faults.cacheless import (
    CHOICES,
    DEPENDENCIES,
    PERHAPS,
    TARGETS,
    Bounds,
    Ledger,
    State,
    needed,
    printed,
    steps,
)
from tests.projects import Ended, Folder, import_commands

MARK = b"<"
"""How the values of which files are made begin."""
EXECUTOR = st.sampled_from(["inline"] * 7 + ["process"])
NUMBER = st.integers(0, 10**6)
GOAL = st.sampled_from(TARGETS)
NEXT = st.sampled_from([None, *TARGETS])
"""What is run then, if anything."""
READER = st.sampled_from([None, "large", "large", "large", "written", "report"])
"""The same, where files were damaged: mostly what reads them."""


def truncate(path: Path, at: int) -> None:
    os.truncate(path, at % path.stat().st_size)


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1 << at % 8
    path.write_bytes(data)


def delete(path: Path, at: int) -> None:
    path.unlink()


HARMS: dict[str, Callable[[Path, int], None]] = {"truncate": truncate, "flip": flip, "delete": delete}


class Life(RuleBasedStateMachine):
    """What can happen to a project; each rule does it to the real one and tells the model."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Folder(Path(tempfile.mkdtemp()).resolve())
        self.root = self.folder.root
        self.state = State()
        self.past = [self.state]
        self.ledger = Ledger()
        self.harmed = False
        """Whether something was damaged that `verify` might find."""

    def teardown(self) -> None:
        """Whatever has happened: in the end all is well."""
        try:
            self._run("report", "inline")
            self._run("report", "process")
            self.verify()
            self.verify()
            assert not list((self.root / ".taskdisc" / "runs").glob("*.lock"))
        finally:
            shutil.rmtree(self.root)

    # What users do

    @rule(field=st.sampled_from(sorted(CHOICES)), number=NUMBER, goal=NEXT)
    def edit(self, field: str, number: int, goal: str | None) -> None:
        """Change code, an input, an axis, a setting or an option."""
        self.state = self.state._replace(**{field: CHOICES[field][number % len(CHOICES[field])]})
        self.past.append(self.state)
        self._go_on(goal)

    @rule(number=NUMBER, goal=GOAL)
    def revert(self, number: int, goal: str) -> None:
        """Take everything back to what it was at some time, and run."""
        self.state = self.past[number % len(self.past)]
        self._run(goal, "inline")

    @rule(goal=GOAL, executor=EXECUTOR)
    def run(self, goal: str, executor: str) -> None:
        self._run(goal, executor)

    @rule(task=st.sampled_from([None, *DEPENDENCIES]), downstream=st.booleans(), goal=NEXT)
    def clear(self, task: str | None, downstream: bool, goal: str | None) -> None:
        words = ["--all"] if task is None else [task, *(["--downstream"] if downstream else [])]
        self._do("clear", *words)
        self.ledger.cleared(task, downstream=downstream)
        self._go_on(goal)

    @rule(words=st.sampled_from([(), ("--keep-latest",), ("--max-size", "1GB"), ("--older-than", "1d")]))
    def collect(self, words: tuple[str, ...]) -> None:
        self._do("gc", *words)
        if "--keep-latest" in words:
            self.ledger.collected()

    @rule()
    def verify(self) -> None:
        ended = self._do("verify", expected=(0, 1))
        assert ended.code == 0 or self.harmed, ended
        self.harmed = False

    # What goes wrong

    @rule(number=NUMBER, harm=st.sampled_from(sorted(HARMS)), at=NUMBER, goal=READER)
    def harm(self, number: int, harm: str, at: int, goal: str | None) -> None:
        """Damage an object, or a file below a `task_dir`."""
        # No precondition of the rule: what a killed run leaves is chance, and Hypothesis wants none in its choices.
        if not self._files():
            self._run("large", "inline")
        files = self._files()
        path = files[number % len(files)]
        path.chmod(0o644)
        assert self.harmed or MARK in path.read_bytes()
        self.ledger.damaged(path.read_bytes())
        HARMS[harm](path, at)
        self.harmed = True
        self._go_on(goal)

    @rule(text=st.sampled_from([None, "", "something else\n"]), goal=NEXT)
    def meddle(self, text: str | None, goal: str | None) -> None:
        """Change or delete a result that lies in the open."""
        path = self.root / "report.txt"
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)
        self._go_on(goal)

    @rule(goal=GOAL, number=NUMBER)
    def kill(self, goal: str, number: int) -> None:
        """Kill a run in the midst of one of its steps."""
        self._write()
        bounds, gate = self._bounds(goal), self._gate(goal, number)
        process = self._begin(goal, gate)
        if self._is_held(process):
            os.kill(process, signal.SIGKILL)
        code = self.folder.end(process).code
        self._open(gate)
        if code != 0:
            executed, reported = set(self._executed()), self._reported()
            assert code == -signal.SIGKILL
            assert reported < executed <= bounds.must | bounds.may
            self.ledger.computed(self.state, executed - reported - {gate}, PERHAPS)
            self.ledger.computed(self.state, reported)
        else:
            self._settle(bounds, self._executed())

    @rule(goal=GOAL, other=GOAL, number=NUMBER)
    def run_twice(self, goal: str, other: str, number: int) -> None:
        """Start a second run while the first is in the midst of a step: together, they do what has to be done once."""
        self._write()
        first, second = self._bounds(goal), self._bounds(other)
        gate = self._gate(goal, number)
        processes = [self._begin(goal, gate)]
        self._is_held(processes[0])
        processes.append(self._begin(other, gate))
        self._await_locks(processes)
        self._open(gate)
        for process, each in zip(processes, (goal, other), strict=True):
            self._check(each, self.folder.end(process))
        counts = Counter(self._executed())
        runs, begun = 2 if self.state.elements else 0, counts.pop("source", 0)
        # A value that proves to be damaged when it is printed is made by another run, in which "every run" runs, too.
        assert begun == runs or (self.harmed and begun > runs), begun
        assert max(counts.values(), default=1) == 1 or first.may | second.may, counts
        must = first.must | second.must
        self._settle(Bounds(must, (first.may | second.may) - must), self._executed())

    # The real project

    def _write(self) -> None:
        self.folder.write(self.state.files())
        for name in ("executed.txt", "steps.jsonl", "reached"):
            (self.root / name).unlink(missing_ok=True)

    def _go_on(self, goal: str | None) -> None:
        if goal is not None:
            self._run(goal, "inline")

    def _run(self, goal: str, executor: str) -> None:
        self._write()
        bounds = self._bounds(goal)
        self._check(goal, self.folder.run(goal, *self.state.words, executor=executor))
        self._settle(bounds, self._executed())

    def _check(self, goal: str, ended: Ended) -> None:
        """The answer is that of the model, which keeps nothing."""
        assert ended.code == 0, ended.err
        expected = printed(self.state, goal, str(self.root))
        if expected is None:
            paths = [line.rpartition(": ")[2] for line in ended.out.splitlines()]
            texts = [Path(path).read_text() for path in paths]
            assert texts == [step.value for step in steps(self.state).values() if step.task == goal]
        else:
            assert ended.out == expected
        if goal == "report":
            assert (self.root / "report.txt").read_text() == steps(self.state)["report"].value

    def _settle(self, bounds: Bounds, executed: list[str]) -> None:
        """What was executed is what had to be, and nothing that need not."""
        assert bounds.must <= set(executed) <= bounds.must | bounds.may, (bounds, executed)
        self.ledger.computed(self.state, executed)

    def _bounds(self, goal: str) -> Bounds:
        path = self.root / "report.txt"
        return self.ledger.bounds(self.state, goal, path.read_text() if path.exists() else None)

    def _do(self, *words: str, expected: tuple[int, ...] = (0,)) -> Ended:
        self._write()
        ended = self.folder.do(*words)
        assert ended.code in expected, ended
        assert "Traceback" not in ended.err, ended.err
        return ended

    def _files(self) -> list[Path]:
        store = self.root / ".taskdisc"
        found = [*store.glob("objects/*/*"), *store.glob("dirs/*/*/*")]
        return sorted(path for path in found if path.is_file() and path.stat().st_size and ".tmp" not in path.name)

    # A run that is held up

    def _gate(self, goal: str, number: int) -> str:
        """Choose the step that will wait."""
        names = [step.id for step in needed(self.state, goal)] or ["nothing"]
        return names[number % len(names)]

    def _begin(self, goal: str, gate: str) -> int:
        (self.root / f"gate-{gate}").touch()
        words = ["--executor", "inline", "--json", str(self.root / "steps.jsonl")]
        return self.folder.begin("run", goal, *self.state.words, *words)

    def _is_held(self, process: int) -> bool:
        """Wait until the run waits; it may have no reason to execute the step, and end."""
        self._wait(lambda: (self.root / "reached").exists() or has_ended(process))
        return (self.root / "reached").exists()

    def _await_locks(self, processes: list[int]) -> None:
        """Wait until both runs have announced what they are going to execute."""
        runs = self.root / ".taskdisc" / "runs"
        self._wait(lambda: len(list(runs.glob("*.lock"))) >= 2 or any(map(has_ended, processes)))

    def _wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def _open(self, gate: str) -> None:
        (self.root / f"gate-{gate}").unlink()

    def _executed(self) -> list[str]:
        path = self.root / "executed.txt"
        return path.read_text().split() if path.exists() else []

    def _reported(self) -> set[str]:
        path = self.root / "steps.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return {step["id"] for step in map(json.loads, lines) if step["outcome"] == "succeeded"}


def has_ended(process: int) -> bool:
    """Say whether a child has ended; it can still be waited for."""
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


FIXED = settings(deadline=None, derandomize=True, database=None, stateful_step_count=15, phases=[Phase.generate])


def test_lives() -> None:
    import_commands()
    run_state_machine_as_test(Life, settings=settings(FIXED, max_examples=25))


@pytest.mark.long
def test_many_lives() -> None:
    import_commands()
    run_state_machine_as_test(
        Life, settings=settings(FIXED, max_examples=100, stateful_step_count=30, derandomize=False)
    )
