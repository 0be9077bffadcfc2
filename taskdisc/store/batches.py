"""Batches: many small results of one family as one row of the index, which costs a fifth of as many rows.

A run that makes thousands of tiny results writes them so, and looks them up so. Whatever else reads or changes results
does that with rows: before, all batches are unfolded into rows, under the same numbers (see `Index.unfold`).
"""

import marshal
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from io import BytesIO
from operator import itemgetter
from typing import Any, NamedTuple

from taskdisc.model import Known
from taskdisc.store.inline import checked, unchecked
from taskdisc.store.rows import Records

LEAST = 64
"""Results that are worth a batch."""
KEY = 32
"""Bytes of a key, and of the digest of a result that has one output."""
NUMBER = itemgetter(1)
"""Of a known result, its number."""
NEAR = 8192
"""Rows of a task of which some are written much later than others, since workers are given so many at once."""
SHORTEST = 64
"""Results that a run has on average, at least, if runs are worth looking for."""
WITHOUT = ("object", "files", "directory", "stdout", "stderr")
"""What the results in a batch do not have."""
PLAIN = 2
"""Version of marshal's format without references, which are slow to look for."""
TIE = b"batch"
"""Ties a checksum to batches, as a key does to a single value."""


class Stretch(NamedTuple):
    """Results next to one another that are written in the same way."""

    start: int
    end: int
    is_batch: bool


class Columns(NamedTuple):
    """What is written of a batch besides its head; results have the same place in each list."""

    payload: list[bytes]
    """First and apart, since it is read for itself."""
    instance: list[str]
    inputs: list[bytes]
    started: list[float]
    seconds: list[float]
    cpu: list[float]
    memory: list[int]


def stretches(records: Records) -> list[Stretch]:
    """Cut results, in their order, into batches and what lies between them."""
    found: list[Stretch] = []
    start, count = 0, len(records.key)
    while start < count:
        end = _end_of_family(records.family, start)
        is_batch = end - start >= LEAST and _are_simple(records, slice(start, end))
        if found and not is_batch and not found[-1].is_batch:
            found[-1] = found[-1]._replace(end=end)
        else:
            found.append(Stretch(start, end, is_batch))
        start = end
    return found


def _end_of_family(families: Sequence[int], start: int) -> int:
    family, end = families[start], start
    if not start and families[-1] == family and families.count(family) == len(families):
        return len(families)
    while end < len(families) and families[end] == family:
        end += 1
    return end


def _are_simple(records: Records, some: slice) -> bool:
    """Say whether these results have one small value each, and nothing beside it."""
    if any(any(getattr(records, name)[some]) for name in WITHOUT):
        return False
    payloads = records.payload[some]
    if None in payloads or list(map(len, payloads)) != list(records.size[some]):  # type: ignore[arg-type]
        return False
    return set(map(len, records.digest[some])) == {KEY}


def packed(records: Records) -> tuple[bytes | None, bytes | None]:
    """Return results as a batch is written: its head, the keys and the digests, and the rest."""
    payload, *others = [list(getattr(records, name)) for name in Columns._fields]
    head = b"".join([*records.key, *records.digest])
    return checked(TIE, head), checked(TIE, marshal.dumps(payload, PLAIN) + marshal.dumps(others, PLAIN))


def columns_of(data: Any, size: int) -> Columns | None:
    """Return the columns of a batch of so many results; None where that is not what was written."""
    plain = unchecked(TIE, data)
    if plain is None:
        return None
    file = BytesIO(plain)
    columns = Columns(marshal.load(file), *marshal.load(file))
    return columns if len(columns.payload) == size else None


def payloads_of(data: Any, size: int) -> list[bytes] | None:
    """Return the stored values of a batch of so many results; None where that is not what was written."""
    plain = unchecked(TIE, data)
    payloads: list[bytes] = [] if plain is None else marshal.loads(plain)  # it ignores what follows
    return payloads if len(payloads) == size else None


def records_of(family: int, size: int, run: int, head: Any, data: Any) -> Records | None:
    """Return the results of a batch as rows have them; None where they are not what was written."""
    columns, pieces = columns_of(data, size), _pieces(head, size)
    if columns is None or not pieces:
        return None
    return Records(
        family=[family] * size,
        key=pieces[:size],
        digest=pieces[size:],
        run=[run] * size,
        size=list(map(len, columns.payload)),
        **{name: [None] * size for name in WITHOUT},  # type: ignore[arg-type]
        **columns._asdict(),
    )


def _pieces(head: Any, size: int) -> list[bytes]:
    """The keys and then the digests; nothing where they are not what was written."""
    joined = unchecked(TIE, head)
    if joined is None or len(joined) != 2 * KEY * size:
        return []
    return [joined[at : at + KEY] for at in range(0, len(joined), KEY)]


