"""A bell for the run's main thread: other threads ring it, and `select` hears it."""

from __future__ import annotations

import os
from threading import Lock

from taskdisc.descriptors import close_private, keep_private


class Bell:
    """A pipe that other threads ring; it may be rung after it was removed."""

    def __init__(self) -> None:
        self.descriptor, self._end = os.pipe()
        """Readable when it was rung since the last `hush`."""
        for descriptor in (self.descriptor, self._end):
            os.set_blocking(descriptor, False)
            keep_private(descriptor)
        self._lock = Lock()
        self._is_there = True

    def ring(self) -> None:
        """Be heard; called from any thread."""
        with self._lock:
            if self._is_there:
                try:
                    os.write(self._end, b"!")
                except BlockingIOError:  # loud enough
                    pass

    def hush(self) -> None:
        """Be silent until it is rung again."""
        try:
            while self._is_there and os.read(self.descriptor, 1 << 16):
                pass
        except BlockingIOError:
            pass

    def remove(self) -> None:
        """Release the pipe."""
        with self._lock:
            if self._is_there:
                self._is_there = False
                close_private(self.descriptor)
                close_private(self._end)
