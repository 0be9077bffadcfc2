"""Fingerprints of functions: what they consist of, and functions without text."""

from __future__ import annotations

import functools
import importlib
import json
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from taskdisc.fingerprint.code import CodeFingerprints

Write = Callable[..., Any]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write modules below a root and return `tasks_x`, imported."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def write_modules(**texts: str) -> Any:
        for name, text in texts.items():
            (tmp_path / f"{name}.py").write_text(dedent(text), encoding="utf-8")
        importlib.invalidate_caches()
        return importlib.import_module("tasks_x")

    yield write_modules
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def labels(code: CodeFingerprints, function: object) -> list[str]:
    return [label for label, _ in code.fingerprint(function).parts]


def test_parts_name_what_is_reached(write: Write, tmp_path: Path) -> None:
    module = write(
        tasks_x="import helpers\ndef split(n=2): return helpers.clean(n)\n",
        helpers="LIMIT = 3\nOTHER = 4\ndef clean(x, strip=True): return x[:LIMIT]\n",
    )
    code = CodeFingerprints(str(tmp_path))
    assert labels(code, module.split) == [
        "helpers.LIMIT", "helpers.clean", "helpers.clean (defaults)", "tasks_x.split",
    ]  # fmt: skip
    assert len(code.fingerprint(module.split).digest) == 32


def test_equal_parts_make_equal_digests_in_any_order_of_asking(write: Write, tmp_path: Path) -> None:
    module = write(tasks_x="def a(n): return b(n)\ndef b(n): return c(n)\ndef c(n): return a(n) or _d()\ndef _d(): 0\n")
    functions = [module.a, module.b, module.c]
    first, second = CodeFingerprints(str(tmp_path)), CodeFingerprints(str(tmp_path))
    forwards = [first.fingerprint(function) for function in functions]
    backwards = [second.fingerprint(function) for function in reversed(functions)]
    assert forwards == backwards[::-1]
    assert {len(fingerprint.parts) for fingerprint in forwards} == {4}