# Looking into the batches of an index


class KnownBatches:
    """The results of batches, given as (number of the first, how many, head); what is damaged is missing.

    Few others may be among them.
    """

    def __init__(self, heads: Sequence[tuple[int, int, Any]], others: Sequence[Known] = ()) -> None:
        self._heads = heads
        self._others = others

    def __iter__(self) -> Iterator[Known]:
        return merge(self._others, self._each(), key=NUMBER) if self._others else self._each()

    def _each(self) -> Iterator[Known]:
        for first, size, head in self._heads:
            pieces = _pieces(head, size)
            for number, key, digest in zip(range(first, first + size), pieces[:size], pieces[size:], strict=False):
                yield key, number, digest, None, None

    def fill(self, keys: Sequence[bytes], digests: bytearray, artifacts: "array[int]") -> bool:
        """Note digests and numbers of the results of all rows, whose keys are given; one by one would take far longer.

        They are compared in long runs: what was written together was computed together. Where that does not hold, where
        a key has several results, or not every row has one, nothing is noted, and False returned.
        """
        if any(each[3:] != (None, None) or type(each[2]) is not bytes or len(each[2]) != KEY for each in self._others):
            return False
        joined, most = b"".join(keys), len(keys) // SHORTEST + len(self._others) + 1
        found, numbers = bytearray(len(joined)), array("q", bytes(8 * len(keys)))
        row, ends = 0, deque([0], maxlen=32)
        for first, known, values in self._written():
            place = 0
            while place < len(known):
                most -= 1
                row = _row_of(joined, known[place : place + KEY], row, ends)
                if row < 0 or most < 0:
                    return False
                length = _run(joined, row * KEY, known, place)
                end = row + length // KEY
                if numbers[row:end].count(0) < end - row:
                    return False
                found[row * KEY : row * KEY + length] = values[place : place + length]
                numbers[row:end] = array("q", range(first + place // KEY, first + (place + length) // KEY))
                row, place = end, place + length
                ends.appendleft(end)
        if 0 in numbers:
            return False
        digests[:], artifacts[:] = found, numbers
        return True

    def _written(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield (number of the first, keys, digests) of results that were written together."""
        for key, number, digest, *_ in self._others:
            yield number, key, digest
        for first, size, head in self._heads:
            joined = unchecked(TIE, head)
            if joined is not None and len(joined) == 2 * KEY * size:
                yield first, joined[: KEY * size], joined[KEY * size :]


def _row_of(joined: bytes, key: bytes, row: int, ends: Iterable[int]) -> int:
    """Return the row of a key: where earlier runs ended or not far from the last of them; -1 elsewhere."""
    for end in ends:
        if joined[end * KEY : end * KEY + KEY] == key:
            return end
    place, until = joined.find(key, max(0, row - NEAR) * KEY, (row + NEAR) * KEY), (row + NEAR) * KEY
    while place > 0 and place % KEY:
        place = joined.find(key, place + 1, until)
    return place // KEY


def _run(one: bytes, at: int, other: bytes, place: int) -> int:
    """Return how many bytes, in whole keys, are equal from these places on; the first key is."""
    limit = min(len(one) - at, len(other) - place)
    length = step = KEY
    grows = True
    while length < limit:
        step = min(step, limit - length)
        if one[at + length : at + length + step] == other[place + length : place + length + step]:
            length += step
            step *= 2 if grows else 1
        elif step > KEY:
            grows, step = False, step // KEY // 2 * KEY
        else:
            break
    return length


def stored_in_batches(read: Callable[[str, Sequence[Any]], list[Any]], numbers: Sequence[int]) -> dict[int, Any]:
    """Return the stored values of those results that are in batches, as `Index.stored` does.

    To be asked for before rows are: batches become rows at any moment, but not the reverse.
    """
    before = "coalesce((select max(id) from batch where id <= ?), 0)"
    bounds = (min(numbers), max(numbers)) if numbers else (0, 0)
    places = read(f"select id, size from batch where id >= {before} and id <= ?", bounds)
    wanted = sorted(set(numbers)) if places else []
    found: dict[int, Any] = {}
    for first, size in places:
        some = wanted[bisect_left(wanted, first) : bisect_left(wanted, first + size)]
        for (data,) in read("select data from batch where id=?", (first,)) if some else ():
            payloads = payloads_of(data, size)
            if payloads is None:
                found.update((number, f"damaged value of result {number}") for number in some)
            elif len(some) == size:
                found.update(zip(some, payloads, strict=True))
            else:
                found.update((number, payloads[number - first]) for number in some)
    return found
