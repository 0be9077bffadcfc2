"""The report on the terminal: progress and a summary on stderr. It only listens to hooks."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from taskdisc.model import Outcome

if TYPE_CHECKING:
    from taskdisc.config import Config
    from taskdisc.model import ErrorText, JobResult, Retry, RunReport, StepEnd, TaskWarning
    from taskdisc.run import Run

WORDS = (
    Outcome.SUCCEEDED,
    Outcome.FAILED,
    Outcome.TIMED_OUT,
    Outcome.KILLED,
    Outcome.BLOCKED,
    Outcome.CANCELLED,
    Outcome.SKIPPED,
    Outcome.CACHED,
)
COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
LIVE = "live"
"""The plugin that draws on the terminal while a run works."""
TICK = 0.1
"""Seconds between two drawings."""
FOREGROUND = ("inline", "pdb", "thread")
"""Executors whose jobs write to the terminal themselves."""
NO_EXCEPTIONS = ("killed", "timeout", "launcher", "refused", "input", "store")
"""Kinds of errors that are no exceptions; their messages speak for themselves."""
LONGEST_LINE = 200
"""Characters of a message in the short summary."""
SHOWN_FAILURES = 20
"""Failure sections that are printed in full; the others are a line in the summary."""
SHOWN_LINES = 200
"""Lines of the summary, one a failure; a mistake in a task of a million instances should not print a million."""
SHOWN_NAMES = 3
"""Instances that are named where more share a line."""


def taskdisc_run_started(run: Run) -> None:
    """Show the run where somebody is watching, and every step where -v asks for it."""
    if is_watched(run):
        run.tick = TICK
    elif run.verbosity >= 0 and any(resource.shared for _, resource in run.project.config.resources):
        from taskdisc.builtin.sharers import EVERY, Sharers

        run.tick = EVERY
        run.project.plugins.register(Sharers(run))
    if run.verbosity > 0:
        sys.stderr.writelines(f"{line}\n" for line in run.header())
        run.project.plugins.register(StepLines(run))


def taskdisc_run_progress(run: Run) -> None:
    """Begin to show the run: only now, since most runs have ended before."""
    if is_watched(run) and run.project.plugins.get_plugin(LIVE) is None:
        from taskdisc.builtin.live import Live

        live = Live(run)
        run.project.plugins.register(live, LIVE)
        live.begin()


def is_watched(run: Run) -> bool:
    """Say whether progress can be drawn: on a terminal that is not written to by tasks, and not to please a log."""
    import os

    if run.verbosity < 0 or not run.captured or run.project.config.executor in FOREGROUND or os.environ.get("CI"):
        return False
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


class StepLines:
    """A line for each step; plugged in only while it is wanted, since a hook per step costs time in large runs."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._executed: set[int] = set()

    def taskdisc_job_finished(self, step: StepEnd) -> None:
        """Print how the step ended, and how long it took."""
        colour = "green" if step.outcome in (Outcome.SUCCEEDED, Outcome.SKIPPED) else "red"
        cost = self._cost(step.result) if step.result is not None else ""
        self._print(f"{paint(step.outcome, colour)} {step.id}{cost}")

    def _cost(self, result: JobResult) -> str:
        if self.run.verbosity < 2:
            return f" in {seconds_text(result.seconds)}"
        self._executed.add(result.number)
        cpu, memory = seconds_text(result.cpu_seconds), result.peak_memory / 1e6
        return f" in {seconds_text(result.seconds)} (CPU {cpu}, worker up to {memory:,.0f} MB)"

    def _print(self, line: str) -> None:
        live = self.run.project.plugins.get_plugin(LIVE)
        if live is not None:
            live.above(line)
        else:
            sys.stderr.write(f"{line}\n")

    def taskdisc_job_retried(self, retry: Retry) -> None:
        """Print how the attempt ended, and when the next begins."""
        what, delay = failure_line(retry.step), seconds_text(retry.delay)
        self._print(f"{what}; attempt {retry.attempt} of {retry.attempts}, again in {delay}")

    def taskdisc_run_finished(self) -> None:
        """Name what was cached, where that is wanted, and go."""
        if self.run.verbosity > 1:
            for node in self.run.steps():
                if node not in self._executed and self.run.fate(node) == Outcome.CACHED:
                    self._print(f"cached {self.run.id_of(node)}")
        self.run.project.plugins.unregister(self)


