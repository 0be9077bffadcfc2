"""The codecs by themselves."""

import io
import subprocess
import sys

import numpy
import pandas
import polars
import pyarrow
import pyarrow.parquet
import pytest
from frames import ALL, PANDAS, POLARS, same
from taskdisc_arrow import Feather, Parquet

from taskdisc.testing import CodecContract

REFUSED = (None, 1, "text", {"a": [1]}, [PANDAS["plain"]], PANDAS["plain"]["n"], numpy.eye(2), POLARS["plain"].lazy())


class Subclass(pandas.DataFrame):
    """It would come back as what it is made of."""


class TestParquet(CodecContract):
    values = tuple(ALL)
    refused = (*REFUSED, Subclass({"a": [1]}))

    def make(self):
        return Parquet()

    def is_same(self, one, other):
        return same(one, other)


class TestFeather(TestParquet):
    def make(self):
        return Feather()


@pytest.fixture(params=[Parquet, Feather])
def codec(request):
    return request.param()


def encoded(codec, value):
    return b"".join(codec.encode(value))


def test_equal_tables_give_equal_bytes(codec):
    whole = pyarrow.table({"n": [1, 2, None], "s": ["a", None, "c"]})
    pieces = pyarrow.concat_tables([whole.slice(0, 1), whole.slice(1)])
    part = pyarrow.concat_tables([whole, whole]).combine_chunks().slice(3)
    assert encoded(codec, pieces) == encoded(codec, part) == encoded(codec, whole)


def test_what_lies_under_a_missing_value_does_not_count(codec):
    one, other = (
        pandas.DataFrame({"n": pandas.arrays.IntegerArray(numpy.array([1, hidden]), numpy.array([False, True]))})
        for hidden in (5, 7)
    )
    assert encoded(codec, one) == encoded(codec, other)


def test_how_a_frame_was_made_does_not_count(codec):
    one = pandas.DataFrame({"a": [1, 2], "b": [3, 4]})
    other = pandas.DataFrame({"a": [1, 2]})
    other["b"] = [3, 4]
    assert encoded(codec, one) == encoded(codec, other)


@pytest.mark.parametrize("frame", ALL)
def test_what_comes_back_has_equal_bytes(codec, frame):
    data = encoded(codec, frame)
    assert encoded(codec, codec.decode(memoryview(data))) == data


def test_dictionaries_of_several_pieces_become_one(codec):
    pieces = [pyarrow.array(values).dictionary_encode() for values in (["x", "y"], ["z"])]
    again = codec.decode(memoryview(encoded(codec, pyarrow.table({"k": pyarrow.chunked_array(pieces)}))))
    assert again["k"].to_pylist() == ["x", "y", "z"]


def test_a_frame_that_came_back_can_be_changed(codec):
    data = encoded(codec, pandas.DataFrame({"x": [1.0, 2.0]}))
    frame = codec.decode(memoryview(data))
    frame.iloc[0, 0] = 5
    frame.loc[1, "x"] = 6
    assert frame["x"].tolist() == [5, 6]
    assert codec.decode(memoryview(data))["x"].tolist() == [1, 2]


def test_objects_that_are_missing_come_back_as_none(codec):
    frame = pandas.DataFrame({"s": pandas.Series(["x", float("nan")], dtype=object)})
    assert codec.decode(memoryview(encoded(codec, frame)))["s"].tolist() == ["x", None]


def test_other_programs_read_the_files():
    frame = PANDAS["categories"]
    table = pyarrow.parquet.read_table(io.BytesIO(encoded(Parquet(), frame)))
    assert table["k"].to_pylist() == ["b", None]
    polars.testing.assert_frame_equal(polars.read_ipc(encoded(Feather(), POLARS["small"])), POLARS["small"])
    pandas.testing.assert_frame_equal(
        pandas.read_parquet(io.BytesIO(encoded(Parquet(), PANDAS["levels"]))), PANDAS["levels"]
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"a": [1]},
            "it holds pandas.DataFrame, pyarrow.Table and polars.DataFrame, not builtins.dict: "
            "make a frame of it, as pandas.DataFrame(...) does",
        ),
        (pandas.DataFrame([[1, 2]], columns=["a", "a"]), "two columns have the name 'a': rename one"),
        (
            pandas.DataFrame({"a": [1], 2: [3]}),
            "the names of columns are of several types: make them texts with frame.rename(columns=str)",
        ),
        (
            pandas.DataFrame({"a": [1]}, index=pandas.Index([3], name=7)),
            "the index has a name that is no text: [7]. Rename it, or reset_index()",
        ),
        (
            pandas.DataFrame({"a": [[1], [2]]}),
            "the column 'a' has objects that would not come back as they are, but as list<item: int64>: "
            "give it a dtype of its own with frame.astype(...)",
        ),
        (
            pandas.DataFrame({"a": [1, None]}, dtype=object),
            "the column 'a' has objects that would not come back as they are, but as int64: "
            "give it a dtype of its own with frame.astype(...)",
        ),
    ],
)
def test_what_would_not_come_back_is_refused(codec, value, message):
    with pytest.raises(TypeError) as caught:
        codec.encode(value)
    assert str(caught.value) == message


@pytest.mark.parametrize("column", [[object()], [1, "x"], [1j]])
def test_what_arrow_refuses_is_a_type_error(codec, column):
    with pytest.raises(TypeError, match=r"cannot hold this pandas\.DataFrame: "):
        codec.encode(pandas.DataFrame({"a": column}))


def test_attributes_that_json_would_change_are_refused(codec):
    frame = pandas.DataFrame({"a": [1]})
    frame.attrs = {"pair": (1, 2)}
    with pytest.raises(TypeError, match=r"^frame\.attrs has what JSON does not hold: leave it out$"):
        codec.encode(frame)


def test_an_object_column_of_polars_is_refused(codec):
    with pytest.raises(TypeError, match="the column 'o' of dtype Object would come back as Binary: convert it"):
        codec.encode(polars.DataFrame({"o": polars.Series([object()], dtype=polars.Object)}))


def test_a_type_that_parquet_changes_deep_inside_is_refused():
    table = pyarrow.table({"l": pyarrow.array([[1]], pyarrow.list_(pyarrow.timestamp("s")))})
    with pytest.raises(TypeError, match="use the codec feather"):
        Parquet().encode(table)
    assert same(Feather().decode(memoryview(encoded(Feather(), table))), table)


def test_libraries_are_imported_late():
    code = (
        "import sys, taskdisc_arrow as t\n"
        "for make in t.taskdisc_codecs().values():\n"
        "    try: make().encode({})\n"
        "    except TypeError: pass\n"
        "print([name for name in ('pyarrow', 'pandas', 'polars', 'numpy', 'pickle') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
