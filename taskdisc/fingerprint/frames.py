"""Containers whose items are being written, and how a path into a value names the items."""

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

Label = Callable[[int], str]
"""Names one of a container's items, by its number."""


class Frame(NamedTuple):
    """A container whose items are being written."""

    owner: object
    items: Sequence[object]
    pending: Iterator[object]
    label: Label
    finish: Callable[[list[Any]], None] | None = None
    """Rewrites the chunks that the items made; they are held back until then."""
    mark: int = 0
    """Number of chunks before the first item."""


class Body:
    """Items to write as a body, without a tag of their own."""

    __slots__ = ("items", "label")

    def __init__(self, items: Sequence[object], label: Label) -> None:
        self.items = items
        self.label = label


class Column(Body):
    """The items that rows have at one place."""

    __slots__ = ()


class Member:
    """A member of a set, whose chunks have to become one before they can be sorted."""

    __slots__ = ("item",)

    def __init__(self, item: object) -> None:
        self.item = item


def frame_of(owner: object, items: Sequence[object], label: Label) -> Frame:
    """Return a frame that has nothing left to do after the items."""
    return Frame(owner, items, iter(items), label)


def column_of(rows: Sequence[Any], key: str | int) -> Column:
    """Return what all rows, of one type, have under `key`."""
    return Column(list(map(itemgetter(key), rows)), lambda i: f"[{i}][{key!r}]")


def index_label(index: int) -> str:
    """Name an item by its number."""
    return f"[{index}]"


def no_label(index: int) -> str:
    """Name an item that is no step in the path."""
    return ""


def short(value: object) -> str:
    """Return the repr of a key, the middle left out of a long one."""
    try:
        text = repr(value)
    except Exception:  # nested too deep for a repr, or a user's own repr failed: the error to tell is another one
        return f"<{type(value).__qualname__}>"
    return text if len(text) <= 60 else f"{text[:40]}...{text[-17:]}"
