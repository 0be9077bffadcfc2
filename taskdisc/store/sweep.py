"""The broom: removes what results had for themselves once they are forgotten, and what nothing refers to.

Rows go first, in one transaction, and files after it, so that whatever interrupts it leaves no row without its file.
Since the transaction keeps every run from writing, the runs that are seen at work in it are all there are.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from taskdisc.endings import LAUNCHER
from taskdisc.store import upkeep
from taskdisc.store.lives import live_runs, with_locks

if TYPE_CHECKING:
    from taskdisc.store.index import Index
    from taskdisc.store.objects import Objects

STARTING = 60.0
"""Seconds that a run has from its first mark in the index to its lock; far more than it needs."""
SLACK = 0.05
"""Seconds by which the time of an object may lie before its `put`."""
SKEW = 2.0
"""Seconds by which the clock of a file system may differ from that of the machine."""


class Leftovers(NamedTuple):
    """What can go: names of objects, and paths relative to the store."""

    objects: list[str]
    folders: list[str]
    files: list[str]


class Freed(NamedTuple):
    """What was removed."""

    results: int = 0
    objects: int = 0
    folders: int = 0
    files: int = 0
    bytes: int = 0
    in_company: bool = False
    """Whether a run was at work, so that what it may use was kept."""


class Lives(NamedTuple):
    """The runs that are at work."""

    runs: frozenset[int]
    oldest: float
    """When the first of them began (seconds since the epoch), or now."""


class Wishes(NamedTuple):
    """What a collection is told."""

    results: Callable[[Lives], Sequence[int]]
    """The results that are to go."""
    before: float
    """Failures and quarantined objects from before this time go."""
    summaries: set[str]
    """Digests of the modules' texts that are used now."""
    is_current: Callable[[str, str], bool]
    """Takes (path, stamp) of an input file."""
    rehearsal: bool = False
    """Whether nothing is really removed."""


class _Rehearsed(Exception):
    """Takes back what a transaction has done."""


def lives(index: Index, store: str, now: float | None = None) -> Lives:
    """Return the runs that are at work, all of them inside a transaction; `now` is the file system's time."""
    known = with_locks(store)
    rows = upkeep.runs(index)
    latest = time.time() - STARTING
    starting = [row.id for row in rows if row.seconds is None and row.id not in known and row.started > latest]
    runs = frozenset({*live_runs(store), *starting})
    started = {row.id: row.started for row in rows}
    begun = [started.get(run, SKEW) - SKEW for run in runs]
    return Lives(runs, min([time.time() if now is None else now, *begun]))


