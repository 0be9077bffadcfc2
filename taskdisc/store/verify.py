"""The check of everything that is kept, byte by byte and without loading a value."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from taskdisc.model import DROPPED
from taskdisc.paths import content_digest, relative_to
from taskdisc.store.index import loads, no_value
from taskdisc.store.objects import fits, is_name

if TYPE_CHECKING:
    from taskdisc.store.index import Index, ResultRow
    from taskdisc.store.objects import Objects

BATCH = 500


class Verifier:
    """Checks results; what it finds is told, and bad objects are moved to quarantine."""

    def __init__(self, index: Index, objects: Objects, root: str, store: str) -> None:
        self.bad: list[int] = []
        """The results that cannot be used."""
        self.found = 0
        """How many problems there were."""
        self.read = 0
        """Bytes."""
        self.stale = 0
        """Results of which a file that is not the store's has changed."""
        self._index = index
        self._objects = objects
        self._root = root
        self._store = store
        self._seen: dict[str, str] = {}

    def problems_of_index(self) -> Iterator[str]:
        """Yield what is wrong with the index itself."""
        for (text,) in self._index.read("pragma integrity_check(20)"):
            if text != "ok":
                yield self._told(f"the index: {text}")

    def check(self, results: Sequence[tuple[str, ResultRow]]) -> Iterator[str]:
        """Check results, given with their printed ids; yield what is bad."""
        for start in range(0, len(results), BATCH):
            some = results[start : start + BATCH]
            stored = self._index.stored([row.id for _, row in some])
            for name, row in some:
                problems = list(self._problems(row, stored.get(row.id)))
                if problems and self._index.is_kept(row.id):  # it may have been cleared meanwhile
                    self.bad.append(row.id)
                    yield from (self._told(f"{name}: {problem}") for problem in problems)

    def check_unreferenced(self) -> Iterator[str]:
        """Check the objects that no result refers to; yield what is bad."""
        for name in list(self._objects.names()):
            if name not in self._seen and self._objects.has(name) and (problem := self._object(name)):
                yield self._told(problem)

    def _told(self, problem: str) -> str:
        self.found += 1
        return problem

    def _problems(self, row: ResultRow, whole: bytes | str | None) -> Iterator[str]:
        if row.object == DROPPED:  # its value was not to be kept
            yield from self._files(row)
            return
        parts = self._index.stored_parts(row.id) if whole in (None, no_value(row.id)) else (whole,)
        if len(row.digest) != 32 * len(parts):
            yield "its value, or a part of it, is gone from the index"
        yield from filter(None, map(self._value, parts))
        yield from self._files(row)

    def _value(self, stored: bytes | str | None) -> str:
        if isinstance(stored, bytes):
            self.read += len(stored)
            return "" if stored else "its value is empty"
        return self._object(str(stored)) if is_name(stored) else "its value is damaged in the index"

    def _object(self, name: str) -> str:
        if name not in self._seen:
            self._seen[name] = self._look_at(name)
        return self._seen[name]

    def _look_at(self, name: str) -> str:
        store = self._objects.store  # what is trusted is read too
        seen = store.state(name)
        try:
            data = store.open(name)
            self.read += len(data)
            if fits(name, data):
                store.trust(name, seen)
                return ""
            reason = "is damaged"
        except KeyError:
            return f"object {name[:12]} is gone"
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
        place = self._objects.quarantine(name)
        moved = f"; moved to {os.path.relpath(place, self._root)}" if place else ""
        return f"object {name[:12]} {reason}{moved}"

    def _files(self, row: ResultRow) -> Iterator[str]:
        outside = False
        for path, digest, *_ in loads(row.files) if row.files else ():
            whole = os.path.join(self._root, path)
            problem = self._file(whole, digest)
            if problem and relative_to(whole, self._store) is not None:
                yield f"file {path} {problem}"
            outside = outside or bool(problem)
        self.stale += outside

    def _file(self, path: str, digest: str) -> str:
        try:
            found, size = content_digest(path)
        except FileNotFoundError:
            return "is gone"
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        self.read += size
        return "" if found == digest else "has changed"
