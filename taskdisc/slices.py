"""Slices: options of some instances of a task, as `[tool.taskdisc.tasks."align[sample=big]"]` gives them.

A slice means the instances whose printed ids have all that its brackets say, which may be axes and what is swept. The
instances of a task that are of the same slices are of one kind: the task as it is, or with what the slices say of it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

from taskdisc.errors import UsageError, closest
from taskdisc.labels import TargetText, label_text, unquoted
from taskdisc.model import Slice, Task
from taskdisc.select import Selection, check_brackets

if TYPE_CHECKING:
    from taskdisc.config import TaskTable
    from taskdisc.expand import Block, Expansion
    from taskdisc.graph import TaskGraph

At = Mapping[str, str]
"""Labels as ids have them, by the names that stand before them."""


class Slices:
    """The kinds of instances in one run."""

    def __init__(self, graph: TaskGraph, expansion: Expansion) -> None:
        self._graph = graph
        self._expansion = expansion
        self._kinds: dict[str, list[Task]] = {}
        self._numbers: dict[str, dict[str, int]] = {}
        """By task and what the slices have in their brackets, the kind's number."""
        self._rows: dict[int, Sequence[int]] = {}

    def kinds(self, task: str) -> Sequence[Task]:
        """Return a task as its instances have it, by the number of the kind: first as those of no slice do.

        Of a graph that does not grow, these are the kinds of the blocks that `rows` was asked for.
        """
        found = self._kinds.get(task)
        if found is None:
            whole = self._graph.tasks[task]
            found = self._kinds[task] = [whole]
            self._numbers[task] = {"": 0}
            if self._graph.grows:  # whoever runs them must know them before they are there
                for at in _places(whole.slices):
                    self._number(whole, at)
        return found

    def rows(self, block: Block) -> Sequence[int]:
        """Return the number of the kind of each row of a block that is no gather."""
        found = self._rows.get(block.number)
        if found is None:
            found = self._rows[block.number] = self._numbered(block)
        return found

    def of(self, block: Block, row: int) -> Task:
        """Return the task as this row of its block has it."""
        return self.kinds(block.task)[self.rows(block)[row]]

    def _numbered(self, block: Block) -> Sequence[int]:
        task = self._graph.tasks[block.task]
        self.kinds(task.id)
        names = {name for each in task.slices for name, _ in each.brackets}
        fixed = {name: label_text(value) for name, value in block.variant}
        fixed |= {each.name: each.label for each in task.swept}
        axes = [axis for axis in block.axes if axis.name in names]
        if not axes:
            return array("I", (self._number(task, fixed),)) * block.size
        texts = [self._expansion.elements[axis].texts for axis in axes]
        known: dict[tuple[int, ...], int] = {}
        found = array("I")
        for at in zip(*(block.columns[axis] for axis in axes), strict=True):
            if at not in known:
                labels = {axis.name: told[number] for axis, told, number in zip(axes, texts, at, strict=True)}
                known[at] = self._number(task, fixed | labels)
            found.append(known[at])
        return found

    def _number(self, task: Task, at: At) -> int:
        """The number of the kind that is at a place."""
        held = [each for each in task.slices if all(at.get(name) in _texts(label) for name, label in each.brackets)]
        pairs = dict.fromkeys(pair for each in held for pair in each.brackets)
        part = f"[{','.join(f'{name}={label}' for name, label in pairs)}]" if pairs else ""
        numbers, kinds = self._numbers[task.id], self._kinds[task.id]
        if part not in numbers:
            options = {name: value for each in held for name, value in each.options.items()}
            numbers[part] = len(kinds)
            kinds.append(task._replace(options=task.options._replace(**options), part=part))
        return numbers[part]

    def unmatched(self, is_given: Callable[[str], bool]) -> Iterator[str]:
        """Yield a warning for each label that an axis of a grid does not have.

        `is_given` says, by the name of an axis, whether this run has other elements than the code.
        """
        for id, block in self._expansion.by_task.items():
            task = self._graph.tasks[id]
            axes = {axis.name: axis for axis in block.axes if not axis.open and not is_given(axis.name)}
            for each in task.slices:
                for name, label in each.brackets:
                    axis = axes.get(name)
                    texts = self._expansion.elements[axis].texts if axis is not None else []
                    if texts and _texts(label).isdisjoint(texts):
                        near = closest(label, texts)
                        meant = f"Did you mean {near}?" if near else f"There are {', '.join(texts[:8])}."
                        yield f"{each.origin}: {task.name} has no {name}={label}. {meant}"


def _texts(label: str) -> set[str]:
    """What a label in brackets may look like in ids: without quotes, it stands for a text that needs them, too."""
    return {label_text(unquoted(label))} if label.startswith('"') else {label, label_text(label)}


def _places(slices: Sequence[Slice]) -> Iterator[At]:
    """Yield all places that differ in what the brackets of slices say of them."""
    labels: dict[str, dict[str | None, None]] = {}
    for each in slices:
        for name, label in each.brackets:
            labels.setdefault(name, {None: None}).update(dict.fromkeys(sorted(_texts(label))))
    for at in product(*labels.values()):
        yield {name: text for name, text in zip(labels, at, strict=True) if text is not None}


def checked(graph: TaskGraph, tables: Iterable[TaskTable]) -> list[str]:
    """Return warnings of tables for slices along what none of their tasks has.

    Raises UsageError for one that names its task.
    """
    warnings = []
    for table in tables:
        tasks = [task for task in graph.tasks.values() if any(each.origin == table.origin for each in task.slices)]
        target = TargetText(table.origin, table.name, dict(table.brackets))
        problems: list[UsageError] = []
        for task in tasks:
            try:
                check_brackets(graph, Selection(task.id, None, target))
            except UsageError as error:
                problems.append(error)
        if not problems or len(problems) < len(tasks):
            continue
        if table.is_plain:
            raise problems[0]
        warnings.append(str(problems[0]))
    return warnings
