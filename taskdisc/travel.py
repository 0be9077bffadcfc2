"""Travel: how jobs reach workers that see neither the project nor the store, and how results come home.

For executors of other machines. The run's side is `Home`: it packs what every worker must know (`introduction`), opens
what workers ask for, and puts what comes home where a local run would have it. Where the jobs run, an `outpost.Outpost`
starts an agent, a process of its own: it works in the project's folder if it sees that one, else in a copy of its
modules; it keeps results in the run's store if it sees that one, else they come home with the answer. What jobs need
and the agent lacks it asks for: such a job is not begun, but returned as `Wanted`, to be sent again when the agent was
supplied with a `Cargo` of that.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from taskdisc import __version__
from taskdisc.errors import UsageError
from taskdisc.execution import no_room
from taskdisc.fileresults import keep
from taskdisc.hashing import sha256
from taskdisc.model import ErrorText, FileResult, Job, JobResult, Outcome, WorkerContext
from taskdisc.paths import content_digest, relative_to, stamp, tree
from taskdisc.session import own_modules
from taskdisc.store.objects import DamagedResult as DamagedResult
from taskdisc.store.objects import fits
from taskdisc.wire import without_functions
from taskdisc.worker import open_objects

Place = tuple[str, str]
"""A file or folder: ("root" or "store", path relative to that)."""


class Parcel(NamedTuple):
    """A file or folder on its way."""

    place: Place
    members: tuple[tuple[str, int, bytes], ...] | None
    """(path in the folder, mode, content): "" is a file itself, "a/" a folder. None: there is nothing at the place."""


class Cargo(NamedTuple):
    """What an agent is supplied with, or what comes with a result."""

    objects: dict[str, bytes] = {}
    """Large stored values, by name."""
    parcels: tuple[Parcel, ...] = ()


class Delivery(NamedTuple):
    """How a job ended, and what belongs to that and is not where the run would look for it."""

    result: JobResult
    cargo: Cargo = Cargo()


class Wanted(NamedTuple):
    """What a job needs that is not where it was to run."""

    number: int
    """Of the job."""
    objects: tuple[str, ...]
    places: tuple[Place, ...]


class Answer(NamedTuple):
    """What became of a batch. Jobs that are in neither were not begun."""

    deliveries: tuple[Delivery, ...] = ()
    wanted: tuple[Wanted, ...] = ()


class Introduction(NamedTuple):
    """What an agent must know before its first job."""

    run: str
    """A name that no other run has."""
    python: tuple[int, int]
    version: str
    """Of taskdisc."""
    root: str
    store: str
    sign: Place
    """A file in the store that holds the name of the run: who finds it sees the store."""
    inodes: tuple[tuple[str, int], ...]
    """(path relative to the root, number) of files of the project: who finds them so sees the project."""
    sources: tuple[tuple[str, bytes], ...]
    """(path relative to the root, text) of the project's modules, as the run was planned with them."""
    search: tuple[str, ...]
    """Folders below the root, relative to it, in which modules are found."""
    variables: tuple[tuple[str, str], ...]
    context: bytes
    """The pickled `WorkerContext`."""

    def mismatch(self) -> str:
        """Return why this interpreter cannot work for the run, or "": then `context` can be loaded here."""
        if self.python != sys.version_info[:2]:
            here, there = ".".join(map(str, sys.version_info[:2])), ".".join(map(str, self.python))
            return f"its Python is {here}, that of the run is {there}. Start workers with Python {there}"
        if self.version != __version__:
            return f"it has taskdisc {__version__}, the run has {self.version}. Install the same version there"
        return ""


