"""A project of all that can enter a key: code of every shape in several modules, labels and results of every type."""

from __future__ import annotations

SHAPES = '''
"""Classes: enums, data classes, named tuples, inheritance, decorators."""
import enum
from dataclasses import dataclass, field
from functools import cached_property, total_ordering
from typing import NamedTuple

class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"

class Level(enum.IntFlag):
    LOW = 1
    HIGH = 2

@dataclass(frozen=True, order=True)
class Point:
    x: int
    y: float = 0.5
    tags: frozenset = field(default_factory=frozenset, compare=False)

    def moved(self, by=1):
        return Point(self.x + by, self.y, self.tags | {"moved"})

class Pair(NamedTuple):
    first: str
    second: "int | None" = None

@total_ordering
class Plain:
    __slots__ = ("name", "size")

    def __init__(self, name, size):
        self.name, self.size = name, size

    def __eq__(self, other):
        return self.size == other.size

    def __lt__(self, other):
        return self.size < other.size

class Special(Plain):
    KINDS = {"b", "a", "c", "d"}

    @staticmethod
    def made(name):
        return Special(name, len(name))
'''
NUMBERS = '''
"""Helpers: closures, partials, lambdas, generators, defaults, globals of many kinds."""
import math
import re
from functools import lru_cache, partial, wraps

SALT = 3
NAMES = frozenset({"one", "two", "three", "four", "five"})
TABLE = {name: len(name) for name in sorted(NAMES)}
WORD = re.compile(r"[a-z]+")
ELLIPSIS, NOTHING, PI = ..., None, math.pi

def logged(function):
    @wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)
    return inner

def power(exponent):
    def raised(base, *, plus=SALT):
        nonlocal exponent
        return base ** exponent + plus
    return raised

square = power(2)
cube = partial(pow, exp=3) if SALT > 10 else lambda base: base ** 3
double = lambda number: number * 2

@logged
@lru_cache(maxsize=None)
def salted(number: "int", /, *, by: int = SALT) -> int:
    """Docstrings do not count."""
    match number % 3:
        case 0 | 1:
            result = number + by
        case other:
            result = other - by
    return result

def members():
    return {word for name in NAMES for word in WORD.findall(name) if (size := len(word)) > 3 and size}

async def later(number):
    return [each async for each in _several(number)]

async def _several(number):
    for each in range(number):
        yield each

def text(number, width=6):
    return f"{number!r:>{width}} {number:0{width}d} {{}} {SALT=}"
'''
FACADE = """
from .numbers import *
from .numbers import salted as renamed
from .shapes import Colour, Level, Pair, Plain, Point, Special
from . import numbers, shapes

try:
    import nowhere_to_be_found as fast
except ImportError:
    fast = None

if fast is not None:
    def chosen(number): return fast.work(number)
else:
    def chosen(number): return numbers.double(number)

_registry = {}

def register(function):
    _registry[function.__name__] = function
    return function

@register
def first(number): return chosen(number)

@register
def second(number): return renamed(number)
"""
AXES = """
import datetime
import decimal
import fractions
import pathlib
import uuid
from lib import Colour, Level, Pair, Point
from taskdisc import axis

label = axis(
    0, 1, True, False, None, 1.0, -0.0, 1.5, float("nan"), float("inf"), 10**50, -7, 2 + 3j,
    "one", "", "True", "with, comma=and [brackets]", "g\\u00e4nse", "\\u65e5", b"bytes",
    (), (1, ("a", None)), Colour.RED, Level.LOW, Level.LOW | Level.HIGH, Pair("x", 3), Point(2),
    datetime.date(2026, 1, 2), datetime.datetime(2026, 1, 2, 3, 4, 5, 6), datetime.time(1, 2),
    datetime.timedelta(days=1, microseconds=5), datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc),
    decimal.Decimal("1.50"), fractions.Fraction(2, 6), pathlib.PurePosixPath("a/b"), uuid.UUID(int=5),
    frozenset({"a", "b", "c"}), frozenset({1, "1", (1,)}), range(3),
)
named = axis({"small": {"b": 1, "a": {3, 1, 2}}, "large": [Colour.BLUE, {"x", "y", "z"}]})
count = axis(range(3))
"""
PLAIN = """
import sys
from pathlib import Path
from axes import count, label, named
from lib import Colour, Pair, Plain, Point, Special, chosen, double, first, members, power, salted, square
from lib.numbers import cube, text
import lib.numbers as numbers
from taskdisc import Gather, file, task

raw = file("data/raw.txt")

def _note():
    with open("how.txt", "a") as stream:
        stream.write(" ".join(sys.orig_argv[1:]) + "\\n")

def one(raw):
    _note()
    return raw.read_text().split()

def of_label(label):
    return type(label).__name__

def values(of_label: Gather[str]):
    return list(of_label.values())

def of_named(named, one, factor: float = 1.5, mode: Colour = Colour.RED, extra: frozenset = frozenset("abcdef")):
    return {"named": named, "mode": mode, "factor": factor * len(one), "extra": set(extra)}

def shapes(count):
    point = Point(count, tags=frozenset({"p", "q", "r"})).moved()
    return [point, Pair("a"), Colour.BLUE, Special.made("special"), Plain("plain", point.x), Special.KINDS]

@task(outputs=("low", "high"), version="2b")
def split(count, members_of):
    return {"high": members_of, "low": salted(count) + square(count) + cube(count) + double(count) + numbers.SALT}

def members_of():
    return members()

def large(members_of):
    return {name: name * 20_000 for name in sorted(members_of)}

def written(one, task_dir: Path):
    (task_dir / "sub").mkdir()
    (task_dir / "sub" / "one.txt").write_text(" ".join(one))
    return {"folder": task_dir / "sub", "file": task_dir / "sub" / "one.txt"}

def sized(written, large):
    return written["file"].stat().st_size, len(large)

def shaped(shapes, count):
    return text(count) + repr(sorted(map(str, shapes[-1]))) + shapes[3].name

def functions(count):
    return [first, power, Point.moved, chosen, Colour, members_of]

def use(functions, low, high):
    return [function.__name__ for function in functions], low, high

@task(prefix="env")
def launched(members_of, one):
    return members_of | set(one)
"""
GATHERING = """
from collections import Counter, OrderedDict, defaultdict, deque
from axes import count, named
from tasks_b_plain import of_named, shaped
from taskdisc import Gather

def total(shaped: Gather[str], use: Gather):
    return {at: len(text) for at, text in shaped.items()} | {"use": dict(use)}

def grid(of_named, shapes, launched):
    counted, ordered = Counter(sorted(of_named["extra"])), OrderedDict(b=1, a=2)
    return counted, defaultdict(list, {"a": [1]}), deque([1, 2]), ordered, shapes[0]

def cells(grid: Gather):
    return {at: (cell[0], dict(cell[1]), cell[4].x) for at, cell in grid.items()}

def last(cells, total, values, sized):
    return len(cells), total, values, sized
"""
THIS_PYTHON = """
import numpy as np
from axes import count
from lib import double, power
from taskdisc import axis

number = axis(np.float64(1.5), np.int32(3), np.datetime64("2026-01-02"))

def array(count, number):
    return {"a": np.arange(12.0).reshape(3, 4)[:, ::2] * count, "m": np.ma.masked_less(np.arange(4), 2), "n": number}

def strided(array):
    return np.asfortranarray(array["a"]), np.array(["x", "yy"]), np.zeros(40_000)

def summed(strided):
    return strided[0].sum(), strided[2].dtype

def nameless(count):
    return [double, power(count), lambda: count]
"""
EARLY = '''
"""Imports modules of the project in the order that ORDER has, before anybody else does."""
import importlib
import os

for name in os.environ["ORDER"].split():
    importlib.import_module(name)
'''
THREADS = '''
"""Has the run a second thread, so that it cannot fork its workers."""
import threading

def taskdisc_run_started():
    threading.Thread(target=threading.Event().wait, daemon=True).start()
'''
FILES = {
    "lib/__init__.py": FACADE,
    "lib/shapes.py": SHAPES,
    "lib/numbers.py": NUMBERS,
    "axes.py": AXES,
    "tasks_a_gathering.py": GATHERING,
    "tasks_b_plain.py": PLAIN,
    "data/raw.txt": "raw data of the project\n",
    "early.py": EARLY,
    "threads.py": THREADS,
}
FILES_OF_THIS_PYTHON = {**FILES, "tasks_c_this_python.py": THIS_PYTHON}
"""With numpy, which is made for one Python, and with nameless functions in results, which count by their bytecode."""
ORDERS = (
    "",
    "lib.shapes lib.numbers lib axes tasks_b_plain tasks_a_gathering",
    "tasks_b_plain lib.numbers tasks_a_gathering axes",
)
"""Orders of import: as collection has it, and two others."""
