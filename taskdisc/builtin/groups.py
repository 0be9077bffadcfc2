"""Process groups: a process that was started for a job, together with all that it starts in turn."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from taskdisc.builtin.descendants import strays
from taskdisc.descriptors import close_private, keep_private


class ProcessGroup:
    """A child process that leads a process group; its own number stays its own until it is reaped."""

    def __init__(self, leader: int) -> None:
        self.leader = leader
        self.ending = open_pidfd(leader)
        """Readable when the leader has ended; None where the system has no such thing."""
        self._status: int | None = None
        if self.ending is not None:
            keep_private(self.ending)

    def signal(self, number: int) -> None:
        """Send a signal to the leader and to all that stayed in its group."""
        try:
            os.killpg(self.leader, number)
        except ProcessLookupError:
            if self._status is None:
                # It is so young that it is not the leader of its group yet, or gone without a trace.
                self._signal_leader(number)
        except PermissionError:
            # What is left in the group belongs to somebody else or (macOS) is dead.
            pass

    def _signal_leader(self, number: int) -> None:
        try:
            os.kill(self.leader, number)
        except ProcessLookupError:
            # The host program ignores SIGCHLD: nothing is left of a process that has ended.
            pass

    @property
    def is_reaped(self) -> bool:
        """Say whether the leader's number may be another process's by now."""
        return self._status is not None

    def is_gone(self) -> bool:
        """Say whether the leader has ended, and the group is empty."""
        if self._status is None:
            self._reap(os.WNOHANG)
        try:
            os.killpg(self.leader, 0)
        except (ProcessLookupError, PermissionError):
            return self._status is not None
        return False

    def reap(self) -> int:
        """Wait for the end of the leader, and return its wait status."""
        self._reap(0)
        return self._status or 0

    def _reap(self, options: int) -> None:
        if self._status is not None:
            return
        try:
            process, status = os.waitpid(self.leader, options)
        except ChildProcessError:
            # The host program ignores SIGCHLD, or waits for any child: how this one ended is lost.
            process, status = self.leader, 0
        if process:
            self._status = status

    def close(self) -> None:
        """Release what was kept to see the end."""
        if self.ending is not None:
            close_private(self.ending)
            self.ending = None


def open_pidfd(process: int) -> int | None:
    """Return a descriptor that is readable when a process has ended, or None where there is no such thing."""
    try:
        return os.pidfd_open(process)
    except (AttributeError, OSError):
        # macOS, and Linux before 5.3.
        return None


class Ending:
    """A group that was asked to end, with what it has started outside itself; it is ended when its time is up."""

    def __init__(self, group: ProcessGroup, grace: float) -> None:
        """Ask; `grace` is in seconds."""
        from signal import SIGTERM

        self._group = group
        # Now, while their parents can be told.
        self._strays = strays(group.leader)
        self.until: float | None = time.monotonic() + grace
        """When its time is up (monotonic seconds); None once it was ended."""
        self._signal(SIGTERM)

    def _signal(self, number: int) -> None:
        self._group.signal(number)
        for stray in self._strays:
            stray.signal(number)

    def enforce(self) -> None:
        """End what is left."""
        from signal import SIGKILL

        self.until = None
        if not self._group.is_reaped:
            self._strays |= strays(self._group.leader)
        self._signal(SIGKILL)


def end_groups(groups: Sequence[ProcessGroup], grace: float) -> None:
    """Ask groups to end, and end those that have not done so after `grace` seconds."""
    endings = [Ending(group, grace) for group in groups]
    deadline = time.monotonic() + grace
    # Each is asked, so that each is reaped as soon as it can be.
    while not all([group.is_gone() for group in groups]) and time.monotonic() < deadline:  # noqa: C419
        time.sleep(0.002)
    for group, ending in zip(groups, endings, strict=True):
        ending.enforce()
        group.reap()
