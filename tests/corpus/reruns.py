"""Edits of a project that can be run: which instances the next run executes, up to the first equal results.

A pair is (title, edit, ids that are executed). An edit maps a path to (old text, new text).
"""

PROJECT = {
    "raw.txt": "b a c",
    "tasks_a.py": '''\
"""Tasks of the first module."""
import helpers
from helpers import clean, LIMIT as ceiling
from pkg import area
from taskdisc import Gather, axis, file, task

WORDS = ["a", "the"]
WORDS.append("of")
k = axis(1, 2)
raw = file("raw.txt")


def rows(raw, fraction: float = 0.5):
    """Read the words."""
    # the file is small
    return [word for word in raw.read_text().split()]


def cleaned(rows):
    return clean(rows)


def size(cleaned):
    return min(len(cleaned), ceiling)


def total(size, k):
    return helpers.scale(size) * k


def best(total: Gather[int]):
    return max(total.values())


@task(outputs=("low", "high"), tags=("half",))
def halves(cleaned):
    return cleaned[:1], cleaned[1:]


def lower(low):
    return len(low)


def higher(high):
    return high[-1]


def both(halves):
    return sorted(halves)


def unstopped(cleaned):
    return [word for word in cleaned if word not in WORDS]
''',
    "tasks_b.py": """\
from pkg import area
from tasks_a import k


def circle(k):
    return area(k)


def late(size):
    from pkg.late import finish

    return finish(size)
""",
    "helpers.py": """\
LIMIT = 10
UNUSED = 1


def clean(rows):
    return [trim(row) for row in rows]


def trim(row):
    return row.strip()


def unrelated(row):
    return UNUSED


def scale(n):
    return n * 2
""",
    "pkg/__init__.py": "from .shapes import area\n",
    "pkg/shapes.py": """\
from . import base


class Circle(base.Shape):
    def area(self, radius):
        return 3 * radius**self.power()


def area(radius):
    return Circle().area(radius)
""",
    "pkg/base.py": "POWER = 2\n\n\nclass Shape:\n    def power(self):\n        return POWER\n",
    "pkg/late.py": "def finish(n):\n    return n + 1\n\n\ndef start(n):\n    return n\n",
}

TOTALS = {"total[k=1]", "total[k=2]"}
CIRCLES = {"circle[k=1]", "circle[k=2]"}
A = "tasks_a.py"
PAIRS = [
    ("comment", {A: ("is small", "is large")}, set()),
    ("docstring", {A: ("Read the words.", "Read them.")}, set()),
    ("blank lines", {A: ("def cleaned", "\n\n\ndef cleaned")}, set()),
    ("unused helper", {"helpers.py": ("return UNUSED", "return UNUSED + 1")}, set()),
    ("unused constant", {"helpers.py": ("UNUSED = 1", "UNUSED = 2")}, set()),
    ("tag", {A: ('("half",)', '("part",)')}, set()),
    ("annotation", {A: ("def cleaned(rows):", "def cleaned(rows: list[str]) -> list[str]:")}, set()),
    ("default of a setting, to no effect", {A: ("float = 0.5", "float = 0.7")}, {"rows"}),
    ("body, to no effect", {A: (".split()", ".split(None)")}, {"rows"}),
    ("helper, to no effect", {"helpers.py": ("row.strip()", "row.strip(' ')")}, {"cleaned"}),
    ("constant, to no effect", {"helpers.py": ("LIMIT = 10", "LIMIT = 11")}, {"size"}),
    ("constant, to some effect", {"helpers.py": ("LIMIT = 10", "LIMIT = 2")}, {"size", *TOTALS, "best", "late"}),
    ("helper of a helper", {"helpers.py": ("row.strip()", "row.upper()")},
     {"cleaned", "size", "halves", "lower", "higher", "both", "unstopped"}),
    ("helper by attribute", {"helpers.py": ("n * 2", "n * 3")}, {*TOTALS, "best"}),
    ("input that changes one of two outputs", {"raw.txt": ("b a c", "b a d")},
     {"rows", "cleaned", "size", "halves", "higher", "both", "unstopped"}),
    ("input, to no effect", {"raw.txt": ("b a c", "b  a  c")}, {"rows"}),
    ("code that changes one of two outputs", {A: ("cleaned[1:]", "cleaned[:0:-1]")}, {"halves", "higher", "both"}),
    ("version", {A: ('tags=("half",)', "version=2")}, {"halves"}),
    ("element added", {A: ("axis(1, 2)", "axis(1, 2, 3)")}, {"total[k=3]", "best", "circle[k=3]"}),
    ("element removed", {A: ("axis(1, 2)", "axis(2)")}, {"best"}),
    ("element replaced", {A: ("axis(1, 2)", "axis(1, 5)")}, {"total[k=5]", "best", "circle[k=5]"}),
    ("elements turned around", {A: ("axis(1, 2)", "axis(2, 1)")}, {"best"}),
    ("labels, the values as before", {A: ("axis(1, 2)", "axis({'one': 1, 'two': 2})")}, {"best"}),
    ("list constant, to no effect", {A: ('["a", "the"]', '["a", "an"]')}, {"unstopped"}),
    ("append to a constant", {A: ('append("of")', 'append("c")')}, {"unstopped"}),
    ("method", {"pkg/shapes.py": ("3 * radius", "4 * radius")}, CIRCLES),
    ("constant of a base class", {"pkg/base.py": ("POWER = 2", "POWER = 3")}, CIRCLES),
    ("import inside a function", {"pkg/late.py": ("n + 1", "n + 2")}, {"late"}),
    ("unused function there", {"pkg/late.py": ("return n\n", "return -n\n")}, set()),
    ("task that depends on a task added", {"tasks_b.py": (
        "def late(size):", "def more(late): return late\n\n\ndef late(size):")}, {"more"}),
    ("task renamed", {"tasks_b.py": ("def late(size)", "def later(size)")}, {"later"}),
    ("tasks turned around", {A: (
        "def lower(low):\n    return len(low)\n\n\ndef higher(high):\n    return high[-1]",
        "def higher(high):\n    return high[-1]\n\n\ndef lower(low):\n    return len(low)")}, set()),
]  # fmt: skip
