"""How much room text takes on a terminal."""

from __future__ import annotations

import unicodedata


def width(text: str) -> int:
    """Return the number of columns that a text takes: two for a wide character, none for what joins the one before."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, columns: int) -> str:
    """Return the text, without its middle where it takes more than `columns`: ids differ at their ends."""
    if width(text) <= columns:
        return text
    tail = max(0, columns - 1) // 2
    return f"{_start(text, columns - 1 - tail)}…{_start(text[::-1], tail)[::-1]}" if columns > 0 else ""


def _start(text: str, columns: int) -> str:
    """As much of the text as there is room for."""
    used = 0
    for place, character in enumerate(text):
        used += _columns(character)
        if used > columns:
            return text[:place]
    return text


def clean(text: str) -> str:
    """Return the text without characters that would move the cursor or change colours."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else "�" for each in text)