def test_cache_holds_json_and_is_used(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = write(tasks_x="def f(): return 1\n")
    cache: dict[str, object] = {}
    expected = CodeFingerprints(str(tmp_path), cache).fingerprint(module.f)
    monkeypatch.setattr("taskdisc.fingerprint.source.summarise", None)
    assert CodeFingerprints(str(tmp_path), json.loads(json.dumps(cache))).fingerprint(module.f) == expected


def test_cached_summary_of_another_format_is_made_anew(write: Write, tmp_path: Path) -> None:
    module = write(tasks_x="def f(): return 1\n")
    cache: dict[str, Any] = {}
    expected = CodeFingerprints(str(tmp_path), cache).fingerprint(module.f)
    for summary in cache.values():
        summary.update(format=-1, units=[])
    assert CodeFingerprints(str(tmp_path), cache).fingerprint(module.f) == expected


def test_nothing_is_imported(write: Write, tmp_path: Path) -> None:
    module = write(
        tasks_x="def f():\n    from late import g\n    return g()\n",
        late="raise RuntimeError\ndef g(): return 1\n",
    )
    assert labels(CodeFingerprints(str(tmp_path)), module.f) == ["late.g", "tasks_x.f"]
    assert "late" not in sys.modules


def test_installed_packages_below_the_root_do_not_count(write: Write, tmp_path: Path) -> None:
    site = tmp_path / "env" / "lib" / "site-packages"
    site.mkdir(parents=True)
    (site / "installed.py").write_text("def g(): return 1\n")
    venv = tmp_path / "other"
    venv.mkdir()
    (venv / "pyvenv.cfg").touch()
    (venv / "local.py").write_text("def h(): return 1\n")
    sys.path += [str(site), str(venv)]
    module = write(tasks_x="from installed import g\nfrom local import h\ndef f(): return g(), h()\n")
    assert labels(CodeFingerprints(str(tmp_path)), module.f) == ["tasks_x.f"]


def test_long_chains_and_circles_of_helpers(write: Write, tmp_path: Path) -> None:
    count = 3000
    helpers = "".join(f"def h{i}(n): return h{(i + 1) % count}(n)\n" for i in range(count))
    module = write(tasks_x="from helpers import h0\ndef f(n): return h0(n)\n", helpers=helpers)
    assert len(CodeFingerprints(str(tmp_path)).fingerprint(module.f).parts) == count + 1


def test_long_elif(write: Write, tmp_path: Path) -> None:
    branches = "".join(f"elif N == {i}:\n    X = {i}\n" for i in range(300))
    module = write(tasks_x=f"N = 1\nif N is None:\n    X = 0\n{branches}def f(): return X\n")
    assert labels(CodeFingerprints(str(tmp_path)), module.f) == ["tasks_x.N", "tasks_x.X", "tasks_x.f"]


def test_two_lambdas_on_a_line_both_count(write: Write, tmp_path: Path) -> None:
    module = write(tasks_x="a = lambda: 1; b = lambda: 2\n")
    assert labels(CodeFingerprints(str(tmp_path)), module.a) == ["tasks_x.a", "tasks_x.b"]


def test_tasks_registered_together_do_not_depend_on_each_other(write: Write, tmp_path: Path) -> None:
    module = write(
        tasks_x="""
            NAMES = []
            def _register(function):
                NAMES.append(function.__name__)
                return function
            @_register
            def a(): return 1
            @_register
            def b(): return 2
            def names(): return NAMES
        """
    )
    code = CodeFingerprints(str(tmp_path))
    assert labels(code, module.a) == ["tasks_x.NAMES", "tasks_x._register", "tasks_x.a"]
    assert {"tasks_x.a", "tasks_x.b"} < set(labels(code, module.names))


def test_source_in_another_encoding(tmp_path: Path, write: Write) -> None:
    (tmp_path / "helpers.py").write_bytes("# coding: latin-1\nNAME = 'é'\n".encode("latin-1"))
    module = write(tasks_x="import helpers\ndef f(): return helpers.NAME\n")
    assert labels(CodeFingerprints(str(tmp_path)), module.f) == ["helpers.NAME", "tasks_x.f"]


def made(text: str, **names: object) -> Any:
    """Return `f` from text that is on no disk."""
    names["__name__"] = "nowhere"
    exec(dedent(text), names)
    return names["f"]


def test_function_without_text_counts_by_its_bytecode(tmp_path: Path) -> None:
    code = CodeFingerprints(str(tmp_path))
    one = code.fingerprint(made("def f(): return 1"))
    assert one.parts[0][0] == "nowhere.f (bytecode)"
    assert one == code.fingerprint(made("\n\ndef f(): return 1  # one"))
    assert one != code.fingerprint(made("def f(): return 2"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("K = 1\ndef f(): return K", "K = 2\ndef f(): return K"),
        ("def g(): return 1\ndef f(): return g()", "def g(): return 2\ndef f(): return g()"),
        ("def g(n=1): return n\ndef f(): return g()", "def g(n=2): return n\ndef f(): return g()"),
        ("def f():\n    return lambda: 1", "def f():\n    return lambda: 2"),
        (
            "class C:\n    def g(self): return 1\ndef f(): return C()",
            "class C:\n    def g(self): return 2\ndef f(): return C()",
        ),
        ("class C:\n    k = 1\ndef f(): return C()", "class C:\n    k = 2\ndef f(): return C()"),
    ],
)
def test_what_a_function_without_text_reaches(one: str, other: str, tmp_path: Path) -> None:
    code = CodeFingerprints(str(tmp_path))
    assert code.fingerprint(made(one)) == code.fingerprint(made(one))
    assert code.fingerprint(made(one)) != code.fingerprint(made(other))


def test_partial_counts_with_its_arguments(write: Write, tmp_path: Path) -> None:
    module = write(tasks_x="def f(n): return n\n")
    code = CodeFingerprints(str(tmp_path))
    one, two = (code.fingerprint(functools.partial(module.f, n)) for n in (1, 2))
    assert one != two
    assert "tasks_x.f" in dict(one.parts)


def test_foreign_functions_count_by_name(tmp_path: Path) -> None:
    code = CodeFingerprints(str(tmp_path))
    assert labels(code, len) == ["builtins.len (foreign)"]
    assert labels(code, dedent) == ["textwrap.dedent (foreign)"]


def test_code_of_classes(write: Write, tmp_path: Path) -> None:
    module = write(
        tasks_x="from helpers import Base\nclass A(Base): x = 1\nclass B(Base): x = 2\n",
        helpers="class Base: y = 1\n",
    )
    code = CodeFingerprints(str(tmp_path))
    assert len({code.code_of(cls) for cls in (module.A, module.B, module.Base)}) == 3
    assert code.code_of(module.A) == CodeFingerprints(str(tmp_path)).code_of(module.A)
    assert code.code_of(OrderedDict) == code.code_of(int) == b""
