"""Launched jobs: each is a command of its own, `[*prefix, python, -m, taskdisc.builtin.command, FOLDER]`.

The folder holds the job when the command starts and the result when it has ended. A launcher may run the command
elsewhere, as long as it sees the project and the store, and ends when the command ends, with its exit code.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from selectors import EVENT_READ, DefaultSelector
from typing import TYPE_CHECKING, NamedTuple

from taskdisc.builtin.endings import describe_exit, last_lines, too_slow, unanswered
from taskdisc.builtin.groups import ProcessGroup, end_groups
from taskdisc.builtin.launched import Life, begun, own_name, read_result, run_job, write_job
from taskdisc.builtin.patience import Patience
from taskdisc.builtin.wire import without_functions
from taskdisc.capture import log_name, remove_empty, salvage
from taskdisc.descriptors import close_private, keep_private
from taskdisc.errors import UsageError
from taskdisc.model import Activity, ErrorText, Job, JobResult, Outcome, WorkerContext
from taskdisc.protocols import Capabilities

if TYPE_CHECKING:
    from taskdisc.protocols import Launcher

GRACE = 2.0
"""Seconds that launchers have to cancel what they started elsewhere."""


class Launch(NamedTuple):
    """A command that runs."""

    job: Job
    words: list[str]
    """The prefix, filled."""
    folder: str
    group: ProcessGroup
    life: int
    """The run's end of the pipe that tells the command that the run lives."""
    ending: int
    """Readable when the command has ended."""
    began: float


GOOD = frozenset({Outcome.SUCCEEDED, Outcome.SKIPPED})
"""Outcomes with which a command ends well."""


class CommandExecutor:
    """Runs each job as a command behind the prefix of its task, at most `max_jobs` at once."""

    capabilities = Capabilities(
        capture=True, kill=True, timeouts=True, environment=True, attribution=True, replacement=True
    )

    def __init__(self, max_jobs: int, launcher: Launcher) -> None:
        """`launcher` makes the words that go before a command from the prefix of its task."""
        self._max_jobs = max_jobs
        self._launcher = launcher
        self._words: list[list[str]] = []
        self._running: list[Launch] = []
        self._patience = Patience(GRACE)
        self._ended: list[JobResult] = []
        self._selector = DefaultSelector()
        # Rung for jobs that end at their submission, so that nobody waits for them.
        self._heard, self._bell = os.pipe()
        self._selector.register(self._heard, EVENT_READ)
        self._context: WorkerContext | None = None

    def start(self, context: WorkerContext) -> None:
        """Check the prefixes before anything is launched. Raises UsageError."""
        self._context = without_functions(context)
        self._words = [split_prefix(spec.prefix) for spec in context.specs]
        for index, words in enumerate(self._words):
            if not words:
                continue
            self._launcher.prefix(
                words, self._values(Job(0, index, "", 1, (), resources=context.specs[index].resources))
            )

    @property
    def context(self) -> WorkerContext:
        """What every command must know."""
        assert self._context is not None, "start() comes first"
        return self._context

    def _values(self, job: Job) -> dict[str, str]:
        context = self.context
        held: dict[str, str] = {}
        for name, amount, units in job.resources:
            held[name] = f"{amount:g}"
            if units:
                held[f"{name}.ids"] = ",".join(units)
        return {
            "task": context.specs[job.task].id.rpartition("::")[2],
            "id": job.instance,
            "attempt": str(job.attempt),
            "log_dir": os.path.join(context.store, context.logs),
            "cpus": "1",
            **held,
        }

    def free(self) -> int:
        """Return how many more commands may run."""
        return self._max_jobs - len(self._running)

    def submit(self, jobs: Sequence[Job]) -> None:
        """Launch the jobs; one that cannot be launched has failed. Raises UsageError as `start` does."""
        for job in jobs:
            words = self._launcher.prefix(self._words[job.task], self._values(job))
            began = time.time()
            try:
                launched = launch(self.context, job, words)
            except OSError as error:
                self._ended.append(self._not_launched(job, words, error, began))
                os.write(self._bell, b"\0")
            else:
                self._running.append(launched)
                self._selector.register(launched.ending, EVENT_READ, launched)
                if timeout := self.context.specs[job.task].timeout:
                    self._patience.watch(launched, timeout)

    def _not_launched(self, job: Job, words: list[str], error: OSError, began: float) -> JobResult:
        missing = isinstance(error, FileNotFoundError) and words and error.filename == words[0]
        what = f"{words[0]}: command not found" if missing else f"cannot be launched: {error}"
        self._tidy(job)
        hint = f"Is it installed on this machine, and in PATH? The prefix is: {_quoted(words)}"
        return unanswered(job, self.context.specs[job.task], Outcome.FAILED, what, hint, began)

    def collect(self) -> list[JobResult]:
        """Return what has ended since the last call."""
        if self._running:
            self._poll(0)
            self._patience.end_overdue()
        ended, self._ended = self._ended, []
        return ended

    def under_way(self) -> list[Activity]:
        """Return the jobs whose commands run."""
        return [Activity(launch.job.number, launch.began) for launch in self._running]

    def fileno(self) -> int:
        """Return a descriptor that is readable when a command has ended."""
        return self._selector.fileno()

    def deadline(self) -> float | None:
        """Return when the next command may have taken too long, or has not ended that was asked to."""
        return self._patience.deadline()

    def _poll(self, timeout: float | None) -> None:
        for key, _ in self._selector.select(timeout):
            if key.fd == self._heard:
                os.read(self._heard, 1024)
            else:
                self._finish(key.data)

    def _finish(self, launch: Launch) -> None:
        from shutil import rmtree

        self._selector.unregister(launch.ending)
        self._running.remove(launch)
        overdue = self._patience.forget(launch)
        status = launch.group.reap()
        if overdue:
            result = self._too_slow(launch)
        else:
            result = self._judge(launch, status, read_result(launch.folder, launch.job))
        if result.outcome not in GOOD:
            from signal import SIGKILL

            launch.group.signal(SIGKILL)
        release(launch)
        rmtree(launch.folder, ignore_errors=True)
        self._tidy(launch.job)
        self._ended.append(result)

    def _judge(self, launch: Launch, status: int, result: JobResult | None) -> JobResult:
        """Success takes both: a result, and exit code 0."""
        if result is not None and (result.outcome not in GOOD or not status):
            return result
        context, job = self.context, launch.job
        spec = context.specs[job.task]
        outcome, what, hint = describe_exit(status, _quoted(launch.words))
        said = last_lines(launcher_log(context, job))
        if result is not None:
            message = f"command ended with {what} after the task had succeeded"
            error = ErrorText("launcher", message, spec.place, said, hint)
            return result._replace(outcome=Outcome.FAILED, parts=(), files=(), error=error)
        message = f"command ended with {what} before the task had a result"
        stdout, stderr = salvage(context.store, context.logs, own_name(job), log_name(job))
        if stderr is not None:
            said = said or last_lines(os.path.join(context.store, stderr))
        lost = unanswered(job, spec, outcome, message, hint, launch.began, said)
        return lost._replace(stdout=stdout, stderr=stderr)

    def _too_slow(self, launch: Launch) -> JobResult:
        """What a command says that had to be ended does not count."""
        context, job = self.context, launch.job
        lost = too_slow(job, context.specs[job.task], begun(launch.folder))
        stdout, stderr = salvage(context.store, context.logs, own_name(job), log_name(job))
        return lost._replace(stdout=stdout, stderr=stderr)

    def _tidy(self, job: Job) -> None:
        context = self.context
        remove_empty(context.store, context.logs, own_name(job))
        log = launcher_log(context, job)
        if os.path.exists(log) and not os.path.getsize(log):
            os.unlink(log)

    def dismiss(self) -> None:
        """There is nothing that waits: each job is launched as it is submitted."""

    def busy(self) -> bool:
        """Say whether commands run."""
        return bool(self._running)

    def stop(self, *, kill: bool) -> None:
        """End the commands, by waiting for them or at once. What ended meanwhile, `collect` returns."""
        if kill:
            end_groups([launch.group for launch in self._running], GRACE)
        while self._running:
            self._poll(None)
        self._selector.close()
        for descriptor in (self._heard, self._bell):
            if descriptor >= 0:
                os.close(descriptor)
        self._heard = self._bell = -1


