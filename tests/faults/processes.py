"""Processes that tests start, and what is left of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

PATIENCE = 30.0
"""Seconds after which something that should happen counts as not happening."""

FAMILY = """
import os, signal, subprocess, sys, time

def _family(path):
    \"\"\"Start children of all kinds, write down who they are, and never end.\"\"\"
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {deaf!r}], start_new_session=True)"
    commands = [([sys.executable, "-c", deaf], False), ([sys.executable, "-c", nested], True)]
    children = [subprocess.Popen(c, stdout=subprocess.PIPE, start_new_session=own) for c, own in commands]
    for child in children:
        child.stdout.readline()  # the last of them is there, and deaf
    everybody = [os.getpid(), *(child.pid for child in children)]
    listed = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True).stdout.split()[2:]
    everybody += [int(pid) for pid, parent in zip(listed[::2], listed[1::2]) if int(parent) == children[1].pid]
    with open(path + ".new", "w") as file:
        file.write(" ".join(map(str, everybody)))
    os.rename(path + ".new", path)
    time.sleep(600)
"""
"""Source of a helper for tasks: a child that does not listen, and one of another session with a child of a third."""


def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait for something that must happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"did not happen: {what}"
        time.sleep(0.005)


def is_there(process: int) -> bool:
    """Say whether a process runs; one that only waits to be reaped does not."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def read_numbers(path: Path) -> list[int]:
    """Wait for a file of process numbers, and return them."""
    until(path.exists, f"{path.name} is written")
    return [int(word) for word in path.read_text().split()]


def children() -> set[int]:
    """Return the children of this process, those among them that only wait to be reaped."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.add(int(stat.parent.name))
    return found


def until_gone(processes: Iterable[int]) -> None:
    """Wait until none of the processes runs."""
    for process in processes:
        until(lambda process=process: not is_there(process), f"the end of process {process}")  # type: ignore[misc]
