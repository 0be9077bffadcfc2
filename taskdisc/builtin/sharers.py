"""What plain output says while a run waits for what other runs hold: once, and not before it has waited a while."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskdisc.run import Run

EVERY = 1.0
"""Seconds between two looks."""
LONG = 3.0
"""Seconds that a run may wait without a word."""


class Sharers:
    """Plugged into a run that shares resources, where nobody is shown more than lines."""

    def __init__(self, run: Run) -> None:
        self._plugins = run.project.plugins
        self._since: dict[str, float] = {}
        self._told: set[str] = set()

    def taskdisc_run_progress(self, run: Run) -> None:
        """Name what the run has waited for too long, and who holds it."""
        now, refused = time.monotonic(), run.refused()
        self._since = {name: self._since.get(name, now) for name in refused}
        long = {name for name, since in self._since.items() if now - since >= LONG}
        if not long <= self._told:
            self._told |= long
            sys.stderr.write(f"waiting: {held_line(run)}\n")
            sys.stderr.flush()

    def taskdisc_run_finished(self) -> None:
        """Go."""
        self._plugins.unregister(self)


def held_line(run: Run) -> str:
    """Return a few words about what the run waits for."""
    names = sorted(run.refused())
    holders = run.allotment.holders(names) if run.allotment is not None else {}
    parts = [f"{name} in use by process {', '.join(map(str, sorted(pids)))}" for name, pids in holders.items() if pids]
    return "; ".join(parts) or f"{', '.join(names)} in use by another run"
