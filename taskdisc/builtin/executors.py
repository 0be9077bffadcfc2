"""The built-in executors, by name; each is imported when it is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskdisc.protocols import Executor


def taskdisc_executors() -> dict[str, Callable[..., Executor]]:
    """`process`: forked workers on this machine; `inline`: one job at a time in the run itself."""
    return {"process": _process, "inline": _inline}


def _process(workers: int) -> Executor:
    from taskdisc.builtin.process import ProcessExecutor

    return ProcessExecutor(workers)


def _inline(workers: int) -> Executor:
    from taskdisc.builtin.inline import InlineExecutor

    return InlineExecutor(workers)
