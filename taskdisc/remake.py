"""Void jobs: an input's stored value was damaged or gone. What made it runs again, and then the job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from taskdisc.model import ErrorText, JobResult, Outcome
from taskdisc.nodes import BLOCKED, DONE, FAILED
from taskdisc.store.index import is_gone
from taskdisc.store.objects import identity, is_name

if TYPE_CHECKING:
    from taskdisc.expand import Expansion
    from taskdisc.schedule import Scheduler
    from taskdisc.storedvalues import Parts, Values

MOST_VOID = 4
"""Attempts of one job that may be void, and nothing found to be made again, before it fails."""


class Verdict(NamedTuple):
    """What becomes of a void job and of the steps whose results it could not use."""

    again: tuple[int, ...] = ()
    """Steps to execute once more."""
    failed: tuple[tuple[int, JobResult], ...] = ()
    """Steps that end so."""


class Judge:
    """Says of void jobs whose result was to blame, and whether making it again can help."""

    def __init__(
        self,
        scheduler: Scheduler,
        expansion: Expansion,
        values: Values,
        id_of: Callable[[int], str],
        was_executed: Callable[[int], bool],
        is_lost: Callable[[str], bool],
    ) -> None:
        """`id_of` names a step, `was_executed` says of one whether this run has made its result.

        `is_lost` says of an object whether it is gone: a job tells of the first that it misses, and others may be, too.
        """
        self._is_lost = is_lost
        self._id_of = id_of
        self._scheduler = scheduler
        self._expansion = expansion
        self._values = values
        self._was_executed = was_executed
        self.remade: dict[int, float] = {}
        """Steps that run again, with the time (monotonic seconds) when their new result was there; 0 until then."""
        self._void: dict[int, int] = {}
        """By step, void attempts for which there was nothing to blame."""

    def succeeded(self, nodes: Iterable[int], now: float) -> None:
        """Note which of the lost results are there again."""
        self.remade.update(dict.fromkeys(self.remade.keys() & set(nodes), now))

    def judge(self, result: JobResult, since: float) -> Verdict:
        """Return what is to be done about a void job that was submitted at `since` (monotonic seconds)."""
        node = result.number
        reasons = {stored: (reason, intact) for stored, reason, intact in result.damaged}
        again, failed = [], []
        for producer in self._to_blame(node, set(reasons), since):
            found = [reasons[name] for name in self._names(producer) if name in reasons]
            reason, intact = found[0] if found else (next(iter(reasons.values()))[0], False)
            if intact and self._was_executed(producer):
                return Verdict(failed=((node, _unusable(result, self._id_of(producer), reason)),))
            if producer in self.remade:
                failed.append((producer, _lost_twice(producer, reason)))
            else:
                again.append(producer)
        self.remade.update(dict.fromkeys(again, 0.0))
        self._values.lasting.update(again)
        for producer in again:
            self._values.fresh.pop(producer, None)
        if not again and not failed:
            self._void[node] = self._void.get(node, 0) + 1
            if self._void[node] >= MOST_VOID:
                reason = "; ".join(reason for reason, _ in reasons.values())
                return Verdict(failed=((node, _unusable(result, "one", reason)),))
        return Verdict(tuple(again), tuple(failed))

    def _to_blame(self, node: int, stored: set[str], since: float) -> Iterator[int]:
        """Yield the inputs that have a value of these names; not those made again since the job was submitted."""
        for producer in dict.fromkeys(self._inputs(node)):
            if self._scheduler.state(producer) != DONE or self.remade.get(producer, since) > since:
                continue
            names = self._names(producer)
            met = stored.intersection(names) or any(map(is_gone, names))  # a job says what it met first
            if met or (producer not in self.remade and self._lacks(producer)):
                yield producer

    def lacks_input(self, node: int) -> bool:
        """Say whether an input of the step will not come."""
        return any(self._scheduler.state(producer) in (FAILED, BLOCKED) for producer in self._inputs(node))

    def _inputs(self, node: int) -> Iterator[int]:
        return self._expansion.inputs(node)

    def _names(self, node: int) -> list[str]:
        return [identity(stored) for stored in self._stored(node)]

    def _lacks(self, node: int) -> bool:
        """Say whether an object of a result is gone, of which no job has told yet."""
        objects = [stored for stored in self._stored(node) if isinstance(stored, str) and is_name(stored)]
        return any(map(self._is_lost, objects))

    def _stored(self, node: int) -> Parts:
        number = self._scheduler.block_of(node)
        row = node - self._scheduler.blocks[number].offset
        return self._values.fetch(number, [row])[row]


def _unusable(result: JobResult, producer: str, reason: str) -> JobResult:
    error = ErrorText(
        "store",
        f"of its inputs, {producer} cannot be used: {reason}",
        None,
        "",
        "Can it be pickled and loaded again? Return plain data, or what is needed to make it again.",
    )
    return result._replace(outcome=Outcome.FAILED, error=error)


def _lost_twice(node: int, reason: str) -> JobResult:
    error = ErrorText(
        "store",
        f"the result was lost twice in a row: {reason}",
        None,
        "",
        "Is the store's disk failing, or does something else delete or change files there?",
    )
    return JobResult(node, Outcome.FAILED, error=error)
