"""The package as text: its modules, and what each imports, read without importing anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PACKAGE = REPOSITORY / "taskdisc"


class Imports(NamedTuple):
    """The modules of taskdisc that one module imports."""

    early: frozenset[str]
    """At module level."""
    late: frozenset[str]
    """Inside functions."""
    for_types: frozenset[str]
    """For type checkers alone."""


@cache
def modules() -> dict[str, Path]:
    """Return the files of all modules by dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports() -> dict[str, Imports]:
    """Return what each module imports."""
    return {name: _imports_of(name, path) for name, path in modules().items()}


def _imports_of(name: str, path: Path) -> Imports:
    kinds: dict[str, set[str]] = {"early": set(), "late": set(), "for_types": set()}
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for kind, statement in _statements(ast.parse(path.read_text()), "early"):
        kinds[kind].update(_targets(statement, package))
    return Imports(**{kind: frozenset(found - {name}) for kind, found in kinds.items()})


def _statements(node: ast.AST, kind: str) -> Iterator[tuple[str, ast.Import | ast.ImportFrom]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield kind, child
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _statements(child, "late")
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from _statements(child, "for_types")
        else:
            yield from _statements(child, kind)


def _targets(statement: ast.Import | ast.ImportFrom, package: str) -> Iterator[str]:
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names if alias.name in modules())
        return
    ancestors = package.split(".")
    base = ".".join(ancestors[: len(ancestors) - statement.level + 1]) if statement.level else ""
    source = ".".join(filter(None, (base, statement.module or "")))
    for alias in statement.names:
        whole = f"{source}.{alias.name}"
        if whole in modules():
            yield whole
        elif source in modules():
            yield source
