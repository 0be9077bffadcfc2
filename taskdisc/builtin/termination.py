"""SIGTERM in a process that has fixtures to close: what runs is broken off, and there is time for closing."""

from __future__ import annotations

import os
from collections.abc import Callable
from signal import SIG_DFL, SIGTERM, signal
from typing import Any, TypeVar

T = TypeVar("T")


class Asked(BaseException):
    """The process was asked to end, and does not begin anything."""


class Termination:
    """Notes that the process was asked to end."""

    def __init__(self) -> None:
        self.asked = False
        self._process = os.getpid()
        self._breakable = False

    def listen(self) -> None:
        """Handle the signal from here on, once it comes."""
        signal(SIGTERM, self._note)

    def _note(self, *_: object) -> None:
        if os.getpid() != self._process:
            # A child that a task forked has nothing to close.
            _die()
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


def _die() -> None:
    signal(SIGTERM, SIG_DFL)
    os.kill(os.getpid(), SIGTERM)
