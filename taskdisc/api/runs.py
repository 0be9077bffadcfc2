"""What a run from Python returns: its values, its report, its failures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from taskdisc.endings import logs_of
from taskdisc.errors import ExitCode, NothingMatched, TaskdiscError, UsageError
from taskdisc.gathered import Gather, coordinate_type
from taskdisc.model import Outcome, Task
from taskdisc.nodes import DONE, LEFT_OUT
from taskdisc.select import Selection
from taskdisc.store.objects import DamagedResult

if TYPE_CHECKING:
    from taskdisc.api.watched import Execution, WatchedRun
    from taskdisc.marks import Axis
    from taskdisc.model import Retry, RunReport, StepEnd

SHOWN = 5
"""Instances, or failures, that a message names."""


class TaskFailed(TaskdiscError):
    """A task of a run has failed, or what was asked for is out of reach since one has."""

    exit_code = ExitCode.FAILED

    def __init__(
        self, message: str, id: str = "", error: str = "", traceback: str = "", logs: Mapping[str, Path] | None = None
    ) -> None:
        super().__init__(message)
        self.id = id
        """The printed id of the step that failed."""
        self.error = error
        """What was raised, "ValueError: ...", or how the process ended."""
        self.traceback = traceback
        """Where it was raised, as text: an exception of another process is not here."""
        self.logs: dict[str, Path] = dict(logs or {})
        """The files "stdout" and "stderr", where the attempt wrote something."""
        self.run: FinishedRun | None = None
        """The run, with everything else that it did."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Cross processes without the run."""
        return TaskFailed, (str(self), self.id, self.error, self.traceback, self.logs)


class Report:
    """What a run did."""

    def __init__(self, run: WatchedRun, report: RunReport) -> None:
        self._run = run
        self.run = report.run
        """Number of the run in the store; 0 where nothing was executed."""
        self.targets = report.targets
        self.counts = report.counts
        """Steps by outcome."""
        self.seconds = report.seconds
        self.failures: tuple[StepEnd, ...] = report.failures
        """Each with `id`, `outcome`, and `result.error`, which has `kind`, `message`, `place` and `traceback`."""
        self.retries: tuple[Retry, ...] = report.retries
        """Of each step that was tried again, the last attempt that was followed by another."""
        self.warnings = report.warnings
        self.left_out = report.left_out
        """(task, open parameters) that a run without targets left out, since nothing gives them."""

    @property
    def outcomes(self) -> dict[str, str]:
        """How every step ended that the targets need, by printed id: "succeeded", "cached", "failed", "blocked"..."""
        return {self._run.id_of(node): self._run.outcome(node) for node in self._run.steps()}

    @property
    def timeline(self) -> tuple[Execution, ...]:
        """The steps that were executed, in the order of their start."""
        return tuple(sorted(self._run.executed.values(), key=lambda execution: execution.started))

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items())
        return f"<report: {counts or 'nothing to do'} in {self.seconds:.2f} s>"


class Chosen(NamedTuple):
    """What somebody asked a run for."""

    selection: Selection
    nodes: list[int]
    over: tuple[Axis, ...]
    """The axes along which there may be several instances."""


