"""What happens where a task runs: load the inputs, call the function, save the result, say how it went."""

from __future__ import annotations

import os
import pickle
import resource
import time
from _thread import allocate_lock
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from taskdisc.calling import call
from taskdisc.capture import log_name
from taskdisc.execution import Execution, PreparedTask, no_room
from taskdisc.fixturevalues import FixtureValues
from taskdisc.garbage import search_as_usual
from taskdisc.generators import Generators
from taskdisc.loader import expect_sources
from taskdisc.model import (
    ErrorText,
    FixtureSpec,
    Job,
    JobResult,
    Outcome,
    Part,
    Stored,
    TaskSpec,
    WorkerContext,
)
from taskdisc.paths import set_bases
from taskdisc.skips import Skipped
from taskdisc.store.objects import DamagedResult, Objects, load
from taskdisc.warned import Warned

if TYPE_CHECKING:
    from taskdisc.around import Surround
    from taskdisc.capture import Capture
    from taskdisc.fingerprint.values import ValueFingerprints
    from taskdisc.pluginmanager import PluginManager
    from taskdisc.protocols import Codec

BRIEF = 0.0001
"""Seconds of jobs of which several pass between two measurements of what they use..."""
SELDOM = 64
"""...and how many do."""
IMPORTING = allocate_lock()
"""Held while modules are imported, or forgotten: runners may work in several threads."""


def open_objects(context: WorkerContext, plugins: PluginManager) -> Objects:
    """Return the objects of a run's store; behind it is the one that a team shares, if there is one."""
    beyond = None
    if context.shared:
        from taskdisc.shared.remote import Remote, connector

        beyond = Remote(connector(context.shared, plugins), read_only=context.shared_read_only)
    return Objects(plugins.make("stores", context.storage, path=context.store), beyond)


