"""Lots: which results are taken as columns, and what is kept of them."""

import pytest

from taskdisc.lots import LEAST, Columns, lot_of
from taskdisc.model import JobResult, Outcome, Part
from taskdisc.record import Ended, one_by_one

PART = Part(b"d" * 32, b"payload", None, 7)


def results(count=LEAST, **fields):
    return [JobResult(n, Outcome.SUCCEEDED, (PART,), started=n / 2)._replace(**fields) for n in range(10, 10 + count)]


def in_block_3(nodes):
    return 3, [node - 10 for node in nodes]


def test_many_plain_results_of_a_block_are_a_lot():
    some = results()
    lot = lot_of(some, in_block_3)
    assert lot.block == 3
    assert lot.rows == list(range(LEAST))
    assert lot.nodes == [result.number for result in some]
    assert lot.parts == [PART] * LEAST
    assert list(lot.started) == [result.started for result in some]


@pytest.mark.parametrize(
    "odd",
    [
        {"outcome": Outcome.FAILED},
        {"outcome": Outcome.SKIPPED},
        {"parts": ()},
        {"parts": (PART, PART)},
        {"files": (("f",),)},
        {"directory": "d"},
        {"stdout": "log"},
        {"stderr": "log"},
        {"warnings": ("careful",)},
        {"warned": ("w",)},
        {"number": 11},
    ],
)
def test_one_that_is_not_plain_spoils_it(odd):
    some = results()
    some[-1] = some[-1]._replace(**odd)
    assert lot_of(some, in_block_3) is None


def test_few_are_none_nor_are_those_of_several_blocks():
    assert lot_of(results(LEAST - 1), in_block_3) is None
    assert lot_of([], in_block_3) is None
    assert lot_of(results(), lambda nodes: None) is None


def test_lots_wait_together():
    columns = Columns()
    some = results(2 * LEAST)
    for half in (some[LEAST:], some[:LEAST]):
        lot = lot_of(half, in_block_3)
        lot.ids.extend(str(node) for node in lot.nodes)
        columns.add(lot)
    assert columns.rows == [*range(LEAST, 2 * LEAST), *range(LEAST)]
    assert columns.ids == [str(10 + row) for row in columns.rows]
    assert columns.started == [(10 + row) / 2 for row in columns.rows]
    assert {len(column) for column in vars(columns).values()} == {2 * LEAST}


def test_they_are_told_one_by_one():
    lot = lot_of(results(), in_block_3)
    lot.ids.extend(f"t[i={row}]" for row in lot.rows)
    before = Ended(1, 0, 1, "a", JobResult(1, Outcome.FAILED))
    told = list(one_by_one([before, lot]))
    assert told[0] is before
    assert told[1] == Ended(10, 3, 0, "t[i=0]", lot.results[0])
    assert [ended.node for ended in told[1:]] == lot.nodes
