"""The worker's side of an engine on other machines: it starts an agent, and hands batches of jobs to it."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
from struct import Struct
from tempfile import mkdtemp
from threading import Condition, Lock, Thread

from taskdisc.descriptors import forget_private, keep_private
from taskdisc.model import JobResult
from taskdisc.travel import Introduction

SIZE = Struct("=Q")
"""Goes before each message: its bytes."""


class AgentLost(Exception):
    """The agent has died, with the jobs that it had: somebody has killed it, or the machine had no memory left."""


class AgentRefused(Exception):
    """The agent cannot work there: something that it needs is not installed, or the disk is full."""


class Outpost:
    """An agent and the way to it. All methods may be called from any thread."""

    def __init__(self, introduction: Introduction, workers: int, folder: str | None = None) -> None:
        """`workers` jobs run at once; `folder` is where copies of the project and of its files may be. Raises OSError.

        The agent is a process in a session of its own; it ends with this process, however that ends. Raises
        AgentRefused where this interpreter cannot work for the run.
        """
        if problem := introduction.mismatch():
            raise AgentRefused(problem)
        self._folder = mkdtemp(prefix="taskdisc-", dir=folder)
        self._link, theirs = socket.socketpair()
        with theirs:
            theirs.set_inheritable(True)
            command = [*_python(), "-m", "taskdisc.agent", str(theirs.fileno()), str(workers), self._folder]
            self._process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
            )
        keep_private(self._link.fileno())
        self._sending = Lock()
        self._changed = Condition()
        self._open: set[int] = set()
        """Numbers of the batches that are not answered."""
        self._answers: dict[int, bytes] = {}
        self._number = 0
        self._remarks: list[JobResult] = []
        self._lost = ""
        self._refusal = ""
        self._reader = Thread(target=self._read, name="taskdisc-outpost", daemon=True)
        self._send(pickle.dumps(introduction, 5))
        self._reader.start()

    @property
    def is_lost(self) -> bool:
        """Say whether the agent has ended."""
        return bool(self._lost)

    def run(self, jobs: bytes) -> bytes:
        """Have pickled jobs run, a tuple; return the pickled `Answer` when all of them have ended.

        Raises AgentLost, AgentRefused.
        """
        with self._changed:
            self._number += 1
            number = self._number
            self._open.add(number)
        try:
            self._send(message("batch", number, jobs))
        except OSError:
            pass  # it has died, which the reader finds, too
        with self._changed:
            self._changed.wait_for(lambda: number not in self._open or self._lost)
            if number in self._open:
                self._open.discard(number)
                raise AgentRefused(self._refusal) if self._refusal else AgentLost(self._lost)
            return self._answers.pop(number)

    def supply(self, cargo: bytes) -> None:
        """Give the agent a pickled `Cargo`: jobs that are run later find it there."""
        self._tell("cargo", cargo)

    def dismiss(self) -> None:
        """Let no other job begin: batches are answered when what runs has ended."""
        self._tell("dismiss")

    def close(self, *, kill: bool = False) -> list[JobResult]:
        """End the agent, after what it does, or at once; return what it says at its end (see `Outcome.CLOSED`)."""
        self._tell("kill" if kill else "close")
        self._reader.join()
        return self._remarks

    def _tell(self, what: str, content: bytes = b"") -> None:
        try:
            self._send(message(what, 0, content))
        except OSError:
            pass  # it has ended

    def _send(self, data: bytes) -> None:
        with self._sending:
            self._link.sendall(SIZE.pack(len(data)))
            self._link.sendall(data)

    def _read(self) -> None:
        """Take answers until the agent has ended; in a thread."""
        try:
            while (data := received(self._link.fileno())) is not None:
                kind, number, content = pickle.loads(data)
                with self._changed:
                    if kind == "answer":
                        self._open.discard(number)
                        self._answers[number] = content
                    elif kind == "refused":
                        self._refusal = content.decode()
                    else:
                        self._remarks += pickle.loads(content)
                    self._changed.notify_all()
        except OSError:
            pass
        status = self._process.wait()
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        shutil.rmtree(self._folder, ignore_errors=True)  # the agent does that, unless it was killed
        with self._changed, self._sending:
            self._lost = _ending(status)
            forget_private(self._link.fileno())
            self._link.close()
            self._changed.notify_all()


def _ending(status: int) -> str:
    if status < 0:
        return f"the agent was ended by {signal.Signals(-status).name}"
    return f"the agent ended with exit status {status}"


def message(kind: str, number: int, content: bytes) -> bytes:
    """Return what travels between an outpost and its agent."""
    return pickle.dumps((kind, number, content), 5)


def received(descriptor: int) -> bytes | None:
    """Read one message, waiting for it; None at the end. Raises OSError."""
    head = _exactly(descriptor, SIZE.size)
    return None if head is None else _exactly(descriptor, SIZE.unpack(head)[0])


def _exactly(descriptor: int, size: int) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        block = os.read(descriptor, min(size - len(data), 1 << 20))
        if not block:
            return None
        data += block
    return bytes(data)


def _python() -> list[str]:
    """The interpreter with the options that this one was given."""
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [sys.executable, *flags]
