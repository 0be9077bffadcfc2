"""The crew: the workers of a cluster, as far as they have been introduced to the run."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from taskdisc_dask.posts import Luggage, supply

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from taskdisc.travel import Introduction

PATIENCE = 10.0
"""Seconds in which a worker has to take what it is given."""
PAUSE = 0.5
"""Seconds until a worker that did not answer is asked again."""


class Crew:
    """Introduces workers, those that come later, too; in the courier, the one thread that waits for the network."""

    def __init__(
        self,
        client: Any,
        courier: ThreadPoolExecutor,
        introduction: Introduction,
        tell: Callable[[ImportError | None], None],
    ) -> None:
        """`tell` is called in the courier: a worker is there, or cannot work since something is not installed."""
        self._client = client
        self._courier = courier
        self._introduction = introduction
        self._tell = tell
        self._luggage: dict[str, Any] = {}
        """By worker: a future of what it knows of the run."""
        self.sizes: dict[str, int] = dict(client.nthreads())
        """By worker: its threads."""
        client.subscribe_topic("all", self._changed)
        for worker in list(self.sizes):
            courier.submit(self.introduce, worker)

    @property
    def threads(self) -> int:
        """How many threads the cluster has."""
        return sum(list(self.sizes.values()))

    @property
    def ready(self) -> int:
        """How many threads there are of workers that know the run."""
        return sum(threads for worker, threads in list(self.sizes.items()) if worker in self._luggage)

    def luggage(self, worker: str) -> Any:
        """Return the future of what a worker knows of the run; None where it does not, or is gone."""
        return self._luggage.get(worker)

    def _changed(self, event: tuple[float, Any]) -> None:
        """A worker has come or gone; in a thread of Dask."""
        told = event[1]
        if not isinstance(told, dict):
            return
        if told.get("action") == "add-worker":
            with suppress(RuntimeError):  # the run has ended
                self._courier.submit(self.introduce, told["worker"])
        elif told.get("action") == "remove-worker":
            for known in (self.sizes, self._luggage):
                known.pop(told["worker"], None)

    def introduce(self, worker: str) -> None:
        """In the courier: tell a worker of the run, unless it knows."""
        luggage = self._luggage.get(worker)
        if luggage is not None and luggage.status == "finished":
            return
        given = [Luggage(self._introduction)]
        try:
            (luggage,) = self._client.scatter(given, workers=[worker], hash=False, timeout=PATIENCE)
            self.sizes = dict(self._client.nthreads())
            self._luggage[worker] = luggage
            self._tell(None)
        except Exception as error:
            self._luggage.pop(worker, None)
            if "ImportError" in str(error) or "ModuleNotFoundError" in str(error):
                self._tell(ImportError(str(error)))
            else:
                self._introduce_later(worker)

    def _introduce_later(self, worker: str) -> None:
        """In the courier: a worker did not answer. Try again, unless it has gone."""
        time.sleep(PAUSE)
        with suppress(Exception):  # the scheduler does not answer, or the run has ended
            if worker in self._client.nthreads():
                self._courier.submit(self.introduce, worker)

    def supply(self, worker: str, cargo: bytes) -> None:
        """In the courier: give a worker a pickled `Cargo`."""
        if worker in self._luggage:
            with suppress(Exception):  # it has gone: any other will do
                self._client.run(supply, self._introduction.run, cargo, workers=[worker])

    def leave(self) -> None:
        """Hear no more of workers."""
        with suppress(ValueError):
            self._client.unsubscribe_topic("all")

    def forget(self) -> None:
        """Let go of what workers know of the run."""
        self._luggage.clear()