def split_prefix(prefix: str | Sequence[str]) -> list[str]:
    """Return the words of a prefix. Raises UsageError for a quote that is not closed."""
    if not isinstance(prefix, str):
        return list(prefix)
    import shlex

    try:
        return shlex.split(prefix)
    except ValueError as error:
        raise UsageError(f"prefix {prefix!r} cannot be split into words: {error}.") from None


def launcher_log(context: WorkerContext, job: Job) -> str:
    """Return the path of what the launcher itself says, both streams together."""
    return os.path.join(context.store, context.logs, f"{log_name(job)}.launcher")


def launch(context: WorkerContext, job: Job, words: list[str]) -> Launch:
    """Start the command of a job in a folder of its own, and return at once. Raises OSError."""
    from shutil import rmtree
    from subprocess import DEVNULL, STDOUT, Popen
    from tempfile import mkdtemp

    jobs = os.path.join(context.store, "jobs")
    for needed in (jobs, os.path.join(context.store, context.logs)):
        os.makedirs(needed, mode=0o700, exist_ok=True)
    folder = mkdtemp(prefix=f"{log_name(job)}-", dir=jobs)
    theirs, life = os.pipe()
    keep_private(life)
    began = time.time()
    try:
        write_job(folder, context, job, Life.of(theirs))
        command = [*words, sys.executable, "-m", "taskdisc.builtin.command", folder]
        with open(launcher_log(context, job), "wb") as log:
            process = Popen(
                command,
                stdin=DEVNULL,
                stdout=log if context.captured else None,
                stderr=STDOUT if context.captured else None,
                cwd=context.root,
                env={**os.environ, **dict(job.env), **dict(context.specs[job.task].env)},
                start_new_session=True,
                pass_fds=[theirs],
            )
    except BaseException:
        close_private(life)
        rmtree(folder, ignore_errors=True)
        raise
    finally:
        os.close(theirs)
    # The group waits for it by its number: this object must not complain that it is still running.
    process.returncode = 0
    group = ProcessGroup(process.pid)
    return Launch(job, words, folder, group, life, _ending(group), began)


def _ending(group: ProcessGroup) -> int:
    """Return a descriptor that is readable when the leader has ended, on any system."""
    if group.ending is not None:
        return group.ending
    from threading import Thread

    ending, end = os.pipe()
    keep_private(ending)
    keep_private(end)
    Thread(target=_close_after, args=(group, end), daemon=True).start()
    return ending


def _close_after(group: ProcessGroup, end: int) -> None:
    group.reap()
    close_private(end)


def release(launch: Launch) -> None:
    """Close what was open for a command that has ended."""
    if launch.ending != launch.group.ending:
        close_private(launch.ending)
    launch.group.close()
    close_private(launch.life)


def _quoted(words: Sequence[str]) -> str:
    import shlex

    return shlex.join(words)


if __name__ == "__main__":
    sys.exit(run_job(sys.argv[1]))
