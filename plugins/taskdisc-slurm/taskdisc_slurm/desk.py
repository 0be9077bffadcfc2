"""Clients of Slurm, run beside the run: what one asks is answered later, and nobody waits for it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from selectors import EVENT_READ, DefaultSelector
from subprocess import DEVNULL, PIPE, Popen
from typing import IO, NamedTuple

LONGEST = 60.0
"""Seconds after which a client is taken to hang."""
AWAY = re.compile(
    r"unable to contact|socket timed out|connection (refused|timed out|reset)|zero bytes were transmitted"
    r"|communication connection failure|standby mode|no route to host|unexpected message received"
    r"|unable to establish|protocol authentication error|munge",
    re.IGNORECASE,
)
"""What clients say when the controller does not answer, or not yet."""
FULL = re.compile(
    r"temporarily unable to accept job|maxsubmit|maxjobcount|maximum.*job.*limit|job submit limit"
    r"|resource temporarily unavailable|rate limit",
    re.IGNORECASE,
)
"""What sbatch says when there is no room for more jobs at the moment."""
TOO_LONG = re.compile(r"invalid job array specification", re.IGNORECASE)
"""What sbatch says of arrays with more elements than it allows."""


class Answer(NamedTuple):
    """What a client said."""

    status: int
    out: str
    said: str
    """On its standard error, without the client's name."""

    @property
    def is_away(self) -> bool:
        """Say whether the controller could not be asked."""
        return self.status != 0 and (self.status < 0 or bool(AWAY.search(self.said)))

    @property
    def is_full(self) -> bool:
        """Say whether there was no room."""
        return self.status != 0 and bool(FULL.search(self.said))

    @property
    def is_too_long(self) -> bool:
        """Say whether an array had too many elements."""
        return self.status != 0 and bool(TOO_LONG.search(self.said))


Then = Callable[[Answer], None]


class Call:
    """A client that runs."""

    def __init__(self, words: Sequence[str], then: Then) -> None:
        """Raises OSError."""
        self.then = then
        self.due = time.monotonic() + LONGEST
        # In a session of its own: Ctrl-C is for the run to decide.
        self.process = Popen(words, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True, env=_environment())
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.out, self.err = bytearray(), bytearray()
        self.open: dict[IO[bytes], bytearray] = {self.process.stdout: self.out, self.process.stderr: self.err}
        for stream in self.open:
            os.set_blocking(stream.fileno(), False)

    def read(self, stream: IO[bytes]) -> bool:
        """Take what there is; say whether that was the end of the stream."""
        data = stream.read()
        self.open[stream] += data or b""
        if FULL.search(self.err.decode("utf-8", "replace")):  # it would wait by itself, for minutes
            self.process.terminate()
        return data == b""

    def answer(self) -> Answer:
        """Return what it said, when it has."""
        status = self.process.wait()
        said = [re.sub(r"^\w+: (error: )?", "", line) for line in self.err.decode("utf-8", "replace").splitlines()]
        return Answer(status, self.out.decode("utf-8", "replace"), "\n".join(said))


class Desk:
    """The clients that run."""

    def __init__(self) -> None:
        self._selector = DefaultSelector()
        self._calls: list[Call] = []

    def fileno(self) -> int:
        """Return what is readable when there is something to `take`."""
        return self._selector.fileno()

    def ask(self, words: Sequence[str], then: Then) -> None:
        """Start a client; `then` is called with its answer, from `take`."""
        try:
            call = Call(words, then)
        except OSError as error:
            then(Answer(127, "", f"{words[0]} cannot be run: {error}"))
            return
        self._calls.append(call)
        for stream in call.open:
            self._selector.register(stream, EVENT_READ, call)

    @property
    def due(self) -> float | None:
        """When the next client has taken too long (monotonic seconds)."""
        return min((call.due for call in self._calls), default=None)

    def take(self, timeout: float = 0.0) -> None:
        """Hand on the answers that are there, or that come within so many seconds."""
        for key, _ in self._selector.select(timeout):
            call: Call = key.data
            stream: IO[bytes] = key.fileobj  # type: ignore[assignment]
            if call.read(stream):
                self._selector.unregister(stream)
                del call.open[stream]
                stream.close()
                if not call.open:
                    self._calls.remove(call)
                    call.then(call.answer())
        now = time.monotonic()
        for call in self._calls:
            if call.due <= now:
                call.process.kill()

    def close(self) -> None:
        """End what still runs; nobody waits for its answer any more."""
        for call in self._calls:
            call.process.kill()
            for stream in call.open:
                stream.close()
            call.process.wait()
        self._calls.clear()
        self._selector.close()


def _environment() -> dict[str, str]:
    """What a client sees: a run inside a job of Slurm must not hand on what that job has."""
    if "SLURM_JOB_ID" not in os.environ:
        return dict(os.environ)
    return {name: text for name, text in os.environ.items() if not name.startswith("SLURM_") or name == "SLURM_CONF"}
