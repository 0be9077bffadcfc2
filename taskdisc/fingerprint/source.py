"""What one module's text defines: a summary for code fingerprints that depends on nothing but the text.

A summary is plain lists, dicts, strings and numbers, so that it can be kept as JSON under the digest of its text.
"""

from __future__ import annotations

import ast

from taskdisc.fingerprint.summary import FORMAT, ModuleSummary, Unit, fold
from taskdisc.fingerprint.syntax import Meaning, dotted, meaning_of, meaning_of_class, meaning_of_function


def summarise(text: str, filename: str) -> ModuleSummary:
    """Return the summary of a module's text; raises SyntaxError, in which `filename` appears."""
    builder = _Builder()
    builder.add_all(ast.parse(text, filename).body)
    builder.add_changes()
    builder.add_effects()
    return {
        "format": FORMAT,
        "units": [list(unit) for unit in builder.units],
        "names": builder.names,
        "registered": builder.registered,
        "stars": builder.stars,
        "duplicates": builder.duplicates,
    }


class _Builder:
    """The summary while the statements of a module are read one after the other."""

    def __init__(self) -> None:
        self.units: list[Unit] = []
        self.names: dict[str, list[int | str]] = {}
        self.registered: dict[str, list[int | str]] = {}
        self.stars: list[str] = []
        self.duplicates: list[list[object]] = []
        self.changes: list[tuple[int, dict[str, str]]] = []
        self.effects: dict[str, list[str]] = {}
        self.constants: set[str] = set()
        self.lines: dict[tuple[int, str, str], int] = {}

    def add_all(self, body: list[ast.stmt]) -> None:
        """Add statements; branches of an `if` are opened without recursion, in the order of the text."""
        pending = [(statement, -1, "") for statement in reversed(body)]
        while pending:
            statement, parent, branch = pending.pop()
            if isinstance(statement, ast.If):
                if not _is_script_guard(statement.test):
                    header = self._add_statement(statement.test, statement, parent, branch)
                    pending += [(child, header, "else") for child in reversed(statement.orelse)]
                    pending += [(child, header, "if") for child in reversed(statement.body)]
            elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self._add_definition(statement, parent, branch)
                self._note_duplicate(statement, parent, branch)
            elif not _does_nothing(statement):
                self._add_statement(statement, statement, parent, branch)

    def _add_definition(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, parent: int, branch: str
    ) -> None:
        if _is_overload(node):
            return
        decorators = [_decorator(decorator) for decorator in node.decorator_list]
        if isinstance(node, ast.ClassDef):
            meaning, defaults = meaning_of_class(node), []
        else:
            meaning, defaults = meaning_of_function(node), _defaults(node)
            if any(str(name).endswith(".register") for name, *_ in decorators):
                # single dispatch reads the annotation of the first parameter
                meaning_of_type = meaning_of([argument.annotation for argument in node.args.args[:1]])
                decorators.append(["", meaning_of_type.digest, meaning_of_type.uses])
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        kind = "class" if isinstance(node, ast.ClassDef) else "def"
        self.names.setdefault(node.name, []).append(len(self.units))
        if meaning.writes:
            self.effects.setdefault(node.name, []).extend(meaning.writes)
        self.units.append(Unit(kind, node.name, first, node.end_lineno or first, _in_branch(branch, meaning.digest),
                               meaning.uses, parent, defaults, decorators))  # fmt: skip

    def _add_statement(self, node: ast.AST, place: ast.stmt, parent: int, branch: str) -> int:
        """Add a statement and what it defines; returns its index."""
        meaning = meaning_of([node])
        index = len(self.units)
        self._bind(meaning, index, plain=parent < 0 and isinstance(node, (ast.Import, ast.ImportFrom)))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            self.constants.update(meaning.bound)
        if meaning.writes:
            self.changes.append((index, meaning.writes))
        name = meaning.bound[0] if meaning.bound else next(iter(meaning.writes), "")
        self.units.append(Unit("statement", name, place.lineno, place.end_lineno or place.lineno,
                               _in_branch(branch, meaning.digest), meaning.uses, parent, [], []))  # fmt: skip
        for definition in meaning.definitions:
            self._add_definition(definition, index, "")
        return index

    def _bind(self, meaning: Meaning, index: int, plain: bool) -> None:
        """Note what a statement binds; a plain import counts by what is imported, not by its own text."""
        self.stars += meaning.stars
        for name in meaning.bound:
            entries = self.names.setdefault(name, [])
            entries += meaning.imports.get(name, ())
            if not plain:
                entries.append(index)

    def _note_duplicate(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, parent: int, branch: str
    ) -> None:
        # `_` is what functions are called that are only registered somewhere
        if isinstance(node, ast.ClassDef) or node.name == "_" or _is_overload(node):
            return
        first = self.lines.setdefault((parent, branch, node.name), node.lineno)
        if first != node.lineno:
            self.duplicates.append([node.name, first, node.lineno])

    def add_changes(self) -> None:
        """Add statements that change an object to the names of that object."""
        for index, writes in self.changes:
            for name, how in writes.items():
                entries = self.names.get(name, [])
                if entries and index not in entries and self._may_change(name, entries, how):
                    entries.append(index)

    def _may_change(self, name: str, entries: list[int | str], how: str) -> bool:
        if how == "assigned":
            return True
        if name in self.constants or all(_is_module(entry) for entry in entries):
            return False
        return how == "called" or any(isinstance(entry, int) and self.units[entry].kind != "def" for entry in entries)

    def add_effects(self) -> None:
        """Add what decorators and calls register: `@handlers.add`, or a function that appends to a global."""
        for index, unit in enumerate(self.units):
            for chain, _, _ in unit.decorators:
                owner, _, rest = str(chain).partition(".")
                entries = self.names.get(owner, [])
                if rest and any(not _is_module(entry) for entry in entries):
                    self._register(owner, unit.name)
            if self.effects:
                self._add_effects_of(index, unit)

    def _add_effects_of(self, index: int, unit: Unit) -> None:
        called = unit.uses if unit.kind == "statement" else [str(chain) for chain, _, _ in unit.decorators]
        entry = index if unit.kind == "statement" else unit.name
        for use in called:
            for name in self.effects.get(use.partition(".")[0], ()):
                self._register(name, entry)

    def _register(self, name: str, entry: int | str) -> None:
        entries = self.registered.setdefault(name, [])
        if name in self.names and entry != name and (not entries or entries[-1] != entry):
            entries.append(entry)


