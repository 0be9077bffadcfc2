"""The codec `json`: plain data as JSON text, which other programs read, and which runs no code when it is loaded.

Numbers, texts, None, lists, and dicts with texts as keys are what JSON has for them. A dict with one key that begins
with "$" stands for what JSON has not: {"$tuple": [...]}, {"$dict": [[key, value], ...]}, {"$bytes": base64} and
{"$path": [base, path]}. All else is refused, so that what is loaded equals what was returned.
"""

from __future__ import annotations

import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

from taskdisc.paths import KeptPath, restore_path

SCALARS = frozenset({str, int, float, bool, type(None)})
MARK = "$"
NO_BASE = ""


class JsonCodec:
    """Takes plain data: numbers, texts, bytes, None, paths, and lists, tuples and dicts of them."""

    def encode(self, value: Any) -> list[bytes | memoryview]:
        """Return the text. Raises TypeError that says where in the value something else is."""
        return [json.dumps(_plain(value, ""), separators=(",", ":")).encode("ascii")]

    def decode(self, data: memoryview) -> Any:
        """Return a new value."""
        return json.loads(bytes(data), object_hook=_restored)


def _plain(value: Any, at: str) -> Any:
    """The value as JSON has it; `at` is where it stands."""
    kind = type(value)
    if kind in SCALARS:
        return value
    if kind is list:
        return [_plain(item, f"{at}[{number}]") for number, item in enumerate(value)]
    if kind is tuple:
        return {"$tuple": [_plain(item, f"{at}[{number}]") for number, item in enumerate(value)]}
    if kind is dict:
        return _plain_dict(value, at)
    if kind is bytes:
        return {"$bytes": b2a_base64(value, newline=False).decode("ascii")}
    if kind is KeptPath:
        return {"$path": [value.base, value.relative]}
    if isinstance(value, PurePath):
        return {"$path": [NO_BASE, str(value)]}
    raise TypeError(f"JSON holds no {kind.__module__}.{kind.__qualname__}{f' (in {at})' if at else ''}")


def _plain_dict(value: dict[Any, Any], at: str) -> Any:
    if all(type(key) is str and not key.startswith(MARK) for key in value):
        return {key: _plain(item, f"{at}[{key!r}]") for key, item in value.items()}
    return {"$dict": [[_plain(key, at), _plain(item, f"{at}[{key!r}]")] for key, item in value.items()]}


def _restored(given: dict[str, Any]) -> Any:
    """What an object of the text stands for; those inside it are restored already."""
    if len(given) == 1:
        (mark, inside), = given.items()  # fmt: skip
        if mark.startswith(MARK):
            return RESTORED[mark](inside)
    return given


def _path(given: list[str]) -> Any:
    base, path = given
    return restore_path(base, path) if base else Path(path)


RESTORED: dict[str, Callable[[Any], Any]] = {"$tuple": tuple, "$dict": dict, "$bytes": a2b_base64, "$path": _path}
