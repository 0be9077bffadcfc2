"""The check of everything that is kept, byte by byte and without loading a value."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from taskdisc.fileresults import keep, restored
from taskdisc.model import DROPPED, FileResult
from taskdisc.paths import content_digest, relative_to
from taskdisc.store.index import loads, no_value
from taskdisc.store.objects import fits, is_name

if TYPE_CHECKING:
    from taskdisc.store.index import Index
    from taskdisc.store.objects import Objects
    from taskdisc.store.rows import ResultRow

BATCH = 500
GONE = "is gone"


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
        self._index.unfold()
        if self._index.lost:
            yield self._told(f"the index: {self._index.lost} results in it are damaged")

    def check(self, results: Sequence[tuple[str, ResultRow]]) -> Iterator[str]:
        """Check results, given with their printed ids; yield what is bad."""
        for start in range(0, len(results), BATCH):
            some = results[start : start + BATCH]
            stored = self._index.stored([row.id for _, row in some])
            for name, row in some:
                mended: list[str] = []
                problems = list(self._problems(row, stored.get(row.id), mended))
                yield from (self._told(f"{name}: {text}") for text in mended)
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

    def _problems(self, row: ResultRow, whole: bytes | str | None, mended: list[str]) -> Iterator[str]:
        yield from self._files(row, mended)
        if row.object == DROPPED:  # its value was not to be kept
            return
        parts = self._index.stored_parts(row.id) if whole in (None, no_value(row.id)) else (whole,)
        if len(row.digest) != 32 * len(parts):
            yield "its value, or a part of it, is gone from the index"
        yield from filter(None, map(self._value, parts))

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
            if self._objects.is_beyond(name):
                return ""
            return f"object {name[:12]} is gone"
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
        place = self._objects.quarantine(name)
        moved = f"; moved to {os.path.relpath(place, self._root)}" if place else ""
        return f"object {name[:12]} {reason}{moved}"

    def _files(self, row: ResultRow, mended: list[str]) -> Iterator[str]:
        outside = False
        for file in [FileResult(*each) for each in loads(row.files or "[]")]:
            whole = os.path.join(self._root, file.path)
            problem = self._file(whole, file.digest)
            if relative_to(whole, self._store) is None:
                outside = outside or bool(problem)
            elif problem != GONE or not self._is_beyond(file):
                yield from self._kept_twice(file, problem, mended)
        self.stale += outside

    def _is_beyond(self, file: FileResult) -> bool:
        """Say whether a file comes here when it is needed."""
        return all(self._objects.is_beyond(name) for _, name in file.members if name)

    def _kept_twice(self, file: FileResult, problem: str, mended: list[str]) -> Iterator[str]:
        """A file and its objects are each other's second copy; what neither has is lost."""
        lost = [found for _, name in file.members if name and (found := self._object(name))]
        if problem:
            told = f"file {file.path} {problem}"
            if not lost and restored(file, self._root, self._store, self._objects):
                mended.append(f"{told}; put back")
            else:
                yield told
        elif lost:
            if self._kept_again(file):
                mended.append(f"{'; '.join(lost)}; kept again from {file.path}")
            else:
                yield from lost

    def _kept_again(self, file: FileResult) -> bool:
        try:
            keep(file, self._root, self._objects)
        except OSError:
            return False
        self._seen.update((name, "") for _, name in file.members if name)
        return True

    def _file(self, path: str, digest: str) -> str:
        try:
            found, size = content_digest(path)
        except FileNotFoundError:
            return GONE
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        self.read += size
        return "" if found == digest else "has changed"
