"""The contract of object stores, for ours and for the least that a plugin can supply."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from taskdisc.builtin.disk import DiskStore
from taskdisc.testing import StoreContract


class TestDisk(StoreContract):
    def make(self, path: str) -> DiskStore:
        return DiskStore(path)


class Plain:
    """Files in one folder, and nothing that may be left out."""

    def __init__(self, path: str) -> None:
        self._folder = path

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def put(self, name: str, pieces: Sequence[bytes | memoryview]) -> None:
        data = b"".join(pieces)
        temporary = self._path(f"{os.urandom(8).hex()}.new")
        with open(temporary, "wb") as file:
            file.write(data)
        os.rename(temporary, self._path(name))

    def open(self, name: str) -> memoryview:
        try:
            with open(self._path(name), "rb") as file:
                return memoryview(bytearray(file.read()))
        except FileNotFoundError:
            raise KeyError(name) from None

    def has(self, name: str) -> bool:
        return os.path.exists(self._path(name))

    def state(self, name: str) -> object:
        return None

    def trusted(self, name: str) -> bool:
        return False

    def trust(self, name: str, state: object) -> None:
        pass

    def quarantine(self, name: str) -> str:
        os.rename(self._path(name), self._path(f"{name}.bad"))
        return self._path(f"{name}.bad")

    def delete(self, name: str) -> None:
        try:
            os.unlink(self._path(name))
        except FileNotFoundError:
            pass

    def names(self) -> Iterator[str]:
        return (name for name in os.listdir(self._folder) if "." not in name)

    def stat(self, name: str) -> tuple[int, float] | None:
        try:
            status = os.stat(self._path(name))
        except FileNotFoundError:
            return None
        return status.st_size, status.st_mtime

    def tidy(self, before: float, *, remove: bool) -> int:
        return 0


class TestPlain(StoreContract):
    def make(self, path: str) -> Plain:
        return Plain(path)
