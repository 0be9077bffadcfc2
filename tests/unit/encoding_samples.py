"""Names for the expressions in encoding_vectors.json; run as a script, it prints what they encode to."""

import array
import json
import re
import sys
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType
from uuid import UUID
from zoneinfo import ZoneInfo

from taskdisc.fingerprint.encoding import encode

Point = namedtuple("Point", "x y")
nan = float("nan")
inf = float("inf")


class Colour(Enum):
    RED = "r"
    GREEN = ("g", 1)


class Level(IntEnum):
    LOW = 1


class Access(Flag):
    READ = 1
    WRITE = 2
    BOTH = 3
    RUN = 4


@dataclass(frozen=True)
class Model:
    name: str
    rates: tuple = (0.5,)
    tags: frozenset = field(default_factory=frozenset)


class Metres(float):
    pass


class Names(list):
    pass


def nested(depth):
    """Return a list in a list, `depth` deep."""
    value = []
    for _ in range(depth):
        value = [value]
    return value


SAMPLED = (array, re, Counter, OrderedDict, defaultdict, deque, date, datetime, time, timedelta, timezone, Decimal)
SAMPLED += (Fraction, Path, PurePosixPath, PureWindowsPath, MappingProxyType, UUID, ZoneInfo)


def encoded(expression):
    """Return the encoding of an expression over the names above."""
    return encode(eval(expression, dict(globals())))


if __name__ == "__main__":
    sys.modules["encoding_samples"] = sys.modules["__main__"]
    for sample in (Point, Colour, Level, Access, Model, Metres, Names):
        sample.__module__ = "encoding_samples"
    print(json.dumps({expression: encoded(expression).hex() for expression in json.load(sys.stdin)}))
