"""Commons: what the runs of one user on one machine hold of the resources that they share.

Every run that asks for any has a file in a folder of the user's, which is locked as long as the run lives: who gets
the lock knows that the run is gone, and that nobody holds what it held. Looking and taking is one act, since it is
done with the file `mutex` locked; so nothing is promised twice, and who needs several resources gets all or none.

A run that is refused says so in its file. When it has waited for a while, others do not pass it any more: what they
give back is left to it. What one run calls `gpu` is what all others call so; each stays below the amount that it was
told there is, and counts what the others hold.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, flock
from typing import NamedTuple

from taskdisc.descriptors import close_private, keep_private, locks
from taskdisc.errors import UsageError
from taskdisc.interrupts import held_back
from taskdisc.limits import SLACK, Capacity, Demand, Held

SUFFIX = ".run"
MUTEX = "mutex"
PATIENCE = 1.0
"""Seconds to wait for the mutex; only a run that was stopped in the midst of it keeps it so long."""
PAUSE = 0.0005
"""Seconds between two attempts to get the mutex."""
POLITENESS = 1.0
"""Seconds for which a run that waits lets others pass."""
FORGOTTEN = 1.0
"""Seconds after which a run that has not asked again waits no more."""

Units = Mapping[str, tuple[str, ...]]
"""By resource, names of units; none where they have no names."""


class Wait(NamedTuple):
    """What a run has asked for, and was not given."""

    names: tuple[str, ...]
    since: float
    asked: float
    """When it asked last, as `since` in seconds of the clock."""


class Record(NamedTuple):
    """What stands in the file of a run."""

    pid: int
    held: tuple[Held, ...] = ()
    waits: tuple[Wait, ...] = ()

    def goes_first(self, names: Iterable[str], since: float, now: float) -> bool:
        """Say whether this run has waited longer, and long enough, for one of these resources."""
        wanted, latest = {*names}, min(since, now - POLITENESS)
        return any(
            wait.since < latest and now - wait.asked < FORGOTTEN and not wanted.isdisjoint(wait.names)
            for wait in self.waits
        )


class Commons:
    """What this run holds of what is shared. It has no file before it asks for the first time."""

    def __init__(self, capacities: Mapping[str, Capacity]) -> None:
        """`capacities`: how much there is for all runs, as this one was told. Raises UsageError."""
        self.capacities = capacities
        self._held: list[Held] = []
        self._waits: dict[tuple[str, ...], Wait] = {}
        self._path = ""
        self._file: int | None = None
        self._mutex: int | None = None
        with self._usable():
            self._folder = own_folder()

    def take(self, demand: Demand) -> Units | None:
        """Hold so much, and return the names of units; None: others hold too much of it, or are to have it first.

        Raises UsageError.
        """
        with self._usable(), held_back():
            if self._mutex is None:
                self._mutex = _private(os.open(os.path.join(self._folder, MUTEX), os.O_RDWR | os.O_CREAT, 0o600))
            with self._alone() as alone, suppress(ValueError):  # a file of which only half is written
                return self._take(demand) if alone else None
        return None

    def give_back(self, held: Iterable[Held]) -> None:
        """Hold so much less."""
        for each in held:
            self._held.remove(each)
        with suppress(OSError), held_back(), self._alone():
            self._write()  # alone or not: who reads half of it asks again

    def holders(self, names: Iterable[str]) -> dict[str, list[int]]:
        """Return the process ids of the other runs that hold something of these resources."""
        found: dict[str, list[int]] = {name: [] for name in names}
        with suppress(OSError, ValueError), held_back(), self._alone():
            for other in self._others():
                for name in found.keys() & {held.name for held in other.held}:
                    found[name].append(other.pid)
        return found

    def close(self) -> None:
        """Hold nothing any more."""
        if self._file is not None:
            with suppress(OSError):
                os.unlink(self._path)  # before it is unlocked: then it may be another's
            close_private(self._file)
        if self._mutex is not None:
            close_private(self._mutex)
        self._file = self._mutex = None

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(
                f"{', '.join(self.capacities)}: runs share this through files, and that does not work here: {error}. "
                "Set TMPDIR to a folder of this machine in which you can write and lock files."
            ) from error

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Lock the mutex, and say whether that was possible."""
        assert self._mutex is not None
        deadline = time.monotonic() + PATIENCE
        while not (locked := locks(self._mutex, LOCK_EX)) and time.monotonic() < deadline:
            time.sleep(PAUSE)
        try:
            yield locked
        finally:
            if locked:
                flock(self._mutex, LOCK_UN)

    # With the mutex held

    def _take(self, demand: Demand) -> Units | None:
        now, names = time.time(), tuple([name for name, _ in demand])
        others = list(self._others())
        known = self._waits.pop(names, None)
        since = now if known is None else known.since
        units = None
        if not any(other.goes_first(names, since, now) for other in others):
            units = self._free(demand, [held for other in others for held in other.held] + self._held)
        if units is None:
            self._waits[names] = Wait(names, since, now)
        else:
            self._held += [Held(name, amount, units[name]) for name, amount in demand]
        self._waits = {key: wait for key, wait in self._waits.items() if now - wait.asked < FORGOTTEN}
        self._write()
        return units

    def _free(self, demand: Demand, held: Sequence[Held]) -> Units | None:
        """Return free units for the demand, None if there is not enough."""
        units = {}
        for name, amount in demand:
            found = _found(self.capacities[name], amount, [each for each in held if each.name == name])
            if found is None:
                return None
            units[name] = found
        return units

    def _others(self) -> Iterator[Record]:
        """Read the files of the others; those of runs that are gone go."""
        for name in os.listdir(self._folder):
            path = os.path.join(self._folder, name)
            if name.endswith(SUFFIX) and path != self._path:
                with suppress(FileNotFoundError), open(path, "rb") as file:
                    if locks(file.fileno(), LOCK_SH):
                        os.unlink(path)
                    else:
                        yield _read(file.read())

    def _write(self) -> None:
        if self._file is None:
            file, self._path = tempfile.mkstemp(SUFFIX, f"{os.getpid()}-", self._folder)
            self._file = _private(file)
            flock(self._file, LOCK_EX | LOCK_NB)
        data = json.dumps([os.getpid(), self._held, list(self._waits.values())]).encode() + b"\n"
        os.pwrite(self._file, data, 0)
        os.ftruncate(self._file, len(data))


