"""The agent: a process that runs jobs where the project and its store may not be seen (see `travel`).

It has workers as a run on one machine has them, so that tasks are captured, timed, ended and replaced as there.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from select import select
from typing import TYPE_CHECKING, Any, NamedTuple

from taskdisc.builtin.process import ProcessExecutor
from taskdisc.descriptors import keep_private
from taskdisc.gathered import Gather
from taskdisc.model import ArgumentKind, FileResult, Job, JobResult, Outcome, Stored, WorkerContext
from taskdisc.outpost import SIZE, message, received
from taskdisc.paths import relative_to, replace_paths, stamp, tell_absent
from taskdisc.travel import Answer, Cargo, Delivery, Introduction, Parcel, Place, Wanted, packed, unpacked
from taskdisc.worker import Runner, open_objects

if TYPE_CHECKING:
    from pathlib import PurePath

    from taskdisc.capture import Capture
    from taskdisc.execution import PreparedTask

ABSENT = "absent"
"""The outcome of a job whose inputs name files that are not here."""
NOWHERE = "nowhere"
"""A file with places at which there is nothing, neither here nor where the run is: a line for each, escaped."""


class Lodging(NamedTuple):
    """Where the agent works."""

    context: WorkerContext
    sees_root: bool
    sees_store: bool


def lodged(introduction: Introduction, folder: str) -> Lodging:
    """Look at what can be seen from here; what cannot gets a place in `folder`. Raises OSError."""
    home = introduction
    sees_store, sees_root = _sees_store(home), _sees_root(home)
    root = home.root if sees_root else os.path.join(folder, "root")
    store = home.store if sees_store else os.path.join(folder, "store")
    if not sees_root:
        for path, text in home.sources:
            unpacked(Parcel(("root", path), (("", 0o600, text),)), os.path.join(root, path))
        os.makedirs(root, mode=0o700, exist_ok=True)
    sys.path[:0] = [root, *(os.path.join(root, inside) for inside in home.search if inside != ".")]
    for name, value in home.variables:
        os.environ.setdefault(name, value)
    context: WorkerContext = pickle.loads(home.context)
    real = os.path.realpath(home.root)
    sources = {
        os.path.join(os.path.realpath(root), inside): digest
        for path, digest in context.sources.items()
        if (inside := relative_to(path, real)) is not None
    }
    return Lodging(context._replace(root=root, store=store, sources=sources), sees_root, sees_store)


def _sees_store(home: Introduction) -> bool:
    try:
        with open(os.path.join(home.store, home.sign[1]), encoding="ascii") as file:
            return file.read() == home.run and os.access(home.store, os.W_OK)
    except OSError:
        return False


def _sees_root(home: Introduction) -> bool:
    try:
        return all(os.stat(os.path.join(home.root, path)).st_ino == inode for path, inode in home.inodes)
    except OSError:
        return False


class Traveller(Runner):
    """Runs jobs in a worker of an agent that has copies: files that an input names may have to be asked for."""

    def __init__(self, context: WorkerContext, capture: Capture | None = None) -> None:
        super().__init__(context, capture)
        self._absent: dict[Place, None] = {}
        tell_absent(self._note)

    def _note(self, base: str, inside: str) -> None:
        if base != "elsewhere" and (base, inside) not in _nowhere(self.context.store):
            self._absent[base, inside] = None

    def _look(self, path: PurePath) -> PurePath:
        if not path.is_absolute() and not os.path.exists(path):
            self._note("root", str(path))
        return path

    def run(self, job: Job) -> JobResult:
        """Run one attempt; where files are missing, say which."""
        self._absent.clear()
        result = super().run(job)
        if not self._absent:
            return result
        return JobResult(job.number, ABSENT, warnings=tuple(f"{base}:{inside}" for base, inside in self._absent))

    def _call(self, task: PreparedTask, job: Job, arguments: dict[str, Any]) -> Any:
        for value in arguments.values():
            if isinstance(value, Gather):
                list(value.values())  # else its files would be found missing one by one, while the task runs
            else:
                replace_paths(value, self._look)  # elements of axes, constants of structures, settings
        if self._absent:
            raise FileNotFoundError
        return super()._call(task, job, arguments)


def _nowhere(store: str) -> set[Place]:
    try:
        with open(os.path.join(store, NOWHERE), encoding="utf-8") as file:
            lines = [line.rstrip("\n").partition(":") for line in file]
    except FileNotFoundError:
        return set()
    return {(base, inside.encode().decode("unicode_escape")) for base, _, inside in lines}


class Agent:
    """Takes batches, and answers each when all of its jobs have ended."""

    def __init__(self, link: int, lodging: Lodging, home: Introduction, workers: int) -> None:
        from taskdisc.pluginmanager import plugin_manager

        self._link = link
        self._lodging = lodging
        self._home = home
        self._context = lodging.context
        self._objects = open_objects(self._context, plugin_manager(self._context.plugins))
        factory = None if lodging.sees_root and lodging.sees_store else Traveller
        name = f"{socket.gethostname()}-{os.getpid()}"
        self._executor = ProcessExecutor(workers, factory, name)
        self._executor.start(self._context)
        self._waiting: deque[Job] = deque()
        self._batches: dict[int, _Open] = {}
        self._batch_of: dict[int, int] = {}
        """By number of the job that has not ended."""
        self._given: set[str] = set()
        """Objects that came from the run."""
        self._stamps: dict[str, int] = {}
        """By path: when files that came from the run were put there."""
        self._dismissed = False

    def work(self) -> None:
        """Work until there is nobody to work for."""
        while True:
            moment = self._executor.deadline()
            timeout = None if moment is None else max(0.0, moment - time.monotonic())
            ready, _, _ = select([self._link, self._executor.fileno()], [], [], timeout)
            if self._link in ready:
                told = received(self._link)
                kind, number, content = ("gone", 0, b"") if told is None else pickle.loads(told)
                if kind == "batch":
                    self._begin(number, pickle.loads(content))
                elif kind == "cargo":
                    self._take_in(pickle.loads(content))
                elif kind == "dismiss":
                    self._dismiss()
                else:
                    self._end(kill=kind == "kill" or (kind == "gone" and bool(self._batch_of)))
                    return
            self._collect()
            self._submit()

    def _begin(self, number: int, jobs: tuple[Job, ...]) -> None:
        opened = self._batches[number] = _Open()
        if not self._dismissed:
            for job in jobs:
                wanted = self._wanted(job)
                if wanted is not None:
                    opened.wanted.append(wanted)
                    continue
                opened.left.add(job.number)
                self._batch_of[job.number] = number
                self._waiting.append(job)
        self._answer(number)

    def _submit(self) -> None:
        room = min(len(self._waiting), self._executor.free())
        if room > 0 and not self._dismissed:
            self._executor.submit([self._waiting.popleft() for _ in range(room)])

    def _collect(self) -> None:
        for result in self._executor.collect():
            if result.outcome == Outcome.CLOSED:
                self._send("remarks", 0, [result])
                continue
            number = self._batch_of.pop(result.number)
            opened = self._batches[number]
            opened.left.discard(result.number)
            if result.outcome == ABSENT:
                opened.wanted.append(Wanted(result.number, (), tuple(map(_place, result.warnings))))
            else:
                opened.deliveries.append(self._delivery(result))
            self._answer(number)
        if self._dismissed and not self._executor.busy():
            for number, opened in list(self._batches.items()):
                opened.left.clear()
                self._answer(number)

    def _answer(self, number: int) -> None:
        opened = self._batches[number]
        if not opened.left:
            del self._batches[number]
            self._send("answer", number, Answer(tuple(opened.deliveries), tuple(opened.wanted)))

    def _dismiss(self) -> None:
        self._dismissed = True
        self._waiting.clear()
        self._executor.dismiss()

    def _end(self, *, kill: bool) -> None:
        self._executor.stop(kill=kill)
        try:
            self._dismissed = True
            self._collect()
        except OSError:  # nobody listens
            pass

    def _send(self, kind: str, number: int, content: Any) -> None:
        send(self._link, kind, number, pickle.dumps(content, 5))

    # What jobs need

    def _wanted(self, job: Job) -> Wanted | None:
        """Return what is not here of what a job needs, or None."""
        objects: dict[str, None] = {}
        places: dict[Place, None] = {}
        spec = self._context.specs[job.task]
        for (_, kind), given in zip(spec.arguments, job.arguments, strict=True):
            for need in needs(kind, given, self._context):
                if isinstance(need, str):
                    if not self._lodging.sees_store and not self._has(need):
                        objects[need] = None
                elif not self._lodging.sees_root and not self._is_there(need):
                    places[need] = None
        return Wanted(job.number, tuple(objects), tuple(places)) if objects or places else None

    def _has(self, name: str) -> bool:
        if self._objects.store.has(name):
            return True
        if not self._context.shared:
            return False
        self._objects.bring(name)
        return self._objects.store.has(name)

    def _is_there(self, place: Place) -> bool:
        return os.path.isabs(place[1]) or os.path.exists(self._path(place)) or place in _nowhere(self._context.store)

    def _path(self, place: Place) -> str:
        base, inside = place
        return os.path.join(self._context.store if base == "store" else self._context.root, inside)

    def _take_in(self, cargo: Cargo) -> None:
        for name, data in cargo.objects.items():
            self._objects.put(name, [data])
            self._given.add(name)
        for parcel in cargo.parcels:
            if parcel.members is not None:
                path = self._path(parcel.place)
                unpacked(parcel, path)
                self._stamps[path] = stamp(path)
                continue
            os.makedirs(self._context.store, mode=0o700, exist_ok=True)
            with open(os.path.join(self._context.store, NOWHERE), "a", encoding="utf-8") as file:
                base, inside = parcel.place
                file.write(f"{base}:{inside.encode('unicode_escape').decode()}\n")

    # What goes home

    def _delivery(self, result: JobResult) -> Delivery:
        lodging = self._lodging
        if lodging.sees_root and lodging.sees_store:
            return Delivery(result)
        objects: dict[str, bytes] = {}
        parcels: list[Parcel] = []
        if not lodging.sees_store:
            objects = {name: bytes(self._objects.open(name)) for name in self._made(result)}
            places = [("store", each) for each in (result.stdout, result.stderr, result.directory) if each is not None]
            parcels += [packed(place, self._path(place)) for place in places]
        files = tuple([self._at_home(file, parcels) for file in result.files])
        return Delivery(result._replace(files=files), Cargo(objects, tuple(parcels)))

    def _made(self, result: JobResult) -> Iterator[str]:
        """Yield the objects of a result that the run does not have."""
        for part in result.parts:
            if part.object is not None and part.object not in self._given:
                yield part.object

    def _at_home(self, file: FileResult, parcels: list[Parcel]) -> FileResult:
        """Return a file result as the run would name it; one in a copy of the project goes home."""
        context, home = self._context, self._home
        path = os.path.normpath(os.path.join(context.root, file.path))
        inside = relative_to(path, context.store)
        if inside is not None:
            path = os.path.join(home.store, inside)
        elif not self._lodging.sees_root and (inside := relative_to(path, context.root)) is not None:
            if self._stamps.get(path) == file.changed_ns:  # as it came from the run
                file = file._replace(made=False)
            else:
                parcels.append(packed(("root", inside), path))
            path = os.path.join(home.root, inside)
        kept = relative_to(path, home.root)
        return file._replace(path=path if kept is None else kept)


class _Open:
    """A batch that is not answered yet."""

    def __init__(self) -> None:
        self.left: set[int] = set()
        self.deliveries: list[Delivery] = []
        self.wanted: list[Wanted] = []


def _place(text: str) -> Place:
    base, _, inside = text.partition(":")
    return base, inside


def needs(kind: str, given: Any, context: WorkerContext) -> Iterator[str | Place]:
    """Yield what an argument of a job is loaded from: names of objects, and places of files."""
    if kind == ArgumentKind.RESULT:
        yield from _named([given[1] if isinstance(given, tuple) else given])
    elif kind == ArgumentKind.OUTPUTS:
        yield from _named(given[2])
    elif kind == ArgumentKind.GATHER:
        for stored in given[3]:
            yield from _named(stored if isinstance(stored, tuple) else [stored])
    elif kind == ArgumentKind.PATH:
        yield "root", given
    elif kind == ArgumentKind.PATHS:
        for path in given:
            yield "root", path
    elif kind == ArgumentKind.STRUCTURE:
        for inner, argument, _ in given[1]:
            yield from needs(inner, argument, context)
    elif kind == ArgumentKind.FIXTURE:
        for _, inner, argument in context.fixtures[given].arguments:
            yield from needs(inner, argument, context)


def _named(stored: Any) -> Iterator[str]:
    each: Stored
    for each in stored:
        if isinstance(each, str):
            yield each


def send(link: int, kind: str, number: int, content: bytes) -> None:
    """Send a message. Raises OSError when nobody is there any more."""
    data = message(kind, number, content)
    view = memoryview(SIZE.pack(len(data)) + data)
    while view:
        view = view[os.write(link, view) :]


def main(arguments: list[str]) -> int:
    """Be an agent: the end of the link, the number of workers and a folder for copies are in the arguments."""
    link, workers, folder = int(arguments[0]), int(arguments[1]), os.path.realpath(arguments[2])
    os.set_inheritable(link, False)
    keep_private(link)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # that is for the run to decide
    first = received(link)
    if first is None:
        return 0
    home: Introduction = pickle.loads(first)
    try:
        agent = Agent(link, lodged(home, folder), home, workers)
    except Exception as error:
        send(link, "refused", 0, f"{type(error).__name__}: {error}".encode())
        return 1
    else:
        agent.work()
    finally:
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
