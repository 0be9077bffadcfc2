"""What a test could leave behind in its process: descriptors, threads, child processes."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from typing import NamedTuple

PATIENCE = 60.0
"""Seconds that what has been ended has to be gone."""


class Belongings(NamedTuple):
    """What belongs to this process at one moment."""

    descriptors: frozenset[int]
    threads: frozenset[str]
    children: frozenset[int]

    @classmethod
    def now(cls) -> Belongings:
        """Look."""
        return cls(_descriptors(), frozenset(thread.name for thread in threading.enumerate()), _children())

    def beyond(self, before: Belongings) -> dict[str, list[str]]:
        """Return what was not there before, by kind."""
        pairs = zip(self._fields, self, before, strict=True)
        return {kind: sorted(map(str, new)) for kind, here, there in pairs if (new := here.difference(there))}


def left_since(before: Belongings) -> dict[str, list[str]]:
    """Return what has come since and stays, by kind; what is about to go has a while for that."""
    deadline = time.monotonic() + PATIENCE
    while (left := Belongings.now().beyond(before)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return left


def is_gone(process: int) -> bool:
    """Say whether a process is no more, or merely waits to be reaped; it has a while for that."""
    deadline = time.monotonic() + PATIENCE
    while _is_alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _descriptors() -> frozenset[int]:
    found = set()
    for name in os.listdir("/dev/fd"):
        try:
            os.fstat(int(name))
        except OSError:  # that of the listing itself
            continue
        found.add(int(name))
    return frozenset(found)


def _children() -> frozenset[int]:
    own = os.getpid()
    return frozenset(process for process, (parent, _) in _processes().items() if parent == own)


def _is_alive(process: int) -> bool:
    return _processes().get(process, (0, "Z"))[1][:1] != "Z"


def _processes() -> dict[int, tuple[int, str]]:
    """All processes of the machine: (parent, state) by number."""
    if not os.path.exists("/proc/self/stat"):
        return _processes_by_ps()
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            found[int(name)] = (int(fields[1]), fields[0].decode())
    return found


def _processes_by_ps() -> dict[int, tuple[int, str]]:
    ps = subprocess.Popen(["ps", "-A", "-o", "pid=,ppid=,stat="], stdout=subprocess.PIPE, text=True)
    lines = ps.communicate()[0].splitlines()
    rows = (line.split() for line in lines)
    return {int(row[0]): (int(row[1]), row[2]) for row in rows if int(row[0]) != ps.pid}
