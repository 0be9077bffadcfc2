"""A remote as runs and their workers meet it: asked many things at once, believed nothing, left alone once it fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from taskdisc.errors import ExitCode, StoreError, TaskdiscError
from taskdisc.shared.manifest import OBJECTS, RECORDS, Manifest, unpacked
from taskdisc.store.objects import fits

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from taskdisc.pluginmanager import PluginManager
    from taskdisc.protocols import RemoteStore

    Given = TypeVar("Given")
    Found = TypeVar("Found")

AT_ONCE = 16
"""Requests under way."""
PAUSE = 30.0
"""Seconds for which a remote that has failed is asked nothing more."""


class Unreachable(TaskdiscError):
    """The remote has failed, now or a moment ago; what it could have said is not known."""

    exit_code = ExitCode.FAILED


def connector(url: str, plugins: PluginManager) -> Callable[[], RemoteStore]:
    """Return what connects to the remote of this address. Raises StoreError, when called, where no plugin can."""

    def connect() -> RemoteStore:
        scheme = url.partition("://")[0]
        known = plugins.supplied("remotes")
        if scheme not in known:
            there = f"There are {', '.join(f'{name}://' for name in sorted(known))}" if known else "There is none"
            raise StoreError(
                f"shared = {url!r}: no plugin supplies remotes for {scheme}://. {there}. "
                f"For S3, Google and Azure: pip install taskdisc-s3"
            )
        remote: RemoteStore = known[scheme](url=url)
        return remote

    return connect


class Remote:
    """One remote. Whatever it raises but StoreError becomes Unreachable."""

    def __init__(self, make: Callable[[], RemoteStore], *, read_only: bool) -> None:
        self.read_only = read_only
        self.trouble = ""
        """Why it was last left alone."""
        self._make = make
        self._made: RemoteStore | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._until = 0.0

    @property
    def is_failing(self) -> bool:
        """Say whether it failed a moment ago."""
        return time.monotonic() < self._until

    def _ask(self, question: Callable[[RemoteStore], Found]) -> Found:
        if self.is_failing:
            raise Unreachable(self.trouble)
        try:
            if self._made is None:
                self._made = self._connected()
            return question(self._made)
        except OSError as error:
            self.trouble = str(error)
            self._until = time.monotonic() + PAUSE
            raise Unreachable(self.trouble) from error

    def _connected(self) -> RemoteStore:
        return self._make()

    def each(self, work: Callable[[Given], Found], items: Iterable[Given]) -> list[Found]:
        """Return what `work` makes of each item; many are under way at once."""
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(AT_ONCE, "taskdisc-remote")
        return list(self._pool.map(work, items))

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    # Reading

    def manifests(self) -> dict[str, float]:
        """Return the names of all manifests, and when they were written (seconds since the epoch)."""
        return self._ask(lambda store: dict(store.names(RECORDS)))

    def objects(self) -> dict[str, float]:
        """Return the names of all objects, and when they were written."""
        return self._ask(lambda store: dict(store.names(OBJECTS)))

    def manifest(self, name: str) -> Manifest | None:
        """Return a manifest; None where there is none, or a bad one."""
        data = self._get(name)
        found = None if data is None else unpacked(name, data)
        if data is not None and found is None:
            self._remove_bad(name)
        return found

    def fetch(self, name: str) -> bytes | None:
        """Return the bytes of an object, verified; None where there are none, or none can be had now."""
        try:
            data = self._get(OBJECTS + name)
            if data is None or fits(name, memoryview(data)):
                return data
            self._remove_bad(OBJECTS + name)
        except (Unreachable, StoreError):
            pass
        return None

    def has(self, name: str) -> bool:
        """Say whether an object is known to be there; nobody has told here."""
        return False

    def _get(self, name: str) -> bytes | None:
        try:
            return self._ask(lambda store: store.get(name))
        except KeyError:
            return None

    def _remove_bad(self, name: str) -> None:
        """What is bad stands in the way of what is good."""
        if not self.read_only:
            self._ask(lambda store: store.delete([name]))

    # Writing

    def put(self, name: str, data: bytes | memoryview) -> bool:
        """Keep bytes under the name that is made of them; False where they are there already."""
        return self._ask(lambda store: store.put(name, data))

    def delete(self, names: Sequence[str]) -> None:
        """Remove these names."""
        if names:
            self._ask(lambda store: store.delete(names))