class FinishedRun:
    """A run that has ended: `run.value`, `run["accuracy[k=3]"]`, `run.report`. Results load when they are asked for."""

    def __init__(
        self,
        run: WatchedRun,
        report: RunReport,
        within: Callable[[], AbstractContextManager[None]],
        again: Callable[[], WatchedRun],
    ) -> None:
        """`within` is where results are loaded; `again` runs the same once more, to mend what was damaged since."""
        self._run = run
        self._within = within
        self._again = again
        self.report = Report(run, report)

    def __repr__(self) -> str:
        return f"<run of {', '.join(self.report.targets) or 'everything'}: {self.report!r}>"

    @property
    def value(self) -> Any:
        """The value of the one instance that the targets mean. Raises UsageError where they mean several."""
        chosen = [self._chosen(selection) for selection in self._run.selections]
        instances = [(each.selection, node) for each in chosen for node in each.nodes]
        if len(instances) == 1:
            return self._value(*instances[0])
        names = [self._run.id_of(node) for _, node in instances]
        shown = f": {', '.join(names[:SHOWN])}{', ...' if len(names) > SHOWN else ''}" if names else ""
        raise UsageError(f'run.value takes exactly one instance, and there are {len(names)}{shown}. Use run["id"].')

    def __getitem__(self, name: str) -> Any:
        """Return the value of an instance, `run["accuracy[k=3,seed=0]"]`, or a mapping of several, `run["accuracy"]`.

        The keys of a mapping are those of `Gather`: labels, or tuples of them in the order of the axes' names, of the
        axes that the brackets leave open. Anything that the run needed may be asked for, its targets or not.
        Raises NothingMatched for what the run did not need, and TaskFailed for a value that a failure keeps away.
        """
        if not isinstance(name, str):
            raise UsageError(f'run[{name!r}]: give a name or an id, such as run["task[axis=label]"].')
        selections = self._run.find(name)
        if len(selections) > 1:
            graph = self._run.graph
            tasks = ", ".join(graph.names[each.task] + _swept(graph.tasks[each.task]) for each in selections)
            raise UsageError(f"run[{name!r}]: this is more than one task: {tasks}.")
        chosen = self._chosen(selections[0])
        if not chosen.over:
            return self._value(chosen.selection, chosen.nodes[0])
        return Gather.lazy(self._keys(chosen), chosen.nodes, lambda node: self._value(chosen.selection, node))

    def raise_for_failures(self) -> None:
        """Raise TaskFailed if something failed; what `run(..., check=False)` leaves to its caller."""
        if self.report.failures:
            raise self._failed(self.report.failures[0])

    # Instances

    def _chosen(self, selection: Selection) -> Chosen:
        run = self._run
        name = selection.target.text
        needed = [node for node in run.nodes_of(selection) if run.scheduler.state(node) != LEFT_OUT]
        axes = run.graph.axes[selection.task]
        over = tuple(a for a in axes if not a.open and a.name not in (selection.target.brackets or {}))
        known = selection.task in run.expansion.by_task or selection.task in run.tasks
        if not needed and not (over and known):
            raise NothingMatched(
                f"run[{name!r}]: the targets of this run do not need it. Run it: project.run({name!r})"
            )
        return Chosen(selection, needed, over)

    def _keys(self, chosen: Chosen) -> list[Any]:
        expansion = self._run.expansion
        places = [expansion.place(node) for node in chosen.nodes]
        columns = [
            [expansion.elements[axis].elements[block.columns[axis][row]].label for block, row in places]
            for axis in chosen.over
        ]
        if len(columns) == 1:
            return columns[0]
        make = coordinate_type(tuple(axis.name for axis in chosen.over))
        return [make(*labels) for labels in zip(*columns, strict=True)]

    # Values

    def _value(self, selection: Selection, node: int) -> Any:
        self._check_is_kept(selection, node)
        try:
            return self._load(selection, node)
        except DamagedResult as damage:
            if damage.intact:
                raise
        self._run = self._again()
        return self._load(selection, node)

    def _check_is_kept(self, selection: Selection, node: int) -> None:
        kept = self._run.graph.tasks[selection.task].options.keep or self._run.is_named(node)
        if not kept and self._run.scheduler.state(node) == DONE:
            name = self._run.id_of(node)
            raise NothingMatched(f"{name}: its value was not kept (keep=False). Name it: project.run({name!r})")

    def _load(self, selection: Selection, node: int) -> Any:
        with self._within():
            try:
                for _, value in self._run.values(selection, [node]):
                    return value
            finally:
                self._run.project.close_index()
        failure = self._run.culprit(node)
        if failure is not None:
            raise self._failed(failure, self._run.id_of(node))
        raise NothingMatched(f"{self._run.id_of(node)}: it has no result, since the run was cut short. Run again.")

    # Failures

    def _failed(self, failure: StepEnd, asked: str | None = None) -> TaskFailed:
        result = failure.result
        error = result.error if result is not None else None
        text = failure.outcome if error is None else _error_text(error.kind, error.message)
        logs = dict(self._logs(failure))
        message = "".join(self._message(failure, text, asked or failure.id, logs))
        failed = TaskFailed(message, failure.id, text, "" if error is None else error.traceback, logs)
        failed.run = self
        return failed

    def _message(self, failure: StepEnd, text: str, asked: str, logs: Mapping[str, Path]) -> Iterator[str]:
        error = failure.result.error if failure.result is not None else None
        if asked != failure.id:
            yield f"{asked} is out of reach: "
        yield f"{failure.id} {failure.outcome}: {text}"
        if error is not None:
            yield f" ({error.place})" if error.place is not None else ""
            yield f"\n{error.traceback}" if error.traceback else ""
            yield f"\nhint: {error.hint}" if error.hint else ""
        yield from (f"\n{name}: {path}" for name, path in logs.items())
        others = [end.id for end in self.report.failures if end.id != failure.id]
        if others and asked == failure.id:
            more = f" and {len(others) - SHOWN:,} more" if len(others) > SHOWN else ""
            yield f"\nfailed too: {', '.join(others[:SHOWN])}{more}"

    def _logs(self, failure: StepEnd) -> Iterator[tuple[str, Path]]:
        if failure.result is not None:
            for name, log in logs_of(failure.result.stdout, failure.result.stderr):
                yield name, Path(os.path.join(self._run.project.config.store, log))


def _error_text(kind: str, message: str) -> str:
    first = message.partition("\n")[0]
    return first if kind in NO_EXCEPTIONS else f"{kind}: {first}" if first else kind


NO_EXCEPTIONS = (Outcome.KILLED, "timeout", "launcher", "refused", "input", "store")
"""Kinds of errors that are no exceptions; their messages speak for themselves."""


def _swept(task: Task) -> str:
    """What tells the copies of a swept task apart, as ids have it."""
    coordinates = ",".join(f"{swept.name}={swept.label}" for swept in task.swept)
    return f"[{coordinates}]" if coordinates else ""
