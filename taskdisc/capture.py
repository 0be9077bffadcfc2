"""Output of tasks, caught where it is written: file descriptors 1 and 2 of a worker, one log per attempt and stream."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from taskdisc.model import Job

BLOCK = 1 << 20
STREAMS = ((1, "out"), (2, "err"))


def log_name(job: Job) -> str:
    """Return the name of the logs of a job."""
    return f"{job.number}.{job.attempt}"


class Capture:
    """Catches what a worker process and everything that it starts writes, C code included.

    The worker writes to two files of its own; `take` moves what is there to the log of the attempt that just ended.
    """

    def __init__(self, store: str, logs: str, name: str) -> None:
        """Prepare files called `name` in `logs`, a folder relative to the store."""
        self.store = store
        self.logs = logs
        self.name = name
        self._streams: tuple[TextIO, ...] = ()

    def start(self) -> None:
        """Point the standard streams at the worker's files, and standard input at nothing. Raises OSError."""
        os.makedirs(os.path.join(self.store, self.logs), mode=0o700, exist_ok=True)
        _point(os.open(os.devnull, os.O_RDONLY), 0)
        for descriptor, ending in STREAMS:
            path = _path(self.store, self.logs, self.name, ending)
            # Appending, so that the next byte goes to the start of a truncated file, whoever writes it.
            _point(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), descriptor)
        # What was imported earlier may hold the old streams; what it prints should not wait in their buffers.
        _buffer_lines_only()
        self._streams = _text_stream(1), _text_stream(2)
        sys.stdout, sys.stderr = self._streams
        for name, stream in zip(("__stdout__", "__stderr__"), self._streams, strict=True):
            setattr(sys, name, stream)

    def has_output(self) -> bool:
        """Say whether something was written since the last `take`."""
        for stream in self._streams:
            if not stream.closed:
                stream.flush()
        _flush_c_library()
        return bool(os.lseek(1, 0, os.SEEK_END) or os.lseek(2, 0, os.SEEK_END))

    def take(self, name: str) -> tuple[str | None, str | None]:
        """Move what was written since the last call to logs called `name`; return their paths relative to the store.

        None stands for a stream without output. `name` is the caller's, never text of a user. Raises OSError.
        """
        if not self.has_output():
            return None, None
        return self._take(1, name, "out"), self._take(2, name, "err")

    def _take(self, descriptor: int, name: str, ending: str) -> str | None:
        size = os.lseek(descriptor, 0, os.SEEK_END)
        if not size:
            return None
        log = _relative(self.logs, name, ending)
        with open(os.path.join(self.store, log), "wb") as target:
            position = 0
            while block := os.pread(descriptor, BLOCK, position):
                target.write(block)
                position += len(block)
        os.ftruncate(descriptor, 0)
        return log


class Uncaptured(Capture):
    """Leaves output where that of the run goes, for `-s`; there is still nothing to be read from standard input."""

    def start(self) -> None:
        """Point standard input at nothing."""
        _point(os.open(os.devnull, os.O_RDONLY), 0)
        _buffer_lines_only()

    def has_output(self) -> bool:
        """Write out what waits in buffers, so that it does not come after what the run says; keep none of it."""
        for stream in (sys.stdout, sys.stderr):
            if not stream.closed:
                stream.flush()
        _flush_c_library()
        return False


def salvage(store: str, logs: str, worker: str, name: str) -> tuple[str | None, str | None]:
    """Do what `Capture.take` does, for a worker that is dead and called `worker`."""
    return _salvage(store, logs, worker, name, "out"), _salvage(store, logs, worker, name, "err")


def _salvage(store: str, logs: str, worker: str, name: str, ending: str) -> str | None:
    own = _path(store, logs, worker, ending)
    try:
        if not os.path.getsize(own):
            return None
        os.rename(own, _path(store, logs, name, ending))
    except FileNotFoundError:
        return None
    return _relative(logs, name, ending)


def remove_empty(store: str, logs: str, worker: str) -> None:
    """Remove the files of a worker that has ended; output that belongs to no attempt stays."""
    for _, ending in STREAMS:
        own = _path(store, logs, worker, ending)
        try:
            if not os.path.getsize(own):
                os.unlink(own)
        except FileNotFoundError:
            pass


def _relative(logs: str, name: str, ending: str) -> str:
    return f"{logs}/{name}.{ending}"


def _path(store: str, logs: str, name: str, ending: str) -> str:
    return os.path.join(store, logs, f"{name}.{ending}")


def _point(source: int, descriptor: int) -> None:
    """Make `descriptor` a name for what `source` is open on; programs that are started inherit it."""
    os.dup2(source, descriptor)
    if source != descriptor:
        os.close(source)


def _text_stream(descriptor: int) -> TextIO:
    return open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _buffer_lines_only() -> None:
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(line_buffering=True)


def _flush_c_library() -> None:
    """Write out what C code printed: its buffer would come too late, or never.

    Only where ctypes is loaded, as it is with numpy: compiled code that prints rarely comes without, and importing
    ctypes for every worker would cost more than it is worth.
    """
    if (ctypes := sys.modules.get("ctypes")) is not None:
        ctypes.pythonapi.fflush(None)
