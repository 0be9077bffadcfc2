"""Manifests: results of one family as one named, immutable object."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256
from posixpath import normpath
from typing import Any, NamedTuple

from taskdisc.model import DROPPED, FileResult
from taskdisc.store.objects import is_name

RECORDS = "records/"
OBJECTS = "objects/"
FORMAT = 1
DIGEST = 32


class SharedOutput(NamedTuple):
    """The value of one output: in an object, or here."""

    object: str | None
    payload: bytes | None


class SharedResult(NamedTuple):
    """A result as it travels: without what only its own machine has, such as logs."""

    instance: str
    key: bytes
    digest: bytes
    inputs: bytes
    started: float
    seconds: float
    cpu: float
    memory: int
    size: int
    value: SharedOutput
    outputs: tuple[SharedOutput, ...]
    """Of named outputs; then `value` is empty."""
    files: tuple[FileResult, ...]
    """Their paths are relative to the store."""
    directory: str | None

    def objects(self) -> set[str]:
        """Return the names of the objects that it needs."""
        named = {output.object for output in (self.value, *self.outputs)}
        named.update(content for file in self.files for _, content in file.members)
        return {name for name in named if name}


class Manifest(NamedTuple):
    """Results of one family, and what an index has to know of the family."""

    task: str
    prefix: bytes
    parts: dict[str, Any]
    results: Sequence[SharedResult]


def packed(manifest: Manifest) -> tuple[str, bytes]:
    """Return a manifest's name and its bytes."""
    task, prefix, parts, results = manifest
    content = [FORMAT, task, prefix.hex(), parts, [_row(result) for result in results]]
    data = zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 6)
    return f"{family_folder(prefix)}{sha256(data).hexdigest()}", data


def unpacked(name: str, data: bytes) -> Manifest | None:
    """Return the manifest of that name; None if these bytes are no such thing."""
    if sha256(data).hexdigest() != name.rpartition("/")[2]:
        return None
    try:
        version, task, prefix, parts, rows = json.loads(zlib.decompress(data))
        manifest = Manifest(task, bytes.fromhex(prefix), parts, [_result(row) for row in rows])
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, zlib.error):
        return None
    fits = version == FORMAT and name.startswith(family_folder(manifest.prefix))
    return manifest if fits and type(task) is str and type(parts) is dict else None


def family_folder(prefix: bytes) -> str:
    """Return what the names of a family's manifests begin with."""
    return f"{RECORDS}{prefix.hex()}/"


def family_of(name: str) -> str:
    """Return the part of a manifest's name that all of its family have; "" for other names."""
    folder, _, digest = name.removeprefix(RECORDS).partition("/")
    return folder if name.startswith(RECORDS) and is_name(digest) else ""


def _row(result: SharedResult) -> list[Any]:
    return [
        result.instance,
        result.key.hex(),
        result.digest.hex(),
        result.inputs.hex(),
        *result[4:9],
        _output_row(result.value),
        [_output_row(output) for output in result.outputs],
        result.files,
        result.directory,
    ]


def _output_row(output: SharedOutput) -> list[str | None]:
    return [output.object, None if output.payload is None else b64encode(output.payload).decode()]


def _result(row: Any) -> SharedResult:
    instance, key, digest, inputs, started, seconds, cpu, memory, size, value, outputs, files, directory = row
    result = SharedResult(
        _checked(instance, str),
        bytes.fromhex(key),
        bytes.fromhex(digest),
        bytes.fromhex(inputs),
        float(started),
        float(seconds),
        float(cpu),
        int(memory),
        int(size),
        _output(value),
        tuple(map(_output, outputs)),
        tuple(map(_file, files)),
        None if directory is None else inside(_checked(directory, str)),
    )
    if len(result.key) != DIGEST or len(result.digest) != DIGEST * max(1, len(outputs)):
        raise ValueError("digests of another length")
    return result


def _output(row: Any) -> SharedOutput:
    name, payload = row
    if name not in (None, DROPPED) and not is_name(name):
        raise ValueError(name)
    return SharedOutput(name, None if payload is None else b64decode(payload, validate=True))


def _file(row: Any) -> FileResult:
    file = FileResult(*row)
    members = tuple((_checked(path, str), name) for path, name in file.members)
    if not members or not all(name == "" or is_name(name) for _, name in members):
        raise ValueError(file.path)
    return file._replace(path=inside(_checked(file.path, str)), members=members)


def inside(path: str) -> str:
    """Return a path that stays among the folders of executions, relative to the store. Raises ValueError."""
    if normpath(path) != path or not path.startswith("dirs/"):
        raise ValueError(path)
    return path


def _checked(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(value)
    return value
