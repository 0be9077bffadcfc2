"""Unfolding: batches become rows, one a result, for whatever reads or changes single results."""

from __future__ import annotations

from sqlite3 import Connection

from taskdisc.store.batches import records_of
from taskdisc.store.columns import insert_records


def unfold(database: Connection, *, temporarily: bool) -> int:
    """Put rows in the place of all batches, in the transaction that is open or in one of its own.

    Return how many results were lost, since their batch is damaged. `temporarily`: for this connection alone, where
    the index cannot be written.
    """
    if database.in_transaction:
        return _unfold(database)
    database.execute("begin" if temporarily else "begin immediate")
    try:
        if temporarily:  # a temporary table goes before one of the same name
            for table in ("artifact", "batch"):
                database.execute(f"create temp table {table} as select * from main.{table}")
        lost = _unfold(database)
        database.execute("commit")
        return lost
    except BaseException:
        if database.in_transaction:  # a full disk has ended it already
            database.execute("rollback")
        raise


def _unfold(database: Connection) -> int:
    lost = 0
    for (first,) in database.execute("select id from batch order by id").fetchall():
        sql = "select family, size, run, head, data from batch where id=?"
        written = database.execute(sql, (first,)).fetchone()
        records = records_of(*written)
        if records is not None:
            insert_records(database, first, records)
        else:
            lost += written[1]
            _take_number(database, first + written[1] - 1)
        database.execute("delete from batch where id=?", (first,))
    return lost


def _take_number(database: Connection, number: int) -> None:
    """Have a row without a value stand for results that are lost: no number is given twice."""
    database.execute("insert or ignore into family values (0, '', x'', '{}')")
    database.execute(
        "insert into artifact (id, family, instance, key, digest, inputs, run, started, seconds, cpu, memory, size) "
        "values (?, 0, '', x'', x'', x'', 0, 0, 0, 0, 0, 0)",
        (number,),
    )
