"""The recorder: keeps what jobs gave until it is durable, and only then lets it be reported."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from taskdisc.interrupts import held_back
from taskdisc.model import JobResult, Outcome, StepEnd
from taskdisc.store.index import FailureRow, Index, Record

if TYPE_CHECKING:
    from taskdisc.jobs import Values
    from taskdisc.plan import Plan

MOST = 1000
"""Results in one transaction: more make it no cheaper."""
OLDEST = 0.05
"""Seconds that a result waits for others before it is written."""


class Ended:
    """A step that has ended, as the run tells the recorder."""

    __slots__ = ("block", "blocked", "blocked_count", "id", "node", "result", "row")

    def __init__(self, node: int, block: int, row: int, id: str, result: JobResult) -> None:
        self.node = node
        self.block = block
        self.row = row
        self.id = id
        self.result = result
        self.blocked: tuple[str, ...] = ()
        self.blocked_count = 0


class Recorder:
    """Writes results in transactions of many rows."""

    def __init__(
        self,
        index: Index,
        plan: Plan,
        values: Values,
        task_of: Callable[[int], str],
        texts_of: Callable[[list[tuple[str, str]]], list[tuple[str, str]]],
        run: int,
        attempt_of: Callable[[int], int],
    ) -> None:
        """`attempt_of` gives the number of a step's latest attempt."""
        self._index = index
        self._plan = plan
        self._values = values
        self._task_of = task_of
        self._texts_of = texts_of
        self._run = run
        self._attempt_of = attempt_of
        self._retried: list[FailureRow] = []
        self._pending: list[Ended] = []
        self._since = 0.0
        self._families: dict[str, int] = {}
        self._texts: set[str] = set()
        """Digests of the parts of code whose texts were looked for."""

    def add(self, ended: Ended) -> None:
        """Take a step that has ended; its value serves dependents at once."""
        if not self._pending:
            self._since = time.monotonic()
        self._pending.append(ended)
        parts = ended.result.parts
        if ended.result.outcome == Outcome.SUCCEEDED:
            digest = parts[0].digest if len(parts) == 1 else b"".join([part.digest for part in parts])
            self._plan.keep(ended.block, ended.row, digest)
            self._values.fresh[ended.block, ended.row] = tuple(
                [part.payload if part.payload is not None else part.object or "" for part in parts]
            )

    def add_retried(self, ended: Ended) -> None:
        """Take an attempt that failed and that another will follow."""
        if not self.pending:
            self._since = time.monotonic()
        self._retried.append(self._failure(ended, final=False))

    @property
    def pending(self) -> bool:
        return bool(self._pending or self._retried)

    @property
    def is_due(self) -> bool:
        """Say whether it is time to commit."""
        return len(self._pending) >= MOST or (self.pending and time.monotonic() - self._since > OLDEST)

    def commit(self) -> list[StepEnd]:
        """Make everything durable; return what can now be reported."""
        with held_back():
            return self._commit()

    def _commit(self) -> list[StepEnd]:
        pending, self._pending = self._pending, []
        retried, self._retried = self._retried, []
        if not pending and not retried:
            return []
        good = [ended for ended in pending if ended.result.outcome == Outcome.SUCCEEDED]
        bad = [ended for ended in pending if ended.result.outcome != Outcome.SUCCEEDED]
        with self._index.transaction():
            records = self._records(good)
            first = self._index.add(records)
            if bad or retried:
                self._index.add_failures([*retried, *(self._failure(ended) for ended in bad)])
        for number, ended in enumerate(good, first):
            self._plan.artifacts[ended.block][ended.row] = number
            self._plan.keys.pop(ended.node, None)
            self._values.fresh.pop((ended.block, ended.row), None)
        return [
            StepEnd(e.id, self._task_of(e.block), e.result.outcome, e.result, e.blocked, e.blocked_count)
            for e in pending
        ]

    def _records(self, good: list[Ended]) -> list[Record]:
        """One record a result; inputs are digested block by block, where that is cheap."""
        by_block: dict[int, list[Ended]] = {}
        for ended in good:
            by_block.setdefault(ended.block, []).append(ended)
        records: dict[int, Record] = {}
        for block, members in by_block.items():
            family = self._family(self._task_of(block))
            inputs = self._plan.inputs_of(block, [ended.row for ended in members])
            for ended, digests in zip(members, inputs, strict=True):
                records[ended.node] = self._record(ended, family, digests)
        return [records[ended.node] for ended in good]

    def _family(self, task: str) -> int:
        if task not in self._families:
            self._families[task] = self._known_or_new(task)
        return self._families[task]

    def _known_or_new(self, task: str) -> int:
        """The texts of new code are kept with it, so that `explain` can show what becomes of it."""
        family = self._plan.family(task)
        known = self._index.family(task, family.prefix)
        if known is not None:
            return known
        parts = [(label, digest) for label, digest in family.parts["code"] if digest not in self._texts]
        self._texts.update(digest for _, digest in parts)
        self._index.keep_part_texts(self._texts_of(parts))
        return self._index.add_family(task, family.prefix, family.parts)

    def _record(self, ended: Ended, family: int, inputs: bytes) -> Record:
        result = ended.result
        parts = result.parts
        single = parts[0] if len(parts) == 1 else None
        files: Any = json.dumps(result.files) if result.files else None
        return Record(
            family,
            suffix_of(ended.id),
            self._plan.keys[ended.node],
            single.digest if single else b"".join([part.digest for part in parts]),
            inputs,
            self._run,
            result.started,
            result.seconds,
            result.cpu_seconds,
            result.peak_memory,
            single.size if single else sum(part.size for part in parts),
            single.object if single else None,
            files,
            result.directory,
            result.stdout,
            result.stderr,
            single.payload if single else None,
            () if single else tuple((part.object, part.payload) for part in parts),
        )

    def _failure(self, ended: Ended, *, final: bool = True) -> FailureRow:
        result = ended.result
        return FailureRow(
            self._task_of(ended.block),
            suffix_of(ended.id),
            self._plan.keys.get(ended.node, b""),
            result.outcome,
            self._run,
            result.started,
            result.seconds,
            result.stdout,
            result.stderr,
            json.dumps(result.error),
            self._attempt_of(ended.node),
            result.cpu_seconds,
            result.peak_memory,
            final,
        )


def suffix_of(instance: str) -> str:
    """Return the bracketed coordinates of a printed id, which the index keeps beside the task's long id."""
    bracket = instance.find("[")
    return "" if bracket < 0 else instance[bracket:]
