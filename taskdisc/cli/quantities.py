"""Sizes as people write them on the command line."""

from __future__ import annotations

from taskdisc.errors import UsageError

UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


def size(text: str, option: str) -> int:
    """Return the bytes that "800MB" or "10GB" stand for. Raises UsageError."""
    digits = text.rstrip("kKmMgGtTbB ")
    number = _number(digits)
    unit = text[len(digits) :].strip().lower()
    if number is None or unit not in UNITS:
        raise UsageError(f"{option} takes a size such as 500KB, 800MB or 10GB, not {text!r}.")
    return int(number * UNITS[unit])


def size_text(count: int) -> str:
    """Return a number of bytes as people read it."""
    if count < 1000:
        return f"{count} bytes"
    for unit in ("kB", "MB", "GB", "TB"):
        count_in_unit = count / UNITS[unit.lower()]
        if count_in_unit < 1000:
            break
    return f"{count_in_unit:.1f} {unit}"


def _number(text: str) -> float | None:
    plain = text.strip()
    if not (plain.isascii() and plain.replace(".", "", 1).isdigit()):
        return None
    return float(plain)
