"""Small projects, each with one edit, for the ways in which Python code reaches other code.

A pair is (title, project, edit, tasks whose fingerprint must change). An edit maps a path to (old text, new text).
"""


def _pair(title, project, edit, changed):
    return title, {path: text.lstrip("\n") for path, text in project.items()}, edit, changed


CONDITIONAL = {
    "tasks_c.py": """
import sys

if sys.maxsize > 2**40:
    def width(): return 64
    SIZE = 8
    OTHER = 1
else:
    def width(): return 32
    SIZE = 4
    OTHER = 2

try:
    from fast import mean
except ImportError:
    def mean(rows): return sum(rows) / len(rows)

    def median(rows): return sorted(rows)[len(rows) // 2]

if __name__ == "__main__":
    OTHER = 7

def a(): return SIZE
def b(): return _helper(OTHER)
def c(rows): return mean(rows)
def d(rows): return median(rows)
def _helper(x): return x
"""
}

CLOSURES = {
    "tasks_c.py": """
import factories

K = 3

def outer(rows):
    def inner(row):
        return row * K
    return [inner(row) for row in rows]

def shadow(K):
    return [K for _ in range(3)]

def comprehension(rows):
    return [K for K in rows]

made = factories.make(2)
twice = lambda x: factories.double(x)
wrapped = factories.loud(lambda rows: rows)
programmatic = factories.quiet(outer)

def use(rows): return twice(rows)
def walrus(rows): return [y := f for f in rows], y
def scoped():
    global G
    G = 1
    return G
G = 0
y = 5
""",
    "factories.py": """
import functools

def make(n):
    def made(rows): return rows * n
    return made

def double(x): return x + x

def loud(function):
    def call(rows): return function(rows)
    return call

def quiet(function):
    @functools.wraps(function)
    def call(rows): return function(rows)
    return call
""",
}

RECURSION = {
    "tasks_c.py": """
def even(n): return n == 0 or odd_(n - 1)
def odd_(n): return n != 0 and even(n - 1)
def fact(n, start=1): return start if n == 0 else n * fact(n - 1)
def ping(n): return _pong(n)
def _pong(n): return _ping(n)
def _ping(n): return _pong(n - STEP)
def lonely(n): return n
STEP = 1
"""
}

CLASSES = {
    "tasks_c.py": """
import enum
from typing import NamedTuple
from models import MODEL, Linear

class Colour(enum.Enum):
    RED = 1

class Row(NamedTuple):
    x: int

def predict(rows): return MODEL.predict(rows)
def fit(rows): return Linear().fit(rows)
def red(): return Colour.RED
def row(): return Row(1)
def sorts(rows): return sorted(rows, key=lambda r: weight(r))
def weight(r): return r
def plain(rows): return rows.predict()
""",
    "models.py": """
from abc import ABC

class Model(ABC):
    rate = 0.1
    def predict(self, rows): return [self.one(row) for row in rows]

class Linear(Model):
    def one(self, row): return scale(row)
    def fit(self, rows): return self

def scale(row): return row

MODEL = Linear()
Linear.bias = 4
""",
}

MODULES = {
    "tasks_c.py": """
import one.two.three
import one.flat as flat
from one import two
from star import *
import dynamic
import lonely
from one.two import three as third

def deep(): return one.two.three.f()
def by_package(): return two.three.f()
def by_alias(): return third.g()
def starred(): return from_star() + second()
def whole(name): return getattr(dynamic, name)()
def as_value(): return len(vars(lonely))
def attribute(): return flat.VALUES[0].real
def nothing(): return 0
""",
    "one/__init__.py": "",
    "one/flat.py": "VALUES = [1, 2]\nOTHERS = []\n",
    "one/two/__init__.py": "from . import three\nfrom .. import flat\n",
    "one/two/three.py": "from ..flat import VALUES\n\ndef f(): return VALUES\n\ndef g(): return 2\n",
    "star.py": "from again import *\n\ndef from_star(): return 1\n\ndef unseen(): return 3\n",
    "again.py": "def second(): return 2\n",
    "dynamic.py": "from again import second\n\ndef f(): return second()\n\nLIMIT = 1\n",
    "lonely.py": "A = 1\nB = 2\n",
}

REGISTRY = {
    "tasks_c.py": """
from functools import singledispatch

HANDLERS = []
ORDER = [3, 1]
ORDER.sort()
A, (B, *C) = 1, (2, 3)
CHAINED = OTHER = 4

def _register(function):
    HANDLERS.append(function)
    return function

@_register
def _first(row): return row

@_register
def _second(row): return row

@singledispatch
def _area(shape): return 0

@_area.register
def _(shape: int): return shape

def run(rows): return [h(rows) for h in HANDLERS]
def area(x): return _area(x)
def order(): return ORDER
def unpacked(): return B
def chained(): return CHAINED
def formatted(x): return f"{x!r:>{OTHER}} of {A}"
def match_it(x):
    match x:
        case {"a": A, **rest}: return A, rest
        case _: return None
""",
}

