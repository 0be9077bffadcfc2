"""The contract of codecs as tests: subclass it, say how yours is made, and pytest runs them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from taskdisc.compression import compressed, escaped, expanded
from taskdisc.fingerprint.code import CodeFingerprints
from taskdisc.fingerprint.values import ValueFingerprints
from taskdisc.pluginmanager import plugin_manager

if TYPE_CHECKING:
    from pathlib import PurePath

    from taskdisc.protocols import Codec

PLAIN: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "text",
    "ü\n",
    [],
    [1, [2, "three"]],
    {},
    {"a": 1, "b": {"c": None}},
)
"""Values that most codecs take."""
COMPRESSIONS = ("gzip", "gzip:1")
"""Those that Python itself brings along."""


class CodecContract:
    """What every codec promises.

    `class TestMine(CodecContract)` needs `make`; `values` and `refused` are what it takes, and what it does not.
    """

    values: Sequence[Any] = PLAIN
    """Values that it takes."""
    refused: Sequence[Any] = ()
    """Values that it does not take."""

    def make(self) -> Codec:
        """Return a new codec, as the factory of a plugin does."""
        raise NotImplementedError("a contract needs to know how to make what it is about: define make(self)")

    def is_same(self, value: Any, other: Any) -> bool:
        """Say whether a value came back; to be replaced where `==` and the type do not tell."""
        return type(value) is type(other) and bool(value == other)

    def _back(self, value: Any) -> Any:
        return self.make().decode(_joined(self.make().encode(value)))

    def test_values_come_back(self) -> None:
        for value in self.values:
            assert self.is_same(self._back(value), value), f"{value!r} came back as {self._back(value)!r}"

    def test_pieces_are_bytes(self) -> None:
        for value in self.values:
            pieces = self.make().encode(value)
            assert isinstance(pieces, list)
            assert all(isinstance(piece, bytes | memoryview) for piece in pieces)

    def test_values_are_left_alone(self) -> None:
        codec = self.make()
        for value in self.values:
            first = _joined(codec.encode(value))
            codec.decode(_joined(codec.encode(value)))
            assert self.is_same(codec.decode(first), value)

    def test_one_codec_serves_many_values(self) -> None:
        codec = self.make()
        encoded = [_joined(codec.encode(value)) for value in self.values]
        decoded = [codec.decode(data) for data in encoded]
        assert all(map(self.is_same, decoded, self.values))

    def test_each_decoding_gives_a_new_value(self) -> None:
        codec = self.make()
        for value in self.values:
            if isinstance(value, list | dict | set | bytearray):
                encoded = codec.encode(value)
                first, second = codec.decode(_joined(encoded)), codec.decode(_joined(encoded))
                assert first is not second
                first.clear()
                assert self.is_same(second, value)

    def test_values_count_the_same_afterwards(self, tmp_path: Path) -> None:
        """Keys see values, and must not see whether these come from a store."""
        fingerprints = ValueFingerprints(CodeFingerprints(str(tmp_path)), plugin_manager())

        def digest(value: Any) -> bytes:
            return fingerprints.digest(value, _no_place, self.make().encode(value))

        for value in self.values:
            assert digest(self._back(value)) == digest(value), f"{value!r} counts as another value afterwards"

    @pytest.mark.parametrize("method", COMPRESSIONS)
    def test_compression_comes_on_top(self, method: str) -> None:
        for value in self.values:
            data = _joined(compressed(self.make().encode(value), method))
            assert self.is_same(self.make().decode(expanded(data)), value)
            data = _joined(escaped(self.make().encode(value)))
            assert self.is_same(self.make().decode(expanded(data)), value)

    def test_what_it_does_not_take_is_refused(self) -> None:
        codec = self.make()
        for value in self.refused:
            with pytest.raises(Exception):  # noqa: B017 - any that it likes
                codec.encode(value)
            assert all(self.is_same(codec.decode(_joined(codec.encode(each))), each) for each in self.values)


def _joined(pieces: Sequence[bytes | memoryview]) -> memoryview:
    """The pieces as they come from a store: joined, and writable for the caller alone."""
    return memoryview(bytearray().join(pieces))


def _no_place(path: PurePath) -> tuple[str, str]:
    raise AssertionError(f"paths are kept by the core, and {path} came to a codec")
