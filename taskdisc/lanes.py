"""Which tasks run where: in workers, as commands behind a prefix, or at the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from taskdisc.model import Lane, Task


def lane_of(task: Task) -> int:
    """Return the lane of a task's steps (see `Lane`)."""
    if task.options.interactive:
        return Lane.TERMINAL
    return Lane.LAUNCHED if task.options.prefix else Lane.PLAIN


def ignored_options(tasks: Iterable[Task]) -> list[str]:
    """Return a warning for each task with options that are of no effect where it runs."""
    return [
        f"{task.place} {task.name}: it is interactive, so its prefix is ignored"
        for task in tasks
        if task.options.interactive and task.options.prefix
    ]
