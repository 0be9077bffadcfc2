"""Execution: the assembly line of a run that has something to do. Jobs out, results in, records written."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from taskdisc.attempts import Attempts
from taskdisc.chains import Chains
from taskdisc.durations import seconds
from taskdisc.errors import StoreError
from taskdisc.executors import forks, make_executor, under_way, wait
from taskdisc.intake import Intake
from taskdisc.interrupts import held_back
from taskdisc.introduction import introduce, worker_context
from taskdisc.jobs import JobMaker
from taskdisc.lanes import Lane
from taskdisc.model import Activity, Job, JobResult, Outcome, Retry
from taskdisc.record import Ended, Recorder
from taskdisc.remake import Judge
from taskdisc.returned import ReturnedPaths
from taskdisc.shared.connect import directories_of, outbox_of
from taskdisc.sharing import POLL, Sharing
from taskdisc.store.claims import Claims
from taskdisc.store.folder import free_run, make_inside
from taskdisc.storedvalues import Values
from taskdisc.unchanged import Unchanged
from taskdisc.warned import add_warnings

if TYPE_CHECKING:
    from taskdisc.allotment import Allotment
    from taskdisc.protocols import Executor
    from taskdisc.run import Run

SHOWN_BLOCKED = 5
"""Steps that a failure put out of reach and that its report names."""
FINAL = (Outcome.SUCCEEDED, Outcome.SKIPPED, Outcome.VOID, Outcome.UNDONE, Outcome.CANCELLED)
"""How attempts end that no other follows on its account."""
LAST = (Outcome.SUCCEEDED, Outcome.CLOSED)
"""What counts of the results that come when the workers are stopped."""


class Line:
    """What works on the steps of one run until they have ended."""

    def __init__(self, run: Run) -> None:
        self.run = run
        project = run.project
        index = project.open_index()
        run.number = index.start_run(run.started, " ".join(run.targets) or "(all)", free_run(project.config.store))
        self.values = Values(run.plan, index, run.expansion, run.graph)
        if run.growing is not None:
            run.growing.values = self.values
        self.jobs = JobMaker(
            run.graph,
            run.expansion,
            run.bindings,
            self.values,
            run.tasks,
            run.offset,
            project.files.listed,
            run.slices,
        )
        self.chains = Chains(run, self.jobs, self._tell_started)
        self.recorder = Recorder(
            index,
            run.plan,
            self.values,
            lambda n: run.expansion.blocks[n].task,
            project.code.texts,
            run.number,
        )
        self.attempts = Attempts(lambda node: run.task_of(node).options)
        self._retries: list[Retry] = []
        """Attempts that failed and are not durable yet; others follow them."""
        self.judge = Judge(
            run.scheduler,
            run.expansion,
            self.values,
            run.id_of,
            run.has_made,
            lambda name: not project.objects.has(name),
        )
        self._is_ending = False
        self._failed = 0
        """How many steps have failed."""
        self.returned = ReturnedPaths(run.cached_maker)
        self.intake = Intake(run, self.recorder, Unchanged(run.graph, run.expansion, project.files))
        for task in self.jobs.tasks:
            run.plan.family(task)  # now, while the files are what was imported
        specs = self.jobs.specs
        if run.allotment is not None:
            expected = map(run.allotment.expected, self.jobs.kinds)
            specs = tuple([spec._replace(resources=each) for spec, each in zip(specs, expected, strict=True)])
        self.context = worker_context(
            run, specs, self.jobs.fixtures, logs=f"logs/{run.number}", directories=directories_of(run)
        )
        self.outbox = outbox_of(run)
        make_inside(project.config.store, self.context.logs)
        self._started = project.plugins.hook.taskdisc_job_started
        self.executors: dict[int, Executor] = {}
        """By lane, those that were started."""
        self._all_made: dict[int, Executor] = {}
        self._told = time.monotonic()
        """When `taskdisc_run_progress` was last called, in seconds (monotonic)."""
        self.sharing = Sharing(Claims(project.config.store, run.number), run.plan, index, run.number)
        run.elsewhere = self.sharing.waiting
        run.activity = self.activity

    def _executor(self, lane: int) -> Executor:
        """The executor of a lane, started when it is first needed."""
        if not self.executors:
            self._start_pools()
        if lane not in self.executors:
            self._start(lane)
        return self.executors[lane]

    def _start_pools(self) -> None:
        """Start the executors that fork this process while it has no threads: a fork waits for ever for their locks."""
        for lane in self.run.lanes:
            if lane != Lane.TERMINAL and not self.run.lanes.means(lane).launcher and forks(self._made(lane)):
                self._start(lane)

    def _start(self, lane: int) -> None:
        self.executors[lane] = self._made(lane)
        introduce(self.run, self.context, self.executors[lane])

    def _made(self, lane: int) -> Executor:
        found = self._all_made.get(lane)
        if found is None:
            config, plugins = self.run.project.config, self.run.project.plugins
            name, launcher = self.run.lanes.means(lane)
            if lane == Lane.PLAIN:
                found = self.run.make_executor()
            elif launcher:
                starts = plugins.make("launchers", launcher)
                found = make_executor(plugins, name, workers=config.max_jobs, launcher=starts)
            else:
                found = make_executor(plugins, name, workers=config.workers)
            self._all_made[lane] = found
        return found

    def work(self) -> None:
        """Submit what can run, wait, and take what has ended."""
        self._follow()
        self.run.scheduler.retry(self.attempts.take_due(time.monotonic()))
        with held_back():  # what was given to a worker is known to be there
            for lane in self.run.lanes:
                self._submit(lane)
        if self.recorder.is_due:
            self._commit()
        if self.run.scheduler.has_undecided or not self.run.scheduler.unfinished:
            return
        if not self.run.running and not self.run.elsewhere and not self.attempts.waiting and not self.run.refused():
            assert self.run.growing is not None, "steps are left that wait for nothing"
            raise self.run.growing.stalled()
        self._wait()
        self._collect()
        self.run.scheduler.released(self.sharing.ended())
        self.run.scheduler.ask_again()
        self._tell()

    def _submit(self, lane: int) -> None:
        scheduler = self.run.scheduler
        while scheduler.has_runnable(lane):
            executor = self._executor(lane)
            nodes = scheduler.take_runnable(executor.free(), lane)
            if not nodes:
                return
            now = time.monotonic()
            jobs = self._jobs_of(self._claimed(nodes))
            if self.run.allotment is not None:
                jobs = self._equipped(jobs, self.run.allotment, executor)
            if jobs:
                numbers = [job.number for job in jobs]
                self.intake.names.update(zip(numbers, [job.instance for job in jobs], strict=True))
                self.run.running.update(dict.fromkeys(numbers, now))
                following = self.chains.submit(executor, jobs, alone=not self._is_plain)
                self.intake.names.update([(job.number, job.instance) for job in following])
                self._tell_started(jobs)

    def _tell_started(self, jobs: list[Job]) -> None:
        if self._started.get_hookimpls():
            from taskdisc.hookrecords import Attempt

            for job in jobs:
                self._started(step=Attempt(job.instance, self.context.specs[job.task].id, job.attempt, job.resources))

    def _equipped(self, jobs: list[Job], allotment: Allotment, executor: Executor) -> list[Job]:
        """Tell jobs what they hold."""
        own, task_of = executor.capabilities.environment, self.run.task_of
        return [allotment.equipped(job, task_of(job.number), environment=own) for job in jobs]

    def _give_back(self, nodes: Iterable[int]) -> None:
        """What these nodes hold is there for others."""
        if self.run.allotment is not None:
            for node in nodes:
                self.run.scheduler.give_back(node)

    def _claimed(self, nodes: list[int]) -> list[int]:
        """Return those of the nodes that this run is to compute."""
        shares, scheduler = self.sharing.claim(nodes), self.run.scheduler
        self._give_back([*shares.theirs, *shares.made])
        scheduler.claimed(shares.theirs)
        scheduler.claimed(shares.made)
        scheduler.released(shares.made)
        return shares.ours

    def _commit(self) -> None:
        """Make durable what has ended, let other runs have it, and report it."""
        with held_back():  # what is durable is reported
            self.sharing.hold(self.run.running)
            ends = self.recorder.commit()
            if ends or self._retries:
                self.sharing.release(self.run.running)
            retries, self._retries = self._retries, []
            self.run.retried(retries)
            self.run.ended(ends)
        if self.outbox is not None:
            self.outbox.offer()

    def _jobs_of(self, nodes: list[int]) -> list[Job]:
        jobs = [
            job for number, members in self.run.scheduler.by_block(nodes) for job in self.jobs.make(number, members)
        ]
        return jobs if self._is_plain else [job._replace(attempt=self._attempt(job.number)) for job in jobs]

    @property
    def _is_plain(self) -> bool:
        """Say whether all attempts are first ones."""
        return not self.judge.remade and not self.attempts.any_failed

    def _attempt(self, node: int) -> int:
        """The number of a step's next attempt; one whose result was lost has had another before."""
        return self.attempts.number(node) + (node in self.judge.remade)

    def _wait(self, until: float | None = None) -> None:
        """Wait until there is something to do, or until a moment (monotonic seconds)."""
        others = self.run.elsewhere or self.run.refused()
        timeout = POLL if self.recorder.pending or others else self.run.tick
        next_due = None if self._is_ending else self.attempts.next_due
        moments = [until, next_due, *(executor.deadline() for executor in self.executors.values())]
        due = min((moment for moment in moments if moment is not None), default=None)
        if due is not None:
            left = max(0.0, due - time.monotonic())
            timeout = left if timeout is None else min(left, timeout)
        wait(self.executors.values(), timeout)

    def _collect(self) -> None:
        for lane, executor in self.executors.items():
            if executor.fileno() is None:  # it works in here, and that can be broken off
                if not executor.free():
                    self._lend_terminal(lane)
                began = time.monotonic()
                results = executor.collect()
                self._take(results)
                if results:
                    self.recorder.paced(time.monotonic() - began)
                continue
            with held_back():  # what was taken from a worker is not lost
                results = self.chains.received(executor.collect())
                if results:
                    self._take(results)
        self._follow()

    def _follow(self) -> None:
        """Take results that came before their turn, when that has come."""
        while self.chains.are_ahead:
            self.run.decide()
            if not self.chains.known:
                return
            with held_back():
                results, self.chains.known = self.chains.known, []
                self._take(results)

    def _lend_terminal(self, lane: int) -> None:
        """A job is about to run in this process, and may print and ask."""
        if lane == Lane.TERMINAL or self.recorder.is_much:  # what other jobs have done should not wait for it
            self._commit()
        self.run.project.plugins.hook.taskdisc_terminal_lent(run=self.run)

    def _take(self, results: list[JobResult]) -> None:
        running, names = self.run.running, self.intake.names
        all_ended, others = self.intake.take(results, plainly=self._is_plain)
        good = [ended.node for ended in all_ended]
        void: list[tuple[JobResult, float]] = []
        for result in others:
            node = result.number
            since = running.pop(node, None)
            if since is None:
                continue
            name = names.pop(node)
            self._give_back((node,))
            if result.warned:
                add_warnings(self.run.task_warnings, name, result.warned)
            if result.outcome not in FINAL and self._tries_again(node, name, result):
                continue
            result = self.returned.checked(name, result)
            if result.outcome == Outcome.UNDONE:
                self.run.scheduler.postpone([node])
            elif result.outcome == Outcome.SUCCEEDED:
                all_ended.append(self._ended(node, name, result))
                good.append(node)
            elif result.outcome == Outcome.VOID:
                void.append((result, since))
            elif result.outcome == Outcome.SKIPPED:
                all_ended.append(self._ended(node, name, result))
                self.run.skip([node])
            else:
                all_ended.append(self._blocking(self._ended(node, name, result)))
        self.recorder.add(all_ended)
        self.run.scheduler.done(good)
        if self.judge.remade:
            self.judge.succeeded(good, time.monotonic())
        for result, since in void:
            self._void(result, since)

    def _tries_again(self, node: int, name: str, result: JobResult) -> bool:
        """See to another attempt, if there is to be one after this failure."""
        if self.run.interrupted or self.has_enough or not self.attempts.is_followed(result):
            return False
        task, ended = self.run.task_of(node), self._ended(node, name, result)
        self.recorder.add_retried(ended)
        delay = self.attempts.follow(node, time.monotonic())
        if self.run.allotment is not None and callable(task.options.resources):
            self.run.scheduler.demands(node, self.run.allotment.demand(task, self._attempt(node)))
        step = ended.told(task.long_id)
        self._retries.append(Retry(step, ended.attempt, task.options.retries + 1, delay))
        return True

    def _ended(self, node: int, name: str, result: JobResult) -> Ended:
        return Ended(node, *self.run.scheduler.place_of(node), name, result, self._attempt(node))

    def _blocking(self, ended: Ended) -> Ended:
        """What needs the result of a failed step is out of reach."""
        self._failed += 1
        beyond = self.run.scheduler.failed([ended.node])
        self.run.plan.without.update([ended.node], beyond)
        steps = [n for n in beyond if not self.run.is_gather(n)]
        shown = tuple(self.run.id_of(n) for n in steps[:SHOWN_BLOCKED])
        return ended._replace(blocked=shown, blocked_count=len(steps))

    def _void(self, result: JobResult, since: float) -> None:
        """A job could not use an input: what made that runs again, and then the job, or something has failed."""
        self._commit()
        node, scheduler = result.number, self.run.scheduler
        if self.run.project.team is not None:
            self.run.project.team.doubt(stored for stored, _, _ in result.damaged)
        verdict = self.judge.judge(result, since)
        lost = [*verdict.again, *(step for step, _ in verdict.failed if step != node)]
        for step in lost:
            self.run.lost(step)
        scheduler.reopen(lost)
        if node not in dict(verdict.failed):
            if self.judge.lacks_input(node):
                self.run.blocked(scheduler.give_up([node]))
            else:
                scheduler.postpone([node])
        for step, failure in verdict.failed:
            assert failure.error is not None
            place = self.run.task_of(step).place
            ended = self._ended(step, self.run.id_of(step), failure._replace(error=failure.error._replace(place=place)))
            self.recorder.add([self._blocking(ended)])

    def _tell(self) -> None:
        if self.run.tick is None:
            return
        now = time.monotonic()
        if now - self._told >= self.run.tick:
            self._commit()  # what is shown is durable
            self._told = now
            self.run.project.plugins.hook.taskdisc_run_progress(run=self.run)

    def wind_down(self) -> None:
        """After an interruption: what runs has a while to end; a second one ends it at once."""
        try:
            with suppress(KeyboardInterrupt):
                self._begin_nothing_more()
                self.run.project.plugins.hook.taskdisc_run_interrupted(run=self.run)
                self._drain(seconds(self.run.project.config.grace))
        finally:
            with suppress(KeyboardInterrupt), held_back():
                self.close(kill=True)

    @property
    def has_enough(self) -> bool:
        """Say whether so much has failed that nothing more is to be started."""
        return self.run.maxfail is not None and self._failed >= self.run.maxfail

    def finish(self) -> None:
        """Begin nothing more, and let what runs end."""
        self._begin_nothing_more()
        self._drain(None)

    def _begin_nothing_more(self) -> None:
        self._is_ending = True
        for executor in self.executors.values():
            executor.dismiss()

    def _drain(self, grace: float | None) -> None:
        """Give what runs so many seconds to end, or all the time that it needs."""
        until = None if grace is None else time.monotonic() + grace
        while (until is None or time.monotonic() < until) and any(e.busy() for e in self.executors.values()):
            if self.recorder.is_due:
                self._commit()
            self._wait(until)
            self._collect()
            self._tell()

    def activity(self) -> list[Activity]:
        """Return the jobs that run at this moment."""
        return [
            each for lane, executor in self.executors.items() for each in under_way(executor, self._submitted(lane))
        ]

    def _submitted(self, lane: int) -> Iterator[tuple[int, float]]:
        lane_of = self.run.scheduler.lane_of
        return ((node, since) for node, since in self.run.running.items() if lane_of(node) == lane)

    def close(self, *, kill: bool) -> None:
        """Stop the workers, and write what is still in hand."""
        try:
            if self.recorder.pending:  # what workers close can take long
                self._commit()
            self.stop(kill=kill)
            self._commit()
            if self.outbox is not None:
                self.outbox.close(hurry=kill)
        finally:
            self.sharing.close()

    def abandon(self) -> None:
        """Stop the workers since something went wrong; keep what they have done, where that is possible."""
        try:
            self.stop(kill=True)
            self.recorder.commit()
        except StoreError:  # which may be what went wrong
            pass
        finally:
            self.sharing.close()

    def stop(self, *, kill: bool) -> None:
        """Stop the workers, after what they are doing or at once, and take what they still say."""
        for executor in self._all_made.values():
            executor.stop(kill=kill)
        for executor in self.executors.values():
            self._take([each for each in self.chains.received(executor.collect()) if each.outcome in LAST])
