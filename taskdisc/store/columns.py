"""Many rows at once into a table of the index, given as columns: most of the cost of a row is in its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from sqlite3 import Connection
from typing import Any

from taskdisc.store.inline import checked_each
from taskdisc.store.rows import Records

AT_ONCE = 10
"""Rows that one statement writes; more make it no quicker."""


def insert_records(database: Connection, first: int, records: Records) -> None:
    """Append results, of which the first has this number and the others the next ones."""
    columns: dict[str, Sequence[Any]] = {"id": range(first, first + len(records.key)), **records._asdict()}
    columns["payload"] = checked_each(records.key, records.payload)
    insert_columns(database, "artifact", columns)


def insert_columns(database: Connection, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
    """Append rows to a table; a column without any value is left out, and so null."""
    given = {name: values for name, values in columns.items() if values.count(None) < len(values)}
    rows = list(zip(*given.values(), strict=True))
    head = f"insert into {table} ({', '.join(given)}) values "
    marks = f"({', '.join('?' * len(given))})"
    whole = len(rows) - len(rows) % AT_ONCE
    many = [tuple(chain.from_iterable(rows[start : start + AT_ONCE])) for start in range(0, whole, AT_ONCE)]
    database.executemany(head + ", ".join([marks] * AT_ONCE), many)
    database.executemany(head + marks, rows[whole:])
