"""The contract of executors, for each of ours and for the pools that are adapted."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

import loky
import pytest

from taskdisc.builtin.command import CommandExecutor
from taskdisc.builtin.inline import InlineExecutor
from taskdisc.builtin.prefix import PrefixLauncher
from taskdisc.builtin.process import ProcessExecutor
from taskdisc.builtin.threads import ThreadExecutor
from taskdisc.testing import ExecutorContract


class TestForked(ExecutorContract):
    @pytest.fixture(autouse=True)
    def _no_threads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("taskdisc.builtin.workers.may_fork", lambda: True)

    def make(self, workers: int) -> ProcessExecutor:
        return ProcessExecutor(workers)


class TestSpawned(ExecutorContract):
    @pytest.fixture(autouse=True)
    def _a_thread(self) -> Iterator[None]:
        """Where threads are, workers are fresh interpreters."""
        end = threading.Event()
        thread = threading.Thread(target=end.wait)
        thread.start()
        yield
        end.set()
        thread.join()

    def make(self, workers: int) -> ProcessExecutor:
        return ProcessExecutor(workers)


class TestForkedElsewhere(TestForked):
    """On systems without descriptors for processes."""

    @pytest.fixture(autouse=True)
    def _no_descriptors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("taskdisc.builtin.groups.open_pidfd", lambda process: None)


class TestSpawnedElsewhere(TestSpawned):
    """On systems without descriptors for processes, such as macOS."""

    @pytest.fixture(autouse=True)
    def _no_descriptors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("taskdisc.builtin.groups.open_pidfd", lambda process: None)


class TestThread(ExecutorContract):
    def make(self, workers: int) -> ThreadExecutor:
        return ThreadExecutor(workers)


class TestInline(ExecutorContract):
    side_by_side = False

    def make(self, workers: int) -> InlineExecutor:
        return InlineExecutor(workers)


class TestCommand(ExecutorContract):
    def make(self, workers: int) -> CommandExecutor:
        return CommandExecutor(workers, PrefixLauncher())


class TestCommandInBatches(ExecutorContract):
    def make(self, workers: int) -> CommandExecutor:
        for task in [spec.attribute for spec in self.stage.context.specs]:
            self.stage.change(task, batch=3)
        return CommandExecutor(workers, PrefixLauncher())


class TestThreadPool(ExecutorContract):
    def make(self, workers: int) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(workers)


class TestProcessPool(ExecutorContract):
    def make(self, workers: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(workers)


class TestSpawnedPool(ExecutorContract):
    def make(self, workers: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


class TestLoky(ExecutorContract):
    def make(self, workers: int) -> Executor:
        return loky.ProcessPoolExecutor(workers)  # type: ignore[no-any-return]
