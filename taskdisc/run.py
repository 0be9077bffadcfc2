"""The order of work: bind -> expand -> [ plan -> execute -> store ] -> report. The only place that knows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from taskdisc.aims import check_replacements, with_replacements, with_sweeps
from taskdisc.bind import Bindings, bind
from taskdisc.edges import Edge
from taskdisc.errors import NothingMatched
from taskdisc.expand import Expansion, expand
from taskdisc.instances import Instances
from taskdisc.lanes import Lanes, all_options, demands_nothing, ignored_options
from taskdisc.model import Activity, Outcome, Retry, RunReport, StepEnd, TaskWarning
from taskdisc.nodes import DONE, SKIPPED
from taskdisc.plan import Plan
from taskdisc.pluginmanager import report_lines
from taskdisc.project import Project, no_tasks
from taskdisc.schedule import Scheduler
from taskdisc.select import Selection, given_open, runnable, select
from taskdisc.usable import usable

if TYPE_CHECKING:
    from taskdisc.allotment import Allotment
    from taskdisc.execute import Line
    from taskdisc.growing import Growing
    from taskdisc.lots import Lot
    from taskdisc.narrow import Narrowed, Narrowing
    from taskdisc.order import Order
    from taskdisc.outlook import Outlook
    from taskdisc.protocols import Executor
    from taskdisc.ready import Terms
    from taskdisc.record import Ended
    from taskdisc.unkept import Unkept


class Run(Instances):
    """One run of some targets: first planned, then executed. Plugins see it live."""

    def __init__(
        self,
        project: Project,
        targets: Sequence[str] = (),
        *,
        verbosity: int = 0,
        code_counts: bool = True,
        age_counts: bool = True,
        captured: bool = True,
        narrowing: Narrowing | Narrowed | None = None,
        force: str = "",
        maxfail: int | None = None,
    ) -> None:
        """Bind, expand and prepare to plan. Raises TaskdiscError for targets and values that do not fit.

        `narrowing` restricts the targets; `force`, FORCE_TARGETS or FORCE_ALL, lets kept results of the targets, or of
        all steps, not count; after `maxfail` failures nothing more is started. Without `code_counts`, results of other
        code count where there is none of this code; without `age_counts`, results count however old they are, also
        those of tasks that run in every run.
        """
        self.project = project
        self.verbosity = verbosity
        """-1: failures only; 1: a line for every step; 2: with its cost, and for cached ones too."""
        self.captured = captured
        """Whether the output of tasks goes to logs; else it goes where that of the run goes."""
        if not project.graph.tasks:
            raise NothingMatched(no_tasks(project))
        graph = self.asked = with_replacements(project)
        """The project's graph, with what this run has in the place of some of it."""
        self.targets = tuple(targets or project.config.default_targets)
        selections = select(graph, self.targets)
        self.bindings: Bindings = bind(graph, project.config, given_open(graph, selections))
        self.selections, self.left_out = runnable(graph, selections, self.bindings)
        self.graph, self.selections, self.bindings = with_sweeps(self.asked, project, self.selections, self.bindings)
        """The same with copies of what is swept."""
        graph = self.graph
        self.narrowed: Narrowed | None = None
        """What restricts the targets further."""
        if narrowing is not None:
            from taskdisc.narrow import Narrowed, narrowed

            self.narrowed = narrowing if isinstance(narrowing, Narrowed) else narrowed(graph, narrowing, project.index)
            self.selections, self.left_out = self.narrowed.chosen(self.selections, self.has_rows), ()
        self.force = force
        self.maxfail = maxfail
        tasks = self.tasks = graph.ancestors(selection.task for selection in self.selections)
        """What the targets need, as far as it is known from the start; dependencies first."""
        self.expansion: Expansion = expand(graph, self.grids(tasks), self.bindings.elements)
        self.wanted = self.all_wanted()
        check_replacements(graph, tasks)
        self._check_files(tasks)
        self.scheduler = Scheduler()
        self.lanes = Lanes(project.config.executor)
        self.started = time.time()
        self.plan = self._make_plan(code_counts, age_counts)
        self._add_blocks()
        self.counts: dict[str, int] = {}
        self.failures: list[StepEnd] = []
        self.warnings: list[str] = []
        """What steps, and workers that ended, had to remark."""
        self.retries: dict[str, Retry] = {}
        """By printed id, the last attempt of a step that another follows, or followed."""
        self.running: dict[int, float] = {}
        """Steps that were submitted and have not ended, with the time (monotonic seconds) of their submission."""
        self._unkept: Unkept | None = None
        self.adopt: Callable[[list[int]], list[int]] | None = None
        """Take those of the nodes that must run that were submitted ahead of their turn; return the others."""
        self.drops = any(not graph.tasks[task].options.keep for task in tasks)
        self.elsewhere: Mapping[int, object] = {}
        """Steps that another run on the same store is computing: this one waits for their results."""
        self.refused = self.scheduler.refused
        """Return the shared resources of which other runs hold what this one waits for."""
        self.activity: Callable[[], Sequence[Activity]] = tuple
        """Return the jobs that run at this moment: their numbers are nodes."""
        self.task_warnings: dict[str, TaskWarning] = {}
        """Python warnings of tasks, by their texts."""
        self.allotment: Allotment | None = None
        """What steps need of what there is; None where nothing is limited."""
        self._order: Order | None = None
        self.tick: float | None = None
        """Seconds between calls of `taskdisc_run_progress` while nothing ends; None: no such calls."""
        self.interrupted = False
        self.stopped = False
        """Whether steps were not started since as many had failed as were to be."""
        self._cancelled: frozenset[int] = frozenset()
        self.number = 0
        self._clock = time.monotonic()
        self.growing: Growing | None = None
        """What makes the run grow; None where all instances are known from lists."""
        if not graph.grows.isdisjoint(selection.task for selection in self.selections):
            from taskdisc.growing import Growing

            self.growing = Growing(self, tasks)
            self.growing.begin(self.selections)

    def _check_files(self, tasks: Sequence[str]) -> None:
        """A missing input is an error before anything runs."""
        for task in tasks:
            for file in self.graph.files_of(task, self.project.files.listed):
                self.project.files.digest(file)

    def _make_plan(self, code_counts: bool, age_counts: bool) -> Plan:
        project = self.project
        forced = self.is_forced if self.force else None
        reuse = usable(project, self.started, code_counts, age_counts, forced)  # first, since a team needs an index
        return Plan(
            self.graph,
            self.expansion,
            self.bindings,
            index=project.index,
            code=project.code.fingerprint,
            fingerprints=project.values,
            file_digest=project.files.digest,
            listed=project.files.listed,
            has_object=lambda name: project.objects.has(name),
            reuse=reuse,
            root=project.config.root,
            offset=self.offset,
        )

    def _add_blocks(self) -> None:
        needed = self.expansion.needed(self.wanted)
        self.total = sum(sum(needed[block.number]) for block in self.expansion.blocks if self.is_step(block))
        """How many steps there are."""
        for block, mark in zip(self.expansion.blocks, needed, strict=True):
            edges = [Edge(link.block, link.rows) for link in block.links]
            if block.gather is not None:
                edges.append(Edge(block.gather.target, block.gather.rows, block.gather.starts))
            self.scheduler.add(
                block.size,
                edges,
                lane=self.lanes.of(self.graph.tasks[block.task].options),
                kinds=self.kinds_of(block),
                gathers=block.gather is not None,
                needed=None if all(mark) else mark,
                drops=block.gather is not None and block.gather.drop,
                watched=block.gather is None and block.task in self.graph.inner,
            )

    # Values that are not kept

    @property
    def unkept(self) -> Unkept:
        """What knows of values that are not kept; few runs need it."""
        if self._unkept is None:
            from taskdisc.unkept import Unkept

            self._unkept = Unkept(self.graph, self.expansion, self.scheduler, self.plan, self.is_named)
        return self._unkept

    def _drop(self, ended: Iterable[int]) -> None:
        """Drop the values that nothing needs any more, now that these steps have ended and are durable."""
        nodes = self.unkept.droppable(ended)
        if nodes:
            self.unkept.drop(nodes, self.project.open_index(), self.project.objects, self.project.config.store)

    # Planning

    def preview(self) -> dict[int, str]:
        """Return what would become of every step (see `Decision`), without executing anything."""
        from taskdisc.preview import previewed

        return previewed(self)

    def without_skipped(self, cached: list[int]) -> list[int]:
        """Of nodes with a known result, those that were not skipped; what depends on the others is skipped too."""
        skipped = [node for node in cached if node in self.plan.skipped] if self.plan.skipped else []
        if not skipped:
            return cached
        self.skip(skipped)
        return [node for node in cached if node not in self.plan.skipped]

    def skip(self, nodes: list[int]) -> None:
        """These steps ended as skipped, now or in an earlier run."""
        self.plan.skipped.update(nodes)
        beyond = self.scheduler.skipped(nodes)
        self.plan.without.update(nodes, beyond)
        self._count(Outcome.SKIPPED, sum(not self.is_gather(node) for node in beyond))

    # Execution

    def check_executors(self) -> None:
        """Refuse options of tasks that their executors cannot honour. Raises UsageError."""
        config = self.project.config
        tasks = self.used_tasks()
        if not config.max_tasks_per_worker:
            tasks = [task for task in tasks if not demands_nothing(task.options)]
        if tasks:
            from taskdisc.demands import check

            check(tasks, self.lanes, config, self.project.plugins, self.make_executor)

    def _allot(self) -> None:
        """Say in what order steps start, and what they need. Raises UsageError for what there is not."""
        graph, config = self.graph, self.project.config
        if config.resources or config.limits or any(each.resources for each in all_options(graph.tasks.values())):
            from taskdisc.demands import allotted

            grids = self.expansion.by_task  # what only may be there is checked when it is
            tasks = [task for task in self.used_tasks() if not task.slices or task.id in grids]
            self.allotment = allotted(graph, tasks, config, self.lanes, self.project.plugins, self.make_executor)
        self.scheduler.limit(None if self.allotment is None else self.allotment.limits, self._terms)

    def _terms(self, number: int, kind: int) -> Terms:
        """On what terms the steps of a kind of a block start."""
        if self._order is None:
            from taskdisc.order import Order

            self._order = Order(self.graph, self.project.index, self.allotment)
        return self._order.terms(self.kind(self.expansion.blocks[number].task, kind))

    def make_executor(self) -> Executor:
        """Make what runs the steps that no command of their own runs."""
        config = self.project.config
        from taskdisc.executors import make_executor

        return make_executor(self.project.plugins, config.executor, workers=config.workers)

    def execute(self, guard: Callable[[], AbstractContextManager[None]] = nullcontext) -> RunReport:
        """Compute what is missing; return what was done. An interruption ends up in the report.

        `guard` is entered when the first job is about to start.
        """
        self.check_executors()
        self._allot()
        hook = self.project.plugins.hook
        hook.taskdisc_run_started(run=self)
        self.decide()
        if hook.taskdisc_plan_ready.get_hookimpls():
            from taskdisc.hookrecords import Forecast

            hook.taskdisc_plan_ready(plan=Forecast(self), config=self.project.config)
        if self.scheduler.unfinished:
            from taskdisc.execute import Line

            line = Line(self)
            with guard():
                self._work(line)
        self.project.save_caches()
        report = self._report()
        if self.number:
            self.project.open_index().end_run(self.number, report.seconds, report.counts)
        given = hook.taskdisc_report_summary(report=report, config=self.project.config)
        report = report._replace(lines=tuple(report_lines(given)))
        hook.taskdisc_run_finished(report=report, config=self.project.config)
        return report

    def _work(self, line: Line) -> None:
        try:
            while self.scheduler.unfinished and not line.has_enough:
                line.work()
                self.decide()
            if line.has_enough:
                line.finish()
            line.close(kill=False)
        except KeyboardInterrupt:
            self.interrupted = True
            line.wind_down()
        except BaseException:
            line.abandon()
            raise
        finally:
            if self.allotment is not None:
                self.allotment.close()
        if self.drops and not self.interrupted:
            self._drop(self.unkept.undropped)
        if self.interrupted or line.has_enough:
            ended = [node for node in self.scheduler.cancel() if not self.is_gather(node)]
            self._cancelled = frozenset([*ended, *self.running, *line.attempts.waiting])
            self._count(Outcome.CANCELLED, len(self._cancelled))
            self.stopped = line.has_enough and bool(self._cancelled)

    def header(self) -> list[str]:
        """Return what plugins say at the head of a report."""
        return report_lines(self.project.plugins.hook.taskdisc_report_header(config=self.project.config))

    def decide(self) -> None:
        """Decide all that can be decided."""
        self._decide_known()
        while self.growing is not None and self.growing.grow():
            self._decide_known()

    def _decide_known(self) -> None:
        while (taken := self.scheduler.take_undecided()) is not None:
            cached, run = self.plan.decide(*taken)
            if self.plan.hollow:
                cached, run = self._with_values(cached, run)
            if cached:
                held = self.without_skipped(cached)
                self._count(Outcome.CACHED, 0 if self.is_given(cached[0]) else len(held))
                self._count(Outcome.SKIPPED, len(cached) - len(held))
                self.scheduler.done(held)
            self.scheduler.must_run(run if self.adopt is None else self.adopt(run))

    def _with_values(self, cached: list[int], run: list[int]) -> tuple[list[int], list[int]]:
        """What must run, and needs values that were not kept, waits until they are made again."""
        cached, run, again = self.unkept.split(cached, run)
        self._count(Outcome.CACHED, -len(again))
        self.scheduler.reopen(again)
        return cached, run

    def _count(self, outcome: str, number: int = 1) -> None:
        if number:
            self.counts[outcome] = self.counts.get(outcome, 0) + number
            if not self.counts[outcome]:
                del self.counts[outcome]

    def ended(self, ends: list[Ended | Lot]) -> None:
        """Report steps that have ended and are durable."""
        from taskdisc.record import Ended, one_by_one

        hook, blocks = self.project.plugins.hook.taskdisc_job_finished, self.expansion.blocks
        for end in ends:
            if not isinstance(end, Ended):
                self._count(Outcome.SUCCEEDED, len(end.nodes))
                continue
            self._count(end.result.outcome)
            self.warnings += end.result.warnings
            if end.result.outcome not in (Outcome.SUCCEEDED, Outcome.SKIPPED):
                self._count(Outcome.BLOCKED, end.blocked_count)
                self.failures.append(end.told(blocks[end.block].task))
        if hook.get_hookimpls():
            for each in one_by_one(ends):
                hook(step=each.told(blocks[each.block].task))
        if self.drops:
            self._drop([each.node for each in one_by_one(ends) if each.result.outcome == Outcome.SUCCEEDED])

    def fate(self, node: int) -> str:
        """Return the outcome of a step that was not reported as executed, once the run has ended."""
        if node in self._cancelled:
            return Outcome.CANCELLED
        if self.scheduler.state(node) == SKIPPED:
            return Outcome.SKIPPED
        if self.scheduler.state(node) != DONE:
            return Outcome.BLOCKED
        # An interruption may have come between the writing of a result and its report.
        return Outcome.SUCCEEDED if self.interrupted and self.has_made(node) else Outcome.CACHED

    def retried(self, retries: list[Retry]) -> None:
        """Report attempts that failed, and that others follow."""
        hook = self.project.plugins.hook.taskdisc_job_retried
        for retry in retries:
            self.retries[retry.step.id] = retry
            hook(retry=retry)

    def lost(self, node: int) -> None:
        """A step that is done has lost its result: it does not count any more."""
        made = self.has_made(node) or Outcome.CACHED not in self.counts  # who made what was cleared, nobody knows
        outcome = Outcome.SUCCEEDED if made else Outcome.CACHED
        self._count(outcome, -1)
        number = self.scheduler.block_of(node)
        self.plan.forget(number, node - self.offset(number))

    def lose(self, node: int) -> None:
        """The result of a step that is done cannot be read: the step is decided anew."""
        if self.number:
            self.lost(node)
        else:
            number = self.scheduler.block_of(node)
            self.plan.forget(number, node - self.offset(number))
        self.scheduler.reopen([node])

    def blocked(self, nodes: Sequence[int]) -> None:
        """These nodes are out of reach, since a step had failed before they could use its result."""
        self._count(Outcome.BLOCKED, sum(not self.is_gather(node) for node in nodes))
        self.plan.without.update(nodes)

    def out_of_reach(self, nodes: Sequence[int]) -> None:
        """These nodes have grown and need steps that had failed, or were skipped, before."""
        skipped = [node for node in nodes if self.scheduler.state(node) == SKIPPED]
        self.plan.without.update(skipped)
        self._count(Outcome.SKIPPED, sum(not self.is_gather(node) for node in skipped))
        self.blocked([node for node in nodes if self.scheduler.state(node) != SKIPPED])

    def _report(self) -> RunReport:
        return RunReport(
            self.number,
            tuple(selection.target.text for selection in self.selections),
            dict(self.counts),
            tuple(self.failures),
            time.monotonic() - self._clock,
            self.interrupted,
            self.left_out,
            (*self.graph.warnings, *ignored_options(self.used_tasks()), *self.unmatched(), *self.warnings),
            self.project.config.store,
            self.verbosity,
            retries=tuple(self.retries.values()),
            task_warnings=tuple(self.task_warnings.values()),
            stopped=self.stopped,
        )

    def outlook(self) -> Outlook:
        """Return what shows, while the run goes on, what there is to come."""
        from taskdisc.outlook import Outlook

        return Outlook(self)

    # Results

    def values(self, selection: Selection, chosen: Sequence[int] | None = None) -> list[tuple[str, Any]]:
        """Return (id, value) of the selected instances that have a result; `chosen` are their nodes, if known.

        Raises DamagedResult, after which another run makes the result again; `intact` says that this would not help.
        """
        from taskdisc.results import values_of

        return values_of(self, selection, self.nodes_of(selection) if chosen is None else chosen)
