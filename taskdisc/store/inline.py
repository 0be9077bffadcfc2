"""Small stored values, which are kept in the index itself: each with a checksum, since the database has none."""

from __future__ import annotations

from collections.abc import Sequence

CHECK = 4
"""Bytes of the checksum, which come first."""


def checked(key: bytes, payload: bytes | None) -> bytes | None:
    """Return the value as it is written: a checksum ties it to its key."""
    return None if payload is None else _checksum(key, payload) + payload


def checked_each(keys: Sequence[bytes], payloads: Sequence[bytes | None]) -> list[bytes | None]:
    """Return values as they are written, as `checked` does for one."""
    from zlib import crc32

    return [
        None if payload is None else crc32(payload, crc32(key)).to_bytes(CHECK, "little") + payload
        for key, payload in zip(keys, payloads, strict=True)
    ]


def unchecked(key: object, written: object) -> bytes | None:
    """Return the value that was written so, None where it is not what was written."""
    if not isinstance(written, bytes) or not isinstance(key, bytes):
        return None
    payload = written[CHECK:]
    return payload if written[:CHECK] == _checksum(key, payload) else None


def _checksum(key: bytes, payload: bytes) -> bytes:
    from zlib import crc32

    return crc32(payload, crc32(key)).to_bytes(CHECK, "little")


def unchecked_each(keys: Sequence[object], written: Sequence[object]) -> list[bytes | None]:
    """Return values that were written so, as `unchecked` does for one."""
    from zlib import crc32

    return [
        payload
        if isinstance(whole, bytes)
        and isinstance(key, bytes)
        and whole[:CHECK] == crc32(payload := whole[CHECK:], crc32(key)).to_bytes(CHECK, "little")
        else None
        for key, whole in zip(keys, written, strict=True)
    ]
