"""Executors by name: what plugins supply, pools of `concurrent.futures` among them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

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
