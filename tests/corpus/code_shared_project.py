"""Edits of one project of several modules: what the change of a line reaches, and what it does not.

A pair is (title, edit, tasks whose fingerprint must change). An edit maps a path to (old text, new text).
"""

PROJECT = {
    "tasks_a.py": '''\
"""Tasks of the first module."""
import math
import helpers
import pkg.shapes as s
from helpers import clean, LIMIT as ceiling
from pkg import area
from taskdisc import task as job, requires

SCALE = 2.0
STOP_WORDS = ["a", "the"]
STOP_WORDS.append("of")
TABLE = {}
TABLE["one"] = 1
for _n in range(3):
    TABLE[_n] = _n * SCALE


def load(path, fraction: float = 0.5):
    """Read the rows."""
    # the file is small
    return [line for line in open(path)][: int(fraction * 10)]


def split(load):
    return clean(load)


def count(split):
    return helpers.total(split) + ceiling


@job(outputs=("x", "y"), retries=1)
def both(count):
    x = count
    return x, math.sqrt(x)


@requires(rows=lambda load: load)
def words(rows):
    return [w for w in rows if w not in STOP_WORDS]


def lookup(words):
    return TABLE.get(words)


def circle(radius):
    return area(s.Circle(radius))


def late(split):
    from pkg.late import finish

    return finish(split)
''',
    "helpers.py": """\
import functools

LIMIT = 10
UNUSED = 1


def timed(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)

    return wrapper


def clean(rows, strip=True):
    return [trim(row) for row in rows]


def trim(row):
    return row.strip()


def unrelated(row):
    return UNUSED


add = functools.partial(sum, start=0)


@timed
def total(rows):
    return add(rows)
""",
    "pkg/__init__.py": "from .shapes import area\nfrom .late import *\n",
    "pkg/shapes.py": """\
from math import pi
from dataclasses import dataclass
from . import base


@dataclass
class Circle(base.Shape):
    radius: float = 1.0

    def area(self):
        return pi * self.radius**self.power()


def area(shape):
    return shape.area()
""",
    "pkg/base.py": """\
POWER = 2


class Shape:
    sides = 0

    def power(self):
        return POWER
""",
    "pkg/late.py": "def finish(rows):\n    return len(rows)\n\n\ndef start(rows):\n    return rows\n",
}

