"""The values of a sweep: `0.1,0.3`, `1..30`, `2026-01-01..2026-01-30`, or a sequence from Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from taskdisc.errors import UsageError

if TYPE_CHECKING:
    from taskdisc.config import ParamLayer

OPENING, CLOSING = "[{(", "]})"
MOST = 1_000_000
"""Values of one range: more is a mistake."""


def swept_values(layer: ParamLayer, name: str) -> list[Any]:
    """Return the values that a sweep gives to a name. Raises UsageError for a range that is none, and for nothing."""
    given, where = layer.values[name], f"{layer.origin} {name}"
    if isinstance(given, str) and layer.texts:
        values: list[Any] = [value for item in _items(given) for value in _range(item, where)]
    elif isinstance(given, str) or not hasattr(given, "__iter__"):
        raise UsageError(f"{where} takes several values, [a, b], not {given!r}.")
    else:
        values = list(given)
    if not values:
        raise UsageError(f"{where}: there is no value. Write {name}=a,b or {name}=first..last.")
    return values


def _items(text: str) -> Iterator[str]:
    """Cut at the commas that stand in no brackets and in no quotes."""
    depth, quoted, item = 0, False, ""
    for character in text:
        quoted ^= character == '"'
        if not quoted:
            depth += (character in OPENING) - (character in CLOSING)
        if character == "," and not quoted and depth <= 0:
            yield from [item.strip()] if item.strip() else []
            item = ""
        else:
            item += character
    yield from [item.strip()] if item.strip() else []


def _range(item: str, where: str) -> Iterator[str]:
    first, dots, last = item.partition("..")
    ends = _ends(first.strip(), last.strip()) if dots else None
    if ends is None:
        yield item
        return
    start, count, text_of = ends
    if not 0 < count <= MOST:
        raise UsageError(f"{where}: {item} has {max(count, 0):,} values. Write first..last, both counted in.")
    for step in range(count):
        yield text_of(start, step)


def _ends(first: str, last: str) -> Any:
    """(first value, how many, text of first value + step), where both are ints, or both are dates; else None."""
    try:
        return int(first), int(last) - int(first) + 1, lambda start, step: str(start + step)
    except ValueError:
        pass
    from datetime import date, timedelta

    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        return None
    return start, (end - start).days + 1, lambda start, step: (start + timedelta(days=step)).isoformat()
