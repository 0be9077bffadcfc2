"""The side of Dask's workers: each has an agent of the run, which runs the jobs."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock, Thread
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from taskdisc.model import JobResult
from taskdisc.outpost import Outpost
from taskdisc.travel import Introduction


class Reply(NamedTuple):
    """What a worker says to a batch."""

    worker: str
    """Its address."""
    answer: bytes | None
    """The pickled `Answer`; None where it does not know the run, and is to be introduced."""


class Luggage:
    """What a worker has of a run: it is Dask's data, so it goes, and the agent with it, when the run lets go of it.

    That is also when the run's process was killed, or has lost the scheduler.
    """

    def __init__(self, introduction: Introduction) -> None:
        self.introduction = introduction
        self._lock = Lock()
        self._post: Outpost | None = None
        self._dismissed = False
        self._begun: set[int] = set()
        """The numbers of the batches that came while others were to begin."""
        _luggage[introduction.run] = self

    def __reduce__(self) -> tuple[Any, ...]:
        return Luggage, (self.introduction,)

    def post(self, worker: Any, number: int) -> Outpost | None:
        """Return the way to the agent, started if there is none, for a batch; None where no other is to begin."""
        with self._lock:
            if self._dismissed:
                return None
            self._begun.add(number)
            if self._post is None or self._post.is_lost:
                self._post = Outpost(self.introduction, worker.state.nthreads, worker.local_directory)
            return self._post

    def supply(self, cargo: bytes) -> None:
        """Give the agent what it has asked for, if it is still there."""
        if self._post is not None:
            self._post.supply(cargo)

    def dismiss(self, numbers: Iterable[int] = ()) -> list[int]:
        """Begin no other job; return which of these batches have begun."""
        with self._lock:
            self._dismissed = True
            if self._post is not None:
                self._post.dismiss()
            return [number for number in numbers if number in self._begun]

    def close(self, kill: bool) -> list[JobResult]:
        """End the agent; return what it says at its end."""
        self.dismiss()
        return [] if self._post is None else self._post.close(kill=kill)

    def __del__(self) -> None:
        if self._post is not None and not self._post.is_lost:
            Thread(target=self._post.close, daemon=True).start()


_luggage: WeakValueDictionary[str, Luggage] = WeakValueDictionary()
"""By run."""


def topic(run: str) -> str:
    """Return under what name workers tell that they begin a batch."""
    return f"taskdisc-{run}"


def run_batch(run: str, number: int, jobs: bytes, luggage: Luggage | None = None) -> Reply:
    """Run pickled jobs in a thread of a worker. Raises AgentLost, AgentRefused."""
    from distributed import get_worker

    worker: Any = get_worker()
    luggage = _luggage.get(run)
    if luggage is None:
        return Reply(worker.address, None)
    post = luggage.post(worker, number)
    if post is None:
        from pickle import dumps

        from taskdisc.travel import Answer

        return Reply(worker.address, dumps(Answer()))
    worker.log_event(topic(run), number)
    return Reply(worker.address, post.run(jobs))


async def supply(run: str, cargo: bytes) -> None:
    """Give an agent what it has asked for."""
    import asyncio

    if (luggage := _luggage.get(run)) is not None:
        await asyncio.get_running_loop().run_in_executor(None, luggage.supply, cargo)


def dismiss(run: str, numbers: list[int]) -> list[int]:
    """Have a worker begin no other job of a run; return which of these batches it has begun."""
    luggage = _luggage.get(run)
    return [] if luggage is None else luggage.dismiss(numbers)


async def close(run: str, kill: bool) -> list[JobResult]:
    """End the agent of a run; return what it says at its end."""
    import asyncio

    if (luggage := _luggage.get(run)) is None:
        return []
    return await asyncio.get_running_loop().run_in_executor(None, luggage.close, kill)


def dask_setup(worker: Any) -> None:
    """Called by Dask in workers that are started for a run: an interruption is for the run to decide."""
    import signal
    import threading

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