DECORATORS = {
    "tasks_c.py": """
import taskdisc
import taskdisc as td
import functools
from deco import timed, job, plain
from taskdisc import axis, fixture, parametrize

SEEDS = 3

@td.task
@timed
def a(): return 1

@job(retries=3)
def b(): return 2

@parametrize("lr", [SEEDS, 0.2])
@taskdisc.task(retries=SEEDS)
def c(lr): return lr

@functools.lru_cache(maxsize=3)
def d(): return 4

@plain
def e(): return 5

@fixture
def connection(): return 6

@axis
def shard(a): return a

def limited(n=SEEDS): return n
def calls(): return limited() + c(1)
""",
    "deco.py": """
import functools
from taskdisc import task as job

def timed(function):
    @functools.wraps(function)
    def call(*args): return _clock(function, args)
    return call

def _clock(function, args): return function(*args)

def plain(function):
    def call(): return function()
    return call
""",
}

IMPORTS = {
    "tasks_c.py": """
from statistics import mean as middle
from helpers import one as first, two as second
import stars

def a(rows): return middle(rows)
def b(rows): return first(rows) - second(rows)
def c(name): return getattr(stars, name)
""",
    "helpers.py": "def one(x): return x\n\ndef two(x): return -x\n",
    "stars.py": "from below import *\n",
    "below.py": "LIMIT = 1\n",
}

