"""The contracts that plugins fulfil: executors, stores, codecs, launchers."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from taskdisc.model import Activity, Job, JobResult, WorkerContext


class Capabilities(NamedTuple):
    """What an executor can do; options of tasks that need what it cannot are refused before anything runs."""

    capture: bool = False
    """What a job prints is kept, that of C code and child processes too."""
    kill: bool = False
    """Jobs are ended at an interruption, with what they have started."""
    timeouts: bool = False
    """Jobs that take longer than their `timeout` are ended, with what they have started."""
    environment: bool = False
    """A job has the variables of its `env`, and nobody else has them."""
    attribution: bool = False
    """When a process dies, it is known which job it had: only that one has failed."""
    replacement: bool = False
    """A worker gives way to a new one after `WorkerContext.max_tasks` jobs."""
    flags: bool = False
    """What `flags` of a task says is passed on, to a batch system."""


class Executor(Protocol):
    """Runs jobs somewhere. All methods are called from the run's main thread, and none of them waits, `stop` apart.

    Made by a factory from `taskdisc_executors`, called with `workers: int`.
    """

    capabilities: Capabilities
    """Known before `start`."""

    def start(self, context: WorkerContext) -> None:
        """Make ready; called once, when the first job is about to be submitted."""

    def free(self) -> int:
        """Return how many more jobs may be submitted now."""

    def submit(self, jobs: Sequence[Job]) -> None:
        """Take jobs, no more than `free()`; they may run in any order."""

    def collect(self) -> list[JobResult]:
        """Return what has ended since the last call.

        An executor without a file descriptor runs its next job here.
        """

    def fileno(self) -> int | None:
        """Return a descriptor that is readable when `collect` has something, or None (see `collect`)."""

    def deadline(self) -> float | None:
        """Return when `collect` is to be called at the latest (seconds of `time.monotonic`), whatever happens.

        None: no such moment. An executor with `timeouts` ends in `collect` the jobs whose time is up.
        """

    def dismiss(self) -> None:
        """Begin no other job; those that run go on, and `collect` returns how they end. Called once, before `stop`."""

    def busy(self) -> bool:
        """Say, after `dismiss`, whether jobs still run."""

    def stop(self, *, kill: bool) -> None:
        """End the workers: after their current job, or at once with everything that they started.

        Also called where nothing was started.
        """


class Observable(Protocol):
    """What an executor may have besides; without it, all that was submitted counts as running."""

    def under_way(self) -> Sequence[Activity]:
        """Return the jobs that run at this moment, others of those submitted wait; called ten times a second."""


class Buffering(Protocol):
    """What an executor may have besides, at which many tiny jobs wait: it is then not asked after each of them."""

    def lull(self) -> float:
        """Return for how many seconds nobody need call `collect`: no worker runs out of jobs, and none has room."""


class Keyed(Protocol):
    """What an executor may have besides, whose jobs outlive a run that was killed: another run finds them again."""

    def know(self, key_of: Callable[[int], bytes | None]) -> None:
        """Note how to learn by which key the result of a job will be kept, by the job's number; called before `start`.

        What has the same key has the same result. None: a result of another run does not count.
        """


class Speaking(Protocol):
    """What an executor may have besides that has something to say about no job: that it waits, and for what."""

    def speak(self, say: Callable[[str], None]) -> None:
        """Note by what to tell people something, at once and again at the end; called before `start`."""


class Provider(Protocol):
    """What an executor or a launcher may have besides that asks a batch system for resources."""

    resources: Container[str]
    """Names of the resources that it asks for: tasks may need any amount, and nothing of it is counted here."""


class Chaining(Protocol):
    """What an executor may have besides: tiny steps that follow one another then need no way back between them."""

    def longest_chain(self) -> int:
        """Return how many jobs one chain may have now; fewer than two: none is worth it."""

    def submit_chain(self, jobs: Sequence[Job]) -> None:
        """Take jobs that run in one worker, without others between them, in this order.

        All but the first have `follows`, and are `UNDONE` where the one before did not succeed; so are those that
        cannot follow any more since the worker has died. `worker.Runner` sees to the former.
        """


class Codec(Protocol):
    """Turns a value into bytes and back. Made by a factory from `taskdisc_codecs`, called without arguments."""

    def encode(self, value: Any) -> list[bytes | memoryview]:
        """Return the encoded value in pieces, so that large buffers need no copy. Raises any exception it likes."""

    def decode(self, data: memoryview) -> Any:
        """Return a new value from the joined pieces; it may keep (writable) views of `data`."""


class ObjectStore(Protocol):
    """Named, immutable byte objects; the core builds integrity and records on top.

    Made by a factory from `taskdisc_stores`, called with `path: str`, the folder of the store.
    """

    def put(self, name: str, pieces: Sequence[bytes | memoryview]) -> None:
        """Keep the joined pieces under `name`, durably and all or nothing.

        An object already there is left alone, but `stat` says that it was put just now.
        A store that also has `draft(pieces)`, which writes them before their name is known and returns what has
        `keep(name)` and `drop()`, is used so for large objects: they are written while they are hashed.
        """

    def open(self, name: str) -> memoryview:
        """Return the object's bytes, writable for the caller alone.

        Raises KeyError where there is none, OSError where it cannot be read. The core verifies what it gets.
        """

    def has(self, name: str) -> bool:
        """Say whether the object is there; called for every known result that is kept in one."""

    def state(self, name: str) -> object:
        """Return what differs, if anything can tell, after the object has changed; taken before it is opened."""

    def trusted(self, name: str) -> bool:
        """Say whether the object has not changed since `put` or `trust`, without reading it; False is always safe."""

    def trust(self, name: str, state: object) -> None:
        """Remember that the object was found right after it was in this state."""

    def quarantine(self, name: str) -> str:
        """Move a bad object to where nobody reads it, and people find it; return where. Raises OSError."""

    def delete(self, name: str) -> None:
        """Remove the object if it is there."""

    def names(self) -> Iterator[str]:
        """Yield the names of all objects."""

    def stat(self, name: str) -> tuple[int, float] | None:
        """Return the size in bytes and the time of the last `put` (seconds since the epoch), or None without it."""

    def tidy(self, before: float, *, remove: bool) -> int:
        """Say how many bytes of half-finished objects are left of a `put` before that time, and remove them."""

    # A store on this machine may also have `put_file(name: str, path: str) -> bool`, which keeps a file's content
    # without a copy, and `take_file(name: str, path: str) -> bool`, which gives it back so; both say whether they did.


class RemoteStore(Protocol):
    """Named byte objects that several machines reach; the core builds records, layering and integrity on top.

    Made by a factory from `taskdisc_remotes`, called with `url: str`. Names are paths of ASCII letters, digits and
    slashes, and made of what is in the objects: whoever writes one twice writes the same. Every method may be called
    from several threads at once, waits and tries again for as long as is reasonable, and raises OSError where the
    store cannot be reached, StoreError (of `taskdisc.errors`) where it refuses: no such bucket, no permission.
    """

    def get(self, name: str) -> bytes:
        """Return the object's bytes, which the core verifies. Raises KeyError where there is none."""

    def put(self, name: str, data: bytes | memoryview) -> bool:
        """Keep bytes, all or nothing; False where the name was there already, if that is known."""

    def names(self, prefix: str) -> Iterator[tuple[str, float]]:
        """Yield the names that begin with `prefix`, a folder ending in a slash, and when they were written.

        The times are seconds since the epoch.
        """

    def delete(self, names: Sequence[str]) -> None:
        """Remove the objects that are there."""


class Launcher(Protocol):
    """Gives the words that go before a job's command line. Made by a factory from `taskdisc_launchers`."""

    def prefix(self, words: Sequence[str], values: dict[str, str]) -> list[str]:
        """Return the argv prefix for one job, with the placeholders in `words` filled from `values`."""
