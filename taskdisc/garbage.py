"""Garbage: the run's own code makes none that must be searched for, and the search would take a fifth of its time."""

from __future__ import annotations

import gc

SELDOM = (50_000, 20, 20)
"""Thresholds of `gc` while none but our own code works in this process."""

_usual: tuple[int, int, int] | None = None


def search_seldom() -> None:
    """Search for garbage, but seldom. What is there now is taken to stay until the end, and is not searched."""
    global _usual
    gc.freeze()
    _usual = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    gc.enable()


def search_as_usual() -> None:
    """Tasks are about to run in this process: their garbage is collected when people expect it."""
    if _usual is not None:
        gc.set_threshold(*_usual)
