"""The intake of results: most are a value and nothing beside it, and are taken quickly; the others are handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskdisc.lots import lot_of
from taskdisc.model import JobResult, Outcome
from taskdisc.record import Ended, Recorder

if TYPE_CHECKING:
    from taskdisc.run import Run
    from taskdisc.unchanged import Unchanged

new_ended = tuple.__new__
"""Makes an `Ended` of all its fields in a third of the time."""


class Intake:
    """Takes results of jobs that run."""

    def __init__(self, run: Run, recorder: Recorder, unchanged: Unchanged) -> None:
        self.names: dict[int, str] = {}
        """By node, the printed ids of what runs."""
        self._run = run
        self._recorder = recorder
        self._unchanged = unchanged

    def take(self, results: list[JobResult], *, plainly: bool) -> tuple[list[Ended], list[JobResult]]:
        """Return the steps that ended with a value and nothing else, and the other results.

        A lot goes to the recorder and the scheduler at once, and is in neither. Without `plainly`, none are plain.
        """
        plainly = plainly and self._run.allotment is None
        if plainly and self._unchanged.is_trivial and self._take_lot(results):
            return [], []
        results = self._unchanged.checked(self._heard(results))
        return self._take_plain(results) if plainly else ([], results)

    def _heard(self, results: list[JobResult]) -> list[JobResult]:
        """Note what workers say at their end; return the results of jobs."""
        warnings = self._run.warnings
        for result in results:
            if result.outcome == Outcome.CLOSED:
                warnings += [text for text in result.warnings if text not in warnings]
        return [result for result in results if result.outcome != Outcome.CLOSED]

    def _take_lot(self, results: list[JobResult]) -> bool:
        """Take results as a lot, if they are one."""
        running = self._run.running
        lot = lot_of(results, self._run.scheduler.rows_of)
        if lot is None or not running.keys() >= set(lot.nodes):
            return False
        for node in lot.nodes:
            del running[node]
        lot.ids.extend(map(self.names.pop, lot.nodes))
        self._recorder.add_lot(lot)
        self._run.scheduler.done(lot.nodes)
        return True

    def _take_plain(self, results: list[JobResult]) -> tuple[list[Ended], list[JobResult]]:
        pop_running, pop_name = self._run.running.pop, self.names.pop
        scheduler = self._run.scheduler
        ends: list[Ended] = []
        others: list[JobResult] = []
        number = start = end = 0
        for result in results:
            node = result.number
            if result.outcome != Outcome.SUCCEEDED or result.files or result.warned:
                others.append(result)
            elif pop_running(node, None) is not None:
                if not start <= node < end:
                    number = scheduler.block_of(node)
                    start = self._run.offset(number)
                    end = start + scheduler.blocks[number].size
                ends.append(new_ended(Ended, (node, number, node - start, pop_name(node), result, 1, (), 0)))
        return ends, others
