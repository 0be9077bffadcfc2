"""The executor that a run uses unless told otherwise: worker processes on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import Any

from taskdisc.builtin.endings import describe_status, unanswered
from taskdisc.builtin.groups import end_groups
from taskdisc.builtin.serving import RunnerFactory
from taskdisc.builtin.workers import Worker, birth
from taskdisc.capture import log_name, remove_empty, salvage
from taskdisc.model import Activity, Job, JobResult, Outcome, WorkerContext

GRACE = 0.5
"""Seconds between asking a process group to end and ending it."""


class Window:
    """How many jobs a worker may hold: many when they are tiny, else one that runs and one that waits."""

    LEAST = 2
    MOST = 512
    QUEUED = 0.005
    """Seconds of work that should wait at a worker: enough to hide the way there and back, but soon done."""

    def __init__(self) -> None:
        self.size = self.LEAST
        self._mean = self.QUEUED

    def observe(self, results: Sequence[JobResult]) -> None:
        """Learn from the jobs that have just ended; a single long one closes the window at once."""
        seconds = [result.seconds for result in results]
        if max(seconds) >= self.QUEUED:
            self._mean = self.QUEUED
        else:
            self._mean += (sum(seconds) / len(seconds) - self._mean) / 2
        self.size = max(self.LEAST, min(self.MOST, int(self.QUEUED / max(self._mean, 1e-6))))


def deal(cards: Sequence[Any], loads: Sequence[int]) -> list[list[Any]]:
    """Deal cards one by one, each to the hand that then has the least; `loads` is what the hands have already.

    Hands with as little as each other are dealt to in turn, so many cards are dealt by a few slices.
    """
    hands: list[list[Any]] = [[] for _ in loads]
    order = sorted(range(len(loads)), key=loads.__getitem__)
    dealt = 0
    for lowest in range(1, len(order) + 1):
        if dealt >= len(cards):
            break
        level = loads[order[lowest - 1]]
        gap = loads[order[lowest]] - level if lowest < len(order) else len(cards)
        share = cards[dealt : dealt + gap * lowest]
        for place, hand in enumerate(order[:lowest]):
            hands[hand] += share[place::lowest]
        dealt += len(share)
    return hands


class ProcessExecutor:
    """Runs jobs in up to `workers` processes, started when there are jobs for them, replaced when they die."""

    def __init__(self, workers: int, factory: RunnerFactory | None = None) -> None:
        """`factory` makes what runs the jobs in a worker: `taskdisc.worker.Runner` if it is not given."""
        self._limit = workers
        self._factory = factory
        self._living: list[Worker] = []
        self._born = 0
        self._window = Window()
        self._ended: list[JobResult] = []
        self._selector = DefaultSelector()
        self._context: WorkerContext | None = None
        self._stopping = False

    def start(self, context: WorkerContext) -> None:
        """Note what the workers must know; each is started with its first job."""
        self._context = context
        if self._factory is None:
            # Here, so that workers that are forked have it.
            import taskdisc.worker  # noqa: F401

    def free(self) -> int:
        """Return the room there is; a worker has none until half its window is empty, so that messages stay large."""
        size = self._window.size
        room = sum([size - count for worker in self._living if (count := len(worker.queue)) <= size // 2])
        return room + size * (self._limit - len(self._living))

    def submit(self, jobs: Sequence[Job]) -> None:
        """Give the jobs to the workers that have the least to do, and start workers while all others have jobs."""
        for worker, share in self._deal(jobs):
            receiver = worker or self._start()
            receiver.submit(share)
            self._watch_backlog(receiver)

    def _deal(self, jobs: Sequence[Job]) -> list[tuple[Worker | None, list[Job]]]:
        """Deal the jobs in their order; None stands for a worker that is not there yet."""
        workers: list[Worker | None] = [*self._living, *[None] * (self._limit - len(self._living))]
        hands = deal(jobs, [len(worker.queue) if worker else 0 for worker in workers])
        return [(worker, hand) for worker, hand in zip(workers, hands, strict=True) if hand]

    def _start(self) -> Worker:
        assert self._context is not None, "start() comes first"
        self._born += 1
        worker = birth(f"worker-{self._born}", self._context, self._factory)
        self._living.append(worker)
        self._selector.register(worker.results, EVENT_READ, (self._receive, worker))
        if worker.group.ending is not None:
            self._selector.register(worker.group.ending, EVENT_READ, (self._bury, worker))
        return worker

    def collect(self) -> list[JobResult]:
        """Return what has ended since the last call, and give the workers what they had no room for."""
        if self._living:
            self._poll(0)
        ended, self._ended = self._ended, []
        if ended:
            self._window.observe(ended)
        return ended

    def under_way(self) -> list[Activity]:
        """Return the jobs that run; the others wait at their workers."""
        return [activity for worker in self._living if (activity := worker.activity()) is not None]

    def fileno(self) -> int:
        """Return a descriptor that is readable when a worker has results or room, or has died."""
        return self._selector.fileno()

    def _poll(self, timeout: float | None) -> None:
        for key, _ in self._selector.select(timeout):
            handle, worker = key.data
            # One that was buried a moment ago has no more to say.
            if worker in self._living:
                handle(worker)

    def _receive(self, worker: Worker) -> None:
        results = worker.receive()
        if results is not None:
            self._ended += results
        elif worker.group.ending is None:
            self._bury(worker)
        else:
            # Its end is announced separately, with a status that nobody has touched.
            self._selector.unregister(worker.results)

    def _flush(self, worker: Worker) -> None:
        worker.flush()
        self._watch_backlog(worker)

    def _watch_backlog(self, worker: Worker) -> None:
        if not worker.backlog:
            self._unwatch(worker.jobs)
        elif worker.jobs is not None and worker.jobs not in self._selector.get_map():
            self._selector.register(worker.jobs, EVENT_WRITE, (self._flush, worker))

    def _unwatch(self, descriptor: int | None) -> None:
        if descriptor is not None and descriptor in self._selector.get_map():
            self._selector.unregister(descriptor)

    def _bury(self, worker: Worker) -> None:
        """Keep what a dead worker had sent, report the job that it died of, and give the others to other workers."""
        while results := worker.receive():
            self._ended += results
        victim: tuple[Job, float | None] | None = worker.running()
        if victim is None and worker.queue and not worker.answered and not self._stopping:
            # It never came to work. Somebody must take the blame, or the next one would die the same way, for ever.
            victim = next(iter(worker.queue.values())), None
        self._forget(worker)
        status = worker.bury()
        if victim is not None:
            job, began = victim
            del worker.queue[job.number]
            self._ended.append(self._death(worker, job, began, status))
        self._tidy(worker)
        if worker.queue and not self._stopping:
            self.submit(list(worker.queue.values()))

    def _forget(self, worker: Worker) -> None:
        self._living.remove(worker)
        for descriptor in (worker.results, worker.jobs, worker.group.ending):
            self._unwatch(descriptor)

    def _death(self, worker: Worker, job: Job, began: float | None, status: int) -> JobResult:
        assert self._context is not None
        context = self._context
        what, hint = describe_status(status)
        when = "" if began is not None else " before its first job began"
        stdout, stderr = salvage(context.store, context.logs, worker.name, log_name(job))
        message = f"worker ended with {what}{when}"
        lost = unanswered(job, context.specs[job.task], Outcome.KILLED, message, hint, began)
        return lost._replace(stdout=stdout, stderr=stderr)

    def _tidy(self, worker: Worker) -> None:
        assert self._context is not None
        remove_empty(self._context.store, self._context.logs, worker.name)

    def stop(self, *, kill: bool) -> None:
        """End the workers, after the jobs that are running or at once. What they still send, `collect` returns."""
        self._stopping = True
        if kill:
            end_groups([worker.group for worker in self._living], GRACE)
        for worker in self._living:
            self._unwatch(worker.jobs)
            worker.dismiss()
        while self._living:
            self._poll(None)
        self._selector.close()
