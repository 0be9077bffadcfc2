"""Frames of all kinds, and what it means that two are the same."""

import datetime
import decimal

import numpy
import pandas
import polars
import polars.testing
import pyarrow

DAY = datetime.date(2026, 2, 3)
PANDAS = {
    "plain": pandas.DataFrame({"n": [1, 2], "x": [0.5, None], "s": ["a", None], "b": [True, False]}),
    "empty": pandas.DataFrame(),
    "no rows": pandas.DataFrame({"n": pandas.Series([], dtype="int8")}),
    "no columns": pandas.DataFrame(index=[3, 4]),
    "matrix": pandas.DataFrame(numpy.eye(3)),
    "nullable": pandas.DataFrame({"i": pandas.array([1, None], "Int32"), "b": pandas.array([True, None], "boolean")}),
    "categories": pandas.DataFrame({"k": pandas.Categorical(["b", None], categories=["c", "b", "a"], ordered=True)}),
    "no categories": pandas.DataFrame({"k": pandas.Categorical([], categories=["c"])}),
    "objects": pandas.DataFrame(
        {
            "day": [DAY, None],
            "time": [datetime.time(4), None],
            "decimal": [decimal.Decimal("1.5"), None],
            "bytes": [b"x", None],
            "bool": [True, None],
            "text": ["x", None],
            "none": [None, None],
        },
        dtype=object,
    ),
    "times": pandas.DataFrame(
        {unit: numpy.array(["2026-02-03T04:05:06"], f"datetime64[{unit}]") for unit in ("s", "ms", "us", "ns")}
    ),
    "periods": pandas.DataFrame({"p": pandas.period_range("2026-01", periods=2, freq="M")}),
    "texts as index": pandas.DataFrame({"v": [1, 2]}, index=pandas.Index(["u", "v"], name="name")),
    "every second": pandas.DataFrame({"v": [1, 2]}, index=pandas.RangeIndex(5, 9, 2, name="row")),
    "levels": pandas.DataFrame(
        {"v": [1, 2]}, index=pandas.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", None])
    ),
    "months": pandas.DataFrame({"v": [1, 2]}, index=pandas.date_range("2026", periods=2, freq="MS")),
    "zone": pandas.DataFrame({"v": [1, 2]}, index=pandas.date_range("2026", periods=2, tz="Europe/Berlin")),
    "levels of columns": pandas.DataFrame([[1, 2]], columns=pandas.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
}
PANDAS["attributes"] = PANDAS["plain"].copy()
PANDAS["attributes"].attrs = {"unit": "m"}

TABLES = {
    "plain": pyarrow.table({"n": [1, None], "s": ["a", "b"], "l": [[1], [2, 3]], "d": [{"x": 1}, None]}),
    "empty": pyarrow.table({}),
    "from pandas": pyarrow.Table.from_pandas(PANDAS["levels"]),
    "metadata": pyarrow.table({"n": [1]}).replace_schema_metadata({"who": "me"}),
    "field": pyarrow.table(
        [pyarrow.array([1], pyarrow.int8())],
        schema=pyarrow.schema([pyarrow.field("n", pyarrow.int8(), nullable=False, metadata={"unit": "m"})]),
    ),
    "one name twice": pyarrow.table([[1], [2]], names=["n", "n"]),
    "dictionary": pyarrow.table({"k": pyarrow.DictionaryArray.from_arrays([1, None], ["a", "b", "c"])}),
    "seconds": pyarrow.table(
        {"at": pyarrow.array([1], pyarrow.timestamp("s", "UTC")), "time": pyarrow.array([1], pyarrow.time32("s"))}
    ),
    "dates": pyarrow.table({"d32": pyarrow.array([DAY]), "d64": pyarrow.array([DAY], pyarrow.date64())}),
}

POLARS = {
    "plain": polars.DataFrame({"n": [1, None], "s": ["a", "b"], "l": [[1], [2, 3]], "t": [DAY, None]}),
    "empty": polars.DataFrame(),
    "enum": polars.DataFrame({"k": polars.Series(["b"], dtype=polars.Enum(["a", "b"]))}),
    "small": polars.DataFrame({"n": polars.Series([1], dtype=polars.UInt8)}),
}

ALL = [*PANDAS.values(), *TABLES.values(), *POLARS.values()]


def same(one, other):
    """Whether two frames are of one type and equal in all that belongs to them."""
    assert type(one) is type(other)
    if isinstance(one, pandas.DataFrame):
        pandas.testing.assert_frame_equal(one, other, check_index_type="exact", check_column_type="exact")
        assert one.attrs == other.attrs
    elif isinstance(one, pyarrow.Table):
        assert one.equals(other, check_metadata=True)
    else:
        polars.testing.assert_frame_equal(one, other)
    return True
