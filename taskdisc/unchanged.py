"""Unchanged: input files must still be what their digests were taken of when the tasks have read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from taskdisc.marks import File
from taskdisc.model import ErrorText, JobResult, Outcome

if TYPE_CHECKING:
    from taskdisc.expand import Expansion
    from taskdisc.fingerprint.files import InputFiles
    from taskdisc.graph import TaskGraph


class Unchanged:
    """Checks the input files of what has ended."""

    def __init__(self, graph: TaskGraph, expansion: Expansion, files: InputFiles) -> None:
        self._expansion = expansion
        self._files = files
        fixed = {task: list(graph.files_of(task, files.listed)) for task in graph.tasks}
        self._fixed = {task: found for task, found in fixed.items() if found}
        """By task, the files that all its instances receive."""
        by_task = {task: [axis for axis in axes if axis.files is not None] for task, axes in graph.axes.items()}
        self._axes = {task: axes for task, axes in by_task.items() if axes}
        """By task, the axes whose elements are files."""
        self.is_trivial = not self._fixed and not self._axes
        """Whether no task receives an input file."""

    def checked(self, results: list[JobResult]) -> list[JobResult]:
        """Return the results; those of input files that were changed after their digests were taken are void."""
        if self.is_trivial:
            return results
        changed: dict[File, bool] = {}
        checked = []
        for result in results:
            for file in self._received(result.number) if result.outcome == Outcome.SUCCEEDED else ():
                if file not in changed:
                    changed[file] = self._files.has_changed(file)
                if changed[file]:
                    result = _uncertain(result, file)
            checked.append(result)
        return checked

    def _received(self, node: int) -> Iterator[File]:
        """The input files that a step has received."""
        block, row = self._expansion.place(node)
        yield from self._fixed.get(block.task, ())
        for axis in self._axes.get(block.task, ()):
            element = self._expansion.elements[axis].elements[block.columns[axis][row]]
            yield File(element.label, axis.place)


def _uncertain(result: JobResult, file: File) -> JobResult:
    """The task may have seen the old content or the new: nobody can say what its result is the result of."""
    message = f"the input file {file.path} was changed while the run was going on"
    error = ErrorText("input", message, file.place, "", "Run again.")
    return result._replace(outcome=Outcome.FAILED, parts=(), files=(), error=error)
