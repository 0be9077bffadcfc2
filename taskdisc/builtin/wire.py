"""What travels between a run and its workers: messages of plain values, each with its length before it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from marshal import dumps, loads
from struct import Struct
from typing import Any

from taskdisc.errors import Place
from taskdisc.model import ErrorText, FileResult, Job, JobResult, Part, WorkerContext

HEADER = Struct("=I")
_new = tuple.__new__


def frame(message: Any) -> bytes:
    """Return a message as it travels. Only what marshal takes: both ends run the same interpreter."""
    data = dumps(message)
    return HEADER.pack(len(data)) + data


def pack_jobs(jobs: Sequence[Job]) -> bytes:
    """Return the message that carries jobs."""
    return frame([tuple(job) for job in jobs])


def unpack_job(plain: tuple[Any, ...]) -> Job:
    """Return a job from one item of a message of jobs."""
    return _new(Job, plain)


def pack_result(result: JobResult) -> bytes:
    """Return the message that carries one result."""
    number, outcome, parts, files, *others, error, warnings, damaged = result
    plain_parts = [tuple(part) for part in parts]
    plain_files = [tuple(file) for file in files] if files else ()
    plain_error = None if error is None else _pack_error(error)
    return frame((number, outcome, plain_parts, plain_files, *others, plain_error, warnings, damaged))


def _pack_error(error: ErrorText) -> tuple[Any, ...]:
    return tuple(error._replace(place=error.place and tuple(error.place)))  # type: ignore[arg-type]


def unpack_result(plain: Any) -> JobResult:
    """Return a result from its message."""
    number, outcome, parts, files, *others, error, warnings, damaged = plain
    records = tuple([_new(Part, part) for part in parts])
    if files:
        files = tuple([_new(FileResult, file) for file in files])
    if error is not None:
        error = _unpack_error(error)
    return _new(JobResult, (number, outcome, records, files, *others, error, warnings, damaged))


def _unpack_error(plain: tuple[Any, ...]) -> ErrorText:
    error = ErrorText(*plain)
    return error._replace(place=error.place and Place(*error.place))


def without_functions(context: WorkerContext) -> WorkerContext:
    """Return the context for workers that share no memory with the run: they find the functions by name."""
    return context._replace(specs=tuple([spec._replace(function=None) for spec in context.specs]), code=None)


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
