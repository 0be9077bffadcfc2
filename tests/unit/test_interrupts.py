"""Interruptions wait where half of something would be left."""

from __future__ import annotations

import signal

import pytest

from taskdisc.interrupts import held_back, interrupt


def test_an_interruption_comes_at_once() -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt(signal.SIGINT, None)


def test_an_interruption_waits_for_the_end_of_all_blocks() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), held_back():
        with held_back():
            interrupt(signal.SIGINT, None)
            interrupt(signal.SIGTERM, None)
            done.append("inner")
        done.append("outer")
    assert done == ["inner", "outer"]
    with held_back():
        done.append("no other is left")


def test_an_error_in_a_block_leaves_nothing_held_back() -> None:
    with pytest.raises(ValueError), held_back():
        raise ValueError
    with pytest.raises(KeyboardInterrupt):
        interrupt()