def _in_branch(branch: str, digest: str) -> str:
    return fold([branch, digest]) if branch else digest


def _decorator(node: ast.expr) -> list[object]:
    chain, meaning = dotted(_called(node)), meaning_of([node])
    # to decorate with an object is to write to it: what else is registered there does not matter
    uses = ["=" + use if use == chain and "." in use else use for use in meaning.uses]
    return [chain, meaning.digest, uses]


def _defaults(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[object]:
    args = node.args
    if not args.defaults and not any(args.kw_defaults):
        return []
    named = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    meaning = meaning_of([*args.defaults, *(part for name, value in named if value for part in (name.arg, value))])
    return [meaning.digest, meaning.uses]


def _called(decorator: ast.expr) -> ast.expr:
    while isinstance(decorator, ast.Call):
        decorator = decorator.func
    return decorator


def _is_overload(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    return any(dotted(decorator).rpartition(".")[2] == "overload" for decorator in node.decorator_list)


def _is_module(entry: int | str) -> bool:
    return isinstance(entry, str) and entry.endswith("::")


def _is_script_guard(test: ast.expr) -> bool:
    """Say whether this is `__name__ == "__main__"`, which never holds in an imported module."""
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
        and isinstance(test.ops[0], ast.Eq)
    )


def _does_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )
