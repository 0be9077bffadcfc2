"""The store `disk`: named objects as files below the store's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from time import time_ns

CHUNK = 64 << 20


class DiskStore:
    """Objects in `objects/ab/cdef...`; each is written to a file of its own, synced, then renamed."""

    def __init__(self, path: str) -> None:
        self.folder = os.path.join(path, "objects")
        self._quarantine = os.path.join(path, "quarantine")

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name[:2], name[2:])

    def put(self, name: str, pieces: Sequence[bytes | memoryview]) -> None:
        """Keep the joined pieces; all or nothing, and durable when it returns. Raises OSError."""
        path = self._path(name)
        try:
            os.utime(path)  # young again, so that nobody who cleans up takes it for a left-over
            return
        except FileNotFoundError:
            pass
        folder = os.path.dirname(path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        temporary = f"{path}.{os.getpid()}-{os.urandom(4).hex()}.tmp"
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                for piece in pieces:
                    _write(descriptor, memoryview(piece).cast("B"))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.rename(temporary, path)
        except BaseException:
            self._remove(temporary)
            raise
        _sync_folder(folder)

    def open(self, name: str) -> memoryview:
        """Map the object copy-on-write: the caller may change what it sees, never the file. Raises KeyError."""
        import mmap

        try:
            descriptor = os.open(self._path(name), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise KeyError(name) from None
        try:
            if os.fstat(descriptor).st_size == 0:
                return memoryview(b"")
            return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY))
        finally:
            os.close(descriptor)

    def has(self, name: str) -> bool:
        """Say whether the object is there."""
        return os.path.exists(self._path(name))

    def quarantine(self, name: str) -> str:
        """Move the object to `quarantine/`; return its path there, "" where there is no object. Raises OSError."""
        os.makedirs(self._quarantine, mode=0o700, exist_ok=True)
        target = os.path.join(self._quarantine, f"{name}-{time_ns()}")
        try:
            os.rename(self._path(name), target)
        except FileNotFoundError:
            return ""
        return target

    def delete(self, name: str) -> None:
        """Remove the object if it is there."""
        self._remove(self._path(name))

    def names(self) -> Iterator[str]:
        """Yield the names of all objects, unfinished ones apart."""
        for parent, _, files in os.walk(self.folder):
            for name in files:
                if not name.endswith(".tmp"):
                    yield os.path.basename(parent) + name

    def stat(self, name: str) -> tuple[int, float] | None:
        """Return the object's size in bytes and the time of its last `put`."""
        try:
            status = os.stat(self._path(name))
        except FileNotFoundError:
            return None
        return status.st_size, status.st_mtime

    def tidy(self, before: float, *, remove: bool) -> int:
        """Remove files that a `put` which was cut off has left; return their bytes."""
        freed = 0
        for parent, _, files in os.walk(self.folder):
            for path in [os.path.join(parent, name) for name in files if name.endswith(".tmp")]:
                try:
                    status = os.stat(path)
                except FileNotFoundError:
                    continue
                if status.st_mtime < before:
                    freed += status.st_size
                    if remove:
                        self._remove(path)
        return freed

    @staticmethod
    def _remove(path: str) -> None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass


def _write(descriptor: int, view: memoryview) -> None:
    start = 0
    while start < len(view):
        start += os.write(descriptor, view[start : start + CHUNK])


def _sync_folder(folder: str) -> None:
    """Make the rename itself durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
