"""Terminals for tests: a bare one, of which the bytes are seen, and one under tmux, of which the screen is seen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from taskdisc.testing import LAUNCHER

PATIENCE = 60.0
"""Seconds until what does not come counts as missing."""
CONTROL = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
"""Takes the terminal for its own, and becomes the command."""
COMMAND = [sys.executable, "-c", LAUNCHER]


def environment(**more: str) -> dict[str, str]:
    """Return variables as somebody has them who sits at a terminal."""
    unwanted = ("CI", "NO_COLOR", "FORCE_COLOR", "TMUX", "PYTHONBREAKPOINT")
    kept = {name: text for name, text in os.environ.items() if name not in unwanted and not name.startswith("TASKDISC")}
    return {**kept, "TERM": "xterm", "LC_ALL": "C.UTF-8", "NO_COLOR": "1", **more}


class Pty:
    """A command on a terminal of its own, which it controls."""

    def __init__(self, folder: Path, *arguments: str, stdout: int | None = None, **variables: str) -> None:
        """`stdout`: where standard output goes instead."""
        self.seen = ""
        self._place = 0
        self._terminal, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-c", CONTROL, *COMMAND, *arguments],
            cwd=folder,
            env=environment(**variables),
            stdin=theirs,
            stdout=theirs if stdout is None else stdout,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self._terminal, text.encode())

    def expect(self, pattern: str) -> str:
        """Wait until the pattern was seen, after what was expected before; return what was seen up to its end."""
        return self._until(lambda: re.search(pattern, self.seen[self._place :]), pattern)

    def _until(self, found, what: str) -> str:
        deadline = time.monotonic() + PATIENCE
        while (match := found()) is None:
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"{what!r} did not come; this did:\n{self.seen}")
        start, self._place = self._place, self._place + match.end()
        return self.seen[start : self._place]

    def _read(self, timeout: float) -> bool:
        if timeout <= 0 or not select.select([self._terminal], [], [], timeout)[0]:
            return False
        try:
            data = os.read(self._terminal, 65536)
        except OSError:  # how Linux says that nobody has the other end open any more
            return False
        self.seen += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)

    def rests(self) -> None:
        """Wait until the command waits, as it does after a prompt: Python loses a Ctrl-C that comes between the two."""
        while Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
            time.sleep(0.005)

    def end(self) -> int:
        """Wait for the end; return the exit code."""
        while self._read(PATIENCE):
            pass
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        """End whatever is left."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._terminal)


@contextmanager
def on_pty(folder: Path, *arguments: str, stdout: int | None = None, **variables: str) -> Iterator[Pty]:
    """Run a command of taskdisc on a terminal."""
    terminal = Pty(folder, *arguments, stdout=stdout, **variables)
    try:
        yield terminal
    finally:
        terminal.close()


MASKS = (
    (r"\d+:\d\d(:\d\d)?", "M:SS"),
    (r"\d+(\.\d+)? s\b", "N s"),
    (r"\d[\d,.]*/(s|min)\b", "R/s"),
)
"""What depends on the clock, and what stands for it in expected frames."""


def masked(frame: str, *more: tuple[str, str]) -> str:
    """Return a frame in which nothing depends on the clock: which of two jobs began first does, too."""
    for pattern, name in (*MASKS, *more):
        frame = re.sub(pattern, name, frame)
    lines, running = [], []
    for line in [*frame.splitlines(), ""]:
        if line.startswith("  "):
            running.append(line)
        else:
            lines += [*sorted(running), line]
            running = []
    return "\n".join(lines).rstrip("\n")


class Screen:
    """A command on a screen of 80 columns and 24 rows."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._home = tempfile.mkdtemp(prefix="screen-", dir="/tmp")  # a socket's path must be short
        command = f"{shlex.join([*COMMAND, *arguments])}; echo exit code $?; exec cat"
        self._tmux("new-session", "-d", "-x", "80", "-y", "24", "-c", str(folder), command)

    def _tmux(self, *arguments: str) -> str:
        variables = environment()
        del variables["TERM"]
        words = ["tmux", "-u", "-S", f"{self._home}/socket", "-f", "/dev/null", *arguments]
        return subprocess.run(words, env=variables, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout

    def resize(self, columns: int, rows: int) -> None:
        """Change the size, just after something was drawn: tmux breaks the lines of a frame that is on its way anew."""
        before, deadline = self.frame(), time.monotonic() + PATIENCE
        while self.frame() == before:
            assert time.monotonic() < deadline, f"nothing moves:\n{before}"
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def type(self, *keys: str) -> None:
        """Press keys, by the names that tmux has for them."""
        self._tmux("send-keys", *keys)

    def frame(self) -> str:
        """Return what is on the screen, without blanks at the ends."""
        lines = [line.rstrip() for line in self._tmux("capture-pane", "-p").splitlines()]
        return "\n".join(lines).rstrip("\n")

    def shows(self, expected: str, *masks: tuple[str, str]) -> None:
        """Wait for a frame, masked. Raises AssertionError with the frame that is there instead."""
        from textwrap import dedent

        wanted = dedent(expected).strip("\n")
        deadline = time.monotonic() + PATIENCE
        while (seen := masked(self.frame(), *masks)) != wanted:
            assert time.monotonic() < deadline, f"expected:\n{wanted}\n\nseen:\n{seen}"
            time.sleep(0.02)

    def close(self) -> None:
        """End the command and the screen."""
        self._tmux("kill-server")
        shutil.rmtree(self._home)


@contextmanager
def on_screen(folder: Path, *arguments: str) -> Iterator[Screen]:
    """Run a command of taskdisc on a screen."""
    screen = Screen(folder, *arguments)
    try:
        yield screen
    finally:
        screen.close()
