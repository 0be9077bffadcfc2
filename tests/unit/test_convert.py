from __future__ import annotations

import datetime
import decimal
import enum
import math
import os
import sys
import typing
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict

import pytest

from taskdisc.convert import ConversionError, convert
from taskdisc.errors import UsageError
from taskdisc.model import MISSING


class Color(enum.Enum):
    RED = "r"
    GREEN = "g"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Metric(str, enum.Enum):
    L1 = "manhattan"
    L2 = "euclid"


@dataclass(frozen=True)
class Optimizer:
    rate: float
    steps: int = 10
    color: Color = Color.RED
    names: list[str] = field(default_factory=list)


@dataclass
class Picky:
    size: int

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("size is negative")


class Point(NamedTuple):
    x: int
    y: float = 0.5


class Options(TypedDict, total=False):
    depth: int


class Undecided:
    pass


UTC = datetime.timezone.utc
Seconds = NewType("Seconds", float)
Tuned = Annotated[int, "above 0"]


def from_text(value: str, annotation: Any, default: Any = MISSING) -> Any:
    return convert(value, annotation, default, text=True, globals=globals())


def from_toml(value: Any, annotation: Any, default: Any = MISSING) -> Any:
    return convert(value, annotation, default, text=False, globals=globals())


def same(found: Any, wanted: Any) -> bool:
    return bool(found == wanted) and type(found) is type(wanted)


