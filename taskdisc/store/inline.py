"""Small stored values, which are kept in the index itself: each with a checksum, since the database has none."""

from __future__ import annotations

CHECK = 4
"""Bytes of the checksum, which come first."""


def checked(key: bytes, payload: bytes | None) -> bytes | None:
    """Return the value as it is written: a checksum ties it to its key."""
    return None if payload is None else _checksum(key, payload) + payload


def unchecked(key: object, written: object) -> bytes | None:
    """Return the value that was written so, None where it is not what was written."""
    if not isinstance(written, bytes) or not isinstance(key, bytes):
        return None
    payload = written[CHECK:]
    return payload if written[:CHECK] == _checksum(key, payload) else None


def _checksum(key: bytes, payload: bytes) -> bytes:
    from zlib import crc32

    return crc32(payload, crc32(key)).to_bytes(CHECK, "little")
