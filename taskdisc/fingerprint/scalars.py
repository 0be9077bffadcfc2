"""The encodings of scalars, one by one and many of one type at once; the table is in `encoding.py`."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

LARGE = 1 << 16
"""Bytes from which a buffer is written as it is, instead of being copied together with others."""

_INT_MIN, _INT_MAX = -(1 << 63), (1 << 63) - 1

_pack_float = struct.Struct("<d").pack
_NAN = struct.pack("<d", float("nan"))


def _int(value: int) -> bytes:
    return b"i%d;" % value if _INT_MIN <= value <= _INT_MAX else b"h%x;" % value


def _float_bits(value: float) -> bytes:
    return _pack_float(value) if value == value else _NAN


def _float(value: float) -> bytes:
    return b"f" + _float_bits(value)


def _complex(value: complex) -> bytes:
    return b"c" + _float_bits(value.real) + _float_bits(value.imag)


def encode_str(value: str) -> bytes:
    """Return the encoding of a str."""
    return f"s{len(value)}:{value}".encode("utf-8", "surrogatepass")


SCALARS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"N",
    bool: lambda value: b"T" if value else b"F",
    type(...): lambda _: b"E",
    type(NotImplemented): lambda _: b"I",
    int: _int,
    float: _float,
    complex: _complex,
    str: encode_str,
}
"""From a scalar to its bytes, by exact type."""


def _packed_floats(items: Sequence[float]) -> Iterable[bytes] | None:
    total = sum(items)
    if total != total:  # a NaN among them, or infinities of both signs
        return (b"f", *map(_float_bits, items))
    return b"f", struct.pack(f"<{len(items)}d", *items)


def _packed_ints(items: Sequence[int]) -> Iterable[bytes] | None:
    try:
        return b"i", struct.pack(f"<{len(items)}q", *items)
    except struct.error:
        return None


def _packed_strs(items: Sequence[str]) -> Iterable[bytes] | None:
    return b"s", _packed_lengths(items), "".join(items).encode("utf-8", "surrogatepass")


def _packed_bytes(items: Sequence[bytes]) -> Iterable[bytes] | None:
    if max(map(len, items)) >= LARGE:
        return None
    return b"b", _packed_lengths(items), *items


def _packed_lengths(items: Sequence[str] | Sequence[bytes]) -> bytes:
    return struct.pack(f"<{len(items)}Q", *map(len, items))


PACKERS: dict[type, Callable[[Any], Iterable[bytes] | None]] = {
    float: _packed_floats,
    int: _packed_ints,
    str: _packed_strs,
    bytes: _packed_bytes,
}
"""From many items of one type to the chunks of their layout, or None where it does not fit them."""


def common_names(rows: Sequence[dict[Any, object]]) -> tuple[str, ...] | None:
    """Return the keys of all the dicts, if they are the same str in the same order."""
    if set(map(type, chain.from_iterable(rows))) != {str}:
        return None
    names = set(map(tuple, rows))
    return names.pop() if len(names) == 1 else None


def common_width(rows: Sequence[Sequence[object]]) -> int | None:
    """Return the length of all the rows, if they have the same and are not wider than they are many."""
    width = len(rows[0])
    return width if width <= len(rows) and set(map(len, rows)) == {width} else None
