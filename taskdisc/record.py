"""The recorder: keeps what jobs gave until it is durable, and only then lets it be reported."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from taskdisc.interrupts import held_back
from taskdisc.lots import Columns, Lot
from taskdisc.model import JobResult, Outcome, Part, StepEnd
from taskdisc.store.index import Index
from taskdisc.store.rows import FailureRow, Records

if TYPE_CHECKING:
    from taskdisc.plan import Family, Plan
    from taskdisc.storedvalues import Values

MOST = 4000
"""Results in one transaction: more make it no cheaper."""
OLDEST = 0.05
"""Seconds that a result waits for others before it is written."""


KEPT = frozenset({Outcome.SUCCEEDED, Outcome.SKIPPED})
"""Outcomes that need not be found out again while nothing changes."""


class Ended(NamedTuple):
    """A step that has ended, as the run tells the recorder."""

    node: int
    block: int
    row: int
    id: str
    result: JobResult
    attempt: int = 1
    blocked: tuple[str, ...] = ()
    """Printed ids of steps that its failure put out of reach: the first few."""
    blocked_count: int = 0

    def told(self, task: str) -> StepEnd:
        """Return what plugins and the report are told of it."""
        return StepEnd(self.id, task, self.result.outcome, self.result, self.blocked, self.blocked_count, self.attempt)


NODE = itemgetter(Ended._fields.index("node"))


def one_by_one(ended: Iterable[Ended | Lot]) -> Iterator[Ended]:
    """Yield steps that have ended, those of lots too."""
    for each in ended:
        if isinstance(each, Lot):
            for node, row, name, result in zip(each.nodes, each.rows, each.ids, each.results, strict=True):
                yield Ended(node, each.block, row, name, result)
        else:
            yield each


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
    ) -> None:
        self._index = index
        self._plan = plan
        self._values = values
        self._task_of = task_of
        self._texts_of = texts_of
        self._run = run
        self._retried: list[FailureRow] = []
        self._pending: list[Ended | Lot] = []
        self._count = 0
        """How many results are pending."""
        self._quick = 0
        """How many jobs in this process were quick, one after another."""
        self._lots: dict[int, Columns] = {}
        """By block, what is to be written of the lots among them."""
        self._since = 0.0
        self._families: dict[bytes, int] = {}
        self._texts: set[str] = set()
        """Digests of the parts of code whose texts were looked for."""

    def add(self, ended: Sequence[Ended]) -> None:
        """Take steps that have ended; their values serve dependents at once."""
        if not self.pending:
            self._since = time.monotonic()
        self._pending += ended
        self._count += len(ended)
        keep, fresh = self._plan.keep, self._values.fresh
        for node, block, row, _, result, _, _, _ in ended:
            if result.outcome in KEPT:
                parts = result.parts
                keep(block, row, parts[0].digest if len(parts) == 1 else _joined_digests(parts))
                fresh[node] = parts

    def add_lot(self, lot: Lot) -> None:
        """Take a lot; its values serve dependents at once."""
        if not self.pending:
            self._since = time.monotonic()
        self._pending.append(lot)
        self._count += len(lot.nodes)
        self._lots.setdefault(lot.block, Columns()).add(lot)
        self._plan.keep_each(lot.block, lot.rows, [part.digest for part in lot.parts])
        self._plan.hollow.difference_update(lot.nodes)
        self._values.fresh.update(zip(lot.nodes, zip(lot.parts, strict=True), strict=True))

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
        return self._count >= MOST or (self.pending and time.monotonic() - self._since > OLDEST)

    @property
    def is_much(self) -> bool:
        """Say whether more is pending than may wait for a job in this process, however long that takes.

        It is little where such jobs have turned out to be quick, one after another.
        """
        return self._count + len(self._retried) > self._quick // 2

    def paced(self, seconds: float) -> None:
        """Learn how long a job in this process took."""
        self._quick = 0 if seconds > OLDEST else self._quick + 1

    def commit(self) -> list[Ended | Lot]:
        """Make everything durable; return what can now be reported."""
        with held_back():
            return self._commit()

    def _commit(self) -> list[Ended | Lot]:
        pending, self._pending = self._pending, []
        retried, self._retried = self._retried, []
        lots, self._lots = self._lots, {}
        self._count = 0
        if not pending and not retried:
            return []
        single = [each for each in pending if not isinstance(each, Lot)]
        good = [ended for ended in single if ended.result.outcome in KEPT]
        good.sort(key=NODE)  # results of one family next to one another: they make a batch
        bad = [ended for ended in single if ended.result.outcome not in KEPT]
        firsts = {}
        with self._index.transaction():
            first = self._index.add(self._records(good), self._parts(good)) if good else 0
            for block, columns in lots.items():
                firsts[block] = self._index.add(self._records_of_lots(block, columns))
            if bad or retried:
                self._index.add_failures([*retried, *(self._failure(ended) for ended in bad)])
        self._values.written()
        artifacts, keys = self._plan.artifacts, self._plan.keys
        for number, ended in enumerate(good, first):
            artifacts[ended.block][ended.row] = number
            keys.pop(ended.node, None)
        for block, columns in lots.items():
            of_block = artifacts[block]
            for number, row in enumerate(columns.rows, firsts[block]):
                of_block[row] = number
        for each in pending:
            if isinstance(each, Lot):
                for node in each.nodes:
                    keys.pop(node, None)
        return pending

    def _records_of_lots(self, block: int, lots: Columns) -> Records:
        count, rows = len(lots.rows), lots.rows
        self._note_families([block])
        offset, keys = self._plan.expansion.blocks[block].offset, self._plan.keys
        nothing = [None] * count
        digests, payloads, objects, sizes = zip(*lots.parts, strict=True)
        return Records(
            family=[self._families[self._family(block).prefix]] * count,
            instance=_suffixes_of(lots.ids),
            key=[keys[offset + row] for row in rows],
            digest=digests,
            inputs=self._plan.inputs_of(block, rows),
            run=[self._run] * count,
            started=lots.started,
            seconds=lots.seconds,
            cpu=lots.cpu,
            memory=lots.memory,
            size=sizes,
            object=objects,
            files=nothing,
            directory=nothing,
            stdout=nothing,
            stderr=nothing,
            payload=payloads,
        )

    def _records(self, good: list[Ended]) -> Records:
        """The results as columns, which are quicker to make than rows."""
        families, inputs = self._inputs(good)
        results = zip(*[ended.result for ended in good], strict=True)
        _, _, parts, files, directories, started, seconds, cpu, memory, stdouts, stderrs, *_ = results
        keys = self._plan.keys
        single = [each[0] if len(each) == 1 else _joined(each) for each in parts]
        digests, payloads, objects, sizes = zip(*single, strict=True)
        return Records(
            family=families,
            instance=[suffix_of(ended.id) for ended in good],
            key=[keys[ended.node] for ended in good],
            digest=digests,
            inputs=inputs,
            run=[self._run] * len(good),
            started=started,
            seconds=seconds,
            cpu=cpu,
            memory=memory,
            size=sizes,
            object=objects,
            files=[json.dumps(each) if each else None for each in files],
            directory=directories,
            stdout=stdouts,
            stderr=stderrs,
            payload=payloads,
        )

    def _inputs(self, good: list[Ended]) -> tuple[list[int], list[bytes]]:
        """The families of the steps, and the digests of their inputs, which are cheap to have block by block."""
        places: dict[int, list[int]] = {}
        for place, ended in enumerate(good):
            places.setdefault(ended.block, []).append(place)
        families, inputs = [0] * len(good), [b""] * len(good)
        self._note_families(places)
        for block, members in places.items():
            family = self._families[self._family(block).prefix]
            digests = self._plan.inputs_of(block, [good[place].row for place in members])
            for place, digest in zip(members, digests, strict=True):
                families[place] = family
                inputs[place] = digest
        return families, inputs

    @staticmethod
    def _parts(good: list[Ended]) -> dict[int, tuple[Part, ...]]:
        """By place in the batch, the named outputs of a result."""
        return {place: ended.result.parts for place, ended in enumerate(good) if len(ended.result.parts) > 1}

    def _note_families(self, blocks: Iterable[int]) -> None:
        """Learn the numbers of the families of blocks, and write those that are new.

        The texts of new code are kept with them, so that `explain` can show what becomes of it.
        """
        met: dict[bytes, tuple[str, Family]] = {}
        for number in blocks:
            family = self._family(number)
            if family.prefix not in self._families:
                met[family.prefix] = self._long_id(number), family
        if not met:
            return
        known = self._index.families_of([(task, prefix) for prefix, (task, _) in met.items()])
        self._families.update((prefix, n) for prefix, n in zip(met, known, strict=True) if n is not None)
        new = [(task, prefix, family.parts) for prefix, (task, family) in met.items() if prefix not in self._families]
        if new:
            parts = {digest: label for *_, parts in new for label, digest in parts["code"] if digest not in self._texts}
            self._texts.update(parts)
            self._index.keep_part_texts(self._texts_of([(label, digest) for digest, label in parts.items()]))
            first = self._index.add_families(new)
            self._families.update((prefix, n) for n, (_, prefix, _) in enumerate(new, first))

    def _family(self, block: int) -> Family:
        found = self._plan.expansion.blocks[block]
        return self._plan.family(found.task, found.variant)

    def _long_id(self, block: int) -> str:
        return self._plan.graph.tasks[self._task_of(block)].long_id

    def _failure(self, ended: Ended, *, final: bool = True) -> FailureRow:
        result = ended.result
        return FailureRow(
            self._long_id(ended.block),
            suffix_of(ended.id),
            self._plan.keys.get(ended.node, b""),
            result.outcome,
            self._run,
            result.started,
            result.seconds,
            result.stdout,
            result.stderr,
            json.dumps(result.error),
            ended.attempt,
            result.cpu_seconds,
            result.peak_memory,
            final,
        )


def _joined_digests(parts: Sequence[Part]) -> bytes:
    return b"".join([part.digest for part in parts])


def _joined(parts: Sequence[Part]) -> Part:
    """What is kept of several named outputs as if they were one; their values are kept apart."""
    return Part(_joined_digests(parts), None, None, sum(part.size for part in parts))


def _suffixes_of(ids: Sequence[str]) -> list[str]:
    """The same of instances of one task."""
    name = len(ids[0]) - len(suffix_of(ids[0]))
    return [each[name:] for each in ids]


def suffix_of(instance: str) -> str:
    """Return the bracketed coordinates of a printed id, which the index keeps beside the task's long id."""
    bracket = instance.find("[")
    return "" if bracket < 0 else instance[bracket:]
