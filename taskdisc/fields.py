"""The fields of record classes: data classes, named tuples and typed dicts."""

from __future__ import annotations

import sys
import typing
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Field(NamedTuple):
    """A field of a record class; the annotation may be text."""

    name: str
    annotation: Any
    required: bool


def fields_of(kind: Any) -> Iterator[Field]:
    """Yield the fields that the class takes when it is called, in their order."""
    if hasattr(kind, "_field_defaults"):
        for name in kind._fields:
            yield Field(name, kind.__annotations__.get(name, Any), name not in kind._field_defaults)
    elif typing.is_typeddict(kind):
        for name, annotation in kind.__annotations__.items():
            yield Field(name, annotation, name in kind.__required_keys__)
    else:
        yield from _of_dataclass(kind)


def _of_dataclass(kind: Any) -> Iterator[Field]:
    from dataclasses import MISSING, fields

    for field in fields(kind):
        if field.init:
            yield Field(field.name, field.type, field.default is MISSING and field.default_factory is MISSING)


def names_of(kind: Any) -> Mapping[str, Any]:
    """Return what the annotations of a class may name: its module's globals."""
    return getattr(sys.modules.get(kind.__module__), "__dict__", {})