def own_folder() -> str:
    """Make the folder of this user, and return it. Raises OSError where it is not for this user alone.

    It is the same for all runs, in a session or not, so it does not depend on XDG_RUNTIME_DIR.
    """
    path = os.path.join(tempfile.gettempdir(), f"taskdisc-{os.geteuid()}")
    with suppress(FileExistsError):
        os.mkdir(path, 0o700)
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise PermissionError(f"{path} is not a folder that is yours alone (chmod 700)")
    return path


def _found(capacity: Capacity, amount: float, held: Sequence[Held]) -> tuple[str, ...] | None:
    if not isinstance(capacity, tuple):
        used = sum(each.amount for each in held)
        return () if used + amount <= capacity * (1 + SLACK) else None
    gone = {unit for each in held for unit in each.units}
    free = [unit for unit in capacity if unit not in gone]
    unnamed = sum(each.amount for each in held if not each.units)
    return tuple(free[: int(amount)]) if amount + unnamed <= len(free) + SLACK else None


def _read(data: bytes) -> Record:
    """Raises ValueError for a file of which only half is written."""
    pid, all_held, all_waits = json.loads(data.partition(b"\n")[0])
    held = [Held(name, amount, tuple(units)) for name, amount, units in all_held]
    waits = [Wait(tuple(names), since, asked) for names, since, asked in all_waits]
    return Record(pid, tuple(held), tuple(waits))


def _private(file: int) -> int:
    keep_private(file)
    return file
