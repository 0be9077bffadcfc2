"""The report on the terminal: progress and a summary on stderr. It only listens to hooks."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from taskdisc.hookspecs import hookimpl
from taskdisc.model import Outcome

if TYPE_CHECKING:
    from taskdisc.config import Config
    from taskdisc.model import RunReport, StepEnd
    from taskdisc.run import Run

WORDS = (
    Outcome.SUCCEEDED,
    Outcome.FAILED,
    Outcome.TIMED_OUT,
    Outcome.KILLED,
    Outcome.BLOCKED,
    Outcome.CANCELLED,
    Outcome.CACHED,
)
COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
NO_EXCEPTIONS = ("killed", "launcher")
"""Kinds of errors that are no exceptions; their messages speak for themselves."""
SHOWN_FAILURES = 20
"""Failure sections that are printed in full; the others are a line in the summary."""


@hookimpl
def taskdisc_run_started(run: Run) -> None:
    """Ask for progress where somebody is watching, and for every step where -v asks for it."""
    if sys.stderr.isatty():
        run.tick = 0.1
    if run.verbosity > 0:
        sys.stderr.writelines(f"{line}\n" for line in run.header())
        run.project.plugins.register(StepLines(run))


class StepLines:
    """A line for each step; plugged in only while it is wanted, since a hook per step costs time in large runs."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @hookimpl
    def taskdisc_job_finished(self, step: StepEnd) -> None:
        """Print how the step ended, and how long it took."""
        seconds = f" in {seconds_text(step.result.seconds)}" if step.result is not None else ""
        colour = "green" if step.outcome == Outcome.SUCCEEDED else "red"
        wipe = "\r\x1b[K" if sys.stderr.isatty() else ""
        sys.stderr.write(f"{wipe}{paint(step.outcome, colour)} {step.id}{seconds}\n")

    @hookimpl
    def taskdisc_run_finished(self) -> None:
        """Go."""
        self.run.project.plugins.unregister(self)


@hookimpl
def taskdisc_run_progress(run: Run) -> None:
    """Draw the line of progress anew."""
    sys.stderr.write(f"\r{progress_line(run, time.monotonic())[: _columns() - 1]}\x1b[K")
    sys.stderr.flush()


@hookimpl
def taskdisc_run_finished(report: RunReport, config: Config) -> None:
    """Print failures and the summary."""
    quiet = report.verbosity < 0 and not report.failures and not report.interrupted
    lines = [] if quiet else list(summary(report))
    if lines:
        start = "\r\x1b[K" if sys.stderr.isatty() else ""
        sys.stderr.write(start + "\n".join(lines) + "\n")
        sys.stderr.flush()


def progress_line(run: Run, now: float) -> str:
    """Return one line: how many of how many, what runs, since when."""
    done = sum(run.counts.values())
    parts = [f"{done}/{run.total}"]
    failed = len(run.failures)
    if failed:
        parts.append(f"{failed} failed")
    oldest = sorted(run.running.items(), key=lambda item: item[1])[:3]
    if oldest:
        names = ", ".join(f"{run.id_of(node)} {seconds_text(now - since)}" for node, since in oldest)
        more = len(run.running) - len(oldest)
        parts.append(f"running {names}{f' and {more} more' if more > 0 else ''}")
    if run.elsewhere:
        names = ", ".join(map(run.id_of, sorted(run.elsewhere)[:3]))
        more = len(run.elsewhere) - 3
        parts.append(f"another run has {names}{f' and {more} more' if more > 0 else ''}")
    return " · ".join(parts)


def summary(report: RunReport) -> Iterator[str]:
    """Yield what is printed when a run has ended."""
    yield from (f"{paint('warning', 'yellow')}: {warning}" for warning in report.warnings)
    for task, names in report.left_out:
        yield left_out_line(task, names)
    if report.failures:
        yield rule("FAILURES", "=")
        for failure in report.failures[:SHOWN_FAILURES]:
            yield from failure_section(failure, report.store)
        yield rule("short summary", "=")
        yield from map(failure_line, report.failures)
    if report.interrupted:
        yield paint("interrupted", "red") + ": what was finished is kept; run again to go on"
    yield from report.lines
    yield closing_line(report)


def left_out_line(task: str, names: Iterable[str]) -> str:
    """Return one line about a task that cannot run without open parameters."""
    return f"left out: {task}, until somebody gives {' '.join(f'-p {name}=...' for name in names)}"


def closing_line(report: RunReport) -> str:
    """Return the one line that sums up the run."""
    total = sum(report.counts.values())
    seconds = seconds_text(report.seconds)
    if not total:
        return f"nothing to do: no instances ({seconds})"
    if set(report.counts) == {Outcome.CACHED}:
        return f"{paint('up to date', 'green')}: {total} cached in {seconds}"
    words = [f"{report.counts[outcome]} {outcome}" for outcome in WORDS if report.counts.get(outcome)]
    good = not report.failures and not report.interrupted
    return f"{paint(', '.join(words), 'green' if good else 'red')} in {seconds}"


def failure_section(failure: StepEnd, store: str) -> Iterator[str]:
    """Yield the section of one failed step, in pytest's manner."""
    yield paint(rule(failure.id, "_"), "red")
    result = failure.result
    error = result.error if result is not None else None
    if error is not None:
        yield error.traceback or f"E   {error.message}"
        if error.hint:
            yield f"hint: {error.hint}"
    logs = [] if result is None else [("stdout", result.stdout), ("stderr", result.stderr)]
    for name, log in logs:
        if log is not None:
            yield rule(f"captured {name}", "-")
            yield tail(f"{store}/{log}")
            yield f"log: {shorten(f'{store}/{log}')}"
    if failure.blocked:
        more = failure.blocked_count - len(failure.blocked)
        yield f"blocked: {', '.join(failure.blocked)}{f' and {more} more' if more else ''}"


def failure_line(failure: StepEnd) -> str:
    """Return one line about a failed step; its id can be pasted back as a target."""
    error = failure.result.error if failure.result is not None else None
    reason = ""
    if error is not None:
        first = error.message.split("\n", 1)[0]
        place = f" ({error.place})" if error.place is not None else ""
        kind = "" if error.kind in NO_EXCEPTIONS else error.kind
        reason = f" - {': '.join(filter(None, (kind, first)))}{place}"
    return f"{paint(failure.outcome.upper(), 'red')} {failure.id}{reason}"


def tail(path: str, most: int = 8000) -> str:
    """Return the end of a log."""
    with open(path, "rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - most))
        text = stream.read().decode(errors="replace").rstrip("\n")
    return text if size <= most else f"[... {size - most} bytes before this]\n{text}"


def shorten(path: str) -> str:
    """Return a path as it is seen from the current folder, where that is shorter."""
    import os

    relative = os.path.relpath(path)
    return relative if len(relative) < len(path) else path


def rule(title: str, character: str) -> str:
    """Return a title in the middle of a line of characters."""
    return f" {title} ".center(min(_columns(), 100), character)


def seconds_text(seconds: float) -> str:
    """Return a duration as people read it."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02} min"


def paint(text: str, colour: str) -> str:
    """Return the text in a colour, where stderr is a terminal and NO_COLOR is not set."""
    import os

    if not sys.stderr.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"


def _columns() -> int:
    if not sys.stderr.isatty():
        return 80
    from shutil import get_terminal_size

    return get_terminal_size().columns
