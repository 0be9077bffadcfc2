"""Executors: made by name, pools of `concurrent.futures` among them, waited for, and asked what they do."""

from __future__ import annotations

import math
import select
import sys
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from taskdisc.model import Activity

if TYPE_CHECKING:
    from taskdisc.pluginmanager import PluginManager
    from taskdisc.protocols import Executor


def make_executor(plugins: PluginManager, name: str, *, workers: int, **arguments: Any) -> Executor:
    """Make the executor of this name. Raises PluginError where there is none."""
    return adapted(plugins.make("executors", name, workers=workers, **arguments), workers)


def adapted(made: Any, workers: int) -> Executor:
    """Return an executor of runs: what was made, or an adapter that owns a pool, and shuts it down at its end."""
    futures = sys.modules.get("concurrent.futures")  # who has made a pool has imported it
    if futures is None or not isinstance(made, futures.Executor):
        executor: Executor = made
        return executor
    from taskdisc.builtin.futures import OwnPool

    return OwnPool(made, workers)


def forks(executor: Executor) -> bool:
    """Say whether an executor starts its workers as forks of this process, all of them when it is started."""
    found: bool = getattr(executor, "forks", False)
    return found


def wait(executors: Collection[Executor], timeout: float | None) -> None:
    """Wait for one of the executors, at most so many seconds; not at all for one that works when it is asked."""
    if len(executors) == 1:
        timeout = _rest(next(iter(executors)), timeout)
    poll = select.poll()
    for executor in executors:
        descriptor = executor.fileno()
        if descriptor is not None:
            poll.register(descriptor, select.POLLIN)
        elif not executor.free():
            return
    poll.poll(None if timeout is None else math.ceil(timeout * 1000))


def _rest(executor: Executor, timeout: float | None) -> float | None:
    """Sleep while an executor has enough to do: to wake up for each tiny result costs more than it. Return what is left
    of the timeout (seconds).
    """
    lull: Callable[[], float] | None = getattr(executor, "lull", None)
    seconds = 0.0 if lull is None else lull()
    if timeout is not None:
        seconds = min(seconds, timeout)
    if seconds <= 0:
        return timeout
    time.sleep(seconds)
    return None if timeout is None else timeout - seconds


def under_way(executor: Executor, submitted: Iterable[tuple[int, float]]) -> Sequence[Activity]:
    """Return the jobs that run: all that were submitted (monotonic seconds) where the executor cannot tell."""
    tell: Callable[[], Sequence[Activity]] | None = getattr(executor, "under_way", None)
    if tell is not None:
        return tell()
    epoch = time.time() - time.monotonic()
    return [Activity(node, since + epoch) for node, since in submitted]