class Home:
    """The run's side. `close` it when the workers have ended."""

    def __init__(self, context: WorkerContext, variables: Iterable[tuple[str, str]] = ()) -> None:
        """`variables` are those of the environment that workers on other machines are to have, too.

        Raises UsageError where a module is not what the run was planned with, or a function cannot be sent.
        """
        from taskdisc.pluginmanager import plugin_manager

        self.context = context
        self.run = os.urandom(12).hex()
        self.objects = open_objects(context, plugin_manager(context.plugins))
        self._sign = os.path.join(context.store, context.logs, f"sign-{self.run}")
        os.makedirs(os.path.dirname(self._sign), mode=0o700, exist_ok=True)
        with open(self._sign, "w", encoding="ascii") as file:
            file.write(self.run)
        self.introduction = self._introduced(tuple(variables))

    def _introduced(self, variables: tuple[tuple[str, str], ...]) -> Introduction:
        context = self.context
        sources = tuple(_sources(context))
        return Introduction(
            self.run,
            sys.version_info[:2],
            __version__,
            context.root,
            context.store,
            ("store", os.path.relpath(self._sign, context.store)),
            tuple((path, os.stat(os.path.join(context.root, path)).st_ino) for path in ("", *(p for p, _ in sources))),
            sources,
            tuple(inside for folder in sys.path if (inside := relative_to(os.path.abspath(folder), context.root))),
            variables,
            pickle.dumps(without_functions(context), 5),
        )

    # What goes out

    def cargo(self, wanted: Sequence[Wanted]) -> Cargo:
        """Return what was asked for; what is not in the root or the store is nowhere. Raises DamagedResult, OSError."""
        objects = dict.fromkeys(name for each in wanted for name in each.objects)
        places = dict.fromkeys(place for each in wanted for place in each.places)
        return Cargo({name: bytes(self.objects.open(name)) for name in objects}, tuple(map(self._parcel, places)))

    def _parcel(self, place: Place) -> Parcel:
        base, inside = place
        folder = self._folder(base)
        path = os.path.normpath(os.path.join(folder, inside))
        if relative_to(path, folder) is None or not os.path.exists(path):
            return Parcel(place, None)
        return packed(place, path)

    def _folder(self, base: str) -> str:
        return self.context.store if base == "store" else self.context.root

    def void(self, job: Job, damage: DamagedResult) -> JobResult:
        """Return the result of a job for which `cargo` has found that an input is damaged: that is made again."""
        return JobResult(job.number, Outcome.VOID, damaged=((damage.stored, damage.reason, damage.intact),))

    # What comes home

    def received(self, delivery: Delivery) -> JobResult:
        """Return a result when all that belongs to it is where the run looks for it."""
        result, cargo = delivery
        try:
            for name, data in cargo.objects.items():
                if not fits(name, memoryview(data)):
                    return self._spoiled(result, f"its object {name[:12]} was damaged on its way home")
                self.objects.put(name, [data])
            for parcel in cargo.parcels:
                unpacked(parcel, self._path(parcel.place))
            return result._replace(files=tuple(map(self._kept, result.files))) if cargo.parcels else result
        except OSError as error:
            return self._spoiled(result, str(no_room("what came from a worker", error)))

    def _path(self, place: Place) -> str:
        base, inside = place
        folder = self._folder(base)
        path = os.path.normpath(os.path.join(folder, inside))
        if relative_to(path, folder) in (None, "."):
            raise OSError(0, "a worker names a place that is not its own", path)
        return path

    def _kept(self, file: FileResult) -> FileResult:
        """Have a file result as a local run would: the times are those here, and what is in a task_dir is read-only."""
        path = os.path.join(self.context.root, file.path)
        if not os.path.exists(path):
            raise OSError(0, "only the worker has this file; write it below task_dir or the project", path)
        if content_digest(path)[0] != file.digest:
            raise OSError(0, "a file was damaged on its way home", path)
        return keep(file, self.context.root, self.objects) if file.members else file._replace(changed_ns=stamp(path))

    def _spoiled(self, result: JobResult, message: str) -> JobResult:
        error = ErrorText("travel", message, None, "", "What the task has done is lost. Run again.")
        return result._replace(outcome=Outcome.FAILED, parts=(), files=(), directory=None, error=error)

    def close(self) -> None:
        """Remove what told workers that they see the store."""
        with suppress(OSError):
            os.unlink(self._sign)


def _sources(context: WorkerContext) -> Iterator[tuple[str, bytes]]:
    """Yield the project's modules: those that are loaded, and those that keys were made of. Raises UsageError."""
    root = os.path.realpath(context.root)
    loaded = {os.path.realpath(str(module.__file__)) for module in own_modules(context.root).values()}
    collected = {os.path.realpath(os.path.join(root, path)) for _, path in context.modules}
    for path in sorted(loaded | collected | context.sources.keys()):
        inside = relative_to(path, root)
        if inside is None:
            continue
        try:
            with open(path, "rb") as file:
                text = file.read()
        except FileNotFoundError:
            text = None
        expected = context.sources.get(path)
        if expected is not None and (text is None or sha256(text).hexdigest() != expected):
            raise UsageError(f"{path} was changed while the run was going on. Run again.")
        if text is not None:
            yield inside, text


def packed(place: Place, path: str) -> Parcel:
    """Return a file or folder with all that is in it. Raises OSError."""
    if not os.path.isdir(path):
        return Parcel(place, (_member("", path),))
    return Parcel(place, (("/", os.stat(path).st_mode, b""), *(_member(name, path) for name in sorted(tree(path)))))


def _member(name: str, path: str) -> tuple[str, int, bytes]:
    full = os.path.join(path, name) if name else path
    if name.endswith("/"):
        return name, 0o700, b""
    if os.path.islink(full) and not os.path.exists(full):
        return name, 0, os.fsencode(os.readlink(full))  # as some editors put them beside files
    with open(full, "rb") as file:
        return name, os.fstat(file.fileno()).st_mode & 0o777, file.read()


def unpacked(parcel: Parcel, path: str) -> None:
    """Put a parcel where it belongs; files that are there are replaced, each all at once. Raises OSError."""
    for name, mode, content in parcel.members or ():
        full = os.path.normpath(os.path.join(path, name.lstrip("/"))) if name else path
        if relative_to(full, path) is None:
            raise OSError(0, "a parcel would be unpacked elsewhere", full)
        if name.endswith("/"):
            os.makedirs(full, mode=0o700, exist_ok=True)
            continue
        os.makedirs(os.path.dirname(full), mode=0o700, exist_ok=True)
        new = f"{full}.{os.getpid()}.new"
        if not mode:
            os.symlink(os.fsdecode(content), new)
        else:
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
                os.fchmod(file.fileno(), mode)
        os.rename(new, full)
