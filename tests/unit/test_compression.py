"""What is compressed comes back; what saves nothing stays as it was."""

import sys
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskdisc.compression import METHODS, compressed, escaped, expanded, missing_package, parse
from taskdisc.model import COMPRESSED

TEXTS = ["gzip", "gzip:0", "gzip:9", "zstd", "zstd:1", "zstd:19", "lz4", "lz4:9"]


def joined(pieces):
    return b"".join(bytes(piece) for piece in pieces)


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_compressed_comes_back_writable(text):
    pieces = [b"head", memoryview(bytes(100_000)), b"", memoryview(bytearray(b"ab" * 50_000))]
    stored = joined(compressed(pieces, text))
    assert len(stored) < 200_004 + 10
    found = expanded(memoryview(stored))
    assert found == joined(pieces)
    if text != "gzip:0":
        assert len(stored) < 10_000
        found[0] = 1


@pytest.mark.parametrize("text", TEXTS)
def test_what_saves_nothing_stays_as_it_is(text):
    noise = Random(1).randbytes(50_000)
    assert joined(compressed([noise], text)) == noise
    assert expanded(memoryview(noise)) == noise


@pytest.mark.parametrize("text", TEXTS)
def test_equal_values_are_stored_equally(text):
    assert joined(compressed([bytes(9999)], text)) == joined(compressed([bytes(9999)], text))


@settings(derandomize=True, database=None, deadline=None)
@given(st.lists(st.sampled_from([b"", b"T", b"D", b"Z", b"\0", COMPRESSED, b"-x"]), max_size=8))
def test_nothing_is_taken_for_compressed_that_is_not(pieces):
    assert expanded(memoryview(joined(escaped(pieces)))) == joined(pieces)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("zip", 'it is "zstd", "gzip" or "lz4"'),
        ("gzip:10", "the levels of gzip are 0 to 9"),
        ("zstd:x", "the levels of zstd are 1 to 22"),
        ("lz4:", "the levels of lz4 are 0 to 16"),
    ],
)
def test_unknown_methods_and_levels_are_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse(text)


def test_a_missing_package_is_named(monkeypatch):
    stored = joined(compressed([bytes(9999)], "lz4"))
    assert missing_package("lz4") is None
    monkeypatch.setitem(sys.modules, "lz4.frame", None)
    assert missing_package("lz4:3") == "lz4"
    with pytest.raises(ModuleNotFoundError, match="pip install lz4"):
        expanded(memoryview(stored))


def test_methods_have_letters_of_their_own():
    assert len({method.letter for method in METHODS.values()}) == len(METHODS)
