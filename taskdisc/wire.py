"""What travels between a run and its workers: messages of plain values, each with its length before it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial
from itertools import repeat
from marshal import dumps, loads
from struct import Struct
from typing import Any

from taskdisc.errors import Place, UsageError
from taskdisc.model import (
    ErrorText,
    FileResult,
    FixtureSpec,
    Job,
    JobResult,
    Outcome,
    Part,
    TaskSpec,
    WorkerContext,
)

HEADER = Struct("=I")
PARTS, FILES, ERROR = map(JobResult._fields.index, ("parts", "files", "error"))
"""Fields of a result that marshal does not take as they are."""
SUCCEEDED = Outcome.SUCCEEDED
FEW = 8
"""Results that are unpacked one by one."""
PLAIN = 2
"""Version of marshal's format that does not look for objects that occur twice, which takes longer than writing."""
SHARING = 4
"""Version that writes such an object once."""
_new = tuple.__new__
_result, _part = partial(_new, JobResult), partial(_new, Part)
NONE, NOTHING = repeat(None), repeat(())


def frame(message: Any, version: int = PLAIN) -> bytes:
    """Return a message as it travels. Only what marshal takes: both ends run the same interpreter."""
    data = dumps(message, version)
    return HEADER.pack(len(data)) + data


def pack_jobs(jobs: Sequence[Job]) -> bytes:
    """Return the message that carries jobs; an input that many of them receive is in it once."""
    return frame([tuple(job) for job in jobs], SHARING)


def unpack_job(plain: tuple[Any, ...]) -> Job:
    """Return a job from one item of a message of jobs."""
    return _new(Job, plain)


def pack_result(result: JobResult) -> bytes:
    """Return the message that carries one result: a short one, of a tuple, for a value and nothing else."""
    number, outcome, parts, files, directory, started, seconds, cpu, memory, out, err, error, told, bad, warned = result
    is_plain = not (files or directory or out or err or error or told or bad or warned)
    if is_plain and len(parts) == 1 and outcome == SUCCEEDED:
        return frame((number, *parts[0], started, seconds, cpu, memory))
    plain: list[Any] = list(result)
    plain[PARTS] = [tuple(part) for part in result.parts]
    if result.files:
        plain[FILES] = [tuple(file) for file in result.files]
    if result.error is not None:
        plain[ERROR] = _pack_error(result.error)
    return frame(plain)


def _pack_error(error: ErrorText) -> tuple[Any, ...]:
    return tuple(error._replace(place=error.place and tuple(error.place)))  # type: ignore[arg-type]


def unpack_results(plains: Sequence[tuple[Any, ...] | list[Any]]) -> list[JobResult]:
    """Return results from their messages, quickly where all are short."""
    if len(plains) < FEW or set(map(type, plains)) != {tuple}:
        return [unpack_result(plain) for plain in plains]
    numbers, digests, payloads, names, sizes, *costs = zip(*plains, strict=True)
    parts = zip(map(_part, zip(digests, payloads, names, sizes, strict=True)), strict=True)
    fields = (numbers, repeat(SUCCEEDED), parts, NOTHING, NONE, *costs, NONE, NONE, NONE, NOTHING, NOTHING, NOTHING)
    return list(map(_result, zip(*fields, strict=False)))


def unpack_result(plain: tuple[Any, ...] | list[Any]) -> JobResult:
    """Return a result from its message, which is used up."""
    if type(plain) is tuple:
        number, digest, payload, name, size, started, seconds, cpu, memory = plain
        parts = (_new(Part, (digest, payload, name, size)),)
        # Written out: to put the same together from slices takes twice as long.
        fields = (number, SUCCEEDED, parts, (), None, started, seconds, cpu, memory, None, None, None, (), (), ())
        return _new(JobResult, fields)
    assert isinstance(plain, list)
    plain[PARTS] = tuple([_new(Part, part) for part in plain[PARTS]])
    if plain[FILES]:
        plain[FILES] = tuple([_new(FileResult, file) for file in plain[FILES]])
    if plain[ERROR] is not None:
        plain[ERROR] = _unpack_error(plain[ERROR])
    return _new(JobResult, plain)


def _unpack_error(plain: tuple[Any, ...]) -> ErrorText:
    error = ErrorText(*plain)
    return error._replace(place=error.place and Place(*error.place))


def without_functions(context: WorkerContext) -> WorkerContext:
    """Return the context for workers that share no memory with the run.

    They find the functions by name in the project's modules; those of a program or a notebook travel by value.
    Raises UsageError for one that cannot.
    """
    modules = {name for name, _ in context.modules}
    specs = [spec._replace(function=None, pickled=_by_value(spec, modules)) for spec in context.specs]
    fixtures = [spec._replace(function=None, pickled=_by_value(spec, modules)) for spec in context.fixtures]
    return context._replace(specs=tuple(specs), fixtures=tuple(fixtures), code=None)


def _by_value(spec: TaskSpec | FixtureSpec, modules: set[str]) -> bytes:
    """Pickle a function with all that it names, though its module could be imported: perhaps not as it is here.

    Raises UsageError.
    """
    function = spec.function
    if function is None or spec.module in modules:
        return b""
    import cloudpickle

    module = sys.modules.get(function.__module__)
    known = module is None or module.__name__ in (*cloudpickle.list_registry_pickle_by_value(), "__main__")
    if not known:
        cloudpickle.register_pickle_by_value(module)
    try:
        return bytes(cloudpickle.dumps(function, 5))
    except Exception as error:
        name = spec.id.rpartition("::")[2]
        raise UsageError(
            f"{spec.place} {name}: it cannot be sent to another process: {error}. It uses something that belongs to "
            f'this one. Make that in the function, or in a fixture, or choose executor="thread" or "inline".'
        ) from None
    finally:
        if not known:
            cloudpickle.unregister_pickle_by_value(module)


class Inbox:
    """Cuts a stream of bytes into messages."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Any]:
        """Return the messages that `data` completes."""
        if not self._rest:
            messages, used = _cut(data)
            self._rest += data[used:]
            return messages
        self._rest += data
        messages, used = _cut(self._rest)
        del self._rest[:used]
        return messages


def _cut(data: bytes | bytearray) -> tuple[list[Any], int]:
    """Return the complete messages at the start of `data`, and how many bytes they took."""
    messages, start, length = [], HEADER.size, len(data)
    with memoryview(data) as view:
        while start <= length:
            end = start + HEADER.unpack_from(data, start - HEADER.size)[0]
            if end > length:
                break
            messages.append(loads(view[start:end]))
            start = end + HEADER.size
    return messages, start - HEADER.size


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, waiting for the reader where it must. Raises BrokenPipeError without one."""
    written = os.write(descriptor, data)
    while written < len(data):
        data = data[written:]
        written = os.write(descriptor, data)