PAIRS = [
    ("comment", {"tasks_a.py": ("# the file is small", "# the file is large")}, set()),
    ("docstring of a function", {"tasks_a.py": ('"""Read the rows."""', '"""Read them."""')}, set()),
    ("docstring removed", {"tasks_a.py": ('    """Read the rows."""\n', "")}, set()),
    ("docstring of the module", {"tasks_a.py": ('"""Tasks of the first module."""', "")}, set()),
    ("blank lines", {"tasks_a.py": ("def split(load):\n", "\n\n\ndef split(load):\n\n")}, set()),
    ("line broken in two", {"tasks_a.py": ("return clean(load)", "return clean(\n        load,\n    )")}, set()),
    ("quotes", {"tasks_a.py": ('["a", "the"]', "['a', 'the']")}, set()),
    ("parentheses", {"tasks_a.py": ("return x, math.sqrt(x)", "return (x, (math.sqrt(x)))")}, set()),
    ("annotation added", {"tasks_a.py": ("def split(load):", "def split(load: list[str]) -> 'list':")}, set()),
    ("annotation changed", {"tasks_a.py": ("fraction: float", "fraction: 'int'")}, set()),
    ("annotation of a constant", {"tasks_a.py": ("SCALE = 2.0", "SCALE: float = 2.0")}, set()),
    ("annotation of a variable", {"tasks_a.py": ("    x = count", "    x: int = count")}, set()),
    ("default of a setting", {"tasks_a.py": ("float = 0.5", "float = 0.7")}, set()),
    ("argument of a taskdisc decorator", {"tasks_a.py": ("retries=1", "retries=2")}, set()),
    ("taskdisc decorator removed", {"tasks_a.py": ('@job(outputs=("x", "y"), retries=1)\n', "")}, set()),
    ("planner lambda", {"tasks_a.py": ("lambda load: load", "lambda load: [load]")}, set()),
    ("imports reordered", {"tasks_a.py": ("import math\nimport helpers\n", "import helpers\nimport math\n")}, set()),
    ("import added", {"tasks_a.py": ("import math\n", "import math\nimport os\n")}, set()),
    ("unused constant of a helper module", {"helpers.py": ("UNUSED = 1", "UNUSED = 2")}, set()),
    ("unused helper", {"helpers.py": ("return UNUSED", "return UNUSED + 1")}, set()),
    ("unused helper renamed", {"helpers.py": ("def unrelated", "def unrelatedly")}, set()),
    ("helper added", {"helpers.py": ("def unrelated", "def more(): ...\n\n\ndef unrelated")}, set()),
    ("unused function behind a star import", {"pkg/late.py": ("return rows", "return rows + 1")}, set()),
    ("functions reordered", {"pkg/late.py": (
        "def finish(rows):\n    return len(rows)\n\n\ndef start(rows):\n    return rows",
        "def start(rows):\n    return rows\n\n\ndef finish(rows):\n    return len(rows)")}, set()),
    ("body of a task", {"tasks_a.py": ("fraction * 10", "fraction * 11")}, {"load"}),
    ("another task of the module", {"tasks_a.py": ("x = count\n", "x = count + 1\n")}, {"both"}),
    ("a local renamed", {"tasks_a.py": ("[line for line in open(path)]", "[row for row in open(path)]")}, {"load"}),
    ("parameter renamed", {"tasks_a.py": ("def split(load):\n    return clean(load)",
                                          "def split(both):\n    return clean(both)")}, {"split"}),
    ("helper by from-import", {"helpers.py": ("[trim(row) for", "[trim(row) or row for")}, {"split"}),
    ("default of a helper", {"helpers.py": ("strip=True", "strip=False")}, {"split"}),
    ("helper of a helper", {"helpers.py": ("row.strip()", "row.strip('\\n')")}, {"split"}),
    ("helper by attribute, behind a partial", {"helpers.py": ("start=0", "start=1")}, {"count"}),
    ("helper by attribute", {"helpers.py": ("return add(rows)", "return add(rows) * 2")}, {"count"}),
    ("decorator of a helper", {"helpers.py": ("return function(*args)", "return 1 + function(*args)")}, {"count"}),
    ("constant imported under another name", {"helpers.py": ("LIMIT = 10", "LIMIT = 11")}, {"count"}),
    ("other target of an import", {"tasks_a.py": ("LIMIT as ceiling", "UNUSED as ceiling")}, {"count"}),
    ("list constant", {"tasks_a.py": ('["a", "the"]', '["a", "an"]')}, {"words"}),
    ("append to a list constant", {"tasks_a.py": ('append("of")', 'append("off")')}, {"words"}),
    ("append removed", {"tasks_a.py": ('STOP_WORDS.append("of")\n', "")}, {"words"}),
    ("item of a table", {"tasks_a.py": ('TABLE["one"] = 1', 'TABLE["one"] = 2')}, {"lookup"}),
    ("loop that fills a table", {"tasks_a.py": ("range(3)", "range(4)")}, {"lookup"}),
    ("constant in a loop that fills a table", {"tasks_a.py": ("SCALE = 2.0", "SCALE = 3.0")}, {"lookup"}),
    ("constant changes its type", {"tasks_a.py": ("SCALE = 2.0", "SCALE = 2")}, {"lookup"}),
    ("function behind a re-export", {"pkg/shapes.py": ("return shape.area()", "return +shape.area()")}, {"circle"}),
    ("method", {"pkg/shapes.py": ("pi * self", "3 * self")}, {"circle"}),
    ("default of a dataclass field", {"pkg/shapes.py": ("= 1.0", "= 2.0")}, {"circle"}),
    ("annotation of a dataclass field", {"pkg/shapes.py": ("radius: float", "radius: int")}, {"circle"}),
    ("quotes around the annotation of a field", {"pkg/shapes.py": ("radius: float", "radius: 'float'")}, set()),
    ("field added", {"pkg/shapes.py": ("= 1.0\n", "= 1.0\n    colour: str = ''\n")}, {"circle"}),
    ("base class", {"pkg/base.py": ("sides = 0", "sides = 1")}, {"circle"}),
    ("constant that a base class names", {"pkg/base.py": ("POWER = 2", "POWER = 3")}, {"circle"}),
    ("import inside a function", {"pkg/late.py": ("return len(rows)", "return len(rows) + 1")}, {"late"}),
    ("re-export takes another way", {
        "pkg/__init__.py": ("from .shapes import area", "from pkg.shapes import area as area")}, set()),
]  # fmt: skip