C = "tasks_c.py"
PAIRS = [
    _pair("condition of an if", CONDITIONAL, {C: ("2**40", "2**41")}, {"a", "b", "width"}),
    _pair("one constant of a branch", CONDITIONAL, {C: ("SIZE = 8", "SIZE = 16")}, {"a"}),
    _pair("constant of the other branch", CONDITIONAL, {C: ("SIZE = 4", "SIZE = 5")}, {"a"}),
    _pair("function of a branch", CONDITIONAL, {C: ("return 64", "return 65")}, {"width"}),
    _pair("last constant of a branch", CONDITIONAL, {C: ("OTHER = 1\nelse", "OTHER = 2\nelse")}, {"b"}),
    _pair("the block that only a script runs", CONDITIONAL, {C: ("OTHER = 7", "OTHER = 8")}, set()),
    _pair("function in an except", CONDITIONAL, {C: ("/ len(rows)", "// len(rows)")}, {"c", "mean"}),
    _pair("other function in the except", CONDITIONAL, {C: ("[len(rows) // 2]", "[len(rows) // 3]")}, {"d", "median"}),
    _pair("what a try catches", CONDITIONAL, {C: ("ImportError", "Exception")}, {"c", "d", "mean", "median"}),
    _pair("a closure's constant", CLOSURES, {C: ("K = 3", "K = 4")}, {"outer", "programmatic"}),
    _pair("a nested function", CLOSURES, {C: ("row * K", "K * row")}, {"outer", "programmatic"}),
    _pair("value in the closure of a made function", CLOSURES, {C: ("make(2)", "make(3)")}, {"made"}),
    _pair("the function that made it", CLOSURES, {"factories.py": ("rows * n", "n * rows")}, {"made"}),
    _pair("lambda bound to a name", CLOSURES, {C: ("lambda x: factories", "lambda x: 1 + factories")},
          {"twice", "use"}),
    _pair("what a lambda calls", CLOSURES, {"factories.py": ("x + x", "2 * x")}, {"twice", "use"}),
    _pair("wrapper without functools.wraps", CLOSURES, {"factories.py": (
        "    def call(rows): return function(rows)\n    return call\n\ndef quiet",
        "    def call(rows): return [function(rows)]\n    return call\n\ndef quiet")}, {"wrapped"}),
    _pair("function inside such a wrapper", CLOSURES, {C: ("lambda rows: rows)", "lambda rows: rows[1:])")},
          {"wrapped"}),
    _pair("wrapper applied by a call", CLOSURES, {"factories.py": (
        "    @functools.wraps(function)\n    def call(rows): return function(rows)",
        "    @functools.wraps(function)\n    def call(rows): return list(function(rows))")}, {"programmatic"}),
    _pair("a global of a local's name", CLOSURES, {C: ("y = 5", "y = 6")}, set()),
    _pair("declared global", CLOSURES, {C: ("G = 0", "G = 9")}, {"scoped"}),
    _pair("mutual recursion", RECURSION, {C: ("n != 0 and", "n > 0 and")}, {"even", "odd_"}),
    _pair("mutual recursion, the other", RECURSION, {C: ("n == 0 or", "n <= 0 or")}, {"even", "odd_"}),
    _pair("constant below a circle", RECURSION, {C: ("STEP = 1", "STEP = 2")}, {"ping"}),
    _pair("default of a task that calls itself", RECURSION, {C: ("start=1", "start=2")}, {"fact"}),
    _pair("method of an instance", CLASSES, {"models.py": ("return scale(row)", "return -scale(row)")},
          {"predict", "fit"}),
    _pair("class attribute of a base", CLASSES, {"models.py": ("rate = 0.1", "rate = 0.2")}, {"predict", "fit"}),
    _pair("helper of a method", CLASSES,
          {"models.py": ("def scale(row): return row", "def scale(row): return 2 * row")},
          {"predict", "fit"}),
    _pair("attribute set from outside the class", CLASSES, {"models.py": ("bias = 4", "bias = 5")}, {"predict", "fit"}),
    _pair("enum member", CLASSES, {C: ("RED = 1", "RED = 2")}, {"red"}),
    _pair("field of a named tuple", CLASSES, {C: ("x: int", "x: float")}, {"row"}),
    _pair("lambda in a call", CLASSES, {C: ("def weight(r): return r", "def weight(r): return -r")},
          {"weight", "sorts"}),
    _pair("helper two packages down", MODULES, {"one/flat.py": ("[1, 2]", "[1, 3]")},
          {"deep", "by_package", "attribute"}),
    _pair("unused neighbour there", MODULES, {"one/flat.py": ("OTHERS = []", "OTHERS = [1]")}, set()),
    _pair("module imported from a package", MODULES, {"one/two/three.py": ("return 2", "return 3")}, {"by_alias"}),
    _pair("star import", MODULES, {"star.py": ("from_star(): return 1", "from_star(): return 2")}, {"starred"}),
    _pair("star import of a star import", MODULES, {"again.py": ("return 2", "return 3")}, {"starred", "whole"}),
    _pair("not named behind a star", MODULES, {"star.py": ("return 3", "return 4")}, set()),
    _pair("module given to getattr", MODULES, {"dynamic.py": ("LIMIT = 1", "LIMIT = 2")}, {"whole"}),
    _pair("module used as a value", MODULES, {"lonely.py": ("B = 2", "B = 3")}, {"as_value"}),
    _pair("registered function", REGISTRY, {C: ("def _second(row): return row", "def _second(row): return [row]")},
          {"run"}),
    _pair("registration removed", REGISTRY, {C: ("@_register\ndef _second", "def _second")}, {"run"}),
    _pair("single dispatch", REGISTRY, {C: ("return shape\n", "return -shape\n")}, {"area"}),
    _pair("single dispatch on another type", REGISTRY, {C: ("shape: int", "shape: str")}, {"area"}),
    _pair("sorted in place", REGISTRY, {C: ("ORDER.sort()", "ORDER.sort(reverse=True)")}, {"order"}),
    _pair("unpacking", REGISTRY, {C: ("= 1, (2, 3)", "= 1, (5, 3)")}, {"unpacked", "formatted"}),
    _pair("constant in an f-string, and its twin", REGISTRY, {C: ("= OTHER = 4", "= OTHER = 5")},
          {"chained", "formatted"}),
    _pair("conversion in an f-string", REGISTRY, {C: ("!r", "!s")}, {"formatted"}),
    _pair("pattern", REGISTRY, {C: ('{"a": A', '{"b": A')}, {"match_it"}),
    _pair("decorator of the project", DECORATORS, {"deco.py": (
          "return _clock(function, args)", "return [_clock(function, args)]")},
          {"a"}),
    _pair("what that decorator calls", DECORATORS, {"deco.py": ("return function(*args)", "return 1")}, {"a"}),
    _pair("decorator removed", DECORATORS, {C: ("@timed\n", "")}, {"a"}),
    _pair("taskdisc decorator by another module", DECORATORS, {C: ("@job(retries=3)", "@job(retries=4)")}, set()),
    _pair("taskdisc decorator by attribute", DECORATORS, {C: ("@taskdisc.task(retries=SEEDS)\n", "")}, set()),
    _pair("constant in decorators and defaults", DECORATORS, {C: ("SEEDS = 3", "SEEDS = 4")}, {"calls"}),
    _pair("argument of another decorator", DECORATORS, {C: ("maxsize=3", "maxsize=4")}, {"d"}),
    _pair("decorator without functools.wraps", DECORATORS, {"deco.py": ("return function()", "return [function()]")},
          {"e"}),
    _pair("fixture", DECORATORS, {C: ("return 6", "return 7")}, {"connection"}),
    _pair("axis function", DECORATORS, {C: ("def shard(a): return a", "def shard(a): return [a]")}, {"shard"}),
    _pair("other function of the standard library", IMPORTS, {C: ("mean as", "median as")}, {"a"}),
    _pair("two imports exchanged", IMPORTS, {C: ("one as first, two as second", "two as first, one as second")}, {"b"}),
    _pair("star import of a module given to getattr", IMPORTS, {"below.py": ("LIMIT = 1", "LIMIT = 2")}, {"c"}),
    _pair("default of a task that is called", DECORATORS, {C: ("n=SEEDS", "n=9")}, {"calls"}),
]  # fmt: skip
