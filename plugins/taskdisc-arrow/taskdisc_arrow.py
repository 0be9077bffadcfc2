"""Codecs that keep data frames as Parquet or Feather files, which other programs can read, and never as pickles."""

from __future__ import annotations

import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

KINDS = {"pandas": "DataFrame", "pyarrow": "Table", "polars": "DataFrame"}
"""What is taken: the library, and its class."""
REMEDIES = {
    "Series": "series.to_frame() is a frame",
    "LazyFrame": "frame.collect() is a frame",
    "RecordBatch": "pyarrow.Table.from_batches([batch]) is a table",
}
"""What is to be done with values that are nearly frames; anything else is made one by its author."""
REMEDY = "make a frame of it, as pandas.DataFrame(...) does"
MARK = b"taskdisc-arrow"
"""The entry of a schema's metadata that says what was encoded, and what Arrow does not note by itself."""


def taskdisc_codecs() -> dict[str, Callable[[], Codec]]:
    """`@task(codec="parquet")` and `@task(codec="feather")`."""
    return {"parquet": Parquet, "feather": Feather}


def taskdisc_fingerprint_value(value: object) -> bytes | None:
    """Equal frames count as equal. Without this, how they lie in memory would count, too."""
    for codec in (Parquet(), Feather()):  # Parquet writes nothing of what lies under missing values
        try:
            return sha256(b"".join(codec.encode(value))).digest()
        except TypeError:  # no frame, or one that this format does not hold
            continue
    return None


class Codec:
    """What the two formats have in common: frames become tables, and what kind of frame it was stands in the schema."""

    def encode(self, value: Any) -> Iterable[bytes | memoryview]:
        """Return the bytes of a file that has this frame; TypeError if it would not come back as it is."""
        kind = kind_of(value)  # before anything is imported: the frame's own library is there
        import pyarrow as pa

        try:
            table, notes = TO_TABLE[kind](value)
            table = table.unify_dictionaries().combine_chunks()  # in how many pieces it was made is not to be seen
            return [memoryview(self.write(table, {"kind": kind, **notes}))]
        except (pa.ArrowException, NotImplementedError) as error:
            raise TypeError(f"{type(self).__name__} cannot hold this {kind}.{KINDS[kind]}: {error}") from error

    def decode(self, data: memoryview) -> Any:
        """Return the frame, of the type that was encoded."""
        table, notes = self.read(data)
        return FROM_TABLE[notes["kind"]](table, notes)

    def write(self, table: pyarrow.Table, notes: dict[str, Any]) -> pyarrow.Buffer:
        """Return a file with the table and the notes."""
        raise NotImplementedError

    def read(self, data: memoryview) -> tuple[pyarrow.Table, dict[str, Any]]:
        """Return both again."""
        raise NotImplementedError


class Feather(Codec):
    """Feather, which is Arrow's own file format: large and fast, since tables lie in it as they lie in memory."""

    def write(self, table: pyarrow.Table, notes: dict[str, Any]) -> pyarrow.Buffer:
        """Return the file. It is not compressed, so that tables can be used where they are; see `compress`."""
        import pyarrow as pa
        import pyarrow.compute as pc

        for number, column in enumerate(table.columns):
            if column.null_count and pa.types.is_primitive(column.type):
                # What lies in memory where nothing is would be written, too; a copy has zeros there.
                every = pc.cumulative_sum(pa.repeat(1, len(column)), start=pa.scalar(-1))
                table = table.set_column(number, table.schema.field(number), column.take(every))
        table = marked(table, notes)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, table.schema) as writer:
            for batch in table.to_batches() or [first_batch(table)]:
                writer.write_batch(batch)
        return sink.getvalue()

    def read(self, data: memoryview) -> tuple[pyarrow.Table, dict[str, Any]]:
        """Return the table, which lies in `data`, and the notes."""
        import pyarrow as pa

        return unmarked(pa.ipc.open_file(pa.py_buffer(data)).read_all())


class Parquet(Codec):
    """Parquet: small, and read by nearly everything."""

    def write(self, table: pyarrow.Table, notes: dict[str, Any]) -> pyarrow.Buffer:
        """Return the file. What Parquet would change is written in another type, and its own is among the notes."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns: dict[str, str] = {}
        for number, field in enumerate(table.schema):
            if changes(field.type):
                columns[str(number)] = prototype_of(table, number)
                plain = plain_type(field.type)
                table = table.set_column(number, field.with_type(plain), table.column(number).cast(plain))
        table = marked(table, {**notes, "columns": columns})
        sink = pa.BufferOutputStream()
        # Lists keep the names of their elements, which the standard would have otherwise.
        pq.write_table(table, sink, compression="zstd", use_compliant_nested_type=False)
        data = sink.getvalue()
        for field, again in zip(table.schema, pq.read_schema(pa.BufferReader(data)), strict=True):
            if field.type != again.type:  # deep inside of lists and structs
                raise TypeError(
                    f"Parquet would give back the column {field.name!r} as {again.type}, not {field.type}. "
                    f"Convert it, or use the codec feather"
                )
        return data

    def read(self, data: memoryview) -> tuple[pyarrow.Table, dict[str, Any]]:
        """Return the table, with the types and categories that it had, and the notes."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        with pq.ParquetFile(pa.BufferReader(pa.py_buffer(data))) as file:
            table, notes = unmarked(file.read())
        for number, text in notes["columns"].items():
            table = restored(table, int(number), text)
        return table, notes


