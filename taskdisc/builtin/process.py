"""The executor that a run uses unless told otherwise: worker processes on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import Any

from taskdisc.builtin.groups import end_groups
from taskdisc.builtin.serving import RunnerFactory
from taskdisc.builtin.workers import Worker, birth
from taskdisc.capture import log_name, remove_empty, salvage
from taskdisc.endings import describe_status, too_slow, unanswered
from taskdisc.model import Activity, Job, JobResult, Outcome, WorkerContext
from taskdisc.protocols import Capabilities

TINY = 16
"""Jobs of which that many may wait at a worker are tiny: the way there and back takes longer than they do."""
GRACE = 0.5
"""Seconds between asking a process group to end and ending it."""
MESSAGE = 256
"""Jobs that are worth a message. Of which twice as many may wait at a worker are so tiny that waking up costs more."""
LULL = 0.002
"""Seconds for which results of tiny jobs may be left alone, while all workers have others."""
LONG = 0.025
"""Seconds of one job after which others are presumed to be no shorter."""
SLOW = 0.05
"""Seconds of one job after which nothing waits behind it any more: others take what does."""


class Window:
    """How many jobs a worker may hold: many when they are tiny, one that runs and one that waits, or just one."""

    LEAST = 2
    MOST = 2048
    QUEUED = 0.005
    """Seconds of work that should wait at a worker: enough to hide the way there and back, but soon done."""
    TIMES = 4
    """So many times as many wait if they are tiny: that hides that their results are written, too."""
    LASTING = 64
    """Jobs after which those before count for less: one that was held up among tiny ones says little of the others."""

    def __init__(self, *, ahead: bool = True) -> None:
        """Without `ahead`, no job waits at a worker."""
        self._ahead = ahead
        self.size = self.LEAST if ahead else 1
        self.mean = self.QUEUED
        """Seconds that a job takes, of late."""
        self._seen = 0
        """Of how many jobs that is the mean, at most so many that new ones still count."""

    def observe(self, results: Sequence[JobResult]) -> None:
        """Learn from the jobs that have just ended; a single long one closes the window at once."""
        if not self._ahead:
            return
        seconds = [result.seconds for result in results]
        longest = max(seconds)
        if longest >= LONG:
            self.mean, self._seen = self.QUEUED, len(seconds)
        else:
            self._seen = min(self._seen, self.LASTING) + len(seconds)
            self.mean += (sum(seconds) - len(seconds) * self.mean) / self._seen
        least = self.LEAST if longest < LONG else 1
        size = int(self.QUEUED / max(self.mean, 1e-6))
        self.size = max(least, min(self.MOST, size * self.TIMES if size >= TINY else size))


def deal(cards: Sequence[Any], loads: Sequence[int]) -> list[list[Any]]:
    """Deal cards one by one, each to the hand that then has the least; `loads` is what the hands have already.

    Hands with as little as each other are dealt to in turn, or a pile each where there are many cards: so these are
    dealt by a few slices.
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
        many = -(-len(share) // lowest)
        for place, hand in enumerate(order[:lowest]):
            # So many are so tiny that their order does not matter; and neighbours together are handled faster.
            hands[hand] += share[place * many : place * many + many] if many >= TINY else share[place::lowest]
        dealt += len(share)
    return hands


class ProcessExecutor:
    """Runs jobs in up to `workers` processes, started when there are jobs for them, replaced when they die."""

    capabilities = Capabilities(
        capture=True, kill=True, timeouts=True, environment=True, attribution=True, replacement=True
    )

    def __init__(self, workers: int, factory: RunnerFactory | None = None, name: str = "worker") -> None:
        """`factory` makes what runs the jobs in a worker: `taskdisc.worker.Runner` if it is not given.

        The workers' own files are called by `name` and a number.
        """
        self._limit = workers
        self._factory = factory
        self._name = name
        self._living: list[Worker] = []
        """Those that take jobs."""
        self._leaving: list[Worker] = []
        """Those that are asked to end, and are not buried yet."""
        self._timed = False
        """Whether there are tasks with a timeout."""
        self._shortest = 0.0
        """The shortest timeout, in seconds."""
        self._born = 0
        self._window = Window()
        self._ended: list[JobResult] = []
        self._returned: list[list[Job]] = []
        """Chains, mostly of one job, that waited behind a long one, for the next that has nothing to do."""
        self._selector = DefaultSelector()
        self._context: WorkerContext | None = None
        self._stopping = False

    def start(self, context: WorkerContext) -> None:
        """Note what the workers must know; each is started with its first job."""
        self._context = context
        self._window = Window(ahead=context.ahead)
        timeouts = [spec.timeout for spec in context.specs if spec.timeout]
        self._timed, self._shortest = bool(timeouts), min(timeouts, default=0.0)
        if self._factory is None:
            # Here, so that workers that are forked have it.
            import taskdisc.worker  # noqa: F401

    def free(self) -> int:
        """Return the room there is; a worker has none until much of its window is empty, to keep messages large."""
        size = self._window.size
        if self._returned:
            return 0
        if self._most:
            rooms = [min(size - len(worker.queue), self._most - worker.given) for worker in self._quick()]
            return sum([max(0, room) for room in rooms]) + self._unborn * min(size, self._most)
        few = size - min(size // 2, MESSAGE)
        room = sum([size - count for worker in self._quick() if (count := len(worker.queue)) <= few])
        return room + size * self._unborn

    def _quick(self) -> list[Worker]:
        """Those behind whose job others may wait."""
        return [worker for worker in self._living if not worker.is_slow]

    @property
    def _unborn(self) -> int:
        """How many workers there may be besides those that take jobs, and those that hold on to one too long."""
        return self._limit - len(self._living) - sum([worker.overdue is not None for worker in self._leaving])

    @property
    def _most(self) -> int:
        """How many jobs a worker is given in its life; 0: any number."""
        return self._context.max_tasks if self._context is not None else 0

    def submit(self, jobs: Sequence[Job]) -> None:
        """Give the jobs to the workers that have the least to do, and start workers while all others have jobs."""
        if not self._quick() and not self._unborn:
            self._returned += [[job] for job in jobs]
            return
        for worker, share in self._deal(jobs):
            receiver = worker or self._start()
            receiver.submit(share)
            self._watch_backlog(receiver)

    def longest_chain(self) -> int:
        """Return how many jobs one chain may have: as many as wait at a worker, where they have proved to be tiny."""
        return 0 if self._most or self._window.size < TINY else self._window.size

    def submit_chain(self, jobs: Sequence[Job]) -> None:
        """Give all jobs of a chain to the worker that has the least to do, or a new one while all others have jobs."""
        workers: list[Worker | None] = [*self._quick(), *[None] * self._unborn]
        receiver = min(workers, key=_load, default=None) or self._start()
        receiver.submit(jobs)
        self._watch_backlog(receiver)

    def lull(self) -> float:
        """Return how long all workers have work enough (seconds): until one has room, but not for long."""
        queues = [len(worker.queue) for worker in self._quick()]
        if not queues or self._window.size < 2 * MESSAGE or self._unborn or self._most:
            return 0.0
        if any(worker.backlog for worker in self._living):
            return 0.0
        return max(0.0, min(LULL, (min(queues) - self._window.size + MESSAGE) * self._window.mean))

    def _deal(self, jobs: Sequence[Job]) -> list[tuple[Worker | None, list[Job]]]:
        """Deal the jobs in their order; None stands for a worker that is not there yet."""
        if self._most:
            return self._deal_few(jobs)
        workers: list[Worker | None] = [*self._quick(), *[None] * self._unborn]
        hands = deal(jobs, [_load(worker) for worker in workers])
        return [(worker, hand) for worker, hand in zip(workers, hands, strict=True) if hand]

    def _deal_few(self, jobs: Sequence[Job]) -> list[tuple[Worker | None, list[Job]]]:
        """Deal so that no worker gets more jobs than it may have in its life."""
        workers = [*self._quick(), *[None] * self._unborn]
        hands: list[tuple[Worker | None, list[Job]]] = [(worker, []) for worker in workers]
        rooms = [self._most - (worker.given if worker else 0) for worker in workers]
        for job in jobs:
            open_hands = [index for index, (_, hand) in enumerate(hands) if len(hand) < rooms[index]]
            index = min(open_hands, key=lambda index: len(hands[index][1]) + _load(hands[index][0]))
            hands[index][1].append(job)
        return [hand for hand in hands if hand[1]]

    def _start(self) -> Worker:
        assert self._context is not None, "start() comes first"
        self._born += 1
        worker = birth(f"{self._name}-{self._born}", self._context, self._factory)
        self._living.append(worker)
        self._selector.register(worker.results, EVENT_READ, (self._receive, worker))
        if worker.group.ending is not None:
            self._selector.register(worker.group.ending, EVENT_READ, (self._bury, worker))
        return worker

    def collect(self) -> list[JobResult]:
        """Return what has ended since the last call, and give the workers what they had no room for."""
        if self._living or self._leaving:
            self._poll(0)
        if self._timed:
            self._end_overdue(time.monotonic())
        self._recall(time.monotonic())
        ended, self._ended = self._ended, []
        if ended:
            self._window.observe(ended)
        return ended

    def _recall(self, now: float) -> None:
        """Let others have what waits behind a long job."""
        for worker in self._behind():
            running = worker.running()
            if running is not None and now - running[1] >= SLOW:
                self._take(worker, worker.recall())
                self._watch_backlog(worker)
        for worker in self._living:
            self._take_back(worker)
        idle = self._unborn + sum([not worker.queue for worker in self._living])
        if self._returned and idle and not self._stopping:
            chains, self._returned = self._returned[:idle], self._returned[idle:]
            self._submit_chains(chains)

    def _take_back(self, worker: Worker) -> None:
        """What a worker has given back is for others."""
        self._returned += self._chained(worker.returned)
        worker.returned.clear()

    def _chained(self, jobs: Iterable[Job]) -> list[list[Job]]:
        """Return jobs as the chains that they are; what follows none of them has nothing to follow elsewhere."""
        chains: list[list[Job]] = []
        for job in jobs:
            if not job.follows:
                chains.append([job])
            elif chains:
                chains[-1].append(job)
            else:
                self._ended.append(JobResult(job.number, Outcome.UNDONE))
        return chains

    def _submit_chains(self, chains: Sequence[list[Job]]) -> None:
        for chain in chains:
            if len(chain) > 1:
                self.submit_chain(chain)
        if single := [chain[0] for chain in chains if len(chain) == 1]:
            self.submit(single)

    def _behind(self) -> list[Worker]:
        """The workers at which jobs wait."""
        return [worker for worker in self._living if len(worker.queue) > 1 and not worker.is_slow]

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
            if worker in self._living or worker in self._leaving:
                handle(worker)

    def _receive(self, worker: Worker) -> None:
        results = worker.receive()
        if results is not None:
            self._take(worker, results)
        elif worker.group.ending is None:
            self._bury(worker)
        else:
            # Its end is announced separately, with a status that nobody has touched.
            self._selector.unregister(worker.results)

    def _take(self, worker: Worker, results: list[JobResult]) -> None:
        self._ended += results
        if self._most and worker.given >= self._most and not worker.queue:
            self._let_go(worker)

    def _let_go(self, worker: Worker) -> None:
        """A worker takes no more jobs; it is buried when it has ended."""
        if worker in self._living:
            self._living.remove(worker)
            self._leaving.append(worker)
        self._unwatch(worker.jobs)
        worker.dismiss()

    def deadline(self) -> float | None:
        """Return when the next job may have taken too long, or the next worker has not ended that was asked to."""
        waits = [
            max(now, running[1] + SLOW) if running is not None else now + SLOW
            for worker in self._behind()
            for now, running in [(time.monotonic(), worker.running())]
        ]
        if not self._timed:
            return min(waits, default=None)
        overdue = [worker.overdue.ending.until for worker in self._leaving if worker.overdue is not None]
        now = time.monotonic()
        moments = [*waits, *overdue, *(self._time_is_up(worker, now) for worker in self._living if worker.queue)]
        return min((moment for moment in moments if moment is not None), default=None)

    def _time_is_up(self, worker: Worker, now: float) -> float:
        """When a worker's job may have taken too long; one that waits may begin at any moment from now on."""
        running = worker.running()
        timeout = self._timeout(running[0]) if running is not None else 0.0
        return running[1] + timeout if running is not None and timeout else now + self._shortest

    def _timeout(self, job: Job) -> float:
        assert self._context is not None
        return self._context.specs[job.task].timeout

    def _end_overdue(self, now: float) -> None:
        for worker in self._leaving:
            if worker.overdue is not None and (until := worker.overdue.ending.until) is not None and until <= now:
                worker.overdue.ending.enforce()
        for worker in list(self._living):
            running = worker.running()
            if running is not None and 0 < self._timeout(running[0]) <= now - running[1]:
                self._let_go(worker)
                worker.end(*running, GRACE)

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
        if worker.overdue is not None:
            victim = worker.overdue.job, worker.overdue.began
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
        if not self._stopping:
            self._take_back(worker)
            self._submit_chains(self._chained(worker.queue.values()))

    def _forget(self, worker: Worker) -> None:
        for workers in (self._living, self._leaving):
            if worker in workers:
                workers.remove(worker)
        for descriptor in (worker.results, worker.jobs, worker.group.ending):
            self._unwatch(descriptor)

    def _death(self, worker: Worker, job: Job, began: float | None, status: int) -> JobResult:
        assert self._context is not None
        context, spec = self._context, self._context.specs[job.task]
        age = 0.0 if began is None else time.monotonic() - began  # first: a pause after it does no harm
        began = None if began is None else time.time() - age
        if worker.overdue is not None:
            lost = too_slow(job, spec, began)
        else:
            what, hint = describe_status(status)
            when = "" if began is not None else " before its first job began"
            lost = unanswered(job, spec, Outcome.KILLED, f"worker ended with {what}{when}", hint, began)
        stdout, stderr = salvage(context.store, context.logs, worker.name, log_name(job))
        return lost._replace(stdout=stdout, stderr=stderr)

    def _tidy(self, worker: Worker) -> None:
        assert self._context is not None
        remove_empty(self._context.store, self._context.logs, worker.name)

    def dismiss(self) -> None:
        """Let each worker end after the job that is running."""
        self._stopping = True
        for worker in list(self._living):
            self._let_go(worker)

    def busy(self) -> bool:
        """Say whether workers are still there."""
        return bool(self._living or self._leaving)

    def stop(self, *, kill: bool) -> None:
        """End the workers, after the jobs that are running or at once. What they still send, `collect` returns."""
        if kill:
            end_groups([worker.group for worker in (*self._living, *self._leaving)], GRACE)
        self.dismiss()
        while self.busy():
            self._poll(None)
        self._selector.close()


def _load(worker: Worker | None) -> int:
    return len(worker.queue) if worker is not None else 0
