"""Launched jobs: a batch of them is a command of its own, `[*prefix, python, -m, taskdisc.builtin.command, FOLDER]`.

The folder holds the jobs when the command starts and the results when it has ended. A launcher may run the command
elsewhere, as long as it sees the project and the store, and ends when the command ends, with its exit code.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Sequence
from selectors import EVENT_READ, DefaultSelector
from typing import TYPE_CHECKING

from taskdisc.builtin.batches import batches_of
from taskdisc.builtin.groups import end_groups
from taskdisc.builtin.launched import run_jobs
from taskdisc.builtin.launching import Launch, launch, release
from taskdisc.builtin.patience import Patience
from taskdisc.builtin.verdicts import has_all, judge, quoted
from taskdisc.capture import remove_empty
from taskdisc.endings import unanswered
from taskdisc.errors import UsageError
from taskdisc.jobfolder import GOOD, batch_size, begun, dismiss, last_begun, own_name, share_log
from taskdisc.model import Activity, Job, JobResult, Outcome, WorkerContext
from taskdisc.protocols import Capabilities
from taskdisc.wire import without_functions

if TYPE_CHECKING:
    from taskdisc.protocols import Launcher

LATE = 5.0
"""Seconds for which the result of a command that ended well may be on its way: network file systems show it late."""
LOOK = 0.1
"""Seconds between two looks for it."""
GRACE = 2.0
"""Seconds that launchers have to cancel what they started elsewhere."""


class CommandExecutor:
    """Runs jobs as commands behind the prefix of their task, at most `max_jobs` commands at once."""

    capabilities = Capabilities(
        capture=True, kill=True, timeouts=True, environment=True, attribution=True, replacement=True
    )

    def __init__(self, max_jobs: int, launcher: Launcher) -> None:
        """`launcher` makes the words that go before a command from the prefix of its task."""
        self._max_jobs = max_jobs
        self._launcher = launcher
        self._words: list[list[str]] = []
        self._running: list[Launch] = []
        self._late: list[tuple[Launch, float]] = []
        """Those of them that have ended well, but whose results do not show, and until when (monotonic) they may."""
        self._waiting: deque[list[Job]] = deque()
        """Batches for which there is no command yet."""
        self._sizes: list[int] = []
        """How many jobs of each task a command may run."""
        self._is_stopping = False
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
        self._sizes = [batch_size(spec, context) for spec in context.specs]
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
        """Return how many jobs the commands that may be launched now could run."""
        return max(0, self._room - len(self._waiting)) * max(self._sizes, default=1)

    @property
    def _room(self) -> int:
        """How many more commands may run."""
        return self._max_jobs - len(self._running)

    def submit(self, jobs: Sequence[Job]) -> None:
        """Launch the jobs; one that cannot be launched has failed. Raises UsageError as `start` does."""
        self._waiting += batches_of(jobs, self._sizes, self._room)
        self._launch_waiting()

    def _launch_waiting(self) -> None:
        while self._waiting and self._room > 0:
            self._launch(self._waiting.popleft())

    def _launch(self, batch: list[Job]) -> None:
        first = batch[0]
        words = self._launcher.prefix(self._words[first.task], self._values(first))
        began = time.time()
        try:
            launched = launch(self.context, batch, words)
        except OSError as error:
            self._conclude_with(batch, [self._not_launched(job, words, error, began) for job in batch])
            os.write(self._bell, b"\0")
        else:
            self._running.append(launched)
            self._selector.register(launched.ending, EVENT_READ, launched)
            if timeout := self.context.specs[first.task].timeout:
                self._patience.watch(launched, timeout)

    def _not_launched(self, job: Job, words: list[str], error: OSError, began: float) -> JobResult:
        missing = isinstance(error, FileNotFoundError) and words and error.filename == words[0]
        what = f"{words[0]}: command not found" if missing else f"cannot be launched: {error}"
        hint = f"Is it installed on this machine, and in PATH? The prefix is: {quoted(words)}"
        return unanswered(job, self.context.specs[job.task], Outcome.FAILED, what, hint, began)

    def collect(self) -> list[JobResult]:
        """Return what has ended since the last call."""
        if self._running:
            self._poll(0)
            self._patience.end_overdue()
            self._look_for_late()
        ended, self._ended = self._ended, []
        return ended

    def under_way(self) -> list[Activity]:
        """Return the jobs whose commands run."""
        return [_activity(launch) for launch in self._running]

    def fileno(self) -> int:
        """Return a descriptor that is readable when a command has ended."""
        return self._selector.fileno()

    def deadline(self) -> float | None:
        """Return when the next command may have taken too long, or has not ended that was asked to."""
        due = self._patience.deadline()
        if not self._late:
            return due
        look = time.monotonic() + LOOK
        return look if due is None else min(due, look)

    def _poll(self, timeout: float | None) -> None:
        for key, _ in self._selector.select(timeout):
            if key.fd == self._heard:
                os.read(self._heard, 1024)
            else:
                self._finish(key.data)

    def _finish(self, launch: Launch) -> None:
        self._selector.unregister(launch.ending)
        overdue = self._patience.forget(launch)
        status = launch.group.reap()
        if status or overdue or self._is_stopping or has_all(launch):
            self._conclude(launch, status, overdue)
        else:
            self._late.append((launch, time.monotonic() + LATE))

    def _look_for_late(self) -> None:
        """Conclude what has its results by now, or will not have them."""
        now, late = time.monotonic(), self._late
        self._late = []
        for ended, until in late:
            if now >= until or self._is_stopping or has_all(ended):
                self._conclude(ended, 0, overdue=False)
            else:
                self._late.append((ended, until))

    def _conclude(self, launch: Launch, status: int, overdue: bool) -> None:
        from shutil import rmtree

        self._running.remove(launch)
        verdict = judge(self.context, launch, status, overdue=overdue, dismissed=self._is_stopping)
        if any(result.outcome not in GOOD for result in verdict.ended):
            from signal import SIGKILL

            launch.group.signal(SIGKILL)
        release(launch)
        rmtree(launch.folder, ignore_errors=True)
        self._conclude_with(launch.jobs, verdict.ended)
        if not self._is_stopping:
            if verdict.left:
                self._waiting.appendleft(list(verdict.left))
            self._launch_waiting()

    def _conclude_with(self, jobs: Sequence[Job], results: list[JobResult]) -> None:
        remove_empty(self.context.store, self.context.logs, own_name(jobs[0]))
        self._ended += share_log(self.context, jobs, results)

    def dismiss(self) -> None:
        """Drop what waits, and have commands begin no other job of their batch."""
        self._is_stopping = True
        self._waiting.clear()
        for running in self._running:
            if len(running.jobs) > 1:
                dismiss(running.folder)

    def busy(self) -> bool:
        """Say whether commands run."""
        return bool(self._running)

    def stop(self, *, kill: bool) -> None:
        """End the commands, by waiting for them or at once. What ended meanwhile, `collect` returns."""
        self.dismiss()
        if kill:
            end_groups([launch.group for launch in self._running], GRACE)
        self._look_for_late()
        while self._running:
            self._poll(None)
        self._selector.close()
        for descriptor in (self._heard, self._bell):
            if descriptor >= 0:
                os.close(descriptor)
        self._heard = self._bell = -1


def _activity(launch: Launch) -> Activity:
    """What a command is doing; of a batch, only its folder tells."""
    place = last_begun(launch.folder) if len(launch.jobs) > 1 else None
    since = begun(launch.folder) if place else None
    return Activity(launch.jobs[place or 0].number, since or launch.began)


def split_prefix(prefix: str | Sequence[str]) -> list[str]:
    """Return the words of a prefix. Raises UsageError for a quote that is not closed."""
    if not isinstance(prefix, str):
        return list(prefix)
    import shlex

    try:
        return shlex.split(prefix)
    except ValueError as error:
        raise UsageError(f"prefix {prefix!r} cannot be split into words: {error}.") from None


if __name__ == "__main__":
    sys.exit(run_jobs(sys.argv[1]))