def kind_of(value: Any) -> str:
    """Return the library of a frame. Subclasses are none: they would come back without what makes them one."""
    for library, name in KINDS.items():
        if type(value) is getattr(sys.modules.get(library), name, None):
            return library
    remedy = REMEDIES.get(type(value).__name__, REMEDY)
    raise TypeError(
        f"it holds pandas.DataFrame, pyarrow.Table and polars.DataFrame, "
        f"not {type(value).__module__}.{type(value).__qualname__}: {remedy}"
    )


def marked(table: pyarrow.Table, notes: dict[str, Any]) -> pyarrow.Table:
    """Return the table with the notes in its schema."""
    text = json.dumps(notes, sort_keys=True).encode()
    return table.replace_schema_metadata({**(table.schema.metadata or {}), MARK: text})


def unmarked(table: pyarrow.Table) -> tuple[pyarrow.Table, dict[str, Any]]:
    """Return the table as it was, and the notes."""
    metadata = dict(table.schema.metadata)
    notes = json.loads(metadata.pop(MARK))
    return table.replace_schema_metadata(metadata or None), notes


def first_batch(table: pyarrow.Table) -> pyarrow.RecordBatch:
    """Return the first piece of a table, which has its dictionaries even if there are no rows."""
    import pyarrow as pa

    arrays: list[Any] = [
        column.chunk(0) if column.num_chunks else pa.array([], column.type) for column in table.columns
    ]
    if not arrays:  # rows without columns
        rows: Any = pa.array([{}] * table.num_rows, pa.struct([]))
        return pa.RecordBatch.from_struct_array(rows).replace_schema_metadata(table.schema.metadata)
    return pa.RecordBatch.from_arrays(arrays, schema=table.schema)


def changes(kind: pyarrow.DataType) -> bool:
    """Whether Parquet gives back another type, or (of dictionaries) only the values that occur."""
    from pyarrow import types

    in_seconds = (types.is_timestamp(kind) or types.is_time32(kind)) and kind.unit == "s"
    return in_seconds or types.is_date64(kind) or types.is_dictionary(kind)


def plain_type(kind: Any) -> pyarrow.DataType:
    """Return the type in which Parquet keeps such a column."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        if pa.types.is_string(kind.value_type):  # which could not have 2 GiB, as repeated values easily do
            return pa.large_string()
        return plain_type(kind.value_type) if changes(kind.value_type) else kind.value_type
    if pa.types.is_date64(kind):
        return pa.timestamp("ms")
    return pa.time32("ms") if pa.types.is_time32(kind) else pa.timestamp("ms", kind.tz)


def prototype_of(table: pyarrow.Table, number: int) -> str:
    """Return the column's field and categories without its values: an Arrow stream, as text."""
    import pyarrow as pa

    batch = first_batch(table.select([number]))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema.remove_metadata()) as writer:
        writer.write_batch(batch.slice(0, 0).replace_schema_metadata(None))
    return b64encode(sink.getvalue()).decode()


def restored(table: pyarrow.Table, number: int, text: str) -> pyarrow.Table:
    """Return the table with this column as its prototype says."""
    import pyarrow as pa
    import pyarrow.compute as pc

    stream = pa.ipc.open_stream(b64decode(text))
    field = stream.schema.field(0)
    column = table.column(number)
    if not pa.types.is_dictionary(field.type):
        return table.set_column(number, field, column.cast(field.type))
    prototype: Any = stream.read_next_batch().column(0)
    known = prototype.dictionary
    places: Any = pc.index_in(column, value_set=known.cast(column.type), skip_nulls=True).cast(field.type.index_type)
    places = places.combine_chunks()
    return table.set_column(number, field, pa.DictionaryArray.from_arrays(places, known, ordered=field.type.ordered))


def from_pandas(frame: pandas.DataFrame) -> tuple[pyarrow.Table, dict[str, Any]]:
    """Return a frame as a table, and what pyarrow does not note by itself."""
    import pyarrow as pa

    check_names(frame)
    table = pa.Table.from_pandas(frame)
    objects = [number for number, dtype in enumerate(frame.dtypes) if str(dtype) == "object"]
    for number in objects:
        if not comes_back(table.schema.field(number).type):
            raise TypeError(
                f"the column {frame.columns[number]!r} has objects that would not come back as they are, but as "
                f"{table.schema.field(number).type}: give it a dtype of its own with frame.astype(...)"
            )
    notes = {"objects": objects, "columns_range": range_of(frame.columns), "attrs": frame.attrs}
    check_dtypes(frame, to_pandas(table.slice(0, 0), {**notes, "freq": None}))
    return table, {**notes, "freq": freq_of(frame.index)}