class Runner:
    """Runs jobs, one after the other, in this process; what every executor calls where the work is done."""

    usage_of = resource.RUSAGE_SELF
    """Whose time counts as that of jobs, as `resource.getrusage` takes it."""

    def __init__(self, context: WorkerContext, capture: Capture | None = None) -> None:
        from taskdisc.pluginmanager import plugin_manager

        search_as_usual()
        self.context = context
        expect_sources(context.sources)
        self._folder: str | None = None
        """The root, as the system calls it."""
        self.capture = capture
        self.plugins = plugin_manager(context.plugins)
        self._modules: dict[str, ModuleType] = {}
        self._add_hooks()
        self.objects = open_objects(context, self.plugins)
        self.progress: Callable[[float, float], None] = _ignore
        """Told how much of its job a task has done, of how much; replaced by executors that can pass it on."""
        self.inspect: Callable[[BaseException, Job, ErrorText], None] | None = None
        """Called with an exception of a task while its frames are there, for debuggers."""
        self.warned = Warned(context.root)
        if capture is not None:  # a process of our own: elsewhere, whoever it belongs to decides
            self.warned.install()
        self._last: tuple[Part, ...] = ()
        """What the last job gave, for one that follows it; nothing unless it succeeded."""
        self._damaged: list[tuple[str, str, bool]] = []
        """What the job that runs could not load, whether or not the task caught that."""
        self.injectables: dict[str, Callable[[Execution], Any]] = self.plugins.supplied("injectables")
        self._around = self._surroundings()
        self.generators = Generators()
        self.fixtures = FixtureValues(context, self._function, self.load, self.generators)
        self._codecs: dict[str, Codec] = {}
        self._tasks: list[PreparedTask | None] = [None] * len(context.specs)
        self._values: ValueFingerprints | None = None
        self._usage = resource.getrusage(self.usage_of)
        """At the end of the last job, or of one shortly before; next to nothing is used until the next begins."""
        self._unmeasured = 0
        """How many jobs have ended since that was taken."""

    def _add_hooks(self) -> None:
        """Plug in modules of the project, where this process does not have them from the run."""
        if self.context.code is not None or not self.context.hooked:
            return
        from taskdisc.pluginmanager import Distribution

        os.chdir(self.context.root)
        for name in self.context.hooked:
            module = self._module(name)
            before = self.plugins.get_plugin(name)
            if before is module:
                continue
            if before is not None:  # a worker of somebody's pool may be older than the last edit
                self.plugins.remove(name)
            self.plugins.add(module, name, Distribution("", ""))

    def _surroundings(self) -> Surround | None:
        """What plugins do around tasks, if anything."""
        if not self.plugins.hook.taskdisc_around_task.get_hookimpls():
            return None
        from taskdisc.around import Surround

        return Surround(self.plugins)

    @property
    def values(self) -> ValueFingerprints:
        """What digests results; made when there is one that is no plain number or text."""
        if self._values is None:
            from taskdisc.fingerprint.code import CodeFingerprints
            from taskdisc.fingerprint.values import ValueFingerprints

            code = self.context.code or CodeFingerprints(self.context.root)
            self._values = ValueFingerprints(code, self.plugins)
        return self._values

    def codec(self, name: str) -> Codec:
        """Return the codec called `name`, made on first use."""
        if name not in self._codecs:
            self._codecs[name] = self.plugins.make("codecs", name)
        return self._codecs[name]

    def run(self, job: Job) -> JobResult:
        """Run one attempt. Whatever the task raises ends up in the result; only KeyboardInterrupt comes out."""
        if job.follows and not self._last:
            return JobResult(job.number, Outcome.UNDONE)
        started, wall = time.time(), time.perf_counter()
        self._damaged.clear()
        execution = None
        try:
            self._go_to_root()
            task = self._tasks[job.task] or self._prepare(job.task)
            execution = Execution(self, task, job, started)
            value = self._call(task, job, execution.arguments())
            parts = execution.save(value)
            outcome, error = Outcome.SUCCEEDED, None
        except Skipped as raised:
            parts, outcome, error = execution.skipped(raised.reason), Outcome.SKIPPED, None  # type: ignore[union-attr]
        except KeyboardInterrupt:
            if self.capture is None:
                raise
            parts, outcome, error = (
                (),
                Outcome.FAILED,
                ErrorText("KeyboardInterrupt", "", None, "E   KeyboardInterrupt"),
            )
        except BaseException as raised:
            parts, outcome, error = (), Outcome.FAILED, self._describe(raised, job)
            if execution is not None and execution.broken:
                error = error._replace(hint=self.plugins.supplier_of("injectables", execution.broken))
            if self.inspect is not None and not self._damaged:
                self.inspect(raised, job, error)
        if self._damaged:
            parts, outcome = (), Outcome.VOID
        cpu, memory = self._spent(time.perf_counter() - wall)
        files, directory, warnings = execution.finish(outcome) if execution is not None else ((), None, ())
        stdout = stderr = None
        if self.capture is not None:
            try:
                if self.capture.has_output():
                    stdout, stderr = self.capture.take(log_name(job))
            except OSError as raised:
                parts, outcome, error = (), Outcome.FAILED, self._describe(no_room("its output", raised), job)
        self._last = parts if outcome == Outcome.SUCCEEDED else ()
        seconds = time.perf_counter() - wall
        damaged, warned = tuple(self._damaged), self.warned.take()
        costs = (started, seconds, cpu, memory)
        return _new(  # `JobResult(...)`, in a third of the time
            JobResult,
            (job.number, outcome, parts, files, directory, *costs, stdout, stderr, error, warnings, damaged, warned),
        )

    def _spent(self, seconds: float) -> tuple[float, int]:
        """CPU time (seconds) and peak memory (bytes) of the job that has just taken so many seconds.

        To ask for them takes longer than many tiny jobs do, so that is not done after each of these: their time stands
        for their CPU time. The job after them may be charged for what went on around them, one or two milliseconds.
        """
        before = self._usage
        if seconds < BRIEF and self._unmeasured < SELDOM:
            self._unmeasured += 1
            return seconds, before.ru_maxrss * 1024
        after = self._usage = resource.getrusage(self.usage_of)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        if self._unmeasured and seconds < 100 * BRIEF:
            cpu = min(cpu, seconds)
        self._unmeasured = 0
        return cpu, after.ru_maxrss * 1024

    def _call(self, task: PreparedTask, job: Job, arguments: dict[str, Any]) -> Any:
        variables = (*job.env, *task.spec.env)
        if self._around is None:
            return call(task.function, arguments, variables)
        return self._around.call(job, task.spec, lambda: call(task.function, arguments, variables))

    def _go_to_root(self) -> None:
        """The last task may have gone elsewhere; to see that it has not is quicker than to look for the root."""
        try:
            if os.getcwd() == self._folder:
                return
        except FileNotFoundError:  # nor has it removed where it went
            pass
        os.chdir(self.context.root)
        self._folder = os.getcwd()

    def _describe(self, raised: BaseException, job: Job) -> ErrorText:
        """The exception as text; it names the task's place where no line of the project is to blame."""
        from taskdisc.tracebacks import describe_error, hint_for

        error = describe_error(raised, self.context.root)
        error = error._replace(hint=hint_for(raised, has_keyboard=self.capture is None))
        if error.place is not None:
            return error
        spec = self.context.specs[job.task]
        return error._replace(place=spec.place, traceback=f"{spec.place}: in {spec.attribute}\n{error.traceback}")

    def _prepare(self, index: int) -> PreparedTask:
        spec = self.context.specs[index]
        task = self._tasks[index] = PreparedTask(spec, self._function(spec))
        return task

    def _function(self, spec: TaskSpec | FixtureSpec) -> Callable[..., Any]:
        if spec.function is not None or spec.pickled:
            found: Callable[..., Any] = spec.function or pickle.loads(spec.pickled)
            return found
        from taskdisc.inner import function_of

        return function_of(self._module(spec.module), spec.attribute)

    def _module(self, name: str) -> ModuleType:
        """The project's modules are imported once, in the order of the run, when the first job needs one."""
        if not self._modules:
            from taskdisc.collect import import_modules
            from taskdisc.session import forget_stale

            with IMPORTING:
                forget_stale(self.context.root)  # a worker of somebody's pool may be older than the last edit
                self._modules = import_modules(self.context.root, self.context.modules)
        return self._modules[name]

    def load(self, stored: Stored | int, codec: str) -> Any:
        """Return a new value from its stored form, or its place in what the last job gave.

        Raises DamagedResult, after which the job is void.
        """
        if isinstance(stored, int):
            part = self._last[stored]
            stored = part.payload if part.payload is not None else part.object or ""
        set_bases(self.context.root, self.context.store)
        try:
            return load(stored, self._codecs.get(codec) or self.codec(codec), self.objects)
        except DamagedResult as damage:
            self._damaged.append((damage.stored, damage.reason, damage.intact))
            raise

    def close(self) -> tuple[str, ...]:
        """Close what fixtures hold open, after the last job; return warnings about what went wrong with that."""
        if not self.fixtures.are_open:
            return ()
        os.chdir(self.context.root)
        return self.fixtures.close()


_new = tuple.__new__


def _ignore(done: float, total: float) -> None:
    """Nobody looks on."""
