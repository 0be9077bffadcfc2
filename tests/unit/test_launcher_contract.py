"""The contract of launchers: for prefixes of several kinds, and for launchers as plugins would supply them."""

from __future__ import annotations

from collections.abc import Sequence

from taskdisc.builtin.prefix import PrefixLauncher
from taskdisc.testing import LauncherContract


class TestPrefix(LauncherContract):
    words = ("env", "LAUNCHED={task}", "ATTEMPT={attempt}")

    def make_launcher(self) -> PrefixLauncher:
        return PrefixLauncher()


class TestNoPrefix(LauncherContract):
    def make_launcher(self) -> PrefixLauncher:
        return PrefixLauncher()


class TestShell(LauncherContract):
    """A shell script that stays between the run and the command, as those of batch systems do."""

    words = ("sh", "-c", 'echo "about to run {id}"; "$@"; status=$?; echo over; exit $status', "launcher")

    def make_launcher(self) -> PrefixLauncher:
        return PrefixLauncher()


class Nice:
    """A launcher of a plugin, with words of its own."""

    def prefix(self, words: Sequence[str], values: dict[str, str]) -> list[str]:
        return ["nice", "-n", values["cpus"], *words]


class TestNice(LauncherContract):
    def make_launcher(self) -> Nice:
        return Nice()
