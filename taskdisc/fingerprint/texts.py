"""The text of the parts of code, for people who ask what has changed in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskdisc.hashing import sha256

if TYPE_CHECKING:
    from collections.abc import Iterable

    from taskdisc.fingerprint.modules import Module


class Texts:
    """Cuts the texts of definitions and statements out of modules; each module is read once."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}

    def text(self, module: Module, units: Iterable[int]) -> str:
        """Return the lines of these units of a module, "" where the file is not what was fingerprinted."""
        lines = self._lines_of(module)
        spans = sorted({(module.unit(index).first, module.unit(index).last) for index in units})
        return "\n".join([line for first, last in spans for line in lines[first - 1 : last]])

    def _lines_of(self, module: Module) -> list[str]:
        if module.name not in self._lines:
            self._lines[module.name] = self._read(module)
        return self._lines[module.name]

    @staticmethod
    def _read(module: Module) -> list[str]:
        try:
            with open(module.file, "rb") as stream:
                data = stream.read()
        except OSError:
            return []
        return data.decode(errors="replace").splitlines() if sha256(data).hexdigest() == module.source else []


def normalised(text: str) -> list[str]:
    """Return the lines of a definition without what does not count: comments, docstrings, the way it is written."""
    import ast
    from textwrap import dedent

    try:
        tree = ast.parse(dedent(text))
    except SyntaxError:
        return text.splitlines()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and ast.get_docstring(node, False):
            assert body is not None
            body[:1] = [] if len(body) > 1 else [ast.Pass()]
    return ast.unparse(ast.fix_missing_locations(tree)).splitlines()


def difference(before: str, now: str) -> tuple[str, ...]:
    """Return what has changed between two texts of one definition, as the lines of a unified diff without its head."""
    from difflib import unified_diff

    lines = list(unified_diff(normalised(before), normalised(now), lineterm="", n=2))[2:]
    return tuple(["..." if line.startswith("@@") else line for line in lines][1:])
