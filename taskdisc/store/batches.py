"""Batches: many small results of one family as one row of the index, which costs a fifth of as many rows.

A run that makes thousands of tiny results writes them so, and looks them up so. Whatever else reads or changes results
does that with rows: before, all batches are unfolded into rows, under the same numbers (see `Index.unfold`).
"""

import marshal
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from taskdisc.model import Known
from taskdisc.store.inline import checked, unchecked
from taskdisc.store.rows import Records

LEAST = 64
"""Results that are worth a batch."""
KEY = 32
"""Bytes of a key, and of the digest of a result that has one output."""
WITHOUT = ("object", "files", "directory", "stdout", "stderr")
"""What the results in a batch do not have."""
TIE = b"batch"
"""Ties a checksum to batches, as a key does to a single value."""


class Stretch(NamedTuple):
    """Results next to one another that are written in the same way."""

    start: int
    end: int
    is_batch: bool


class Batch(NamedTuple):
    """What is written of a batch; results have the same place in each list."""

    keys: bytes
    """All of them, joined."""
    digests: bytes
    instance: list[str]
    inputs: list[bytes]
    started: list[float]
    seconds: list[float]
    cpu: list[float]
    memory: list[int]
    payload: list[bytes]

    def known(self, first: int) -> Iterator[tuple[bytes, int, bytes, None, None]]:
        """Yield the results as `Known` has them; `first` is the number of the first one."""
        pairs = zip(_pieces(self.keys), _pieces(self.digests), strict=True)
        for number, (key, digest) in enumerate(pairs, first):
            yield key, number, digest, None, None

    def records(self, family: int, run: int) -> Records:
        """Return the results as rows have them."""
        count = len(self.payload)
        return Records(
            family=[family] * count,
            key=_pieces(self.keys),
            digest=_pieces(self.digests),
            run=[run] * count,
            size=list(map(len, self.payload)),
            **{name: [None] * count for name in WITHOUT},  # type: ignore[arg-type]
            **{name: getattr(self, name) for name in Batch._fields[2:]},
        )


def _pieces(joined: bytes) -> list[bytes]:
    return [joined[at : at + KEY] for at in range(0, len(joined), KEY)]


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


def packed(records: Records) -> bytes:
    """Return results as a batch is written."""
    columns = [list(getattr(records, name)) for name in Batch._fields[2:]]
    plain = [b"".join(records.key), b"".join(records.digest), *columns]
    return checked(TIE, marshal.dumps(plain, 4)) or b""


def unpacked(data: Any, count: int) -> Batch | None:
    """Return the batch of so many results that was written so; None where it is not what was written."""
    plain = unchecked(TIE, data)
    if plain is None:
        return None
    batch = Batch(*marshal.loads(plain))
    return batch if len(batch.payload) == count else None


# Looking into the batches of an index; `Written` stands for how it has them: number of the first result, how many, data

Written = tuple[int, int, Any]


def batches_in(written: Iterable[Written]) -> Iterator[tuple[int, Batch]]:
    """Yield (number of the first result, batch); what is damaged counts as missing."""
    for first, size, data in written:
        batch = unpacked(data, size)
        if batch is not None:
            yield first, batch


def known_of(written: Iterable[Written]) -> Iterator[Known]:
    """Return the results of these batches."""
    return chain.from_iterable([batch.known(first) for first, batch in batches_in(written)])


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
            batch = unpacked(data, size)
            if batch is None:
                found.update((number, f"damaged value of result {number}") for number in some)
            else:
                found.update((number, batch.payload[number - first]) for number in some)
    return found
