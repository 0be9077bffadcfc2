"""Lanes: which executor runs the steps of which task. The scheduler keeps a queue for each."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from taskdisc.model import DEFAULTS, Task, TaskOptions

COMMAND, PREFIX = "command", "prefix"
"""The executor and the launcher of tasks that have a prefix and choose nothing else."""
INLINE, DEBUGGER = "inline", "pdb"
"""The executors of interactive tasks; the debugger is one only where it is everybody's."""


class Lane:
    """Which executor runs a step: a number."""

    PLAIN = 0
    """The run's executor."""
    LAUNCHED = 1
    """Commands behind a prefix."""
    TERMINAL = 2
    """Interactive tasks: in the run itself, one at a time."""
    OWN = 16
    """The first of those for tasks that choose an executor or a launcher themselves."""


class Means(NamedTuple):
    """What runs the steps of a lane: names of an executor and, where it starts commands, of a launcher."""

    executor: str
    launcher: str = ""


class Lanes:
    """The lanes of a run."""

    def __init__(self, executor: str) -> None:
        """`executor` runs the tasks that do not say what does."""
        self._means = {
            Lane.PLAIN: Means(executor),
            Lane.LAUNCHED: Means(COMMAND, PREFIX),
            Lane.TERMINAL: Means(DEBUGGER if executor == DEBUGGER else INLINE),
        }
        self._numbers = {self._means[lane]: lane for lane in (Lane.LAUNCHED, Lane.PLAIN)}

    def of(self, options: TaskOptions) -> int:
        """Return the lane of a task."""
        if options.interactive:
            return Lane.TERMINAL
        if options.executor is None and options.launcher is None:
            return Lane.LAUNCHED if options.prefix else Lane.PLAIN
        means = Means(options.executor or COMMAND, options.launcher or (PREFIX if options.prefix else ""))
        lane = self._numbers.setdefault(means, Lane.OWN + len(self._means))
        self._means[lane] = means
        return lane

    def means(self, lane: int) -> Means:
        """Return what runs the steps of a lane."""
        return self._means[lane]

    def __iter__(self) -> Iterator[int]:
        return iter(self._means)


def title(task: Task) -> str:
    """Return how errors name a task, or those of its instances that its options are about."""
    return f"{task.place} {task.name}{task.part}"


def all_options(tasks: Iterable[Task]) -> Iterator[TaskOptions]:
    """Yield the options of tasks, and those of each slice."""
    for task in tasks:
        yield task.options
        yield from (task.options._replace(**each.options) for each in task.slices)


def demands_nothing(options: TaskOptions) -> bool:
    """Say whether any executor can run a task of these options."""
    return options is DEFAULTS or not (
        options.executor or options.launcher or options.flags or options.timeout or options.env or options.retry_on
    )


def ignored_options(tasks: Iterable[Task]) -> list[str]:
    """Return a warning for each task with options that are of no effect where it runs."""
    return [
        f"{title(task)}: it is interactive, so its prefix is ignored"
        for task in tasks
        if task.options.interactive and task.options.prefix
    ]
