"""One attempt at one job, where the task runs: its arguments, its task_dir, what it leaves behind."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from taskdisc.aside import Aside
from taskdisc.capture import log_name
from taskdisc.compression import compressed, escaped
from taskdisc.errors import StoreError
from taskdisc.fingerprint.encoding import digest
from taskdisc.gathered import Gather, coordinate_type
from taskdisc.generators import seed_of
from taskdisc.model import ArgumentKind, Job, Outcome, Part, TaskSpec
from taskdisc.outputs import name_outputs
from taskdisc.paths import ResultPaths, received, replace_paths, texts_in
from taskdisc.shapes import in_place, picked
from taskdisc.skips import SKIPPED, kept_reason
from taskdisc.store.objects import LARGE

if TYPE_CHECKING:
    from taskdisc.worker import Runner

PLAIN = frozenset({int, float, str, bool, type(None)})
"""Types whose values hold no path and no object of the project."""


class PreparedTask:
    """A task as the worker keeps it: the function and how its arguments are made."""

    __slots__ = ("function", "is_plain", "settings", "shared", "spec")

    def __init__(self, spec: TaskSpec, function: Callable[..., Any]) -> None:
        self.spec = spec
        self.function = function
        settings = pickle.loads(spec.settings)
        plain = all(type(value) in PLAIN for value in settings.values())
        self.shared: dict[str, Any] = settings if plain else {}
        self.settings: bytes | None = None if plain else spec.settings
        self.is_plain = not spec.outputs and not spec.returns and spec.codec == "pickle"
        """Whether a number or text that it returns is kept as its pickle, and nothing else."""


class Execution:
    """One attempt at one job: its arguments, its task_dir, what it leaves behind."""

    __slots__ = ("_directory", "broken", "job", "paths", "runner", "started", "task", "warnings")

    def __init__(self, runner: Runner, task: PreparedTask, job: Job, started: float) -> None:
        self.runner = runner
        self.task = task
        self.job = job
        self.started = started
        """Seconds since the epoch."""
        self.broken = ""
        """Name of what a plugin was to supply, and could not."""
        self.paths: ResultPaths | None = None
        self.warnings: list[str] = []
        received().clear()
        self._directory: str | None = None

    @property
    def seed(self) -> int:
        """A number that depends on the instance's identity alone."""
        coordinates = self.job.instance.partition("[")[2]  # what stands before them depends on other tasks' names
        return seed_of(self.task.spec.id, coordinates, self.task.spec.swept)

    def task_dir(self) -> str:
        """Make the execution's folder on first use, and return its absolute path."""
        if self._directory is None:
            context = self.runner.context
            self._directory = os.path.join(context.store, context.directories, log_name(self.job))
            try:
                _make_anew(self._directory)
            except OSError as error:
                raise no_room("its task_dir", error) from None
        return self._directory

    def arguments(self) -> dict[str, Any]:
        """Return what the function receives: new objects every time, so that no job sees another's changes."""
        task = self.task
        settings = self.job.settings or task.settings
        arguments = pickle.loads(settings) if settings is not None else dict(task.shared)
        for (name, kind), given in zip(task.spec.arguments, self.job.arguments, strict=True):
            arguments[name] = self._argument(name, kind, given)
        # Repeated runs repeat, and workers forked from one process never share a stream.
        self.runner.generators.seed(lambda: self.seed)
        return arguments

    def _argument(self, name: str, kind: str, given: Any) -> Any:
        load = self.runner.load
        if kind == ArgumentKind.VALUE:
            return pickle.loads(given)
        if kind == ArgumentKind.RESULT:
            codec, stored = given
            return load(stored, codec)
        if kind == ArgumentKind.OUTPUTS:
            codec, names, parts = given
            return {name: load(part, codec) for name, part in zip(names, parts, strict=True)}
        if kind == ArgumentKind.PATH:
            from pathlib import Path

            return Path(given)
        if kind == ArgumentKind.GATHER:
            return self._gather(*given)
        if kind == ArgumentKind.FIXTURE:
            return self.runner.fixtures.value(given)
        if kind == ArgumentKind.PATHS:
            from pathlib import Path

            return [Path(path) for path in given]
        if kind == ArgumentKind.STRUCTURE:
            return self._structure(name, *given)
        return self._injected(name)

    def _injected(self, name: str) -> Any:
        try:
            return self.runner.injectables[name](self)
        except Exception:
            self.broken = name
            raise

    def _structure(self, name: str, structure: bytes, slots: tuple[tuple[str, Any, tuple[Any, ...]], ...]) -> Any:
        values = [picked(self._argument(name, kind, given), picks) for kind, given, picks in slots]
        return in_place(pickle.loads(structure), values)

    def _gather(
        self,
        fields: tuple[str, ...] | None,
        labels: bytes,
        codec: str,
        stored: tuple[Any, ...],
        outputs: tuple[str, ...],
    ) -> Gather[Any]:
        keys = pickle.loads(labels)
        if fields is not None:
            make = coordinate_type(fields)
            keys = [make(*key) for key in keys]
        load = self.runner.load
        if not outputs:
            return Gather.lazy(keys, stored, lambda item: load(item, codec))
        return Gather.lazy(
            keys, stored, lambda parts: {n: load(part, codec) for n, part in zip(outputs, parts, strict=True)}
        )

    def save(self, value: Any) -> tuple[Part, ...]:
        """Encode, digest and keep the result: one part, or one for each named output. Raises what that raises."""
        if self.task.is_plain and type(value) in PLAIN and self._directory is None:
            return (self._plain_part(value),)
        outputs = self.task.spec.outputs
        if self.task.spec.returns:
            from taskdisc.inner import told

            value = told(value, self.task.spec, self.runner.context.root, self._identity)
        if self._directory is not None:
            self._warn_of_texts(value)
        if not outputs:
            parts: tuple[Part, ...] = (self._part(value, "the result"),)
        else:
            named = name_outputs(value, outputs)
            parts = tuple(self._part(named[name], f"output {name!r}") for name in outputs)
        if self.paths is not None and self._directory is not None:
            self._keep_files(self.paths)
        return parts

    def skipped(self, reason: str) -> tuple[Part, ...]:
        """Return what is kept of an execution that `skip` ended: the reason, in place of every output."""
        payload = kept_reason(reason)
        return (Part(SKIPPED, payload, None, len(payload)),) * max(1, len(self.task.spec.outputs))

    def _identity(self, value: Any) -> bytes:
        """The value digest of an element of an axis, which is kept with the others of its list."""
        if type(value) in PLAIN:
            return digest(value)
        return self.runner.values.digest(value, self._result_paths().place, self._encode(value, "an element"))

    def _result_paths(self) -> ResultPaths:
        if self.paths is None:
            context = self.runner.context
            self.paths = ResultPaths(context.root, context.store, self._directory, self.started)
        return self.paths

    def _warn_of_texts(self, value: Any) -> None:
        """A text is only a text: the file that it points to would be neither tracked nor put back."""
        folder = f"{self.runner.context.directories}/{log_name(self.job)}"
        for text in texts_in(value):
            if folder in text:
                self.warnings.append(
                    f"{self.job.instance}: the result names {text!r} as a str, below task_dir. "
                    f"Return a Path: then the file is kept and tracked with the result."
                )

    def _keep_files(self, paths: ResultPaths) -> None:
        """What lies below task_dir becomes read-only, and is kept a second time."""
        from taskdisc.fileresults import keep

        for path, file in paths.files.items():
            if file.members:
                try:
                    paths.files[path] = keep(file, self.runner.context.root, self.runner.objects)
                except OSError as error:
                    raise no_room("its files", error) from None

    def _part(self, value: Any, what: str) -> Part:
        if type(value) not in PLAIN:
            return self._general_part(value, what)
        if self.task.spec.codec != "pickle":
            pieces = self._encode(value, what)
            return self._kept(digest(value), pieces, sum(map(len, pieces)))
        return self._plain_part(value)

    def _plain_part(self, value: Any) -> Part:
        payload = pickle.dumps(value, 5)
        size = len(payload)
        if size <= self.runner.context.inline_limit:
            return Part(digest(value), payload, None, size)
        return self._kept(digest(value), [payload], size)

    def _general_part(self, value: Any, what: str) -> Part:
        paths = self._result_paths()
        known = len(paths.files)
        kept = replace_paths(value, paths.keep)
        pieces = self._encode(value if len(paths.files) == known and not known else kept, what)
        size = sum(memoryview(piece).nbytes for piece in pieces)
        if size < LARGE:
            identity = self.runner.values.digest(value, paths.place, pieces)
            return self._kept(identity, pieces, size)
        with Aside(lambda: self._kept(b"", pieces, size)) as keeping:
            identity = self.runner.values.digest(value, paths.place, pieces)
        return keeping.result._replace(digest=identity)

    def _encode(self, value: Any, what: str) -> list[bytes | memoryview]:
        try:
            return self.runner.codec(self.task.spec.codec).encode(value)
        except Exception as error:
            if self.task.spec.codec != "pickle":
                raise TypeError(
                    f"{what} cannot be kept by the codec {self.task.spec.codec}: {error}. "
                    f"Return what it takes, or choose another: @task(codec=...)."
                ) from None
            raise TypeError(
                f"{what} cannot be kept: {type(value).__name__} does not pickle ({error}). "
                f"Return plain data, or what is needed to make it again."
            ) from None

    def _kept(self, identity: bytes, pieces: list[bytes | memoryview], size: int) -> Part:
        limit, spec = self.runner.context.inline_limit, self.task.spec
        if size > limit and spec.compress:
            pieces, size = _measured(compressed(pieces, spec.compress))
        elif spec.codec != "pickle":
            pieces, size = _measured(escaped(pieces))
        if size <= limit:
            return Part(identity, bytes(pieces[0]) if len(pieces) == 1 else b"".join(pieces), None, size)
        return Part(identity, None, self._saved(pieces), size)

    def _saved(self, pieces: list[bytes | memoryview]) -> str:
        """Keep an object in the store; return its name."""
        try:
            return self.runner.objects.save(pieces)
        except OSError as error:
            raise no_room("its result", error) from None

    def finish(self, outcome: str) -> tuple[tuple[Any, ...], str | None, tuple[str, ...]]:
        """Return the file results, the kept task_dir, and warnings; a folder that holds nothing is removed."""
        directory = self._directory
        if directory is None and self.paths is None:
            return (), None, tuple(self.warnings)
        if directory is not None and (outcome != Outcome.SUCCEEDED or not _holds_something(directory)):
            import shutil

            shutil.rmtree(directory, ignore_errors=True)
            directory = None
        files = tuple(self.paths.files.values()) if self.paths is not None else ()
        kept = None if directory is None else os.path.relpath(directory, self.runner.context.store)
        return files, kept, tuple(self.warnings)


def _measured(pieces: list[bytes | memoryview]) -> tuple[list[bytes | memoryview], int]:
    return pieces, sum(memoryview(piece).nbytes for piece in pieces)


def _make_anew(folder: str) -> None:
    """Make an empty folder; what is there is of an execution that a batch system broke off and began again."""
    try:
        os.makedirs(folder, mode=0o700)
    except FileExistsError:
        import shutil

        shutil.rmtree(folder)
        os.makedirs(folder, mode=0o700)


def no_room(what: str, error: OSError) -> StoreError:
    """Return the error for something that the store cannot take."""
    place = f": {error.filename}" if error.filename else ""
    return StoreError(f"the store cannot keep {what}: {error.strerror}{place}")


def _holds_something(directory: str) -> bool:
    try:
        return bool(os.listdir(directory))
    except OSError:  # the task has removed it
        return False
