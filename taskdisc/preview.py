"""What would become of the steps of a run, without executing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskdisc.model import Decision

if TYPE_CHECKING:
    from taskdisc.run import Run


def previewed(run: Run) -> dict[int, str]:
    """Return a decision (see `Decision`) for every step that is known."""
    decisions: dict[int, str] = {}
    while _decide(run, decisions):
        pass
    if run.growing is not None:
        decisions.update((node, Decision.MAY_RUN) for node in run.growing.waiting() if node not in decisions)
    return decisions


def _decide(run: Run, decisions: dict[int, str]) -> bool:
    """Decide what can be decided; say whether the run has grown thereby."""
    while (taken := run.scheduler.take_undecided()) is not None:
        cached, to_run = run.plan.decide(*taken)
        again: list[int] = []
        if run.plan.hollow:
            cached, to_run, again = run.unkept.previewed(cached, to_run)
        decisions.update(dict.fromkeys(cached, Decision.CACHED))
        decisions.update(dict.fromkeys([*to_run, *again], Decision.RUN))
        run.scheduler.done(run.without_skipped(cached))
        out_of_reach = run.scheduler.failed(to_run, dropping=False)
        decisions.update((node, Decision.MAY_RUN) for node in out_of_reach if not run.is_gather(node))
    decisions.update((node, Decision.SKIPPED) for node in run.plan.without if not run.is_gather(node))
    return run.growing is not None and run.growing.grow()
