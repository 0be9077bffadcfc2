"""Interruptions of a run: they end it wherever it is, except where half of something would be left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_holders = 0
_waiting = False


def interrupt(*_: object) -> None:
    """Handle a signal that ends the run. Raises KeyboardInterrupt: at once, or when nobody holds it back any more."""
    global _waiting
    if _holders:
        _waiting = True
    else:
        raise KeyboardInterrupt


@contextmanager
def held_back() -> Iterator[None]:
    """Let interruptions wait for the end of the block, which must come soon. Raises KeyboardInterrupt then."""
    global _holders, _waiting
    _holders += 1
    try:
        yield
    finally:
        _holders -= 1
    if _waiting and not _holders:
        _waiting = False
        raise KeyboardInterrupt
