"""Summaries of a module's text."""

from __future__ import annotations

import ast
import json
from textwrap import dedent

import pytest

from taskdisc.fingerprint.source import summarise
from taskdisc.fingerprint.summary import ModuleSummary, Unit


def summary_of(text: str) -> ModuleSummary:
    return summarise(dedent(text), "tasks_x.py")


def unit_of(text: str, name: str = "f") -> Unit:
    summary = summary_of(text)
    [index] = [entry for entry in summary["names"][name] if isinstance(entry, int)]
    return Unit._make(summary["units"][index])


def test_summary_survives_json() -> None:
    summary = summary_of("import a.b as c\nfrom . import d\n\n@c.e(1)\ndef f(x=d): return x\n")
    assert json.loads(json.dumps(summary)) == summary


def test_syntax_error_names_the_file() -> None:
    with pytest.raises(SyntaxError) as caught:
        summarise("def f(:\n", "tasks_x.py")
    assert caught.value.filename == "tasks_x.py"


def test_lines_include_decorators() -> None:
    unit = unit_of("\n@g\ndef f():\n    return 1\n")
    assert (unit.first, unit.last) == (2, 4)


@pytest.mark.parametrize(
    ("body", "uses"),
    [
        ("return a.b.c + a.d()", ["a.b.c", "a.d"]),
        ("a = 1; return a", []),
        ("return [a for a in b for c in a]", ["b"]),
        ("return {a: b for a in c}", ["b", "c"]),
        ("return [a for a in b], a", ["a", "b"]),
        ("class G:\n        a = 1\n        def h(self): return a\n    return G", ["a"]),
        ("return lambda a, b=c: a + b + d", ["c", "d"]),
        ("global a; a = 1", ["=a"]),
        ("a.append(1)", ["=a.append"]),
        ("a[0] = b", ["=a", "b"]),
        ("a.b = 1", ["=a.b"]),
        ("import m.n; return m.n.k", ["m::n.k"]),
        ("from ..m import n as k; return k.x", ["..m:n:x"]),
        ("a: b = c; return a", ["c"]),
        ("def g(x: a = b) -> c: return x, d\n    return g", ["b", "d"]),
        ("class G(a):\n        b = 1\n        def h(self): return b\n    return G", ["a", "b"]),
        ("try: a()\n    except b as c: return c", ["a", "b"]),
        ("with a as b, c(b) as d: return d", ["a", "c"]),
        ("return (a := b) + a", ["b"]),
        ("for a in b: pass\n    else: return a, c", ["b", "c"]),
        ("match a:\n        case b.C(x, y=[*z]): return x, y, z", ["a", "b.C", "y"]),
        ("return f'{a:>{b}} {c.d!r}'", ["a", "b", "c.d"]),
        ("def g():\n        nonlocal x\n        x = 2\n        return x\n    x = 1\n    return g", []),
        ("del a[b]", ["=a", "b"]),
        ("return a[b:c]", ["a", "b", "c"]),
        ("return [(b := a) for a in c], b", ["c"]),
    ],
)
def test_names_taken_from_outside(body: str, uses: list[str]) -> None:
    assert unit_of(f"def f():\n    {body}\n").uses == uses


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("return 1", "return True"),
        ("return 1", "return 1.0"),
        ("return 'a'", "return b'a'"),
        ("return 'a', 'b'", "return 'a b'"),
        ("return a.b", "return a, b"),
        ("return [a, [b]]", "return [[a], b]"),
        ("return a < b", "return a <= b"),
        ("return f'{a}'", "return f'{a!s}'"),
        ("return f'x{a}'", "return f'{a}x'"),
        ("return a[1:]", "return a[:1]"),
        ("return g(x=1)", "return g(y=1)"),
        ("return g(*x)", "return g(**x)"),
        ("import a", "import b"),
        ("import a as b", "import b as a"),
        ("yield a", "yield from a"),
        ("for a in b: c()", "async def g():\n        async for a in b: c()"),
        ("def g(a, /, b): return a", "def g(a, b): return a"),
        ("def g(a, *, b): return a", "def g(a, *b): return a"),
        ("if a: b()\n    c()", "if a:\n        b()\n        c()"),
        ("return '\\ud800'", "return '\\ud801'"),
    ],
)
def test_digests_differ(one: str, other: str) -> None:
    assert unit_of(f"def f():\n    {one}\n").digest != unit_of(f"def f():\n    {other}\n").digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("return 1_000", "return 0x3e8"),
        ("return 'a' 'b'", 'return "ab"'),
        ("pass; return 1", "...; return 1"),
        ("'doc'\n    return 1", "return 1"),
        ("x: int\n    return 1", "return 1"),
        ("return f'{a}' 'b'", "return f'{a}b'"),
        ("return f'{a:}'", "return f'{a:}' ''"),
        ("def g(x: 'a') -> b: 'doc'", "def g(x): pass"),
    ],
)
def test_digests_agree(one: str, other: str) -> None:
    assert unit_of(f"def f():\n    {one}\n").digest == unit_of(f"def f():\n    {other}\n").digest


