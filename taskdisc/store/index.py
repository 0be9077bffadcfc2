"""The index: an SQLite database of every kept result, of failures, runs, and what spares reading files again.

Results are grouped into families: a family is a task with one code fingerprint, version and settings, that is, all
that its instances' keys have in common. Rows are only ever appended, so writing is sequential, and looking up a whole
task reads just the rows that may count. Only a run's main process writes; a transaction holds many rows, and is on
disk when it ends (write-ahead log, synchronous=FULL).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from heapq import merge
from sqlite3 import Connection
from typing import Any

from taskdisc.model import DROPPED, Known, Part
from taskdisc.store.batches import NUMBER, KnownBatches, packed, stored_in_batches, stretches
from taskdisc.store.columns import insert_records
from taskdisc.store.database import open_database, refuse_newer, told, unusable
from taskdisc.store.inline import checked, checked_each, unchecked, unchecked_each
from taskdisc.store.rows import FAILURE_COLUMNS, RESULT_COLUMNS, FailureRow, FamilyRow, Records, ResultRow

SCHEMA = 5
FEW = 10_000
"""Results that need not be streamed."""

TABLES = """
create table family (id integer primary key, task text not null, prefix blob not null, parts text not null,
    unique (task, prefix));
create table artifact (id integer primary key, family integer not null, instance text not null, key blob not null,
    digest blob not null, inputs blob not null, run integer not null, started real not null, seconds real not null,
    cpu real not null, memory integer not null, size integer not null, object text, files text, directory text,
    stdout text, stderr text, payload blob);
create index artifact_of_family on artifact (family);
create table batch (id integer primary key, family integer not null, size integer not null, run integer not null,
    head blob not null, data blob not null);
create index batch_of_family on batch (family);
create table part (artifact integer not null, number integer not null, object text, payload blob,
    primary key (artifact, number)) without rowid;
create table failure (id integer primary key, task text not null, instance text not null, key blob not null,
    outcome text not null, run integer not null, started real not null, seconds real not null,
    stdout text, stderr text, error text not null, attempt integer not null, cpu real not null,
    memory integer not null, final integer not null);
