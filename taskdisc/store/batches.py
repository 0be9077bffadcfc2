"""Batches: many small results of one family as one row of the index, which costs a fifth of as many rows.

A run that makes thousands of tiny results writes them so, and looks them up so. Whatever else reads or changes results
does that with rows: before, all batches are unfolded into rows, under the same numbers (see `Index.unfold`).
"""

import marshal
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
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


def known_in(heads: Iterable[tuple[int, int, Any]]) -> Iterator[Known]:
    """Yield the results of batches, given as (number of the first, how many, head); what is damaged is missing."""
    for first, size, head in heads:
        pieces = _pieces(head, size)
        for number, key, digest in zip(
            range(first, first + len(pieces) // 2), pieces[:size], pieces[size:], strict=True
        ):
            yield key, number, digest, None, None


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
