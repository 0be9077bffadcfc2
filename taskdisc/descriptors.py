"""Descriptors that belong to one process: a forked child closes its copies, so that none outlives its owner there.

A lock on a file, or the other end of a pipe, counts as held for as long as any process has it open.
"""

from __future__ import annotations

import os
from fcntl import LOCK_NB, flock

_own: set[int] = set()


def keep_private(descriptor: int) -> None:
    """Have forked children close `descriptor`. Call `forget_private` before it is closed here."""
    _own.add(descriptor)


def forget_private(descriptor: int) -> None:
    """Leave `descriptor` alone again; its number may soon stand for something else."""
    _own.discard(descriptor)


def close_private(descriptor: int) -> None:
    """Close a private descriptor."""
    _own.discard(descriptor)
    os.close(descriptor)


def locks(descriptor: int, kind: int) -> bool:
    """Lock a file (`fcntl.LOCK_EX` or `LOCK_SH`), and say whether that went without waiting. Raises OSError."""
    try:
        flock(descriptor, kind | LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _close_copies() -> None:
    for descriptor in _own:
        try:
            os.close(descriptor)
        except OSError:
            pass
    _own.clear()


os.register_at_fork(after_in_child=_close_copies)
