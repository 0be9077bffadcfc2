"""The results of batches, noted all at once: as they would be one by one, or not at all."""

from array import array
from random import Random

import pytest

from taskdisc.store.batches import KEY, NEAR, TIE, KnownBatches
from taskdisc.store.inline import checked

ROWS = 3000
KEYS = [b"key %028d" % row for row in range(ROWS)]
DIGESTS = [b"digest %025d" % row for row in range(ROWS)]


def known(batches, others=()):
    """Batches of these rows each, and rows that are written one by one, before them."""
    single = [(KEYS[row], number, DIGESTS[row], None, None) for number, row in enumerate(others, 1)]
    heads, first = [], len(single) + 1
    for rows in batches:
        head = checked(TIE, b"".join([KEYS[row] for row in rows]) + b"".join([DIGESTS[row] for row in rows]))
        heads.append((first, len(rows), head))
        first += len(rows)
    return KnownBatches(heads, single)


def noted(some, keys=KEYS):
    """What `fill` notes; None if it says that it could not, and then has left all as it was."""
    digests, artifacts = bytearray(b"." * KEY * len(keys)), array("q", [-1] * len(keys))
    if some.fill(keys, digests, artifacts):
        return bytes(digests), list(artifacts)
    assert digests == b"." * KEY * len(keys)
    assert artifacts == array("q", [-1] * len(keys))
    return None


def one_by_one(some, keys=KEYS):
    place = {key: row for row, key in enumerate(keys)}
    digests, artifacts = [b""] * len(keys), [0] * len(keys)
    for key, number, digest, _, _ in some:
        digests[place[key]], artifacts[place[key]] = digest, number
    return b"".join(digests), artifacts


def cut(rows, lengths):
    """Cut rows into runs of such lengths."""
    runs, at = [], 0
    while at < len(rows):
        length = next(lengths)
        runs.append(rows[at : at + length])
        at += length
    return runs


@pytest.mark.parametrize("seed", range(20))
def test_runs_in_any_order_are_noted_as_one_by_one(seed):
    random = Random(seed)
    runs = cut(list(range(ROWS)), iter(lambda: random.randint(40, 400), None))
    for _ in range(random.randrange(20)):  # not far from where they belong
        at = random.randrange(len(runs) - 1)
        runs[at], runs[at + 1] = runs[at + 1], runs[at]
    others = runs[0][:5] if seed % 2 else []
    runs[0] = [row for row in runs[0] if row not in others]
    written = cut([row for run in runs for row in run], iter(lambda: random.randint(64, 1000), None))
    some = known(written, others)
    assert noted(some) == one_by_one(some)
    assert [number for _, number, *_ in some] == list(range(1, ROWS + 1))


def test_rows_that_are_all_in_order_are_noted():
    some = known([range(ROWS)])
    assert noted(some) == (b"".join(DIGESTS), list(range(1, ROWS + 1)))


def test_nothing_is_noted_where_runs_are_short():
    rows = list(range(ROWS))
    Random(1).shuffle(rows)
    assert noted(known([rows])) is None


@pytest.mark.parametrize(
    "batches",
    [
        [range(ROWS - 1)],
        [range(1, ROWS)],
        [range(ROWS), range(100)],
        [range(100), range(ROWS)],
        [range(100), range(100), range(200, ROWS)],
        [],
    ],
    ids=["last missing", "first missing", "twice at the end", "twice at the beginning", "twice for another", "none"],
)
def test_nothing_is_noted_where_rows_have_no_result_or_several(batches):
    assert noted(known(batches)) is None


def test_nothing_is_noted_of_results_of_others():
    some = known([range(ROWS)])
    assert noted(some, KEYS[:-100]) is None
    assert noted(some, [*KEYS[:-1], KEYS[0]]) is None


def test_nothing_is_noted_of_damaged_batches_or_odd_rows():
    (head,) = known([range(ROWS)])._heads
    assert noted(KnownBatches([(1, ROWS, head[2][:-1] + b"?")])) is None
    assert noted(KnownBatches([(1, ROWS - 1, head[2])])) is None
    for odd in [("name", None), (None, "[]")]:
        row = (KEYS[0], 1, DIGESTS[0], *odd)
        assert noted(KnownBatches([(2, *known([range(1, ROWS)])._heads[0][1:])], [row])) is None
    assert noted(KnownBatches([(2, *known([range(1, ROWS)])._heads[0][1:])], [(KEYS[0], 1, None, None, None)])) is None


def test_what_is_far_away_is_not_looked_for():
    many = [b"key %028d" % row for row in range(3 * NEAR)]
    head = checked(TIE, b"".join(many[-64:] + many[:-64]) + b"".join(many))
    assert noted(KnownBatches([(1, len(many), head)]), many) is None
