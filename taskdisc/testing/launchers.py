"""The contract of launchers as tests: that of executors, with every job a command behind the launcher's words."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from taskdisc.builtin.command import CommandExecutor
from taskdisc.testing.executors import ExecutorContract
from taskdisc.testing.stage import ARGUMENTS

if TYPE_CHECKING:
    from taskdisc.protocols import Launcher

VALUES = {"task": "fit", "id": "fit[k='a b']", "attempt": "2", "log_dir": "/logs", "cpus": "1"}
"""Placeholders that there always are, with values as they come."""


class LauncherContract(ExecutorContract):
    """What every launcher promises.

    `class TestMine(LauncherContract)` needs `make_launcher`, and `words` where a task must have a prefix of its own.
    Jobs really run behind what the launcher returns: on a machine that has what it starts, or a stand-in for it.
    """

    words: Sequence[str] = ()
    """The prefix that tasks have in these tests."""

    def make_launcher(self) -> Launcher:
        """Return a new launcher, as the factory of a plugin does."""
        raise NotImplementedError("a contract needs to know how to make what it is about: define make_launcher(self)")

    def make(self, workers: int) -> CommandExecutor:
        """Return an executor whose jobs the launcher starts."""
        for task in ARGUMENTS:
            self.stage.change(task, prefix=tuple(self.words))
        return CommandExecutor(workers, self.make_launcher())

    def test_words_are_texts(self) -> None:
        prefix = self.make_launcher().prefix(tuple(self.words), dict(VALUES))
        assert isinstance(prefix, list)
        assert all(isinstance(word, str) and "\0" not in word for word in prefix)

    def test_the_same_job_gets_the_same_words(self) -> None:
        launcher, values = self.make_launcher(), dict(VALUES)
        assert launcher.prefix(tuple(self.words), values) == launcher.prefix(tuple(self.words), values)
        assert values == VALUES

    def test_no_shell_sees_the_words(self) -> None:
        stage, text = self.stage, "$HOME `id` \"a\" 'b' {c} *\n;&"
        stage.change("variable", env=(("CONTRACT", text),))
        told, variable = stage.run(stage.start(), [stage.job("told", instance=text), stage.job("variable", "CONTRACT")])
        assert stage.value(told)[0] == text
        assert stage.value(variable) == text

    def test_each_job_is_a_process_of_its_own(self) -> None:
        stage = self.stage
        values = stage.values(stage.run(stage.start(), [stage.job("whereabouts") for _ in range(3)]))
        assert len({process for _, process in values} | {os.getpid()}) == 4
