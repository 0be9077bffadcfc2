"""The store `disk`: named objects as files below the store's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

CHUNK = 64 << 20


class DiskStore:
    """Objects in `objects/ab/cdef...`; each is written to a file of its own, synced, then renamed."""

    def __init__(self, path: str) -> None:
        self.folder = os.path.join(path, "objects")

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name[:2], name[2:])

    def put(self, name: str, pieces: Sequence[bytes | memoryview]) -> None:
        """Keep the joined pieces; all or nothing, and durable when it returns. Raises OSError."""
        path = self._path(name)
        if os.path.exists(path):
            return
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

    def put_file(self, name: str, path: str) -> None:
        """Keep a file's content, durably; the object is the file itself under a second name, where that can be."""
        target = self._path(name)
        if os.path.exists(target):
            return
        folder = os.path.dirname(target)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with open(path, "rb") as stream:
            os.fsync(stream.fileno())
            try:
                os.link(path, target)
            except FileExistsError:
                return
            except OSError:  # another file system, or one without links
                self.put(name, list(iter(lambda: stream.read(CHUNK), b"")))
                return
        _sync_folder(folder)

    def take_file(self, name: str, path: str) -> bool:
        """Give the object a second name, `path`; False where that cannot be."""
        try:
            os.link(self._path(name), path)
        except OSError:
            return False
        os.chmod(path, 0o400)
        return True

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

    def delete(self, name: str) -> None:
        """Remove the object if it is there."""
        self._remove(self._path(name))

    def names(self) -> Iterator[str]:
        """Yield the names of all objects, unfinished ones apart."""
        for parent, _, files in os.walk(self.folder):
            for name in files:
                if not name.endswith(".tmp"):
                    yield os.path.basename(parent) + name

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
