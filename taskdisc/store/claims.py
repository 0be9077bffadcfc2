"""Claims between runs: what a run is computing, so that no other run on the same store computes it, too.

Every run that executes something has a file in the store, `runs/<run>.lock`. It is locked as long as the run lives,
and lists the keys that the run has submitted: some are appended when they are taken, and those that are left are
written anew when results are durable. None of it is synced to the disk, since claims end with their run: who gets the
lock knows that the run is gone. `runs/mutex`, locked for microseconds, makes looking and taking one act; it also
counts the runs that have begun, so that a run that is alone need not read the folder again.

Where files cannot be locked or written there are no claims: two runs may then compute the same, which takes time and
does no harm. So it is across machines on a network file system that shows others' claims late.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence, Set
from fcntl import LOCK_EX, LOCK_SH, LOCK_UN, flock
from typing import Any

from taskdisc.descriptors import close_private, keep_private, locks

FOLDER = "runs"
SUFFIX = ".lock"
MUTEX = "mutex"
NUMBER = 8
"""Bytes of the number at the head of each file: it says whether what follows was written anew."""
KEY = 32
"""Bytes of a key."""
ATTEMPTS = 100
"""Names to try for the file of a run."""
PATIENCE = 10.0
"""Seconds to wait for the mutex; only a run that was stopped in the midst of it, or a disk that hangs, takes longer."""
PAUSE = 0.0005
"""Seconds between two attempts to get the mutex."""
NONE: frozenset[bytes] = frozenset()


class Claims:
    """The claims of this run and of all others that live."""

    def __init__(self, store: str, run: int) -> None:
        """Announce this run. `store` is the folder of the store, `run` the number of the run in its index."""
        self.in_company = False
        """Whether another run may have written results between the last two looks at the others' claims."""
        self._folder = os.path.join(store, FOLDER)
        self._others: dict[str, Other] = {}
        self._begun = b""
        self._patience = PATIENCE
        self._writes = 0
        self._end = NUMBER
        self._path = ""
        self._file: int | None = None
        self._mutex: int | None = None
        try:
            self._announce(run)
        except OSError:
            self.close()

    def _announce(self, run: int) -> None:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        self._path, self._file = _locked(self._folder, run)
        self._mutex = _opened(os.path.join(self._folder, MUTEX))
        self._write(b"")
        self._alone(self._begin, NUMBER)

    def take(self, keys: Sequence[bytes]) -> Set[bytes]:
        """Claim those of the keys that no other live run holds; return the others."""
        return self._alone(self._take, keys)

    def held(self, keys: Iterable[bytes]) -> Set[bytes]:
        """Return those of the keys that another live run holds."""
        return self._alone(self._held, keys)

    def keep(self, keys: Iterable[bytes]) -> None:
        """Give up all claims but these."""
        self._alone(self._write, b"".join(keys))

    def close(self) -> None:
        """Give up all claims, and claim none any more."""
        for other in self._others.values():
            other.close()
        self._others.clear()
        if self._file is not None:
            _remove(self._path)  # before it is unlocked: then it may be another's
            close_private(self._file)
        if self._mutex is not None:
            close_private(self._mutex)
        self._file = self._mutex = None

    def _alone(self, act: Callable[[Any], Set[bytes]], given: Any) -> Set[bytes]:
        """Do something with the mutex held. What goes wrong then ends the claiming, and not the run."""
        if self._file is None or self._mutex is None:
            return NONE
        try:
            self._lock(self._mutex)
            try:
                return act(given)
            finally:
                flock(self._mutex, LOCK_UN)
        except OSError:
            self._stop()
            return NONE

    def _stop(self) -> None:
        """Claim no more; that this run lives remains to be seen."""
        if self._mutex is not None:
            close_private(self._mutex)
            self._mutex = None
        if self._file is not None:
            try:
                os.ftruncate(self._file, 0)
            except OSError:
                pass  # then others wait for this run to end

    def _lock(self, mutex: int) -> None:
        """Wait for the mutex, but not for ever: without it, two runs may at worst take the same key."""
        deadline = 0.0
        while not locks(mutex, LOCK_EX):
            now = time.monotonic()
            deadline = deadline or now + self._patience
            if now >= deadline:
                self._patience = 0.0
                return
            time.sleep(PAUSE)
        self._patience = PATIENCE

    # With the mutex held

    def _begin(self, size: int) -> Set[bytes]:
        """Count this run among those that have begun: so the others learn of it."""
        assert self._mutex is not None
        begun = int.from_bytes(os.pread(self._mutex, size, 0), "little") + 1
        os.pwrite(self._mutex, begun.to_bytes(size, "little"), 0)
        return NONE

    def _take(self, keys: Sequence[bytes]) -> Set[bytes]:
        assert self._file is not None
        held = self._held(keys)
        data = b"".join([key for key in keys if key not in held] if held else keys)
        os.pwrite(self._file, data, self._end)
        self._end += len(data)
        return held

    def _held(self, keys: Iterable[bytes]) -> Set[bytes]:
        self._look()
        if not self._others:
            return NONE
        wanted = set(keys)
        return {key for other in self._others.values() for key in other.keys & wanted}

    def _look(self) -> None:
        """Read what has changed in the others' files; those of dead runs go."""
        assert self._mutex is not None
        begun = os.pread(self._mutex, NUMBER, 0)
        self.in_company = bool(self._others) or begun != self._begun
        if begun != self._begun:
            self._find_others()
            self._begun = begun
        for path, other in list(self._others.items()):
            if other.is_alive():
                other.read()
            else:
                other.close()
                del self._others[path]
                _remove(path)

    def _find_others(self) -> None:
        for name in os.listdir(self._folder):
            path = os.path.join(self._folder, name)
            if name.endswith(SUFFIX) and path != self._path and path not in self._others:
                try:
                    self._others[path] = Other(path)
                except FileNotFoundError:
                    pass  # it has just ended

    def _write(self, data: bytes) -> Set[bytes]:
        """Put other claims in the place of all that this run had."""
        assert self._file is not None
        self._writes += 1
        self._end = NUMBER + len(data)
        os.pwrite(self._file, self._writes.to_bytes(NUMBER, "little") + data, 0)
        os.ftruncate(self._file, self._end)
        return NONE


