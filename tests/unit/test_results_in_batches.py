"""Many small results in one row of the index: found, read and changed as rows are."""

import os
import sqlite3
from pathlib import Path

import pytest

from taskdisc.store.batches import LEAST, columns_of, packed, records_of, stretches
from taskdisc.store.durations import mean_seconds
from taskdisc.store.index import Index
from taskdisc.store.rows import Records, ResultRow

COUNT = LEAST + 10


def records(families, **columns):
    """Results of these families, one each; `columns` replaces what tiny jobs have."""
    count = len(families)
    usual = {
        "family": families,
        "instance": [f"[i={i}]" for i in range(count)],
        "key": [b"%032d" % i for i in range(count)],
        "digest": [b"%032d" % -i for i in range(count)],
        "inputs": [b""] * count,
        "run": [3] * count,
        "started": [1.5 + i for i in range(count)],
        "seconds": [0.25] * (count // 2) + [0.75] * (count - count // 2),
        "cpu": [0.125] * count,
        "memory": [4096] * count,
        "size": [len(b"value %d" % i) for i in range(count)],
        "payload": [b"value %d" % i for i in range(count)],
    }
    absent = {name: [None] * count for name in Records._fields if name not in usual}
    return Records(**{**usual, **absent, **columns})


@pytest.fixture
def index(tmp_path: Path):
    opened = Index(str(tmp_path / "index.sqlite"))
    yield opened
    opened.close()


def added(index, some):
    with index.transaction():
        return index.add(some)


def batches(index):
    return [size for (size,) in index.read_folded("select size from batch order by id")]


def damage_batches(index):
    with index.transaction():
        index.write("update batch set head = zeroblob(length(head)), data = zeroblob(length(data))")


@pytest.mark.parametrize(
    ("families", "columns", "expected"),
    [
        ([1] * COUNT, {}, [(0, COUNT, True)]),
        ([1] * (LEAST - 1), {}, [(0, LEAST - 1, False)]),
        ([1, 2] * COUNT, {}, [(0, 2 * COUNT, False)]),
        ([1] * 80 + [2, 3] + [4] * 70, {}, [(0, 80, True), (80, 82, False), (82, 152, True)]),
        ([1] * COUNT, {"stdout": [None] * (COUNT - 1) + ["log"]}, [(0, COUNT, False)]),
        ([1] * COUNT, {"payload": [None] + [b"value"] * (COUNT - 1)}, [(0, COUNT, False)]),
        ([1] * COUNT, {"digest": [b"x" * 64] * COUNT}, [(0, COUNT, False)]),
        ([1] * COUNT, {"size": [1] * COUNT}, [(0, COUNT, False)]),
        ([], {}, []),
    ],
)  # fmt: skip
def test_what_becomes_a_batch(families, columns, expected):
    assert stretches(records(families, **columns)) == expected


def test_a_batch_holds_all_that_rows_hold():
    some = records([7] * COUNT)
    assert records_of(7, COUNT, 3, *packed(some)) == some
    assert records_of(7, COUNT + 1, 3, *packed(some)) is None


@pytest.mark.parametrize("place", [0, 10, -1])
def test_a_damaged_batch_is_none(place):
    head, data = map(bytearray, packed(records([1] * COUNT)))
    data[place] ^= 1
    assert columns_of(bytes(data), COUNT) is None
    assert records_of(1, COUNT, 3, bytes(head), bytes(data)) is None
    data[place] ^= 1
    head[place] ^= 1
    assert records_of(1, COUNT, 3, bytes(head), bytes(data)) is None


def everything(index, numbers):
    """What a run asks an index for."""
    return {
        "known": list(index.known(1)),
        "news": index.news(1, 4),
        "own": index.news(1, 3)[0],
        "stored": index.stored(numbers),
        "next": index.next_artifact(),
        "mean": mean_seconds(index, "task"),
    }


def test_batches_are_found_and_read_as_rows_are(index):
    with index.transaction():
        index.add_family("task", b"prefix", {})
    first = added(index, records([1]))
    assert added(index, records([1] * COUNT)) == first + 1
    added(index, records([1] * 2, run=[5, 5]))
    assert batches(index) == [COUNT]
    numbers = [2, 1, COUNT, COUNT + 3, 1000]
    folded = everything(index, numbers)
    assert len(folded["known"]) == COUNT + 3
    assert folded["stored"] == {1: b"value 0", 2: b"value 0", COUNT: b"value %d" % (COUNT - 2), COUNT + 3: b"value 1"}
    index.unfold()
    assert batches(index) == []
    assert everything(index, numbers) == folded
    assert index.lost == 0


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a transaction"])
def test_what_asks_for_single_results_makes_rows_of_them(index, inside):
    added(index, records([1] * COUNT))
    expected = ResultRow(5, 1, "[i=4]", b"%032d" % 4, b"%032d" % -4, b"", 3, 5.5, 0.25, 0.125, 4096, 7, *[None] * 5)
    if inside:
        with index.transaction():
            assert index.result(5) == expected
    else:
        assert index.result(5) == expected
    assert index.read("select count(*) from artifact") == [(COUNT,)]


def test_damaged_batches_are_lost_and_their_numbers_stay_taken(index):
    added(index, records([1] * COUNT))
    following = index.next_artifact()
    damage_batches(index)
    assert list(index.known(1)) == []
    assert index.stored([3]) == {3: "damaged value of result 3"}
    assert mean_seconds(index, "task") is None
    index.unfold()
    assert index.lost == COUNT
    assert index.next_artifact() == following
    assert list(index.known(1)) == []


def test_an_index_that_can_only_be_read_is_unfolded_for_the_reader_alone(tmp_path, monkeypatch):
    path = tmp_path / "index.sqlite"
    writer = Index(str(path))
    added(writer, records([1] * COUNT))
    writer.close()
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    reader = Index(str(path))
    assert reader.is_readonly
    assert reader.result(COUNT).instance == f"[i={COUNT - 1}]"
    assert len(list(reader.known(1))) == COUNT
    reader.close()
    database = sqlite3.connect(path)
    assert database.execute("select count(*) from artifact").fetchone() == (0,)
    assert database.execute("select size from batch").fetchall() == [(COUNT,)]
    database.close()