create index failure_of_task on failure (task);
create table run (id integer primary key, started real not null, seconds real, command text not null, counts text);
create table file_stamp (path text primary key, stamp text not null, digest text not null) without rowid;
create table source (digest text primary key, summary blob not null) without rowid;
create table part_text (digest text primary key, text text not null) without rowid;
"""


class Index:
    """The open index. Every method may raise StoreError, which says what to do."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.refused: set[int] = set()
        """Results whose values proved to be damaged: they count as missing."""
        self.lost = 0
        """Results that were lost since the index is damaged where they stood."""
        self._db, self.is_readonly = open_database(path, SCHEMA, _make_tables)
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        (version,) = self._one("pragma user_version")
        refuse_newer(self.path, version, SCHEMA)
        if 0 < version < SCHEMA:
            raise unusable(self.path, f"was written by an older taskdisc (schema {version})", "old")
        if version == SCHEMA:
            return
        with self.transaction():
            if self._db.execute("pragma user_version").fetchone()[0] == SCHEMA:
                return  # another run was faster
            _make_tables(self._db)

    def _told(self) -> AbstractContextManager[None]:
        return told(self.path)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside is on disk at the end, or nothing of it."""
        with self._told():
            self._db.execute("begin immediate")
            try:
                yield
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:  # a full disk has ended it already
                    self._db.execute("rollback")
                raise

    def close(self) -> None:
        """Close the database; what is in the write-ahead log is folded in."""
        with self._told():
            self._db.close()

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        self._unfold_for(statement)
        with self._told():
            yield from self._db.execute(statement, values)

    def _one(self, statement: str, values: Sequence[Any] = ()) -> Any:
        self._unfold_for(statement)
        with self._told():
            return self._db.execute(statement, values).fetchone()

    def read(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of a query, also of other modules of the store."""
        self._unfold_for(statement)
        return self.read_folded(statement, values)

    def read_folded(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of a query as they are: results that are in batches are not among them."""
        with self._told():
            return self._db.execute(statement, values).fetchall()

    def write(self, statement: str, rows: Iterable[Sequence[Any]] = ((),)) -> int:
        """Do a change for each row of values, inside a transaction; return how many rows it changed."""
        self._unfold_for(statement)
        with self._told():
            return self._db.executemany(statement, rows).rowcount

    def _unfold_for(self, statement: str) -> None:
        if "artifact" in statement:
            self.unfold()

    def unfold(self) -> None:
        """Make rows of all results that are in batches, and count in `lost` those that cannot be read."""
        if self.read_folded("select 1 from batch limit 1"):
            from taskdisc.store.unfolding import unfold

            with self._told():
                self.lost += unfold(self._db, temporarily=self.is_readonly)

    # Families

    def family(self, task: str, prefix: bytes) -> int | None:
        """Return the family's number, or None."""
        return self.families_of([(task, prefix)])[0]

    def families_of(self, pairs: Iterable[tuple[str, bytes]]) -> list[int | None]:
        """Return the number of the family of each (task, prefix), or None."""
        with self._told():
            execute = self._db.execute
            rows = [execute("select id from family where task=? and prefix=?", pair).fetchone() for pair in pairs]
        return [None if row is None else int(row[0]) for row in rows]

    def add_family(self, task: str, prefix: bytes, parts: dict[str, Any]) -> int:
        """Return the family's number, and write it if it is new; inside a transaction."""
        known = self.family(task, prefix)
        return self.add_families([(task, prefix, parts)]) if known is None else known

    def add_families(self, families: Sequence[tuple[str, bytes, dict[str, Any]]]) -> int:
        """Write new families, inside a transaction; return the first one's number, the others follow."""
        with self._told():
            (first,) = self._db.execute("select coalesce(max(id), 0) + 1 from family").fetchone()
            rows = [(n, task, prefix, dumps(parts)) for n, (task, prefix, parts) in enumerate(families, first)]
            self._db.executemany("insert into family values (?, ?, ?, ?)", rows)
        return int(first)

    def families(self, task: str | None = None) -> list[FamilyRow]:
        """Return the families of a task, or of all, oldest first."""
        where, values = ("", ()) if task is None else (" where task=?", (task,))
        rows = self.read(f"select id, task, prefix, parts from family{where} order by id", values)
        try:
            return [FamilyRow(number, name, prefix, loads(parts)) for number, name, prefix, parts in rows]
        except ValueError as error:
            raise unusable(self.path, f"is damaged ({error})") from None

    # Results

    def known(self, family: int) -> Iterable[Known]:
        """Return what the family has, oldest first; it may be a million rows, so they stay plain and are streamed."""
        batches = self.read_folded("select id, size, head from batch where family=? order by id", (family,))
        sql = "select key, id, digest, object, files from artifact where family=?"
        if not batches:
            return self._streamed(sql, (family,))
        few = self.read_folded(f"{sql} order by id limit {FEW + 1}", (family,))
        if len(few) <= FEW:
            return KnownBatches(batches, few)
        return merge(self._streamed(sql, (family,)), KnownBatches(batches), key=NUMBER)

    def _streamed(self, statement: str, values: Sequence[Any]) -> Iterator[Any]:
        with self._told():
            yield from self._db.execute(statement, values)

    def news(self, seen: int, run: int) -> tuple[dict[bytes, Known], int]:
        """Return what other runs than `run` wrote after the result of number `seen`, by key, and the newest number."""
        newest = self.next_artifact() - 1
        if newest <= seen:
            return {}, newest
        between = (seen, newest, run)
        batches = self.read_folded("select id, size, head from batch where id > ? and id <= ? and run <> ?", between)
        rows = self.read_folded(
            "select key, id, digest, object, files from artifact where id > ? and id <= ? and run <> ? and family <> 0",
            between,
        )
        return {row[0]: row for row in sorted([*rows, *KnownBatches(batches)], key=NUMBER)}, newest

    def next_artifact(self) -> int:
        """Return the number that the next result gets, if nobody else writes."""
        batch = "coalesce((select id + size from batch order by id desc limit 1), 1)"
        ((number,),) = self.read_folded(f"select max(coalesce((select max(id) + 1 from artifact), 1), {batch})")
        return int(number)

    def add(self, records: Records, parts: Mapping[int, Sequence[Part]] = {}) -> int:
        """Write results, inside a transaction; return the first one's number, the others follow.

        `parts`: the named outputs of those that have some, by place.
        """
        first = self.next_artifact()
        with self._told():
            for start, end, is_batch in stretches(records):
                some = records.between(start, end)
                if is_batch:
                    row = (first + start, some.family[0], end - start, some.run[0], *packed(some))
                    self._db.execute("insert into batch values (?, ?, ?, ?, ?, ?)", row)
                else:
                    insert_records(self._db, first + start, some)
            if parts:
                self._db.executemany("insert into part values (?, ?, ?, ?)", _part_rows(first, records.key, parts))
        return first

    def stored(self, artifacts: Sequence[int]) -> dict[int, Any]:
        """Return each result's stored value (bytes, or the object's name), without named outputs.

        A damaged value is given as the name of an object that cannot be.
        """
        found = stored_in_batches(self.read_folded, artifacts)
        left = [number for number in artifacts if number not in found] if found else artifacts
        for start in range(0, len(left), 500):
            some = left[start : start + 500]
            marks = ",".join("?" * len(some))
            rows = self.read_folded(f"select id, key, payload, object from artifact where id in ({marks})", some)
            found.update(_stored_each(rows))
        return found

    def stored_parts(self, artifact: int) -> tuple[Any, ...]:
        """Return the stored values of a result's named outputs, in order; none where one of them is not there."""
        rows = self.read(
            "select a.key, p.payload, p.object, p.number from part p join artifact a on a.id = p.artifact "
            "where p.artifact=? order by p.number",
            (artifact,),
        )
        if [row[-1] for row in rows] != list(range(len(rows))):  # the database has no checksums
            return ()
        return tuple(_stored(artifact, *row[:-1]) for row in rows)

    def part_objects(self, family: int) -> dict[int, list[str]]:
        """Return the objects that the named outputs of a family's results are kept in, by result."""
        found: dict[int, list[str]] = {}
        for number, name in self._rows(
            "select p.artifact, p.object from part p join artifact a on a.id = p.artifact "
            "where a.family=? and p.object is not null",
            (family,),
        ):
            found.setdefault(number, []).append(name)
        return found

    def made_before(self, task: str, limit: float) -> set[int]:
        """Return the numbers of a task's results that were made before this time (seconds since the epoch)."""
        rows = self._rows(
            "select id from artifact where family in (select id from family where task=?) and started + seconds < ?",
            (task, limit),
        )
        return {number for (number,) in rows}

    def result(self, artifact: int) -> ResultRow:
        """Return a result's metadata."""
        return ResultRow(*self._one(f"select {RESULT_COLUMNS} from artifact where id=?", (artifact,)))

    def run_of(self, artifact: int) -> int:
        """Return the number of the run that made a result, 0 where it is gone."""
        row = self._one("select run from artifact where id=?", (artifact,))
        return 0 if row is None else int(row[0])

    def family_of(self, artifact: int) -> int:
        """Return the number of the family that a result belongs to, 0 where it is gone."""
        row = self._one("select family from artifact where id=?", (artifact,))
        return 0 if row is None else int(row[0])

    def known_with_instance(self, family: int) -> Iterator[tuple[Known, str]]:
        """Yield what the family has, oldest first, with the printed coordinates of the instance that made it."""
        sql = "select key, id, digest, object, files, instance from artifact where family=? order by id"
        for *known, instance in self._rows(sql, (family,)):
            yield tuple(known), instance

    def is_kept(self, artifact: int) -> bool:
        """Say whether a result is there, and not forgotten."""
        return self._one("select 1 from artifact where id=? and family != 0", (artifact,)) is not None

    def results(self, task: str, instance: str | None = None) -> list[ResultRow]:
        """Return the results of a task, or of one instance (by its printed coordinates), newest first."""
        narrow, values = ("", (task,)) if instance is None else (" and instance=?", (task, instance))
        rows = self._rows(
            f"select {RESULT_COLUMNS} from artifact "
            f"where family in (select id from family where task=?){narrow} order by id desc",
            values,
        )
        return [ResultRow(*row) for row in rows]

    def objects_in_use(self) -> set[str]:
        """Return the names of all objects that results refer to."""
        rows = self._rows(
            "select object from artifact where object is not null "
            "union select object from part where object is not null"
        )
        names = {name for (name,) in rows if name != DROPPED}
        for (files,) in self._rows("select files from artifact where files is not null"):
            names.update(objects_of(files))
        return names

    # Failures and runs

    def add_failures(self, failures: Iterable[FailureRow]) -> None:
        """Write failures, inside a transaction."""
        with self._told():
            self._db.executemany(
                f"insert into failure ({FAILURE_COLUMNS}) values ({', '.join('?' * len(FailureRow._fields))})",
                list(failures),
            )

    def failures(self, task: str) -> list[FailureRow]:
        """Return a task's failures, newest first, without attempts that were followed by others."""
        return self._failures("task=? and final=1 order by id desc", (task,))

    def failed_attempts(self, task: str) -> list[FailureRow]:
        """Return the attempts of a task that were followed by others in the same run, in their order."""
        return self._failures("task=? and final=0 order by id", (task,))

    def _failures(self, condition: str, values: Sequence[Any]) -> list[FailureRow]:
        return [FailureRow(*r) for r in self._rows(f"select {FAILURE_COLUMNS} from failure where {condition}", values)]

    def start_run(self, started: float, command: str, least: int = 1) -> int:
        """Write that a run has begun, and return its number: the next one, and `least` at least."""
        with self.transaction():
            cursor = self._db.execute(
                "insert into run (id, started, command) select max(coalesce(max(id), 0) + 1, ?), ?, ? from run",
                (least, started, command),
            )
            return int(cursor.lastrowid or 0)

    def end_run(self, run: int, seconds: float, counts: dict[str, int]) -> None:
        """Write how a run has ended."""
        with self.transaction():
            self._db.execute("update run set seconds=?, counts=? where id=?", (seconds, dumps(counts), run))

    # What spares reading files again

    def file_stamp(self, path: str) -> tuple[str, str] | None:
        """Return (stamp, digest) of an input file as it was last read."""
        row = self._one("select stamp, digest from file_stamp where path=?", (path,))
        return None if row is None else (row[0], row[1])

    def keep_file_stamps(self, stamps: dict[str, tuple[str, str]]) -> None:
        """Remember stamps and digests of input files."""
        with self.transaction():
            self._db.executemany(
                "insert or replace into file_stamp values (?, ?, ?)", [(path, *pair) for path, pair in stamps.items()]
            )

    def part_text(self, digest: str) -> str | None:
        """Return the text of a part of some code, if it was kept."""
        row = self._one("select text from part_text where digest=?", (digest,))
        return None if row is None else str(row[0])

    def keep_part_texts(self, texts: Iterable[tuple[str, str]]) -> None:
        """Remember (digest, text) of parts of code, inside a transaction."""
        with self._told():
            self._db.executemany("insert or ignore into part_text values (?, ?)", texts)

    def source(self, digest: str) -> bytes | None:
        """Return the kept summary of a module's text."""
        row = self._one("select summary from source where digest=?", (digest,))
        return None if row is None else unchecked(digest.encode(), row[0])

    def keep_sources(self, summaries: dict[str, bytes]) -> None:
        """Remember summaries of modules' texts."""
        with self.transaction():
            self._db.executemany(
                "insert or replace into source values (?, ?)",
                [(digest, checked(digest.encode(), summary)) for digest, summary in summaries.items()],
            )


def _part_rows(first: int, keys: Sequence[bytes], parts: Mapping[int, Sequence[Part]]) -> Iterator[tuple[Any, ...]]:
    for place, named in parts.items():
        payloads = checked_each([keys[place]] * len(named), [part.payload for part in named])
        for number, (part, payload) in enumerate(zip(named, payloads, strict=True)):
            yield first + place, number, part.object, payload


def _make_tables(database: Connection) -> None:
    for statement in TABLES.split(";"):
        database.execute(statement)
    database.execute(f"pragma user_version={SCHEMA}")


GONE = "no value"


def no_value(artifact: int) -> str:
    """Return what stands for the value of a result that is gone: the name of an object that cannot be."""
    return f"{GONE} of result {artifact}"


def is_gone(stored: str) -> bool:
    """Say whether this stands for a value that is gone."""
    return stored.startswith(GONE)


def _stored_each(rows: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """Yield (result, its stored value), see `Index.stored`."""
    values = unchecked_each([key for _, key, _, _ in rows], [payload for _, _, payload, _ in rows])
    for (number, key, payload, name), value in zip(rows, values, strict=True):
        yield number, _stored(number, key, payload, name) if value is None else value


def _stored(artifact: int, key: Any, payload: Any, name: Any) -> Any:
    if payload is None:
        return name if isinstance(name, str) else no_value(artifact)
    value = unchecked(key, payload)
    return f"damaged value of result {artifact}" if value is None else value


def objects_of(files: str) -> set[str]:
    """Return the objects of the file results that are written as JSON."""
    return {name for file in loads(files) for _, name in (file[4] if len(file) > 4 else ()) if name}


def dumps(value: Any) -> str:
    """Return the value as JSON, which only runs that write need."""
    from json import dumps

    return dumps(value)


def loads(text: str) -> Any:
    """Return the value that is written as JSON."""
    from json import loads

    return loads(text)