class Broom:
    """Cleans one store."""

    def __init__(self, index: Index, objects: Objects, root: str, store: str) -> None:
        self._index = index
        self._objects = objects
        self._root = root
        self._store = store

    def forget(self, artifacts: Sequence[int]) -> Freed:
        """Forget results: no run finds them from now on. What is theirs goes at once, unless a run is at work."""
        began = self._clock()
        with self._index.transaction():
            upkeep.detach(self._index, artifacts)
            at_work = lives(self._index, self._store, began)
            leftovers = Leftovers([], [], []) if at_work.runs else self._of_detached()
        return self._remove(leftovers, began, rehearsal=False)._replace(
            results=len(artifacts), in_company=bool(at_work.runs)
        )

    def collect(self, wishes: Wishes) -> Freed:
        """Remove what is to go, and everything that nothing refers to and no run can need."""
        began = self._clock()
        names = list(self._objects.names())
        try:
            with self._index.transaction():
                at_work = lives(self._index, self._store, began)
                gone = wishes.results(at_work)
                upkeep.detach(self._index, gone)
                self._remove_rows(wishes, at_work)
                leftovers = self._unreferenced(names, at_work, wishes.before)
                if wishes.rehearsal:
                    raise _Rehearsed
        except _Rehearsed:
            pass
        freed = self._remove(leftovers, at_work.oldest, wishes.rehearsal)
        halves = self._objects.store.tidy(at_work.oldest - SLACK, remove=not wishes.rehearsal)
        if not at_work.runs and not wishes.rehearsal:
            upkeep.shrink(self._index)
        return freed._replace(results=len(gone), bytes=freed.bytes + halves, in_company=bool(at_work.runs))

    def _clock(self) -> float:
        """The time as the store's file system has it, with which the times of objects can be compared."""
        path = self._path(f".clock-{os.getpid()}")
        with open(path, "w", encoding="utf-8"):
            now = os.stat(path).st_mtime
        os.unlink(path)
        return now

    def _remove_rows(self, wishes: Wishes, at_work: Lives) -> None:
        upkeep.remove_old_failures(self._index, wishes.before)
        upkeep.remove_caches(self._index, wishes.summaries, wishes.is_current)
        if not at_work.runs:
            upkeep.remove_detached(self._index)
            upkeep.remove_unreferenced(self._index)

    def _of_detached(self) -> Leftovers:
        """What detached results had for themselves; their rows are removed."""
        rows = upkeep.detached(self._index)
        objects = upkeep.objects_of_detached(self._index)
        upkeep.remove_detached(self._index)
        folders = {row.directory for row in rows if row.directory is not None}
        if folders:
            folders -= upkeep.folders_in_use(self._index, self._root, self._store)
        if objects:
            objects -= self._index.objects_in_use()
        logs = [log for row in rows for log in (row.stdout, row.stderr) if log is not None]
        return Leftovers(sorted(objects), sorted(folders), logs)

    def _unreferenced(self, names: list[str], at_work: Lives, before: float) -> Leftovers:
        used = self._index.objects_in_use()
        folders = upkeep.folders_in_use(self._index, self._root, self._store)
        logs, runs = upkeep.logs_in_use(self._index), upkeep.runs_in_use(self._index)
        loose = [path for path in self._of_runs("dirs", at_work) if path not in folders]
        files = [path for path in self._of_runs("logs", at_work) if path not in logs and not _is_words_of(path, runs)]
        if not at_work.runs:
            loose += [f"jobs/{name}" for name in self._listed("jobs")]
        kept = [f"quarantine/{name}" for name in self._listed("quarantine")]
        files += [path for path in kept if self._time(path) < before]
        return Leftovers([name for name in names if name not in used], loose, files)

    def _of_runs(self, folder: str, at_work: Lives) -> Iterator[str]:
        """Yield what runs that have ended left in `dirs` or `logs`."""
        for own in self._listed(folder):
            run = own.partition("-")[0]  # what may be shared has more in its name
            if not (run.isdigit() and int(run) in at_work.runs):
                yield from (f"{folder}/{own}/{name}" for name in self._listed(f"{folder}/{own}"))

    def _listed(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(self._path(folder)))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _path(self, relative: str) -> str:
        return os.path.join(self._store, relative)

    def _time(self, relative: str) -> float:
        try:
            return os.stat(self._path(relative)).st_mtime
        except FileNotFoundError:
            return 0.0

    # Files

    def _remove(self, leftovers: Leftovers, since: float, rehearsal: bool) -> Freed:
        """Remove files; objects that were put since some time are kept, since a new result may refer to them.

        Folders go first: while a file in them is an object, too, it counts there.
        """
        objects = folders = files = size = 0
        for path in leftovers.folders:
            if os.path.isdir(self._path(path)):
                folders, size = folders + 1, size + _tree_size(self._path(path))
                if not rehearsal:
                    _remove_tree(self._path(path))
        for name in leftovers.objects:
            found = self._objects.store.stat(name)
            if found is not None and found[1] < since - SLACK:
                objects, size = objects + 1, size + found[0]
                if not rehearsal:
                    self._objects.delete(name)
        for path in leftovers.files:
            with suppress(FileNotFoundError):
                files, size = files + 1, size + os.path.getsize(self._path(path))
                if not rehearsal:
                    os.unlink(self._path(path))
        if not rehearsal:
            self._remove_empty({os.path.dirname(path) for path in (*leftovers.folders, *leftovers.files)})
        return Freed(0, objects, folders, files, size)

    def _remove_empty(self, folders: Iterable[str]) -> None:
        for folder in folders:
            with suppress(OSError):  # it is not empty, or somebody else was faster
                if "/" in folder:
                    os.rmdir(self._path(folder))


def _is_words_of(path: str, runs: set[int]) -> bool:
    """Say whether a log holds a launcher's words of a run of which something is kept."""
    run = path.split("/")[1]
    return path.endswith(LAUNCHER) and run.isdigit() and int(run) in runs


def _tree_size(folder: str) -> int:
    """Return the bytes of files that have no other name."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                status = os.lstat(os.path.join(parent, name))
                total += status.st_size if status.st_nlink == 1 else 0
    return total


def _remove_tree(folder: str) -> None:
    """Remove a folder; what is in it may have been made read-only."""
    import shutil

    for parent, folders, _ in os.walk(folder):
        for name in folders:
            with suppress(OSError):
                os.chmod(os.path.join(parent, name), 0o700)
    with suppress(OSError):
        os.chmod(folder, 0o700)
    shutil.rmtree(folder, ignore_errors=True)
