"""The shape of a module's summary; apart from the code that makes it, which a run with kept summaries never imports."""

from collections.abc import Iterable
from typing import NamedTuple, TypedDict

from taskdisc.hashing import sha256

DIGEST_LENGTH = 32
FORMAT = 1
"""Raised whenever summaries of the same text would differ; kept summaries of another format are made anew."""


class Unit(NamedTuple):
    """A statement of a module's top level, or a definition or branch inside one.

    For a function the digest leaves out decorators and defaults, which stand beside it: `defaults` is empty or
    `[digest, uses]`, `decorators` is a list of `[dotted name, digest, uses]`. `parent` is the index of the unit that
    decides whether this one is reached (an `if`, a `try`), or -1. Lines include the decorators.
    """

    kind: str
    name: str
    first: int
    last: int
    digest: str
    uses: list[str]
    parent: int
    defaults: list[object]
    decorators: list[list[object]]


class ModuleSummary(TypedDict):
    """Summary of a module's text.

    `units` are rows of `Unit`. `names` and `registered` map a top-level name to what gives it its value: the index of
    a unit, `module:name:` for an import, or another top-level name. `registered` holds what is added to an object by
    decorators and calls of functions, which does not concern those who only add to it. `duplicates` lists
    `[name, line, line]` for a second `def` in one scope.
    """

    format: int
    units: list[list[object]]
    names: dict[str, list[int | str]]
    registered: dict[str, list[int | str]]
    stars: list[str]
    duplicates: list[list[object]]


def fold(parts: Iterable[str]) -> str:
    """Return the hex digest of a sequence of tokens."""
    text = "\n".join(parts).encode("utf-8", "surrogatepass")
    return sha256(text).hexdigest()[:DIGEST_LENGTH]
