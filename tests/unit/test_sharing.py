"""What a run does with its steps while other runs work on the same store; claims and results are made by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from taskdisc import sharing
from taskdisc.sharing import Sharing

KEYS = {node: bytes([node]) * 32 for node in range(10)}


class Others:
    """Other runs: what they hold and have written, and what this run claims."""

    def __init__(self) -> None:
        self.holding: set[bytes] = set()
        self.written: dict[bytes, tuple[Any, ...]] = {}
        self.in_company = True
        self.kept: list[bytes] = []

    def take(self, keys: Any) -> set[bytes]:
        self.kept += [key for key in keys if key not in self.holding]
        return self.holding & set(keys)

    def held(self, keys: Any) -> set[bytes]:
        return self.holding & set(keys)

    def keep(self, keys: Any) -> None:
        self.kept = list(keys)

    def news(self, seen: int, run: int) -> tuple[dict[bytes, Any], int]:
        return {key: row for key, row in self.written.items() if row[1] > seen}, len(self.written)

    def write(self, node: int) -> None:
        self.written[KEYS[node]] = (KEYS[node], len(self.written) + 1, bytes(32), None, None)


@pytest.fixture
def others() -> Others:
    return Others()


@pytest.fixture
def ours(others: Others, monkeypatch: pytest.MonkeyPatch) -> Sharing:
    monkeypatch.setattr(sharing, "POLL", 0.0)
    plan: Any = SimpleNamespace(keys=KEYS, news={}, seen=0)
    part: Any = others
    return Sharing(part, plan, part, 1)


def test_alone_everything_is_ours(ours: Sharing, others: Others) -> None:
    assert ours.claim([1, 2]) == ([1, 2], [], [])
    assert others.kept == [KEYS[1], KEYS[2]]
    assert ours.ended() == []


def test_what_another_run_holds_is_waited_for(ours: Sharing, others: Others) -> None:
    others.holding = {KEYS[2], KEYS[3]}
    assert ours.claim([1, 2, 3]) == ([1], [2, 3], [])
    assert set(ours.waiting) == {2, 3}
    assert ours.ended() == []
    others.holding = {KEYS[3]}
    assert ours.ended() == [2]
    assert set(ours.waiting) == {3}


def test_what_another_run_has_made_is_not_made_again(ours: Sharing, others: Others) -> None:
    others.write(2)
    assert ours.claim([1, 2, 3]) == ([1, 3], [], [2])
    assert others.kept == [KEYS[1], KEYS[3]]


def test_what_was_learnt_with_other_steps_counts_too(ours: Sharing, others: Others) -> None:
    others.write(2)
    assert ours.claim([1]) == ([1], [], [])
    others.in_company = False
    assert ours.claim([2]) == ([], [], [2])


def test_a_step_that_must_run_all_the_same_runs(ours: Sharing, others: Others) -> None:
    """Such as those that are never cached: they are decided anew once for each result, and then executed."""
    others.write(2)
    assert ours.claim([2]) == ([], [], [2])
    assert ours.claim([2]) == ([2], [], [])
    assert others.kept == [KEYS[2]]


def test_claims_are_given_up_except_for_what_runs(ours: Sharing, others: Others) -> None:
    ours.claim([1, 2, 3])
    ours.release([2])
    assert others.kept == [KEYS[2]]
    ours.claim([4])
    ours.release([2, 4])
    assert others.kept == [KEYS[2], KEYS[4]]