def taskdisc_run_interrupted(run: Run) -> None:
    """Say what happens now, if it may take a while."""
    if run.running:
        _say(run, f"interrupted: what runs has {run.project.config.grace} to end; another Ctrl-C ends it at once")


def taskdisc_run_warned(text: str, run: Run) -> None:
    """Say it at once: what a run waits for may take hours."""
    if run.verbosity >= 0:
        _say(run, f"{paint('warning', 'yellow')}: {text}")


def _say(run: Run, line: str) -> None:
    """Print a line that stays."""
    live = run.project.plugins.get_plugin(LIVE)
    if live is not None:
        live.above(line)
    else:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def taskdisc_run_finished(report: RunReport, config: Config) -> None:
    """Print failures and the summary."""
    quiet = report.verbosity < 0 and not report.failures and not report.interrupted
    lines = [] if quiet else list(summary(report))
    if lines:
        sys.stderr.write("\n".join(lines) + "\n")
        sys.stderr.flush()


SHORTEST_REASON = 40
"""Characters of an error's message that are shown even if the line gets too long."""


def summary(report: RunReport) -> Iterator[str]:
    """Yield what is printed when a run has ended."""
    yield from (f"{paint('warning', 'yellow')}: {warning}" for warning in report.warnings)
    for task, names in report.left_out:
        yield left_out_line(task, names)
    if report.failures:
        yield rule("FAILURES", "=")
        groups = alike(report.failures)
        for group in groups[:SHOWN_FAILURES]:
            yield from failure_section(group, report.store)
        if len(groups) > SHOWN_FAILURES:
            yield f"... and {len(groups) - SHOWN_FAILURES:,} more"
        yield rule("short summary", "=")
        failures = [failure for group in groups for failure in group]
        attempts = {retry.step.id: retry.attempt + 1 for retry in report.retries}
        yield from (failure_line(failure, attempts.get(failure.id, 1)) for failure in failures[:SHOWN_LINES])
        if len(failures) > SHOWN_LINES:
            yield f"... and {len(failures) - SHOWN_LINES:,} more; `taskdisc status` counts them"
    yield from retry_lines(report)
    if report.task_warnings:
        yield from warnings_section(report.task_warnings)
    if report.stopped:
        failed = len(report.failures)
        yield paint("stopped", "red") + f" after {failed} failure{'s' if failed > 1 else ''}; run again to go on"
    if report.interrupted:
        yield paint("interrupted", "red") + ": what was finished is kept; run again to go on"
    yield from report.lines
    yield closing_line(report)


def retry_lines(report: RunReport) -> Iterator[str]:
    """Yield a line for each step that succeeded after attempts that failed."""
    failed = {failure.id for failure in report.failures}
    retries = [retry for retry in report.retries if retry.step.id not in failed]
    if retries and not report.failures:
        yield rule("short summary", "=")
    for retry in retries[:SHOWN_LINES]:
        yield f"{paint('RETRIED', 'yellow')} {retry.step.id} after {retry.attempt} failed{reason_text(retry.step)}"
    if len(retries) > SHOWN_LINES:
        yield f"... and {len(retries) - SHOWN_LINES:,} more"


