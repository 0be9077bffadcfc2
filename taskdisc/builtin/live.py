"""The live area: the last lines of the terminal while a run works, drawn anew; what stays is printed above them."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from taskdisc.builtin.sharers import held_line
from taskdisc.builtin.terminal import LIVE, failure_line, seconds_text
from taskdisc.builtin.widths import clean, cut, width
from taskdisc.model import Outcome

if TYPE_CHECKING:
    from taskdisc.config import Config
    from taskdisc.model import Activity, ErrorText, StepEnd
    from taskdisc.run import Run

SHARE = 0.05
"""Of the run's time, at most this part is spent on drawing."""
LONGEST_REST = 2.0
"""Seconds for which nothing is drawn, at most: a terminal that was stopped for a minute goes on soon after it."""
MOST_TASKS, MOST_RUNNING, MOST_NEXT = 4, 10, 3
"""Lines of tasks and of running instances, and ids of those that are next."""
OUTCOMES = (Outcome.CACHED, Outcome.SKIPPED, Outcome.FAILED, Outcome.TIMED_OUT, Outcome.KILLED)


class Live:
    """A plugin that shows one run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.outlook = run.outlook()
        self._area = Area()
        self._began = time.monotonic()
        self._rest_until = 0.0
        self._told: set[tuple[str, ErrorText | None]] = set()

    def begin(self) -> None:
        """Catch up with what has ended, and draw for the first time."""
        for failure in self.run.failures:
            self.taskdisc_job_finished(failure)
        self.taskdisc_run_progress(self.run)

    def taskdisc_run_progress(self, run: Run) -> None:
        """Draw the area anew."""
        began = time.monotonic()
        if began < self._rest_until:
            return
        columns, rows = self._area.size()
        self._area.draw(self.lines(columns - 1, rows - 1))
        ended = time.monotonic()
        self._rest_until = ended + min((ended - began) / SHARE, LONGEST_REST)

    def taskdisc_job_finished(self, step: StepEnd) -> None:
        """Learn of it, and say at once that it failed: once of those that fail alike."""
        self.outlook.observe(step)
        if step.outcome in (Outcome.SUCCEEDED, Outcome.SKIPPED):
            return
        alike = step.task, step.result.error if step.result is not None else None
        if alike not in self._told:
            self._told.add(alike)
            self.above(failure_line(step))

    def taskdisc_terminal_lent(self, run: Run) -> None:
        """Leave the terminal to a task."""
        self._area.erase()

    def taskdisc_run_finished(self) -> None:
        """Leave the terminal as if nothing had been there."""
        self._area.erase()
        self.run.project.plugins.unregister(self)

    def taskdisc_unconfigure(self, config: Config) -> None:
        """Do so where the run had no proper end."""
        if self.run.project.plugins.get_plugin(LIVE) is self:
            self.taskdisc_run_finished()

    def above(self, line: str) -> None:
        """Print a line that stays."""
        self._area.erase()
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    def lines(self, columns: int, rows: int) -> list[str]:
        """Return the area's lines, the most telling ones where there is little room."""
        whole = cut(self._whole(), columns)
        room = rows - 1
        following = self._next(columns) if room > 2 else ""
        room -= bool(following)
        tasks = self._tasks()[: min(MOST_TASKS, max(0, room - 2))]
        room -= len(tasks)
        running = self._running(min(MOST_RUNNING, room), columns)
        return [*(cut(line, columns) for line in tasks), *running, *([following] if following else []), whole]

    def _tasks(self) -> list[str]:
        lines = []
        for task in self.outlook.tasks():
            parts = [f"{clean(task.name)}  {task.ended:,}/{task.total:,}"]
            if task.failed:
                parts.append(f"{task.failed:,} failed")
            if task.rate is not None:
                parts.append(f"{rate_text(task.rate)}")
            if task.seconds_left is not None:
                parts.append(f"{clock(task.seconds_left)} left")
            lines.append(" · ".join(parts))
        return lines

    def _running(self, most: int, columns: int) -> list[str]:
        """The jobs that run, the longest first, and how many more there are."""
        jobs = sorted(self.run.activity(), key=lambda activity: activity.began)
        if most <= 0:
            return []
        shown = jobs if len(jobs) <= most else jobs[: most - 1]
        now = time.time()
        lines = [self._job(job, now, columns) for job in shown]
        if len(jobs) > len(shown):
            lines.append(f"  ... and {len(jobs) - len(shown):,} more running")
        return [cut(line, columns) for line in lines]

    def _job(self, job: Activity, now: float, columns: int) -> str:
        tail = f"  {seconds_text(max(0.0, now - job.began), 1)}"
        if job.total > 0:
            tail += f"  {100 * job.done / job.total:.0f}% ({job.done:g}/{job.total:g})"
        name = cut(clean(self.run.id_of(job.number)), max(8, columns - 2 - width(tail)))
        return f"  {name}{tail}"

    def _next(self, columns: int) -> str:
        """What starts next, and what will follow when that is done."""
        ids, count = self.outlook.next_ids(MOST_NEXT)
        parts = []
        if ids:
            more = f" and {count - len(ids):,} more" if count > len(ids) else ""
            parts.append(f"next: {', '.join(map(clean, ids))}{more}")
        later = self.outlook.later()
        if later:
            parts.append(f"then: {', '.join(map(clean, later))}")
        return cut(" · ".join(parts), columns)

    def _whole(self) -> str:
        run = self.run
        parts = [f"{sum(run.counts.values()):,}/{run.total:,}"]
        parts += [f"{run.counts[outcome]:,} {outcome}" for outcome in OUTCOMES if run.counts.get(outcome)]
        if run.elsewhere:
            parts.append(f"{len(run.elsewhere):,} in another run")
        if run.refused():
            parts.append(held_line(run))
        parts.append(clock(time.monotonic() - self._began))
        left = self.outlook.seconds_left()
        if left is not None and left >= 0.5:  # less is a task that takes longer than was expected
            parts.append(f"about {clock(left)} left")
        return " · ".join(parts)


class Area:
    """Lines at the bottom of what is on the terminal; no mode of the terminal is changed, so none must be restored."""

    def __init__(self) -> None:
        self._widths: list[int] = []

    def size(self) -> tuple[int, int]:
        """Return columns and rows, now."""
        try:
            size = os.get_terminal_size(sys.stderr.fileno())
        except OSError:
            return 80, 24
        return size.columns or 80, size.lines or 24

    def draw(self, lines: list[str]) -> None:
        """Replace what was drawn before."""
        sys.stderr.write(f"{self._home()}{chr(10).join(lines)}")
        sys.stderr.flush()
        self._widths = [width(line) for line in lines]

    def erase(self) -> None:
        """Take away what was drawn."""
        if self._widths:
            sys.stderr.write(self._home())
            sys.stderr.flush()
            self._widths = []

    def _home(self) -> str:
        """What leads to the first place of the area, and clears all from there on.

        A terminal that has become narrower since has broken the lines.
        """
        columns = self.size()[0]
        rows = sum(max(1, -(-each // columns)) for each in self._widths)
        return f"\r{f'{chr(27)}[{rows - 1}A' if rows > 1 else ''}\x1b[J" if self._widths else ""


def rate_text(rate: float) -> str:
    """Return a rate as people read it."""
    if rate >= 1:
        return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
    return f"{rate * 60:.1f}/min"


def clock(seconds: float) -> str:
    """Return a duration that changes while one looks, without digits that nobody can follow."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
