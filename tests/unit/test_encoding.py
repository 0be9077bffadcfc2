"""The canonical encoding of values: what it tells apart, what it does not, and what it refuses."""

from __future__ import annotations

import array
import hashlib
import json
import math
import struct
import sys
import threading
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field, make_dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path, PurePath, PurePosixPath

import encoding_samples
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdisc.errors import EncodingError
from taskdisc.fingerprint.encoding import MAX_DEPTH, digest, encode

VECTORS = json.loads((Path(__file__).parent / "encoding_vectors.json").read_text())


def _vector(encoding: bytes) -> str:
    return encoding.hex() if len(encoding) <= 200 else "sha256:" + hashlib.sha256(encoding).hexdigest()


@pytest.mark.parametrize("expression", VECTORS)
def test_vector(expression: str) -> None:
    assert _vector(encoding_samples.encoded(expression)) == VECTORS[expression]


def test_no_two_vectors_are_equal_but_those_of_equal_values() -> None:
    by_encoding: dict[str, list[str]] = {}
    for expression, encoding in VECTORS.items():
        by_encoding.setdefault(encoding, []).append(expression)
    shared = [expressions for expressions in by_encoding.values() if len(expressions) > 1]
    assert shared == [["nan", "-nan"], ["Path('a/b')", "PurePosixPath('a/b')"]]


@pytest.mark.parametrize(
    ("value", "encoding"),
    [
        (42, b"i42;"),
        (-(2**64), b"h-10000000000000000;"),
        ("hello", b"s5:hello"),
        ("é", b"s1:\xc3\xa9"),
        (b"\x00", b"b1:\x00"),
        ([1, [None, True]], b"l2:i1;l2:NT"),
        ({"a": 1, "b": [2]}, b"d2:s1:as1:b2:i1;l1:i2;"),
        ({"b", "a"}, b"e2:s1:as1:b"),
        ([1] * 8, b"l8i" + b"\x01\0\0\0\0\0\0\0" * 8),
        ([(1, "v")] * 8, b"l8wt2:8i" + b"\x01\0\0\0\0\0\0\0" * 8 + b"8s" + b"\x01\0\0\0\0\0\0\0" * 8 + b"v" * 8),
        ([{"k": "v"}] * 8, b"l8r1:s1:k8s" + b"\x01\0\0\0\0\0\0\0" * 8 + b"v" * 8),
        (int, b"ks8:builtinss3:intb0:"),
    ],
)
def test_the_documented_bytes(value: object, encoding: bytes) -> None:
    assert encode(value) == encoding


# Properties over plain values. The strict identity below is written independently of the encoding.

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-2, 2)
    | st.floats()
    | st.sampled_from([0.0, -0.0, 1.0, math.inf, -math.inf])
    | st.text(st.characters(), max_size=5)
    | st.text("ab1:;", max_size=3)
    | st.binary(max_size=3)
)
hashables = st.recursive(
    scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=4), max_leaves=6
)
plain = st.recursive(
    scalars | hashables,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(hashables, inner, max_size=4)
        | st.sets(hashables, max_size=4)
        | st.tuples(inner, st.integers(7, 9)).map(lambda pair: [pair[0]] * pair[1])
    ),
    max_leaves=12,
)
uniform = st.one_of(
    st.lists(st.floats(), max_size=12),
    st.lists(st.integers(), max_size=12),
    st.lists(st.integers(-2, 300), max_size=12),
    st.lists(st.text("a:é\ud800\U00010000", max_size=3), max_size=12),
    st.lists(st.binary(max_size=3), max_size=12),
    st.lists(st.booleans(), max_size=12),
    st.lists(st.fixed_dictionaries({"a": scalars, "b": scalars}), max_size=12),
    st.lists(st.tuples(scalars, st.integers()), max_size=12),
    st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=2), max_size=12),
    st.lists(st.just([]) | st.just([0]), max_size=12),
)
values = plain | uniform


def identity(value: object) -> object:
    """Return what tells two plain values apart: types, signs of zero, order; of sets the members only."""
    kind = type(value).__name__
    if isinstance(value, float):
        return kind, "nan" if math.isnan(value) else value.hex()
    if isinstance(value, (list, tuple)):
        return kind, tuple(map(identity, value))
    if isinstance(value, dict):
        return kind, tuple((identity(key), identity(item)) for key, item in value.items())
    if isinstance(value, (set, frozenset)):
        return kind, frozenset(Counter(map(identity, value)).items())
    return kind, value


