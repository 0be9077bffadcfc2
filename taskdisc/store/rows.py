"""What the index says of families, results and failures."""

from collections.abc import Sequence
from typing import Any, NamedTuple


class FamilyRow(NamedTuple):
    """A family and the parts of its keys: names to digests or texts, for `explain`."""

    id: int
    task: str
    prefix: bytes
    parts: dict[str, Any]


class Records(NamedTuple):
    """Results, as they are written: a column of the table each, in which a result has the same place."""

    family: Sequence[int]
    instance: Sequence[str]
    key: Sequence[bytes]
    digest: Sequence[bytes]
    inputs: Sequence[bytes]
    run: Sequence[int]
    started: Sequence[float]
    seconds: Sequence[float]
    cpu: Sequence[float]
    memory: Sequence[int]
    size: Sequence[int]
    object: Sequence[str | None]
    files: Sequence[str | None]
    directory: Sequence[str | None]
    stdout: Sequence[str | None]
    stderr: Sequence[str | None]
    payload: Sequence[bytes | None]

    def between(self, start: int, end: int) -> "Records":
        """Return those of them that have these places."""
        if end - start == len(self.key):
            return self
        return Records._make([column[start:end] for column in self])


class FailureRow(NamedTuple):
    """One failed attempt, as it is written."""

    task: str
    instance: str
    key: bytes
    outcome: str
    run: int
    started: float
    seconds: float
    stdout: str | None
    stderr: str | None
    error: str
    """JSON of an `ErrorText`."""
    attempt: int = 1
    cpu: float = 0.0
    memory: int = 0
    final: bool = True
    """False: another attempt followed in the same run."""


FAILURE_COLUMNS = ", ".join(FailureRow._fields)


RESULT_COLUMNS = (
    "id, family, instance, key, digest, inputs, run, started, seconds, cpu, memory, size, object, files, directory, "
    "stdout, stderr"
)


class ResultRow(NamedTuple):
    """A kept result without its value."""

    id: int
    family: int
    instance: str
    key: bytes
    digest: bytes
    inputs: bytes
    run: int
    started: float
    seconds: float
    cpu: float
    memory: int
    size: int
    object: str | None
    files: str | None
    directory: str | None
    stdout: str | None
    stderr: str | None
