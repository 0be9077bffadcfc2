"""What a process has started that has left its process group: found through the parents that /proc names."""

from __future__ import annotations

import os
from typing import NamedTuple


class Stray(NamedTuple):
    """A process; its number alone may be another's by now."""

    process: int
    started: str
    """When, in ticks since the machine's start."""

    def signal(self, number: int) -> None:
        """Send it a signal, if it is still there."""
        found = _look(self.process)
        if found is not None and found.started == self.started:
            try:
                os.kill(self.process, number)
            except (ProcessLookupError, PermissionError):
                pass


class _Status(NamedTuple):
    parent: int
    group: int
    started: str


def strays(leader: int) -> set[Stray]:
    """Return the descendants of a process that are not in its group; none where there is no /proc.

    A process whose parent has ended before is nobody's descendant any more.
    """
    statuses = _all_statuses()
    children: dict[int, list[int]] = {}
    for process, status in statuses.items():
        children.setdefault(status.parent, []).append(process)
    found: set[Stray] = set()
    todo = [leader]
    while todo:
        for process in children.get(todo.pop(), ()):
            todo.append(process)
            if statuses[process].group != leader:
                found.add(Stray(process, statuses[process].started))
    return found


def _all_statuses() -> dict[int, _Status]:
    try:
        numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return {}
    return {number: status for number in numbers if (status := _look(number)) is not None}


def _look(process: int) -> _Status | None:
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return _Status(int(fields[1]), int(fields[2]), fields[19].decode())