def warnings_section(warnings: Sequence[TaskWarning]) -> Iterator[str]:
    """Yield the Python warnings of tasks, each once."""
    yield rule("warnings", "=")
    for warning in warnings[:SHOWN_LINES]:
        yield paint(warning.text, "yellow")
        yield f"    in {_named(warning.ids, warning.instances)}"
    if len(warnings) > SHOWN_LINES:
        yield f"... and {len(warnings) - SHOWN_LINES:,} more"


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
    if set(report.counts) == {Outcome.CACHED, Outcome.SKIPPED}:
        cached, skipped = report.counts[Outcome.CACHED], report.counts[Outcome.SKIPPED]
        return f"{paint('up to date', 'green')}: {skipped} skipped, {cached} cached in {seconds}"
    words = [f"{report.counts[outcome]} {outcome}" for outcome in WORDS if report.counts.get(outcome)]
    if report.retried:
        words.append(f"{report.retried} {'retry' if report.retried == 1 else 'retries'}")
    good = not report.failures and not report.interrupted
    return f"{paint(', '.join(words), 'green' if good else 'red')} in {seconds}"


def alike(failures: Iterable[StepEnd]) -> list[list[StepEnd]]:
    """Return the failures in groups of one task and one error, both in the order in which they ended first."""
    groups: dict[tuple[str, ErrorText | None], list[StepEnd]] = {}
    for failure in failures:
        error = failure.result.error if failure.result is not None else None
        groups.setdefault((failure.task, error), []).append(failure)
    return [sorted(group, key=lambda failure: _natural(failure.id)) for group in groups.values()]


def _natural(text: str) -> list[tuple[int, str]]:
    """A key that puts `k=2` before `k=10`."""
    import re

    return [(len(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", text)]


def failure_section(group: Sequence[StepEnd], store: str) -> Iterator[str]:
    """Yield the section of steps that failed alike, in pytest's manner: the first in full, the others by name."""
    failure = group[0]
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
    if len(group) > 1:
        yield f"the same error: {_named([each.id for each in group[1:]], len(group) - 1)}"
    blocked = [name for each in group for name in each.blocked]
    if blocked:
        yield f"blocked: {_named(blocked, sum(each.blocked_count for each in group))}"


def _named(names: Sequence[str], count: int) -> str:
    """The first names, and how many more there are."""
    shown = names[:SHOWN_NAMES]
    more = count - len(shown)
    return f"{', '.join(shown)}{f' and {more:,} more' if more else ''}"


def failure_line(failure: StepEnd, attempts: int = 1) -> str:
    """Return one line about a failed step, with how often it was tried; its id can be pasted back as a target."""
    times = f", {attempts} attempts" if attempts > 1 else ""
    return f"{paint(failure.outcome.upper(), 'red')} {failure.id}{reason_text(failure)}{times}"


def reason_text(failure: StepEnd) -> str:
    """Return what follows a failed step's id: " - ", the error in one line, and its place."""
    error = failure.result.error if failure.result is not None else None
    reason = ""
    if error is not None:
        first = error.message.split("\n", 1)[0]
        first = first if len(first) <= LONGEST_LINE else f"{first[:LONGEST_LINE]}..."
        place = f" ({error.place})" if error.place is not None else ""
        kind = "" if error.kind in NO_EXCEPTIONS else error.kind
        what = ": ".join(filter(None, (kind, first)))
        if sys.stderr.isatty():
            room = max(_columns() - len(f"{failure.outcome} {failure.id} - {place}"), SHORTEST_REASON)
            what = what if len(what) <= room else f"{what[: room - 1]}…"
        reason = f" - {what}{place}"
    return reason


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


def seconds_text(seconds: float, digits: int = 2) -> str:
    """Return a duration as people read it; `digits` after the point where it is short."""
    if seconds < 10:
        return f"{seconds:.{digits}f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02} min"


def paint(text: str, colour: str) -> str:
    """Return the text in a colour: on a terminal or with FORCE_COLOR, but never with NO_COLOR."""
    import os

    variables = os.environ
    if variables.get("NO_COLOR") or not (variables.get("FORCE_COLOR") or sys.stderr.isatty()):
        return text
    if variables.get("TERM") == "dumb" and not variables.get("FORCE_COLOR"):
        return text
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"


def _columns() -> int:
    if not sys.stderr.isatty():
        return 80
    from shutil import get_terminal_size

    return get_terminal_size().columns
