"""Narrowing: which of the targets a run takes, by their ids (-k), their tags (-m), and what failed last (--lf)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from taskdisc.errors import NothingMatched, closest
from taskdisc.expressions import parse

if TYPE_CHECKING:
    from taskdisc.graph import TaskGraph
    from taskdisc.model import Task
    from taskdisc.select import Selection
    from taskdisc.store.index import Index

Only = Callable[[str], bool]
"""Says whether an instance is meant, by its bracketed coordinates."""


class Narrowing(NamedTuple):
    """What was asked for; None and False: no restriction."""

    keywords: str | None = None
    tags: str | None = None
    last_failed: bool = False

    def __str__(self) -> str:
        given = (("-k", self.keywords), ("-m", self.tags))
        words = [f"{option} {text!r}" for option, text in given if text is not None]
        return " ".join([*words, "--lf"] if self.last_failed else words)


class Narrowed:
    """The narrowing of one run."""

    def __init__(self, graph: TaskGraph, narrowing: Narrowing, failed: Mapping[str, set[str]]) -> None:
        """`failed`: by task, the coordinates of what failed in the last run. Raises UsageError for an expression."""
        self._graph = graph
        self._narrowing = narrowing
        self._failed = failed if narrowing.last_failed and failed else None
        self._keywords = None if narrowing.keywords is None else parse(narrowing.keywords, "-k")
        self._tags = None if narrowing.tags is None else parse(narrowing.tags, "-m")

    def chosen(self, selections: Iterable[Selection], has_rows: Callable[[Selection], bool]) -> list[Selection]:
        """Return what is left of the targets; `has_rows` says whether there is any instance. Raises NothingMatched."""
        found = []
        for selection in selections:
            task = self._graph.tasks[selection.task]
            narrowed = selection._replace(only=self.only(task))
            if self.takes(task) and (narrowed.only is None or has_rows(narrowed)):
                found.append(narrowed)
        if not found:
            raise NothingMatched(self.nothing())
        return found

    def takes(self, task: Task) -> bool:
        """Say whether any instances of a task may be meant."""
        tags = self._tags
        if tags is not None and not tags(lambda word: word in task.options.tags):
            return False
        return self._failed is None or task.id in self._failed

    def takes_whole(self, task: Task) -> bool:
        """Say whether a task is meant, going by its place and name alone."""
        return self.takes(task) and self._matches(task, "")

    def only(self, task: Task) -> Only | None:
        """Return what says which instances of a task are meant; None: all."""
        failed = None if self._failed is None else self._failed.get(task.id, set())
        if self._keywords is None and failed is None:
            return None
        return lambda suffix: (failed is None or suffix in failed) and self._matches(task, suffix)

    def _matches(self, task: Task, suffix: str) -> bool:
        text = f"{task.place.path}::{task.name}{suffix}".lower()
        return self._keywords is None or self._keywords(lambda word: word.lower() in text)

    def nothing(self) -> str:
        """Say that nothing is meant."""
        text = f"{self._narrowing}: matches none of the targets."
        if self._narrowing.tags is not None and self._narrowing.keywords is None:
            tags = sorted({tag for task in self._graph.tasks.values() for tag in task.options.tags})
            near = closest(self._narrowing.tags, tags)
            return f"{text} {f'Did you mean {near}?' if near else f'There are the tags {_listed(tags)}.'}"
        return f"{text} `taskdisc list` shows the tasks."


def narrowed(graph: TaskGraph, narrowing: Narrowing, index: Index | None) -> Narrowed:
    """Return the narrowing of a run; `index` tells what failed. Raises UsageError for an expression."""
    if index is None or not narrowing.last_failed:
        return Narrowed(graph, narrowing, {})
    from taskdisc.store.earlier import failed_last

    return Narrowed(graph, narrowing, failed_last(index))


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "(none)"
