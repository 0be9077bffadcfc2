"""How values and tables are printed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any


def print_values(values: Sequence[tuple[str, Any]]) -> None:
    """Print one value by itself, several as `id: value` lines."""
    if len(values) == 1:
        print(value_text(values[0][1]))
        return
    for name, value in values:
        print(f"{name}: {_plain(value)}")


def value_text(value: Any) -> str:
    """Return a str or Path as it is, anything else pretty-printed."""
    plain = _plain(value)
    if len(plain) <= 80 or isinstance(value, str):
        return plain
    from pprint import pformat

    try:
        return pformat(value, width=100) if not hasattr(value, "__fspath__") else plain
    except Exception:  # of the user's class
        return plain


def _plain(value: Any) -> str:
    if isinstance(value, str) or hasattr(value, "__fspath__"):
        return str(value)
    try:
        return repr(value)
    except Exception as error:  # of the user's class, or of an int with too many digits
        return f"<{type(value).__name__}, whose repr() raises {type(error).__name__}: {error}>"


def print_table(rows: Iterable[Sequence[str]]) -> None:
    """Print rows in columns as wide as their widest cell."""
    table = [list(row) for row in rows]
    if not table:
        return
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def counted(number: int, noun: str) -> str:
    """Return `1 task`, `2 tasks`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def remark(text: str) -> None:
    """Print a line about the output to stderr, after the output that it is about."""
    sys.stdout.flush()
    print(text, file=sys.stderr)
