"""Dask clusters on this machine: a scheduler and workers, each a process that can be killed."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path


def free_port() -> int:
    """Return a port that nobody listens at, and that the system gives to nobody who does not ask for it."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def without(hidden: Path | None) -> Sequence[str]:
    """Return what goes before a command that is not to see a folder: for it alone, an empty disk lies over that.

    So it is on another machine: its own root and temporary folders, the same Python, and nothing of the project.
    """
    if hidden is None:
        return ()
    return ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(hidden)]


class Cluster:
    """A scheduler and workers; all of it is gone afterwards."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = {}) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []
        self._environment = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0", **environment}

    def __enter__(self) -> Cluster:
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard")
        wait_for(self._answers)
        return self

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _start(self, *words: str, before: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        with open(self.folder / f"{words[0]}.log", "ab") as log:
            return subprocess.Popen(
                [*before, sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]],
                env=self._environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def scale(self, workers: int, threads: int = 1, hidden: Path | None = None) -> None:
        """Have so many workers more, which do not see a folder; wait until the scheduler knows them."""
        before = len(self.workers)
        for _ in range(workers):
            words = ("--nthreads", str(threads), "--no-dashboard", "--no-nanny", "--local-directory", str(self.folder))
            self.workers.append(self._start("worker", self.address, *words, before=without(hidden)))
        log = self.folder / "scheduler.log"
        wait_for(lambda: log.read_text().count("Register worker") >= before + workers)

    def __exit__(self, *_: object) -> None:
        for process in (*self.workers, self.scheduler):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            if process is not None:
                process.wait()