def test_digest_is_the_same_in_every_version_of_python() -> None:
    text = """
        def f(a, /, b, *c, d=1, **e):
            with open(a) as g, b:
                for h in [x async for x in c if x]:
                    yield f"{h!r:>{d}} {e=} \N{SNOWMAN} {{}}" "tail" f"{1.5}", -1j, b"\\0", ..., None
            match a:
                case {"k": [1, *rest], **more} | rest as more if more: return lambda *i, j=2: i[1:, j]
    """
    assert unit_of(text).digest == "285ac8eb7a43037a7d35f324dc506d3d"


def test_defaults_and_decorators_stand_apart() -> None:
    plain = unit_of("def f(a, b): return a")
    dressed = unit_of("@g.h(K)\ndef f(a, b=LIMIT): return a")
    assert dressed.digest == plain.digest
    assert dressed.uses == plain.uses == []
    assert dressed.defaults[1] == ["LIMIT"]
    assert [(decorator[0], decorator[2]) for decorator in dressed.decorators] == [("g.h", ["K", "=g.h"])]


def test_keyword_default_moves_with_its_parameter() -> None:
    one, other = unit_of("def f(*, a=1, b): 0"), unit_of("def f(*, a, b=1): 0")
    assert one.defaults != other.defaults


def test_imports_are_bound_to_their_source() -> None:
    summary = summary_of("import a\nimport b.c\nimport d.e as f\nfrom g import h as i\nfrom ..j import *\n")
    assert summary["names"] == {"a": ["a::"], "b": ["b::"], "f": ["d.e::"], "i": ["g:h:"]}
    assert summary["stars"] == ["..j"]


def test_second_definition_is_reported_with_both_lines() -> None:
    assert summary_of("def f(): 1\ndef g(): 2\n@h\ndef f(): 3\n")["duplicates"] == [["f", 1, 4]]


@pytest.mark.parametrize(
    "text",
    [
        "if a:\n    def f(): 1\nelse:\n    def f(): 2\n",
        "try:\n    def f(): 1\nexcept E:\n    def f(): 2\n",
        "@overload\ndef f(): ...\n@typing.overload\ndef f(): ...\ndef f(): 1\n",
        "class A:\n    def f(self): 1\nclass B:\n    def f(self): 1\n",
        "@f.register\ndef _(a): 1\n@f.register\ndef _(b): 1\n",
    ],
)
def test_branches_and_overloads_are_no_duplicates(text: str) -> None:
    assert summary_of(text)["duplicates"] == []


def test_reading_stops_at_no_depth() -> None:
    deep = "x = " + "+".join(["a"] * 1500)
    assert unit_of(deep, "x").uses == ["a"]
    tree = ast.parse(deep).body[0]
    with pytest.raises(RecursionError):
        ast.dump(tree)
