"""The built-in launchers, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskdisc.protocols import Launcher


def taskdisc_launchers() -> dict[str, Callable[[], Launcher]]:
    """`prefix`: the words of a task's `prefix`, with placeholders filled."""
    return {"prefix": _prefix}


def _prefix() -> Launcher:
    from taskdisc.builtin.prefix import PrefixLauncher

    return PrefixLauncher()
