"""`taskdisc run`: compute targets and print their values."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from taskdisc.cli.options import Options, narrowing, opened
from taskdisc.errors import ExitCode, UsageError
from taskdisc.model import Decision
from taskdisc.options import OPTIONS

if TYPE_CHECKING:
    from taskdisc.model import RunReport
    from taskdisc.narrow import Narrowed
    from taskdisc.project import Project
    from taskdisc.run import Run


def run(options: Options) -> int:
    """Run the command; return the exit code."""
    if options.json is not None and options.dry_run:
        raise UsageError("run: -n runs nothing, so there is nothing to write for --json. Leave out one of them.")
    if options.junit is not None and options.dry_run:
        raise UsageError("run: -n runs nothing, so there is nothing to write for --junit. Leave out one of them.")
    options = in_foreground(options) if options.pdb else options
    with opened(options) as (project, targets), streamed(options.json, project), reported(options, project):
        if project.config.executor != OPTIONS["executor"].default:  # a wrong name is an error even if nothing would run
            project.plugins.factory("executors", project.config.executor)
        planned = _planned(project, targets, options)
        if options.dry_run:
            return _preview(planned, options)
        report = _executed(planned, options)
        sys.stdout.flush()
    return exit_code(report)


def _executed(planned: Run, options: Options) -> RunReport:
    """Run and print; once more for values that turn out to be damaged, but not twice for the same one."""
    from taskdisc.store.objects import DamagedResult

    damaged: set[str] = set()
    while True:
        report = planned.execute(guard=at_work)
        try:
            _print_values(planned, options)
            return report
        except DamagedResult as damage:
            if damage.intact or damage.stored in damaged:
                raise
            from taskdisc.cli.output import remark

            damaged.add(damage.stored)
            remark(f"{damage}; it is made again")
            again = options._replace(force=False, force_all=False)
            planned = _planned(planned.project, list(planned.targets), again, planned.narrowed)


def _planned(project: Project, targets: list[str], options: Options, narrowed: Narrowed | None = None) -> Run:
    """Plan a run; `narrowed` is what an earlier one took."""
    from taskdisc.instances import FORCE_ALL, FORCE_TARGETS
    from taskdisc.run import Run

    return Run(
        project,
        targets,
        verbosity=options.verbosity,
        captured=options.captured,
        code_counts=not options.no_code_check,
        narrowing=narrowed or narrowing(options),
        force=FORCE_ALL if options.force_all else FORCE_TARGETS if options.force else "",
        maxfail=options.maxfail,
    )


def in_foreground(options: Options) -> Options:
    """Return the options for a run whose failures open the debugger."""
    if options.executor is not None:
        raise UsageError("run: --pdb chooses what runs the jobs. Leave out --executor.")
    return options._replace(executor="pdb")


@contextmanager
def reported(options: Options, project: Project) -> Iterator[None]:
    """Plug in what the options ask to be reported."""
    reporters = _reporters(options)
    for reporter in reporters:
        project.plugins.register(reporter)
    try:
        yield
    finally:
        for reporter in reporters:
            project.plugins.unregister(reporter)


def _reporters(options: Options) -> list[object]:
    reporters: list[object] = []
    if options.durations is not None:
        from taskdisc.builtin.durations import Durations

        reporters.append(Durations(options.durations))
    if options.junit is not None:
        from taskdisc.builtin.junit import Junit

        reporters.append(Junit(options.junit))
    return reporters


def streamed(path: str | None, project: Project) -> AbstractContextManager[None]:
    """Write how steps end to a file, as they do; `None`: nobody asks for that."""
    return nullcontext() if path is None else _streamed(path, project)


@contextmanager
def _streamed(path: str, project: Project) -> Iterator[None]:
    from taskdisc.builtin.json_lines import JsonLines

    lines = JsonLines(path)
    project.plugins.register(lines)
    try:
        yield
    finally:
        project.plugins.unregister(lines)
        lines.close()


def _print_values(planned: Run, options: Options) -> None:
    """Print what was asked for, unless standard output is for other things."""
    if planned.targets and options.json != "-":
        from taskdisc.cli.output import print_values

        values = (pair for selection in planned.selections for pair in planned.values(selection))
        print_values(list(dict(values).items()))  # what two targets mean is printed once


def exit_code(report: RunReport) -> int:
    """Return what the shell is told of a run."""
    if report.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.FAILED if report.failures else ExitCode.OK


def _preview(planned: Run, options: Options) -> int:
    from taskdisc.cli.output import remark

    planned.check_executors()
    decisions = planned.preview()
    planned.project.save_caches()
    counts: dict[str, int] = {}
    for node, decision in decisions.items():
        counts[decision] = counts.get(decision, 0) + 1
        if decision not in SETTLED and options.verbosity <= 0:
            print(f"{decision}: {planned.id_of(node)}")
    unknown = planned.unknown()
    if unknown:
        counts[Decision.UNKNOWN] = len(unknown)
        if options.verbosity <= 0:
            for task in unknown:
                print(f"{Decision.UNKNOWN}: {planned.graph.names[task]}")
    if options.verbosity > 0:
        from taskdisc.cli.explain import LINES, print_reasons, print_unknown

        waiting = [node for node, decision in decisions.items() if decision not in SETTLED]
        print_reasons(planned, waiting, decisions, None if options.verbosity > 1 else LINES)
        print_unknown(planned, unknown)
    words = [f"{counts.get(decision, 0)} {word}" for decision, word in PREVIEWED if counts.get(decision)]
    remark(f"dry run: {', '.join(words) or 'no instances'}")
    busy = any(decision not in SETTLED for decision in counts)
    return ExitCode.FAILED if options.exit_code and busy else ExitCode.OK


PREVIEWED = (
    ("run", "would run"),
    ("may run", "may run, if an input changes"),
    ("cached", "cached"),
    ("skipped", "skipped"),
    ("unknown", "of unknown size"),
    ("overridden", "overridden"),
)
SETTLED = frozenset({"cached", "overridden", "skipped"})
"""Decisions by which nothing would run."""


@contextmanager
def at_work() -> Iterator[None]:
    """While a run executes: SIGTERM and SIGHUP end it in the same way as Ctrl-C, and garbage is collected."""
    import gc
    import signal

    from taskdisc.garbage import search_seldom
    from taskdisc.interrupts import interrupt

    if not gc.isenabled():
        search_seldom()
    handled = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # nohup has it ignored
        handled.append(signal.SIGHUP)
    try:
        before = [(number, signal.signal(number, interrupt)) for number in handled]
    except ValueError:  # not in the main thread: the process is somebody else's
        yield
        return
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
