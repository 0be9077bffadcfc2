"""The store `disk`: named objects as files below the store's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from time import time_ns

CHUNK = 64 << 20
MARK = (1 << 24) - 1
"""The bits of a modification time (ns) that hold the seal; 17 ms in all, so that the time stays true enough."""
LAG = 50_000_000
"""Time (ns) that may lie between the modification that a seal notes and the change of the inode by the sealing."""
RACY = 2_000_000_000
"""What changed within this time (ns) may change again without a new time stamp."""


class DiskStore:
    """Objects in `objects/ab/cdef...`; each is written to a file of its own, synced, then renamed.

    An object that was written or verified is sealed: the last bits of its modification time are made of its name,
    device, inode and size. Whatever changes the file afterwards sets another time, and whatever sets the time back
    changes the inode's, so a seal that holds tells any process of any run that there is no need to read the file.
    File systems with coarser times keep no seal: there, objects are verified whenever they are opened.
    """

    def __init__(self, path: str) -> None:
        self.folder = os.path.join(path, "objects")
        self._quarantine = os.path.join(path, "quarantine")

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name[:2], name[2:])

    def put(self, name: str, pieces: Sequence[bytes | memoryview]) -> None:
        """Keep the joined pieces; all or nothing, and durable when it returns. Raises OSError.

        What is there under this name and not sealed is replaced.
        """
        if not self._is_renewed(name):
            self.draft(pieces).keep(name)

    def draft(self, pieces: Sequence[bytes | memoryview]) -> Draft:
        """Write the joined pieces before their name is known, durably. Raises OSError."""
        return Draft(self, pieces)

    def _is_renewed(self, name: str) -> bool:
        """Make a sealed object young again, so that nobody who cleans up takes it for a left-over."""
        if not self.trusted(name):
            return False
        _seal(name, self._path(name))
        return self.has(name)

    def _make_room(self, name: str) -> str:
        """Return the path for an object, at which a file can be put."""
        path = self._path(name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        if os.path.isdir(path):
            self.quarantine(name)
        return path

    def put_file(self, name: str, path: str) -> bool:
        """Make a file itself the object, by a second name, durably; False where that cannot be, or one is there."""
        if self.trusted(name):
            return False
        target = self._path(name)
        folder = os.path.dirname(target)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with open(path, "rb") as stream:
            os.fsync(stream.fileno())
        try:
            self._remove(target)  # what is not sealed may be bad
            os.link(path, target)
        except OSError:  # another file system, one without links, or somebody was faster
            return False
        _seal(name, target)
        _sync_folder(folder)
        return True

    def take_file(self, name: str, path: str) -> bool:
        """Give the object a second name, `path`; False where that cannot be."""
        try:
            os.link(self._path(name), path)
            os.chmod(path, os.stat(path).st_mode & 0o555)
        except OSError:
            return False
        _seal(name, path)
        return True

    def open(self, name: str) -> memoryview:
        """Map the object copy-on-write: the caller may change what it sees, never the file.

        Raises KeyError where there is none, OSError where it cannot be read.
        """
        import mmap

        try:
            descriptor = os.open(self._path(name), os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
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

    def state(self, name: str) -> tuple[int, ...] | None:
        """Return what changes when the file does, or None where there is none."""
        status = self._status(name)
        return None if status is None else _state(status)

    def trusted(self, name: str) -> bool:
        """Say whether the object is sealed."""
        status = self._status(name)
        return status is not None and _is_sealed(name, status)

    def trust(self, name: str, state: object) -> None:
        """Seal an object that was verified since it was in this state; not if it may have changed meanwhile."""
        status = self._status(name)
        if status is None or _state(status) != state or time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) < RACY:
            return
        _seal(name, self._path(name))

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

    def _status(self, name: str) -> os.stat_result | None:
        try:
            return os.stat(self._path(name))
        except OSError:
            return None

    @staticmethod
    def _remove(path: str) -> None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass


class Draft:
    """What was written for an object that has no name yet: keep it or drop it."""

    def __init__(self, store: DiskStore, pieces: Sequence[bytes | memoryview]) -> None:
        """Raises OSError, and leaves nothing then."""
        self._store = store
        os.makedirs(store.folder, mode=0o700, exist_ok=True)
        self._path = os.path.join(store.folder, f"{os.getpid()}-{os.urandom(8).hex()}.tmp")
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            for piece in pieces:
                _write(self._file, memoryview(piece).cast("B"))
            os.fsync(self._file)
        except BaseException:
            self.drop()
            raise

    def keep(self, name: str) -> None:
        """Make it the object of this name, unless there is one already, durably. Raises OSError."""
        try:
            if self._store._is_renewed(name):
                return
            path = self._store._make_room(name)
            os.rename(self._path, path)
            _seal(name, self._file)
        finally:
            self.drop()
        _sync_folder(os.path.dirname(path))

    def drop(self) -> None:
        """Remove what has no name."""
        os.close(self._file)
        self._store._remove(self._path)


def _state(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _mark(name: str, status: os.stat_result) -> int:
    from zlib import crc32

    return crc32(f"{name}-{status.st_dev}-{status.st_ino}-{status.st_size}".encode()) & MARK


def _seal(name: str, file: int | str) -> None:
    """Mark a file as verified; where that cannot be done, it will be verified again."""
    try:
        status = os.stat(file)
        os.utime(file, ns=(status.st_atime_ns, time_ns() & ~MARK | _mark(name, status)))
    except OSError:
        pass


def _is_sealed(name: str, status: os.stat_result) -> bool:
    meant = status.st_mtime_ns & MARK == _mark(name, status)
    return meant and abs(status.st_ctime_ns - status.st_mtime_ns) <= LAG


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
