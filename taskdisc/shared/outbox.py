"""The outbox: sends what a run has made, while the run goes on and at its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from taskdisc.shared.team import Delivered, Team

EVERY = 30.0
"""Seconds between two deliveries."""


class Outbox:
    """Everything that the index says is durable goes out; a thread waits for the network, never the run."""

    def __init__(self, team: Team, run: int, tell: Callable[[str], None]) -> None:
        self._team = team
        self._run = run
        self._tell = tell
        self._thread: ThreadPoolExecutor | None = None
        self._under_way: Future[Delivered] | None = None
        self._last = time.monotonic()

    def offer(self) -> None:
        """Send what is new, if it is time to."""
        if time.monotonic() - self._last > EVERY and (self._under_way is None or self._under_way.done()):
            self._settle()
            self._send()

    def close(self, *, hurry: bool) -> None:
        """Send all that is left, and wait for it; in a hurry, wait for nothing, and leave it to `taskdisc push`."""
        if not hurry:
            self._settle()
            self._send()
        if not hurry or (self._under_way is not None and self._under_way.done()):
            self._settle()
        if self._thread is not None:
            self._thread.shutdown(wait=not hurry)
        left = sum(len(batch.artifacts) for batch in self._team.ledger.unsent(self._run))
        if left:
            results = "1 result was" if left == 1 else f"{left:,} results were"
            why = f": {self._team.trouble}" if self._team.trouble else ""
            self._tell(f"{results} not shared, which `taskdisc push` does later{why}")

    def _send(self) -> None:
        batches = list(self._team.ledger.unsent(self._run))
        self._last = time.monotonic()
        if not batches:
            return
        if self._thread is None:
            from concurrent.futures import ThreadPoolExecutor

            self._thread = ThreadPoolExecutor(1, "taskdisc-outbox")
        self._under_way = self._thread.submit(self._team.deliver, batches)

    def _settle(self) -> None:
        """Note, here where the index may be written, what has arrived."""
        if self._under_way is not None:
            done, self._under_way = self._under_way.result(), None
            self._team.note(done)