@pytest.mark.parametrize(
    ("text", "annotation", "wanted"),
    [
        ("abc", str, "abc"),
        (" abc ", str, " abc "),
        ("5", int, 5),
        ("-1_000", int, -1000),
        ("5", float, 5.0),
        ("1e3", float, 1000.0),
        ("inf", float, math.inf),
        ("true", bool, True),
        ("No", bool, False),
        ("1", bool, True),
        ("off", bool, False),
        ("a/b", Path, Path("a/b")),
        ("a/b", PurePosixPath, PurePosixPath("a/b")),
        ("a/b", os.PathLike, Path("a/b")),
        ("a/b", "os.PathLike[str]", Path("a/b")),
        ("l2", Literal["l1", "l2"], "l2"),
        ("2", Literal["l1", 2], 2),
        ("none", Literal["l1", None], None),
        ("RED", Color, Color.RED),
        ("g", Color, Color.GREEN),
        ("2", Level, Level.HIGH),
        ("LOW", Level, Level.LOW),
        ("euclid", Metric, Metric.L2),
        ("none", "typing.Optional[int]", None),
        ("Null", int | None, None),
        ("null", str | None, None),
        ("7", "typing.Optional[int]", 7),
        ("7", int | str, 7),
        ("x", int | str, "x"),
        ("7", "typing.Union[str, int]", "7"),
        ("2026-01-02", datetime.date | str, datetime.date(2026, 1, 2)),
        ("1,3", list[int], [1, 3]),
        ("[1, 3]", list[int], [1, 3]),
        ("", list[int], []),
        ("a, b", list[str], ["a", "b"]),
        ("a,b", list, ["a", "b"]),
        ("[ab]*.py,c", list[str], ["[ab]*.py", "c"]),
        ("1,a", tuple[int, str], (1, "a")),
        ("1,2,3", tuple[int, ...], (1, 2, 3)),
        ("1,2", tuple, ("1", "2")),
        ("1,1", set[int], {1}),
        ("a", frozenset[str], frozenset("a")),
        ("1,2", Sequence[int], [1, 2]),
        ("1,2", typing.List[int], [1, 2]),  # noqa: UP006
        ("RED,GREEN", list[Color], [Color.RED, Color.GREEN]),
        ('["RED"]', list[Color], [Color.RED]),
        ("[[1], []]", list[list[int]], [[1], []]),
        ('{"a": 1}', dict[str, float], {"a": 1.0}),
        ('{"1": "x"}', dict[int, Path], {1: Path("x")}),
        ('{"1": "x"}', Mapping[int, str], {1: "x"}),
        ('{"a": [1]}', dict, {"a": [1]}),
        ('{"rate": 1}', Optimizer, Optimizer(1.0)),
        ('{"rate": 0.5, "color": "g", "names": ["a"]}', Optimizer, Optimizer(0.5, color=Color.GREEN, names=["a"])),
        ('{"x": 3}', Point, Point(3)),
        ('{"depth": 3}', Options, {"depth": 3}),
        ("2026-01-02", datetime.date, datetime.date(2026, 1, 2)),
        ("12:30", datetime.time, datetime.time(12, 30)),
        ("2026-01-02T03:04:05Z", datetime.datetime, datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("90s", datetime.timedelta, datetime.timedelta(seconds=90)),
        ("1.5h", datetime.timedelta, datetime.timedelta(minutes=90)),
        ("1.10", decimal.Decimal, decimal.Decimal("1.10")),
        ("12345678123456781234567812345678", uuid.UUID, uuid.UUID("12345678123456781234567812345678")),
        ("5", Any, "5"),
        ("5", object, "5"),
        ("5", Seconds, 5.0),
        ("5", Tuned, 5),
        ("5", "int", 5),
        ("5", "list['Tuned']", [5]),
        ("5", "int | None", 5),
        ("5", MISSING, "5"),
    ],
)
def test_text_becomes_what_the_annotation_asks(text: str, annotation: Any, wanted: Any) -> None:
    assert same(from_text(text, annotation), wanted)


def test_nan_is_a_float() -> None:
    assert math.isnan(from_text("nan", float))


if sys.version_info >= (3, 12):  # where the type statement is no syntax error

    def test_a_type_alias_is_looked_through() -> None:
        names: dict[str, Any] = {}
        exec("type Sizes = list[int]", names)
        assert from_text("1,2", names["Sizes"]) == [1, 2]


@pytest.mark.parametrize(
    ("default", "text", "wanted"),
    [
        (0.7, "1", 1.0),
        (True, "no", False),
        (3, "4", 4),
        ("a", "4", "4"),
        (Path("a"), "b", Path("b")),
        (Color.RED, "GREEN", Color.GREEN),
        ([1, 2], "3,4", [3, 4]),
        ((1, 2), "3", (3,)),
        ([], "3,4", ["3", "4"]),
        ([1, "a"], "3", ["3"]),
        (None, "none", "none"),
        (datetime.date(2026, 1, 1), "2026-01-02", datetime.date(2026, 1, 2)),
    ],
)
def test_without_an_annotation_the_type_of_the_default_counts(default: Any, text: str, wanted: Any) -> None:
    assert same(from_text(text, MISSING, default), wanted)


def test_an_annotation_that_names_nothing_known_is_as_none() -> None:
    assert from_text("2", "OnlyForTypeCheckers", 1) == 2
    assert from_text("2", "Only | For | TypeCheckers") == "2"


def test_a_default_of_none_makes_the_annotation_optional() -> None:
    assert from_text("none", int, None) is None
    assert from_text("1", int, None) == 1


@pytest.mark.parametrize(
    ("value", "annotation", "wanted"),
    [
        (1, float, 1.0),
        (1, int, 1),
        (1.5, float, 1.5),
        (True, bool, True),
        ("a", Path, Path("a")),
        ("a", str, "a"),
        ("2026-01-02", datetime.date, datetime.date(2026, 1, 2)),
        (datetime.date(2026, 1, 2), datetime.date, datetime.date(2026, 1, 2)),
        ("RED", Color, Color.RED),
        ("r", Color, Color.RED),
        (2, Level, Level.HIGH),
        ([1, 2], tuple[int, ...], (1, 2)),
        ([1, 2], set[int], {1, 2}),
        ([1, "a"], tuple[float, str], (1.0, "a")),
        ([{"rate": 1}], list[Optimizer], [Optimizer(1.0)]),
        ({"a": 1}, dict[str, float], {"a": 1.0}),
        (1, float | int, 1),
        (1, "typing.Optional[float]", 1.0),
        (0.1, decimal.Decimal, decimal.Decimal("0.1")),
        (1, Literal[1, 2], 1),
        ("10m", datetime.timedelta, datetime.timedelta(minutes=10)),
        (1, Any, 1),
        ([1], MISSING, [1]),
        (Optimizer(1.0), Optimizer, Optimizer(1.0)),
    ],
)
def test_a_toml_value_fits_where_nothing_is_lost(value: Any, annotation: Any, wanted: Any) -> None:
    assert same(from_toml(value, annotation), wanted)


@pytest.mark.parametrize(
    ("text", "annotation", "reason"),
    [
        ("abc", int, "takes int, not 'abc'"),
        ("1e3", int, "takes int, not '1e3'"),
        ("", int, "takes int, not ''"),
        ("maybe", bool, "takes bool, not 'maybe'"),
        ("x", float, "takes float, not 'x'"),
        ("l3", Literal["l1", "l2"], "takes 'l1' or 'l2', not 'l3'"),
        ("BLUE", Color, "takes Color (RED, GREEN), not 'BLUE'"),
        ("x", "typing.Optional[int]", "takes int | None, not 'x'"),
        ("x", "int | float", "takes int | float, not 'x'"),
        ("none", int, "takes int, not 'none'"),
        ("1,a", list[int], "element 2 takes int, not 'a'"),
        ("1", tuple[int, int], "takes tuple[int, int], not '1'"),
        ("a=1", dict[str, int], "takes dict[str, int] as a JSON object, not 'a=1'"),
        ('{"a": "x"}', dict[str, int], "key 'a' takes int, not 'x'"),
        ("0.5", Optimizer, "takes Optimizer as a JSON object, not '0.5'"),
        ('{"rate": "x"}', Optimizer, "field rate takes float, not 'x'"),
        ('{"rat": 1}', Optimizer, "takes Optimizer, which has no field 'rat', only rate, steps, color, names"),
        ('{"steps": 1}', Optimizer, "takes Optimizer, which also needs rate"),
        ('{"size": -1}', Picky, "takes Picky, which says: size is negative"),
        ("tomorrow", datetime.date, "takes date, not 'tomorrow'"),
        ("90", datetime.timedelta, "takes a duration such as 90s, 10m, 2h or 1d, not '90'"),
        ("xs", datetime.timedelta, "takes timedelta, not 'xs'"),
        ("1e999999999d", datetime.timedelta, "takes timedelta, not '1e999999999d'"),
        ("x", decimal.Decimal, "takes Decimal, not 'x'"),
        ("x", uuid.UUID, "takes UUID, not 'x'"),
        ("x", Undecided, "takes Undecided, which no text or TOML value can give: 'x'"),
        ("x", "typing.Callable[[], int]", "takes Callable[[], int], which no text or TOML value can give: 'x'"),
        ("x", None, "takes None, not 'x'"),
    ],
)
def test_text_that_does_not_fit_is_refused(text: str, annotation: Any, reason: str) -> None:
    with pytest.raises(ConversionError) as caught:
        from_text(text, annotation)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("value", "annotation", "reason"),
    [
        ("5", int, "takes int, not '5'"),
        (True, int, "takes int, not True"),
        (True, float, "takes float, not True"),
        (True, decimal.Decimal, "takes Decimal, not True"),
        (1.0, int, "takes int, not 1.0"),
        (1, bool, "takes bool, not 1"),
        (1, str, "takes str, not 1"),
        (True, Literal[1, 2], "takes 1 or 2, not True"),
        (True, Level, "takes Level (LOW, HIGH), not True"),
        ("2", Level, "takes Level (LOW, HIGH), not '2'"),
        ("none", "typing.Optional[int]", "takes int | None, not 'none'"),
        ("a,b", list[str], "takes list[str], not 'a,b'"),
        (["1"], list[int], "element 1 takes int, not '1'"),
        ([1], dict[str, int], "takes dict[str, int], not [1]"),
        (1, Path, "takes Path, not 1"),
        (datetime.datetime(2026, 1, 2), datetime.date, "takes date, not datetime.datetime(2026, 1, 2, 0, 0)"),
        (1, datetime.date, "takes date, not 1"),
    ],
)
def test_a_toml_value_of_another_type_is_refused(value: Any, annotation: Any, reason: str) -> None:
    with pytest.raises(ConversionError) as caught:
        from_toml(value, annotation)
    assert str(caught.value) == reason


def test_a_refusal_by_the_default_says_so() -> None:
    with pytest.raises(ConversionError) as caught:
        from_text("0.5", MISSING, 1)
    assert str(caught.value) == "takes int, not '0.5' (as its default, 1; an annotation can say otherwise)"


def test_a_conversion_error_is_a_usage_error() -> None:
    assert issubclass(ConversionError, UsageError)


def test_names_of_a_data_class_are_found_in_its_own_module() -> None:
    found = convert('{"rate": 1, "color": "GREEN"}', Optimizer, text=True, globals={})
    assert found == Optimizer(1.0, color=Color.GREEN)
