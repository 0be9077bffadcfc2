"""Interruptions of a run: they end it wherever it is, except where half of something would be left."""

from __future__ import annotations

_holders = 0
_waiting = False


def interrupt(*_: object) -> None:
    """Handle a signal that ends the run. Raises KeyboardInterrupt: at once, or when nobody holds it back any more."""
    global _waiting
    if _holders:
        _waiting = True
    else:
        raise KeyboardInterrupt


class held_back:  # noqa: N801 - it reads as a word in a `with` statement, of which there are many a step
    """Let interruptions wait for the end of the block, which must come soon. Raises KeyboardInterrupt then."""

    __slots__ = ()

    def __enter__(self) -> None:
        global _holders
        _holders += 1

    def __exit__(self, kind: object, *_: object) -> None:
        global _holders, _waiting
        _holders -= 1
        if _waiting and not _holders and kind is None:
            _waiting = False
            raise KeyboardInterrupt
