"""What Slurm says of all arrays at once: asked seldom, and more often only where something has gone wrong."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from taskdisc_slurm.arrays import OVER, Array
from taskdisc_slurm.desk import Answer, Desk
from taskdisc_slurm.states import HOPELESS, QUERY, Row, parse

FIRST = 2.0
"""Seconds between the first two questions, unless there is a reason to hurry."""
SLOWER = 1.5
HURRY = 0.5
"""Seconds between two questions at least."""
PATIENCE = 3.0
"""Seconds without an answer after which people are told."""


class Watcher:
    """Asks about arrays."""

    def __init__(self, desk: Desk, poll: float, warn: Callable[[str], None]) -> None:
        """`poll`: seconds between two questions at most. `warn` tells people something."""
        self.alive: int | None = None
        """How many elements there were at Slurm, at the last answer."""
        self.again: list[Array] = []
        """Arrays of which it is sure now that Slurm has not got them."""
        self._desk = desk
        self._poll = poll
        self._warn = warn
        self._pause = min(FIRST, poll)
        self._asked = 0.0
        self._due: float | None = 0.0
        self._away_since: float | None = None
        self._told = False
        self._hopeless: set[tuple[str, str]] = set()

    @property
    def due(self) -> float | None:
        """When the next question is due (monotonic seconds); None while one is being answered."""
        return self._due

    def hurry(self) -> None:
        """Ask soon."""
        if self._due is not None:
            self._due = min(self._due, self._asked + HURRY)

    def ask(self, arrays: Sequence[Array], now: float) -> None:
        """Ask about arrays, if it is time."""
        if self._due is None or now < self._due:
            return
        self._asked, self._due = now, None
        known = [array for array in arrays if array.job_id is not None or array.unsure]
        self._desk.ask([*QUERY, f"--user={os.getuid()}"], lambda answer: self._take(answer, known))

    def _take(self, answer: Answer, arrays: Sequence[Array]) -> None:
        now = time.monotonic()
        self._due = now + self._pause
        self._pause = min(self._poll, self._pause * SLOWER)
        if answer.status:
            self._not_answered(answer, now)
            return
        self._away_since, self._told = None, False
        rows = parse(answer.out)
        self._find(rows, arrays)
        states = {(row.job_id, row.element): row for row in rows}
        self.alive = 0
        for array in arrays:
            for index, element in array.elements.items():
                row = states.get((array.job_id or "", index))
                element.hear(row.state if row else "", row.reason if row else "", self._asked, now)
            of_array = [row for row in rows if row.job_id == array.job_id and row.state not in OVER]
            self.alive += len(of_array)
            self._look_for_hopeless(of_array)

    def _find(self, rows: Sequence[Row], arrays: Sequence[Array]) -> None:
        """Look for arrays of which nobody knows whether Slurm has got them."""
        unsure = [array for array in arrays if array.unsure]
        if not unsure:
            return
        by_comment = {row.comment: row.job_id for row in rows}
        for array in unsure:
            array.unsure = False
            array.job_id = by_comment.get(array.comment)
            if array.job_id is None and not array.adopted:
                self.again.append(array)

    def _look_for_hopeless(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if (
                row.state == "PENDING"
                and HOPELESS.search(row.reason)
                and (row.job_id, row.reason) not in self._hopeless
            ):
                self._hopeless.add((row.job_id, row.reason))
                self._warn(
                    f"{row.name} waits, perhaps for ever: {row.reason}. Are its flags and resources what its partition "
                    f"allows? `scontrol show job {row.job_id}` has them."
                )

    def _not_answered(self, answer: Answer, now: float) -> None:
        self._away_since = self._away_since or self._asked
        if now - self._away_since > PATIENCE and not self._told:
            self._told = True
            said = answer.said.strip().splitlines()
            self._warn(
                f"the controller does not answer ({said[0] if said else 'squeue hangs'}): this goes on when it does"
            )