class Other:
    """What another run claims, as far as it has been read."""

    def __init__(self, path: str) -> None:
        """Raises FileNotFoundError."""
        self.keys: set[bytes] = set()
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        keep_private(self._file)
        self._writes = b""
        self._end = NUMBER

    def is_alive(self) -> bool:
        """Say whether the run is still there, stopped or not."""
        if not locks(self._file, LOCK_SH):
            return True
        flock(self._file, LOCK_UN)
        return False

    def read(self) -> None:
        """Read what has been added, or all where it was written anew."""
        size = os.fstat(self._file).st_size
        writes = os.pread(self._file, NUMBER, 0)
        if writes != self._writes:
            self.keys.clear()
            self._writes, self._end = writes, NUMBER
        if size > self._end:
            data = os.pread(self._file, size - self._end, self._end)
            self._end += len(data)
            self.keys.update([data[at : at + KEY] for at in range(0, len(data), KEY)])

    def close(self) -> None:
        """Look no more."""
        close_private(self._file)


def _opened(path: str) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    keep_private(file)
    return file


def _locked(folder: str, run: int) -> tuple[str, int]:
    """Make the run's file and lock it; a run of an index that was lost may live and have the same number.

    Raises OSError where files cannot be locked.
    """
    for attempt in range(ATTEMPTS):
        path = os.path.join(folder, f"{run}-{attempt}{SUFFIX}" if attempt else f"{run}{SUFFIX}")
        file = _opened(path)
        try:
            if locks(file, LOCK_EX) and os.path.samestat(os.fstat(file), os.stat(path)):
                return path, file
        except FileNotFoundError:
            pass  # somebody took it for one that was left behind
        except OSError:
            close_private(file)
            _remove(path)
            raise
        close_private(file)
    raise BlockingIOError(f"{folder}: no lock")


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