def range_of(columns: pandas.Index[Any]) -> list[int] | None:
    """Return the numbers of columns that are no more than numbered, as those of `DataFrame(matrix)` are."""
    import pandas as pd

    return [columns.start, columns.stop, columns.step] if isinstance(columns, pd.RangeIndex) else None


def freq_of(index: pandas.Index[Any]) -> str | None:
    """Return the step of an index in time, if its text says all of it; that of workdays with holidays does not."""
    import pandas as pd
    from pandas.tseries.frequencies import to_offset

    freq = index.freq if isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)) else None
    if freq is None:
        return None
    try:
        return freq.freqstr if to_offset(freq.freqstr) == freq else None
    except ValueError:
        return None


def comes_back(kind: pyarrow.DataType) -> bool:
    """Whether Python's objects of an Arrow type are what they were. Numbers might have been of several types."""
    from pyarrow import types

    tests = (
        types.is_string,
        types.is_large_string,
        types.is_binary,
        types.is_large_binary,
        types.is_boolean,
        types.is_date32,
        types.is_time64,
        types.is_decimal128,
        types.is_null,
    )
    return any(is_it(kind) for is_it in tests)


def check_names(frame: pandas.DataFrame) -> None:
    """Raise TypeError if pyarrow would refuse names or attributes, or only warn that it changes them."""
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise TypeError(f"two columns have the name {twice!r}: rename one")
    if frame.columns.nlevels == 1 and frame.columns.inferred_type.startswith("mixed"):
        raise TypeError("the names of columns are of several types: make them texts with frame.rename(columns=str)")
    if not all(name is None or isinstance(name, str) for name in frame.index.names):
        raise TypeError(f"the index has a name that is no text: {list(frame.index.names)}. Rename it, or reset_index()")
    try:
        kept = json.loads(json.dumps(frame.attrs)) == frame.attrs
    except (TypeError, ValueError):
        kept = False
    if not kept:
        raise TypeError("frame.attrs has what JSON does not hold: leave it out")


def check_dtypes(frame: pandas.DataFrame, again: pandas.DataFrame) -> None:
    """Raise TypeError if something is lost. `again` has no rows: they make no difference."""
    if not frame.columns.equals(again.columns) or frame.columns.names != again.columns.names:
        raise TypeError("the names of columns would be others: make them texts with frame.rename(columns=str)")
    for name, before, after in zip(frame.columns, frame.dtypes, again.dtypes, strict=True):
        if before != after:
            raise TypeError(f"the column {name!r} of dtype {before} would come back as {after}: convert it")
    for level in range(frame.index.nlevels):
        before, after = (one.index.get_level_values(level).dtype for one in (frame, again))
        if before != after:
            raise TypeError(f"the index of dtype {before} would come back as {after}: convert it, or reset_index()")


def to_pandas(table: pyarrow.Table, notes: dict[str, Any]) -> pandas.DataFrame:
    """Return the frame that was a table."""
    import pandas as pd

    try:
        frame = table.to_pandas()
    except TypeError as error:
        raise TypeError(f"pyarrow cannot give back all dtypes of this pandas.DataFrame: {error}") from error
    for number in notes["objects"]:  # not those that pandas takes for a better dtype
        objects: Any = pd.Series(table.column(number).to_pylist(), index=frame.index, dtype=object)
        frame.isetitem(number, objects)
    if notes["columns_range"] is not None:
        start, stop, step = notes["columns_range"]
        frame.columns = pd.RangeIndex(start, stop, step, name=frame.columns.name)
    frame.attrs = notes["attrs"]  # older versions of pyarrow do not keep them
    if notes["freq"]:
        index: Any = frame.index
        index.freq = notes["freq"]
    return frame


def from_polars(frame: polars.DataFrame) -> tuple[pyarrow.Table, dict[str, Any]]:
    """Return a polars frame as a table."""
    table = frame.to_arrow()
    for (name, before), after in zip(frame.schema.items(), to_polars(table, {}).schema.values(), strict=True):
        if before != after:
            raise TypeError(f"the column {name!r} of dtype {before} would come back as {after}: convert it")
    return table, {}


def to_polars(table: pyarrow.Table, notes: dict[str, Any]) -> polars.DataFrame:
    """Return the polars frame that was a table."""
    import polars as pl

    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


TO_TABLE: dict[str, Callable[[Any], tuple[pyarrow.Table, dict[str, Any]]]] = {
    "pandas": from_pandas,
    "pyarrow": lambda table: (table, {}),
    "polars": from_polars,
}
FROM_TABLE: dict[str, Callable[[pyarrow.Table, dict[str, Any]], Any]] = {
    "pandas": to_pandas,
    "pyarrow": lambda table, notes: table,
    "polars": to_polars,
}
