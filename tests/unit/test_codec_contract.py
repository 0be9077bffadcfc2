"""The contract of codecs, for ours and for one as a plugin would supply it."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy

from taskdisc.builtin.json_codec import JsonCodec
from taskdisc.builtin.pickling import PickleCodec
from taskdisc.testing import CodecContract

PLAIN = CodecContract.values


@dataclass
class Point:
    x: int
    y: float


class TestPickle(CodecContract):
    values = (*PLAIN, {1, 2}, (1, "a"), b"\x00\xff", 2**100, Point(1, 2.5), date(2026, 1, 1), Decimal("1.10"), range(3))
    refused = (threading.Lock(), (number for number in range(3)))

    def make(self) -> PickleCodec:
        return PickleCodec()


class TestPickleOfArrays(CodecContract):
    """Large buffers are kept apart, and small ones are not."""

    values = (
        numpy.arange(10),
        numpy.arange(100_000.0),
        [numpy.ones((300, 300), order="F"), numpy.zeros(0), numpy.arange(50_000)[::3]],
        {"a": numpy.full(70_000, 7, dtype="uint8"), "b": bytearray(100_000)},
    )

    def make(self) -> PickleCodec:
        return PickleCodec()

    def is_same(self, value: Any, other: Any) -> bool:
        if isinstance(value, numpy.ndarray):
            return value.dtype == other.dtype and value.flags.writeable and numpy.array_equal(value, other)
        if isinstance(value, dict):
            return list(value) == list(other) and all(map(self.is_same, value.values(), other.values()))
        if isinstance(value, list):
            return len(value) == len(other) and all(map(self.is_same, value, other))
        return super().is_same(value, other)


class TestJson(CodecContract):
    values = (*PLAIN, (1, ("a",)), b"\x00\xff", {1: "a", (2,): None}, {"$tuple": [1]}, {"$x": 1, "y": 2}, 2**100)
    refused = ({1, 2}, object(), Point(1, 2.5), numpy.arange(3), 1j)

    def make(self) -> JsonCodec:
        return JsonCodec()


class Text:
    """What a plugin could supply."""

    def encode(self, value: Any) -> list[bytes | memoryview]:
        return [json.dumps(value).encode()]

    def decode(self, data: memoryview) -> Any:
        return json.loads(bytes(data))


class TestText(CodecContract):
    refused = ({1, 2}, b"bytes", object())

    def make(self) -> Text:
        return Text()