def rebuilt(value: object) -> object:
    """Return an equal value that shares nothing, its sets filled in the opposite order."""
    if isinstance(value, (list, tuple)):
        return type(value)([rebuilt(item) for item in value])
    if isinstance(value, dict):
        return {rebuilt(key): rebuilt(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return type(value)([rebuilt(item) for item in reversed(list(value))])
    if isinstance(value, (str, bytes)):
        return value[:1] + value[1:]
    return value


@given(values, values)
def test_encodings_are_equal_exactly_when_values_are(left: object, right: object) -> None:
    assert (encode(left) == encode(right)) == (identity(left) == identity(right))


@given(st.lists(values, min_size=2, max_size=6))
def test_many_values_stay_apart(several: list[object]) -> None:
    assert len({encode(value) for value in several}) == len({identity(value) for value in several})


@given(values)
def test_equal_values_encode_equal(value: object) -> None:
    assert encode(rebuilt(value)) == encode(value)


@given(values, values)
def test_no_encoding_begins_another(left: object, right: object) -> None:
    if identity(left) != identity(right):
        assert not encode(left).startswith(encode(right))


@given(values)
def test_digest_is_the_hash_of_the_encoding(value: object) -> None:
    assert digest(value) == hashlib.sha256(encode(value)).digest()


@given(st.dictionaries(scalars, scalars, min_size=2, max_size=10))
def test_order_of_a_dict_counts(mapping: dict[object, object]) -> None:
    assert encode(dict(reversed(mapping.items()))) != encode(mapping)


@given(st.lists(st.text("ab", max_size=2) | st.binary(max_size=2), max_size=9), st.randoms())
def test_order_of_a_set_does_not_count(members: list[object], random: object) -> None:
    shuffled = list(members)
    random.shuffle(shuffled)
    assert encode(set(shuffled)) == encode(set(members))
    assert encode([frozenset(shuffled)]) == encode([frozenset(members)])


# The hash gets large buffers as they are, and chunks as they come.


class _Sizes:
    """Stands for hashlib.sha256 and remembers what it was fed."""

    def __init__(self) -> None:
        self.fed: list[object] = []

    def update(self, data: object) -> None:
        self.fed.append(data)

    def digest(self) -> bytes:
        return b""


def test_large_buffers_are_hashed_without_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = _Sizes()
    monkeypatch.setattr(hashlib, "sha256", lambda: hasher)
    block = bytes(100_000)
    numbers = numpy.arange(100_000.0)
    digest({"a": [block, numbers]})
    assert any(fed is block for fed in hasher.fed)
    assert any(isinstance(fed, memoryview) and fed.nbytes == numbers.nbytes for fed in hasher.fed)
    assert all(isinstance(fed, memoryview) or fed is block or len(fed) < 1000 for fed in hasher.fed)


@pytest.mark.parametrize(
    "value",
    [
        [bytes(70_000), bytearray(70_000), memoryview(bytes(70_000))],
        {frozenset({bytes(70_000)}), bytes(80_000)},
        [(i, (str(i), {i, "x"})) for i in range(5000)],
        {frozenset({(i,) for i in range(5000)}), 1},
        [[0.5] * 10_000] * 3,
        numpy.zeros((300, 300)),
    ],
    ids=["buffers", "buffers in sets", "many containers", "many members", "packed floats", "array"],
)
def test_digest_of_something_large_is_the_hash_of_the_encoding(value: object) -> None:
    assert digest(value) == hashlib.sha256(encode(value)).digest()


def test_every_nan_is_the_same_one() -> None:
    payload = struct.unpack("<d", b"\x01\0\0\0\0\0\xf8\xff")[0]
    for wrap in (lambda nan: nan, lambda nan: [nan] * 7, lambda nan: [nan] * 8, lambda nan: complex(nan, nan)):
        assert encode(wrap(payload)) == encode(wrap(math.nan))


# Classes of the standard library.


def test_views_count_by_content() -> None:
    assert encode(memoryview(b"abcdef")[::2]) == encode(memoryview(b"ace"))
    assert encode(memoryview(b"abcd")) != encode(memoryview(b"abcd").cast("B", (2, 2)))
    assert encode(memoryview(b"abcd")) != encode(b"abcd") != encode(bytearray(b"abcd"))
    assert encode(array.array("b")) != encode(array.array("B"))


def test_order_of_an_ordered_dict_is_the_one_it_shows() -> None:
    moved = OrderedDict(a=1, b=2)
    moved.move_to_end("a")
    assert encode(moved) == encode(OrderedDict(b=2, a=1)) != encode(OrderedDict(a=1, b=2))


def test_a_path_is_written_as_its_caller_places_it() -> None:
    def place(path: PurePath) -> tuple[str, str]:
        return ("root", str(path.relative_to("/here"))) if path.is_relative_to("/here") else ("", str(path))

    def elsewhere(path: PurePath) -> tuple[str, str]:
        return ("root", str(path.relative_to("/there"))) if path.is_relative_to("/there") else ("", str(path))

    here = encode([Path("/here/x")], place=place)
    assert here == encode([PurePosixPath("/there/x")], place=elsewhere)
    assert here != encode([Path("x")], place=place)
    assert encode(Path("x")) != encode("x")


# Classes that users write.


@dataclass
class Twin:
    x: int
    y: object = field(default=None, compare=False, repr=False)


class Colour(Enum):
    RED = 1


class Number(int):
    pass


class Text(str):
    __slots__ = ()


class Row(list):
    def __iter__(self):
        raise AssertionError("the encoding must not call what a subclass overrides")


class Remembering(dict):
    @cached_property
    def size(self) -> int:
        return len(self)


class Slotted(list):
    __slots__ = ("__hidden", "unit")

    def __init__(self, items, unit, hidden):
        super().__init__(items)
        self.unit = unit
        self.__hidden = hidden


def test_a_subclass_is_never_equal_to_its_base_or_a_sibling() -> None:
    values = [1, Number(1), True, Colour.RED, 1.0, "1", Text("1"), [1], Row([1]), (1,), {1}, frozenset({1}), {1: 1}]
    values += [Counter({1: 1}), Remembering({1: 1}), OrderedDict({1: 1}), deque([1]), Twin(1), Twin]
    assert len({encode(value) for value in values}) == len(values)
    assert encode(Number(2**70)) == encode(Number(2**70)) != encode(Number(2**70 + 1))


def test_attributes_of_a_subclass_count_in_any_order() -> None:
    left, right = Row([1]), Row([1])
    left.a, left.b = 1, 2
    right.b, right.a = 2, 1
    assert encode(left) == encode(right) != encode(Row([1]))
    assert encode(Slotted([1], "m", 1)) == encode(Slotted([1], "m", 1))
    assert len({encode(Slotted([1], unit, hidden)) for unit in "mk" for hidden in (1, 2)}) == 4


def test_a_subclass_of_a_class_that_hides_state_is_refused() -> None:
    class Hiding(defaultdict):
        pass

    with pytest.raises(EncodingError, match="Hiding"):
        encode(Hiding(list))
    with pytest.raises(EncodingError, match="stat_result"):
        encode(Path().stat())


def test_every_field_of_a_dataclass_counts_and_the_names_do() -> None:
    assert encode(Twin(1, 2)) != encode(Twin(1, 3))
    one, other = make_dataclass("C", ["a"]), make_dataclass("C", ["b"])
    assert encode(one(1)) != encode(other(1))
    pair, riap = namedtuple("P", "a b"), namedtuple("P", "b a")
    assert encode(pair(1, 2)) != encode(riap(1, 2))


def test_code_of_classes_counts_once_it_is_asked_for() -> None:
    def old(cls: type) -> bytes:
        return b"old"

    def new(cls: type) -> bytes:
        return b"new" if cls is Twin else b"old"

    for value in (Twin(1), [Twin], {"a": (Twin(1),)}):
        assert encode(value, class_code=old) != encode(value, class_code=new)
    for value in (Colour.RED, Number(1), int, 5):
        assert encode(value, class_code=old) == encode(value, class_code=new)


def test_code_of_a_class_is_asked_for_once_a_walk() -> None:
    asked: list[type] = []
    encode([Twin(1), [Twin(2), Twin]], class_code=lambda cls: asked.append(cls) or b"")
    assert asked == [Twin]


class Opaque:
    def __init__(self, content: object) -> None:
        self.content = content


def _open_opaque(value: object) -> object | None:
    return value.content if isinstance(value, Opaque) else None


def test_a_plugin_gives_a_simpler_value_that_stands_for_an_object() -> None:
    value = [Opaque({"a": Opaque(1)})]
    assert encode(value, extend=_open_opaque) == encode([Opaque({"a": Opaque(1)})], extend=_open_opaque)
    assert encode(value, extend=_open_opaque) != encode([{"a": 1}], extend=_open_opaque)
    assert encode(value, extend=_open_opaque) != encode([Opaque({"a": Opaque(2)})], extend=_open_opaque)


def test_a_plugin_is_asked_for_unknown_classes_alone_and_before_the_rules_for_users_classes() -> None:
    asked: list[object] = []
    known = [1, "a", {"b": [None]}, Path("x"), numpy.arange(3), 2j, OrderedDict()]
    encode([*known, Twin(1)], extend=asked.append)
    assert asked == [Twin(1)]
    assert encode(Twin(1), extend=lambda value: 7) != encode(Twin(1))


# numpy.


def test_arrays_count_by_content_not_by_layout_in_memory() -> None:
    rows = numpy.arange(12.0).reshape(3, 4)
    assert encode(rows) == encode(numpy.asfortranarray(rows)) == encode(numpy.repeat(rows, 2, axis=1)[:, ::2])
    assert encode(rows) != encode(rows.reshape(4, 3))
    assert encode(rows) != encode(rows.T)


@pytest.mark.parametrize(
    "values",
    [
        [numpy.zeros(2, t) for t in ("f8", ">f8", "f4", "i8", "u8", "?", "S1", "U1", "O", "M8[s]", "M8[ns]", "m8[s]")],
        [numpy.zeros(2, t) for t in ("c16", "V8", "g", "G", "i4,i4", [("a", "i4"), ("b", "i4")], [("a", "i8")])],
        [numpy.zeros(s) for s in ((), (1,), (1, 1), (0,), (0, 1), (1, 0))],
        [numpy.float64(1), numpy.float32(1), numpy.int64(1), numpy.bool_(1), numpy.str_("1"), numpy.array(1.0), 1.0],
        [numpy.dtype(t) for t in ("f8", ">f8", "i4,i4", "(2,)f8", "O")],
        [[numpy.float64(1)] * 8, [1.0] * 8, [numpy.float64(1)] * 7, [numpy.int64(1)] * 8, numpy.ones(8)],
        [numpy.ma.array([1, 2], mask=mask) for mask in ([0, 1], [1, 0], False)],
    ],
    ids=["dtypes", "more dtypes", "shapes", "scalars", "dtype objects", "lists of scalars", "masked"],
)
def test_what_numpy_tells_apart(values: list[object]) -> None:
    assert len({encode(value) for value in values}) == len(values)
    assert [encode(value) for value in values] == [encode(value) for value in values]


def test_gaps_in_a_structured_array_do_not_count() -> None:
    dtype = numpy.dtype([("small", "i1"), ("wide", "f8"), ("any", "O")], align=True)
    numbers = numpy.dtype([("small", "i1"), ("wide", "f8")], align=True)
    clean, dirty = numpy.zeros(3, numbers), numpy.full(3 * numbers.itemsize, 255, "u1").view(numbers)
    dirty["small"] = dirty["wide"] = 0
    assert clean.tobytes() != dirty.tobytes()
    assert encode(clean) == encode(dirty)
    assert encode(numpy.array([(1, 2.0, [3])], dtype)) != encode(numpy.array([(1, 2.0, [4])], dtype))
    assert encode(clean[0]) == encode(dirty[0]) != encode(clean[:1])


def test_undefined_bytes_of_a_long_double_do_not_count() -> None:
    clean = numpy.zeros(2, "g")
    dirty = clean.copy()
    if numpy.finfo("g").nmant == 63:  # x86: 10 bytes of 16
        dirty.view("u1")[15] = 255
    assert encode(clean) == encode(dirty)
    clean[1] = 1
    assert encode(clean) != encode(dirty)


def test_object_arrays_count_by_their_items() -> None:
    left = numpy.array([{"a"}, None, "long text"], dtype=object)
    right = numpy.array([{"a"}, None, "".join(["long", " text"])], dtype=object)
    assert encode(left) == encode(right) != encode(numpy.array([{"b"}, None, "long text"], dtype=object))
    with pytest.raises(EncodingError, match="cannot encode a function"):
        encode(numpy.array([None, _open_opaque], dtype=object))


def test_byte_order_of_another_machine_is_written_as_this_ones() -> None:
    swapped = numpy.arange(3, dtype=">i8" if sys.byteorder == "little" else "<i8")
    assert encode(swapped).replace(b"!i8", b"=i8") == encode(numpy.arange(3, dtype="=i8"))


# Errors.


def _error(value: object, **options: object) -> str:
    with pytest.raises(EncodingError) as caught:
        encode(value, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("wrap", "path"),
    [
        (lambda bad: bad, ""),
        (lambda bad: [0, 1, {"model": bad}], "[2]['model']: "),
        (lambda bad: {"a": {1: (bad,)}}, "['a'][1][0]: "),
        (lambda bad: [{"a": 1, "b": bad}] * 9, "[0]['b']: "),
        (lambda bad: [{"a": 1}] * 8 + [{"a": bad}], "[8]['a']: "),
        (lambda bad: [(1, 2)] * 8 + [(1, bad)], "[8][1]: "),
        (lambda bad: {(1, bad): 2}, ".keys()[0][1]: "),
        (lambda bad: {(1, 2): bad}, "[(1, 2)]: "),
        (lambda bad: [{1, bad}], "[0]{...}: "),
        (lambda bad: [{1, (2, bad)}], "[0]{...}[1]: "),
        (lambda bad: Twin(1, [bad]), ".y[0]: "),
        (lambda bad: defaultdict(bad), ".default_factory: "),
        (lambda bad: Row([bad]), "[0]: "),
        (lambda bad: slice(0, bad), ".stop: "),
        (lambda bad: {"k" * 100: bad}, f"['{'k' * 39}...{'k' * 16}']: "),
    ],
)
def test_an_error_names_the_place_and_the_type(wrap: object, path: str) -> None:
    assert _error(wrap(_open_opaque)).startswith(f"{path}cannot encode a function; a plugin can")


def test_a_key_without_a_repr_does_not_hide_the_error() -> None:
    class Key(Enum):
        ONE = 1

        def __repr__(self) -> str:
            raise ZeroDivisionError

    assert _error({Key.ONE: len}).startswith("[<") and "cannot encode a builtin_function" in _error({Key.ONE: len})


@pytest.mark.parametrize(
    "value", [len, lambda: 0, (i for i in ()), math, threading.Lock(), object(), Opaque(1), iter([]), list[int]]
)
def test_what_is_no_data_is_refused(value: object) -> None:
    assert f"[0]: cannot encode a {'' if type(value).__module__ == 'builtins' else type(value).__module__}" in _error(
        [value]
    )


def test_a_field_that_was_never_set_is_an_error_of_the_value() -> None:
    broken = Twin(1)
    del broken.x
    assert "[0]: cannot encode a " in _error([broken])


def _circle(kind: str) -> object:
    items: list[object] = [1]
    loops = {"list": items, "dict": {"a": items}, "tuple": (items,), "rows": [{"a": items}] * 8}
    loops["pairs"], loops["columns"] = [(1, items)] * 8, [[items] * 8] * 8
    loops["dataclass"], loops["array"] = Twin(1, items), numpy.array([items, None], dtype=object)
    items.append(loops[kind])
    return items


@pytest.mark.parametrize("kind", ["list", "dict", "tuple", "rows", "pairs", "columns", "dataclass", "array"])
def test_a_circle_is_an_error(kind: str) -> None:
    assert _error([_circle(kind)]).endswith(": the list contains itself")


def test_rows_that_contain_themselves_are_an_error() -> None:
    row: dict[str, object] = {}
    row["self"] = row
    assert _error([row] * 8) == "[0]['self']['self']: the dict contains itself"
    line: list[object] = []
    line.append(line)
    assert _error([line] * 8) == "[0][0][0]: the list contains itself"


def test_what_is_shared_is_no_circle() -> None:
    scalars = [numpy.float64(1)] * 8
    encode([scalars, scalars, [(scalars, {})] * 8])
    shared = [(1,), {}]
    assert encode([shared, shared, (shared,)]) == encode([[(1,), {}], [(1,), {}], ([(1,), {}],)])


def test_deep_nesting_needs_no_recursion() -> None:
    deep = encoding_samples.nested(MAX_DEPTH - 1)
    assert encode(deep) == b"l1:" * (MAX_DEPTH - 1) + b"l0:"
    message = _error(encoding_samples.nested(MAX_DEPTH + 10))
    assert message == "[0]" * 6 + "..." + "[0]" * 6 + ": nested deeper than 100,000 containers"


def test_a_plugin_that_never_comes_to_an_end_is_stopped() -> None:
    assert _error(Opaque(1), extend=lambda value: Opaque(1)).endswith("nested deeper than 100,000 containers")
    assert _error([Opaque(1)], extend=lambda value: value).endswith("Opaque contains itself")
