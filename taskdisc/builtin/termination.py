"""SIGTERM in a process that has fixtures to close: what runs is broken off, and there is time for closing."""

from __future__ import annotations

import os
from collections.abc import Callable
from signal import SIG_BLOCK, SIG_DFL, SIG_UNBLOCK, SIGTERM, pthread_sigmask, signal
from typing import Any, TypeVar

T = TypeVar("T")


class Asked(BaseException):
    """The process was asked to end, and does not begin anything."""


class Termination:
    """Notes that the process was asked to end."""

    def __init__(self) -> None:
        self.asked = False
        self.listens = False
        self._breakable = False

    def listen(self) -> None:
        """Handle the signal from here on; children that a task forks have nothing to close, and end by it."""
        self.listens = True
        signal(SIGTERM, self._note)
        # Held back meanwhile, since Python drops in the child what comes before the child is ready.
        os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_end_by_it)

    def _note(self, *_: object) -> None:
        self.asked = True
        if self._breakable:
            self._breakable = False
            raise KeyboardInterrupt

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call what may be broken off in its middle. Raises Asked, also where the function swallowed that."""
        try:
            self._breakable = True
            if not self.asked:
                result = function(*arguments)
        except KeyboardInterrupt:
            if not self.asked:
                raise
        finally:
            self._breakable = False
        if self.asked:
            raise Asked
        return result

    def obey(self) -> None:
        """End as the signal would have ended the process, if it came."""
        if self.asked:
            _die()


def _hold() -> None:
    pthread_sigmask(SIG_BLOCK, {SIGTERM})


def _release() -> None:
    pthread_sigmask(SIG_UNBLOCK, {SIGTERM})


def _end_by_it() -> None:
    signal(SIGTERM, SIG_DFL)
    _release()


def _die() -> None:
    signal(SIGTERM, SIG_DFL)
    os.kill(os.getpid(), SIGTERM)
