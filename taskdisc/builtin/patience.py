"""Time limits of launched commands: which have taken too long, and how they are ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from taskdisc.builtin.groups import Ending
from taskdisc.jobfolder import begun, dismiss

if TYPE_CHECKING:
    from taskdisc.builtin.launching import Launch


class Limit(NamedTuple):
    """How long the task of a command may take, and when to look at it next (monotonic seconds)."""

    launch: Launch
    timeout: float
    due: float


class Patience:
    """Watches commands that have a limit. The time that a launcher lets a task wait does not count."""

    def __init__(self, grace: float) -> None:
        """`grace`: seconds between asking a command to end and ending it."""
        self._grace = grace
        self._limits: dict[int, Limit] = {}
        self._endings: dict[int, Ending] = {}

    def watch(self, launch: Launch, timeout: float) -> None:
        """Watch a command whose task may take so many seconds."""
        self._limits[launch.ending] = Limit(launch, timeout, time.monotonic() + timeout)

    def deadline(self) -> float | None:
        """Return when there is something to do next."""
        endings = [ending.until for ending in self._endings.values() if ending.until is not None]
        return min([*endings, *(limit.due for limit in self._limits.values())], default=None)

    def end_overdue(self) -> None:
        """Ask commands to end whose time is up, and end those that were asked long enough ago."""
        now = time.monotonic()
        for ending in self._endings.values():
            if ending.until is not None and ending.until <= now:
                ending.enforce()
        for key, limit in list(self._limits.items()):
            if limit.due > now:
                continue
            began = begun(limit.launch.folder)
            left = limit.timeout if began is None else began + limit.timeout - time.time()
            if left > 0:
                self._limits[key] = limit._replace(due=now + left)
            else:
                del self._limits[key]
                dismiss(limit.launch.folder)  # so that it is known which job is to blame
                self._endings[key] = Ending(limit.launch.group, self._grace)

    def forget(self, launch: Launch) -> bool:
        """A command has ended; say whether it was asked to, and see to it that nothing of it is left then."""
        self._limits.pop(launch.ending, None)
        ending = self._endings.pop(launch.ending, None)
        if ending is not None:
            ending.enforce()
        return ending is not None
