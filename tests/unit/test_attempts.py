"""Which failures are followed by another attempt, and when."""

from __future__ import annotations

import pytest

from taskdisc.attempts import LONGEST, SPREAD, Attempts, chance, may_help, pause
from taskdisc.model import ErrorText, JobResult, Outcome, TaskOptions


def failed(outcome: str = Outcome.FAILED, kind: str = "", *classes: str, number: int = 0) -> JobResult:
    return JobResult(number, outcome, error=ErrorText(kind, "", None, "", classes=classes))


@pytest.mark.parametrize(
    ("first", "number", "expected"),
    [
        ("2s", 1, 2),
        ("2s", 2, 4),
        ("2s", 5, 32),
        ("0s", 9, 0),
        ("2s", 10_000, LONGEST),
        ("2h", 1, 7200),
        ("2h", 9, 7200),
    ],
)
def test_pauses_double(first: str, number: int, expected: float) -> None:
    assert pause(first, number, 0) == expected
    assert pause(first, number, 1) == expected * (1 + SPREAD)


def test_chance_is_from_0_to_1() -> None:
    drawn = [chance() for _ in range(100)]
    assert 0 <= min(drawn) < 0.5 < max(drawn) <= 1


HTTP = ("requests.exceptions.HTTPError", "requests.exceptions.RequestException", "OSError", "Exception")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("requests.exceptions.HTTPError", True),
        ("requests.HTTPError", True),
        ("requests.RequestException", True),
        ("HTTPError", True),
        ("OSError", True),
        ("Exception", True),
        ("request.HTTPError", False),
        ("exceptions.HTTPError", False),
        ("Error", False),
        ("killed", False),
        ("timeout", False),
    ],
)
def test_names_of_exceptions(name: str, expected: bool) -> None:
    assert may_help((name,), failed(Outcome.FAILED, HTTP[0], *HTTP)) is expected


def test_outcomes_that_are_no_exceptions() -> None:
    killed, slow = failed(Outcome.KILLED, "killed"), failed(Outcome.TIMED_OUT, "timeout")
    assert may_help((), killed)
    assert may_help((), slow)
    assert (may_help(("killed",), killed), may_help(("killed",), slow)) == (True, False)
    assert (may_help(("timeout",), killed), may_help(("timeout",), slow)) == (False, True)


def test_an_input_that_has_changed_is_no_better_the_next_time() -> None:
    assert not may_help((), failed(Outcome.FAILED, "input"))


def test_steps_are_due_in_the_order_of_their_times() -> None:
    delays = {1: "3s", 2: "1s", 3: "2s"}
    attempts = Attempts(lambda node: TaskOptions(retries=1, retry_delay=delays[node]))
    assert attempts.next_due is None
    due = {}
    for node in delays:
        assert attempts.is_followed(failed(number=node))
        due[node] = 100 + attempts.follow(node, 100.0)
        assert attempts.number(node) == 2
        assert not attempts.is_followed(failed(number=node))
    assert attempts.next_due == due[2]
    assert attempts.take_due(due[2] - 0.1) == []
    assert attempts.take_due(due[3]) == [2, 3]
    assert attempts.waiting == [1]
    assert attempts.take_due(200) == [1]
    assert (attempts.waiting, attempts.next_due) == ([], None)
