"""The executor `dask`: batches of jobs are tasks of Dask, and run in agents beside its workers (see `taskdisc.travel`).

A thread of its own, the courier, does what waits for the network; all else happens in the run's main thread.
"""

from __future__ import annotations

import os
import pickle
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from select import select
from threading import Thread
from typing import TYPE_CHECKING, Any

from taskdisc.descriptors import close_private, keep_private
from taskdisc.model import Activity, Job, JobResult, WorkerContext
from taskdisc.protocols import Capabilities
from taskdisc.travel import Answer, DamagedResult, Home, Wanted
from taskdisc_dask.batching import Batching
from taskdisc_dask.settings import Settings
from taskdisc_dask.verdicts import Flight, gone, is_cancelled, judge

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from taskdisc_dask.crew import Crew

AHEAD = 2
"""Batches for each thread of the cluster, while they take no time: one that runs, and one that waits."""
PATIENCE = 10.0
"""Seconds in which the scheduler has to answer at the end."""
WATCH = 2.0
"""Seconds after which to look for the scheduler, while nothing is there whose end would tell."""
PROMPT = 2.0
"""Seconds in which workers learn that nothing more is to begin."""


class DaskExecutor:
    """Runs jobs on a cluster: one that is there, or one that is started for the run."""

    capabilities = Capabilities(
        capture=True, kill=True, timeouts=True, environment=True, attribution=True, replacement=True
    )

    def __init__(self, workers: int, settings: Settings) -> None:
        self._workers = workers
        self._settings = settings
        self._cluster: Any = None
        self._client: Any = None
        self._courier: ThreadPoolExecutor | None = None
        self._crew: Crew | None = None
        self._context: WorkerContext | None = None
        self._flying: dict[int, Flight] = {}
        """By the number of the batch."""
        self._waiting: deque[Flight] = deque()
        """Batches for which there is no room yet."""
        self._arrived: deque[tuple[Flight, Any, BaseException | None]] = deque()
        """What the courier has brought: of each batch a reply, or what went wrong."""
        self._ready: deque[tuple[Flight, str]] = deque()
        """Batches whose worker, of that address, has now got what it had asked for."""
        self._ended: list[JobResult] = []
        self._number = 0
        self._say: Callable[[str], None] | None = None
        self._is_told = False
        self._dismissed = False
        self._stopped = False
        self._bell: tuple[int, int] | None = None

    # Beginning

    def start(self, context: WorkerContext) -> None:
        """Connect to the cluster, or start one. Raises UsageError."""
        from concurrent.futures import ThreadPoolExecutor

        from taskdisc_dask.clusters import connected, started
        from taskdisc_dask.crew import Crew
        from taskdisc_dask.posts import topic

        self._batching = Batching(context.specs, ahead=context.ahead)
        self._home = Home(context, self._settings.variables)
        self._context = context
        reading, ringing = os.pipe()
        for descriptor in (reading, ringing):
            os.set_blocking(descriptor, False)
            keep_private(descriptor)
        self._bell = reading, ringing
        self._cluster = started(self._settings, self._workers)
        self._courier = ThreadPoolExecutor(1, "taskdisc-dask")
        self._client = connected(self._settings, self._cluster)
        self._dismissal = Thread(target=self._dismiss_all, name="taskdisc-dismissal", daemon=True)
        self._client.subscribe_topic(topic(self._home.run), self._begun)
        self._crew = Crew(self._client, self._courier, self._home.introduction, self._hear)
        self._look_for_workers()

    def speak(self, say: Callable[[str], None]) -> None:
        """Note by what to tell people that something waits."""
        self._say = say

    def _look_for_workers(self) -> None:
        """Tell people, once, where there are none."""
        is_alone = self._crew is not None and not self._crew.sizes
        if is_alone and not self._is_told and self._say is not None:
            self._say(f"the Dask cluster {self._address} has no workers: waiting for one")
        self._is_told = is_alone

    def _hear(self, problem: ImportError | None) -> None:
        """In the courier: a worker has come, or cannot work."""
        if problem is not None:
            self._arrived.append((Flight(()), None, problem))
        self._ring()

    def _begun(self, event: tuple[float, int]) -> None:
        """A worker says that it begins a batch; in a thread of Dask."""
        if (flight := self._flying.get(event[1])) is not None:
            flight.began = time.time()

    def _ring(self) -> None:
        if self._bell is not None:
            with suppress(BlockingIOError, OSError):
                os.write(self._bell[1], b"!")

    @property
    def crew(self) -> Crew:
        """The workers."""
        assert self._crew is not None, "start() comes first"
        return self._crew

    # Work

    def free(self) -> int:
        """Return how many jobs there is room for."""
        return max(0, self._open) * self._batching.size

    @property
    def _open(self) -> int:
        """How many more batches there may be, those counted that wait."""
        return self._most(self.crew.threads) - len(self._flying) - len(self._waiting)

    def _most(self, threads: int) -> int:
        """Return how many batches so many threads should have."""
        assert self._context is not None, "start() comes first"
        limited = self._cluster is not None or self._settings.limited
        if limited and threads > self._workers:
            return self._workers  # another batch would not wait, but run
        return max(1, threads) * (AHEAD if self._batching.is_quick else 1)

    @property
    def _room(self) -> int:
        """How many more batches may fly."""
        return self._most(self.crew.ready) - len(self._flying) if self.crew.ready else 0

    def submit(self, jobs: Sequence[Job]) -> None:
        """Send the jobs on their way."""
        self._waiting += map(Flight, self._batching.batches(jobs, self._open))
        self._send_waiting()

    def _send_waiting(self) -> None:
        while self._waiting and self._room > 0 and not self._dismissed:
            self._send(self._waiting.popleft())

    def _send_back(self, flight: Flight, worker: str) -> None:
        """Send a batch to the worker that has got what it needs, unless others wait there: then to any."""
        luggage = self.crew.luggage(worker)
        there = sum(other.worker == worker for other in list(self._flying.values()))
        if self._dismissed:
            return
        if luggage is not None and there < self.crew.sizes.get(worker, 1):
            # With what the worker knows, so that it does not wait for ever for a worker that has gone.
            flight.worker = worker
            self._send(flight, luggage, workers=[worker])
        else:
            self._waiting.appendleft(flight)

    def _send(self, flight: Flight, *luggage: Any, **where: Any) -> None:
        from taskdisc_dask.posts import run_batch

        self._number += 1
        number = self._number
        flight.began = None
        self._flying[number] = flight
        name = f"taskdisc-{self._home.run}-{number}"
        given = self._home.run, number, pickle.dumps(flight.jobs, 5), *luggage
        flight.future = self._client.submit(run_batch, *given, key=name, pure=False, retries=0, **where)
        flight.future.add_done_callback(lambda future: self._fetch(number, future))

    def _fetch(self, number: int, future: Any) -> None:
        """In a thread of Dask: a batch has ended."""
        with suppress(RuntimeError):  # the run has ended
            assert self._courier is not None
            self._courier.submit(self._bring, number, future)

    def _bring(self, number: int, future: Any) -> None:
        """In the courier: get what a batch has come to."""
        reply, error = None, None
        try:
            reply = future.result()
        except BaseException as raised:
            error = raised
        flight = self._flying.get(number)
        if flight is not None:
            self._arrived.append((flight, reply, error))
            flight.future = None
            del self._flying[number]
        self._ring()

    def under_way(self) -> list[Activity]:
        """Return the jobs that run: the first of each batch that a worker has begun, since no more is known of it."""
        flying = list(self._flying.values())
        return [Activity(each.jobs[0].number, each.began) for each in flying if each.began is not None]

    def collect(self) -> list[JobResult]:
        """Return what has ended since the last call. Raises ClusterLost, UsageError."""
        if self._bell is not None:
            with suppress(BlockingIOError):
                os.read(self._bell[0], 4096)
        while self._arrived:
            flight, reply, error = self._arrived.popleft()
            if error is not None:
                self._fail(flight, error)
            elif reply.answer is None:
                self._equip(flight, reply.worker, (), flight.jobs)
            else:
                self._take(flight, reply.worker, pickle.loads(reply.answer))
        while self._ready:
            flight, worker = self._ready.popleft()
            self._send_back(flight, worker)
        self._send_waiting()
        self._look_for_workers()
        if self._waiting and not self._flying and not self._is_there:
            raise gone(self._address)
        ended, self._ended = self._ended, []
        return ended

    def _take(self, flight: Flight, worker: str, answer: Answer) -> None:
        tasks = {job.number: job.task for job in flight.jobs}
        for delivery in answer.deliveries:
            result = self._home.received(delivery)
            self._batching.observe(tasks.pop(result.number), result)
            self._ended.append(result)
        if answer.wanted:
            numbers = {wanted.number for wanted in answer.wanted}
            self._equip(flight, worker, answer.wanted, [job for job in flight.jobs if job.number in numbers])
            for number in numbers:
                del tasks[number]
        left = [job for job in flight.jobs if job.number in tasks]
        if left and not self._dismissed:
            self._waiting.append(Flight(left))

    def _equip(self, flight: Flight, worker: str, wanted: Sequence[Wanted], jobs: Sequence[Job]) -> None:
        """Have jobs go to a worker again when that has what it lacks."""
        if not self._dismissed:
            assert self._courier is not None
            self._courier.submit(self._supply, Flight(jobs, flight.losses), worker, tuple(wanted))

    def _supply(self, flight: Flight, worker: str, wanted: tuple[Wanted, ...]) -> None:
        """In the courier: give a worker what it needs for a batch."""
        try:
            cargo = pickle.dumps(self._home.cargo(wanted), 5)
        except (DamagedResult, OSError) as error:
            self._arrived.append((flight, None, error))
            self._ring()
            return
        self.crew.introduce(worker)
        if wanted:
            self.crew.supply(worker, cargo)
        self._ready.append((flight, worker))
        self._ring()

    def _fail(self, flight: Flight, error: BaseException) -> None:
        """A batch did not come back."""
        assert self._context is not None
        if self._dismissed and is_cancelled(error):
            return
        verdict = judge(flight, error, self._context, self._home, self._address, is_there=self._is_there)
        self._ended += verdict.ended
        self._waiting += verdict.left

    @property
    def _is_there(self) -> bool:
        """Whether the scheduler can be reached."""
        return bool(self._client.status == "running")

    @property
    def _address(self) -> str:
        scheduler = self._client.scheduler
        return str(scheduler.address) if scheduler is not None else self._settings.address

    # The end

    def fileno(self) -> int | None:
        """Return a descriptor that is readable when something has come."""
        assert self._bell is not None, "start() comes first"
        return self._bell[0]

    def deadline(self) -> float | None:
        """Return when to look whether the scheduler is still there, while batches wait for the first worker."""
        return time.monotonic() + WATCH if self._waiting and not self._flying else None

    def dismiss(self) -> None:
        """Begin nothing more; what runs goes on."""
        if self._dismissed:
            return
        self._dismissed = True
        self._waiting.clear()
        self._ready.clear()
        if self._crew is not None:
            self._dismissal.start()
            self._dismissal.join(PROMPT)  # for no longer than that: a worker may have gone for a while

    def _dismiss_all(self) -> None:
        """In a thread: tell the workers, and take back what has not begun."""
        from taskdisc_dask.posts import dismiss

        unheard = [number for number, flight in list(self._flying.items()) if flight.began is None]
        answers = self._ask(dismiss, self._home.run, unheard).values()
        begun = {number for answer in answers for number in answer}
        for number, flight in list(self._flying.items()):
            if flight.began is None and number not in begun and flight.future is not None:
                flight.future.cancel()
                self._flying.pop(number, None)
        self._ring()

    def _ask(self, function: Callable[..., Any], *given: Any) -> dict[str, Any]:
        """Have all workers do something at once, in vain where they cannot be reached."""
        if not self._is_there:
            return {}
        try:
            asked = self._client.run(function, *given, on_error="ignore")
        except Exception:
            return {}
        return dict(asked)

    def busy(self) -> bool:
        """Say whether batches are on their way."""
        return bool(self._flying or self._arrived)

    def stop(self, *, kill: bool) -> None:
        """End the agents, after what they do, or at once; and the cluster, if it was started for the run."""
        if self._stopped:
            return
        self._stopped = True
        self.dismiss()
        if self._crew is not None:
            self._crew.leave()
            if not kill:
                self._drain()
            self._end_agents(kill=kill)
            self._crew.forget()
        if self._courier is not None:
            self._courier.shutdown(cancel_futures=True)
        self._flying.clear()
        self._arrived.clear()
        for each in (self._client, self._cluster):
            if each is not None:
                with suppress(Exception):
                    each.close(timeout=PATIENCE)
        if self._context is not None:
            self._home.close()
        if self._bell is not None:
            bell, self._bell = self._bell, None
            for descriptor in bell:
                close_private(descriptor)

    def _drain(self) -> None:
        """Wait for what runs."""
        while self.busy() and self._is_there:
            assert self._bell is not None
            select([self._bell[0]], [], [], 1.0)
            results = self.collect()
            self._ended += results

    def _end_agents(self, *, kill: bool) -> None:
        from taskdisc_dask.posts import close

        for remarks in self._ask(close, self._home.run, kill).values():
            self._ended += remarks or ()
