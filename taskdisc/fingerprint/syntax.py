"""What a piece of syntax means: a digest that formatting leaves alone, and the names that it takes from outside.

The walk is iterative, since expressions that compile may nest deeper than Python's recursion limit, and spells nodes
itself, since `ast.dump` differs between versions of Python.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from taskdisc.fingerprint.summary import fold

_UNSPOKEN = frozenset({"ctx", "kind", "type_comment", "type_ignores", "lineno"})


class Meaning(NamedTuple):
    """A digest, and how the syntax touches the module around it.

    `uses` are dotted chains from a global name (`helpers.clean`), imports inside a function as `module:name:rest`;
    a leading `=` says that the name is only written to. `writes` maps global names that are changed to how.
    """

    digest: str
    uses: list[str]
    writes: dict[str, str]
    bound: list[str]
    imports: dict[str, list[str]]
    stars: list[str]
    definitions: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]


class _Scope:
    """Names of a module, class, function or comprehension while it is being read."""

    __slots__ = ("bound", "declared", "imports", "kind", "parent", "uses")

    def __init__(self, kind: str, parent: _Scope | None) -> None:
        self.kind = kind
        self.parent = parent
        self.bound: dict[str, None] = {}
        self.declared: dict[str, str] = {}
        self.imports: dict[str, list[str]] = {}
        self.uses: dict[str, None] = {}


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for a name with attributes, and "" for anything else."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    names.append(node.id)
    return ".".join(reversed(names))


def meaning_of(nodes: Iterable[ast.AST | str | None]) -> Meaning:
    """Return what nodes of a module's top level mean; strings among them enter the digest as they are."""
    return _Reader().read(nodes)


def meaning_of_function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Meaning:
    """Return what a function means apart from its decorators, defaults and annotations."""
    reader = _Reader()
    reader.push_function(node, reader.module)
    return reader.read(())


def meaning_of_class(node: ast.ClassDef) -> Meaning:
    """Return what a class means apart from its decorators."""
    reader = _Reader()
    reader.push_class(node, reader.module)
    return reader.read(())


class _Reader:
    """One walk over one piece of syntax."""

    def __init__(self) -> None:
        self.module = _Scope("module", None)
        self.scopes = [self.module]
        self.tokens: list[str] = []
        self.stack: list[Any] = []
        self.written: dict[int, str] = {}
        self.changes: list[tuple[_Scope, str, str]] = []
        self.stars: list[str] = []
        self.definitions: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef] = []

    def read(self, nodes: Iterable[ast.AST | str | None]) -> Meaning:
        """Walk all nodes and return their meaning."""
        self.push([node if isinstance(node, str) else (node, self.module) for node in nodes if node is not None])
        stack, tokens = self.stack, self.tokens
        while stack:
            item = stack.pop()
            if type(item) is str:
                tokens.append(item)
            else:
                _HANDLERS.get(type(item[0]), _Reader.generic)(self, *item)
        return Meaning(fold(tokens), self._uses(), self._writes(), list(self.module.bound), self.module.imports,
                       self.stars, self.definitions)  # fmt: skip

    # -- names ------------------------------------------------------------------------------------------------------

    def open_scope(self, kind: str, parent: _Scope) -> _Scope:
        """Return a new scope inside another."""
        scope = _Scope(kind, parent)
        self.scopes.append(scope)
        return scope

    def bind(self, name: str, scope: _Scope) -> None:
        """Note that a scope gives a name a value."""
        declared = scope.declared.get(name)
        if declared == "global":
            scope.uses["=" + name] = None
            self.changes.append((scope, name, "assigned"))
        elif declared is None:
            scope.bound[name] = None

    def _uses(self) -> list[str]:
        found: dict[str, None] = {}
        for scope in self.scopes:
            for use in scope.uses:
                mark = "=" if use[0] == "=" else ""
                name, _, rest = use[len(mark) :].partition(".")
                imports, outside = _origin(scope, name)
                found.update(dict.fromkeys(reference + rest for reference in imports))
                if outside:
                    found[use] = None
        return sorted(found)

    def _writes(self) -> dict[str, str]:
        return {name: how for scope, name, how in self.changes if _origin(scope, name)[1]}

    # -- spelling ---------------------------------------------------------------------------------------------------

    def push(self, items: list[Any]) -> None:
        """Put items on the stack so that the first is read next."""
        items.reverse()
        self.stack.extend(items)

    def generic(self, node: ast.AST, scope: _Scope) -> None:
        """Spell a node by its type and fields."""
        items: list[Any] = [type(node).__name__ + "("]
        for field in node._fields:
            if field not in _UNSPOKEN:
                items.extend(_spelled(getattr(node, field, None), scope))
        items.append(")")
        self.push(items)

    def name(self, node: ast.Name, scope: _Scope) -> None:
        """Spell a name; note whether it is used or bound."""
        self.tokens.append("@" + node.id)
        if isinstance(node.ctx, ast.Load):
            scope.uses[self.written.get(id(node), "") + node.id] = None
        else:
            self.bind(node.id, scope)

    def attribute(self, node: ast.Attribute, scope: _Scope) -> None:
        """Spell `a.b.c` in one piece, so that modules can be looked through."""
        if not isinstance(node.ctx, ast.Load):
            self._note_change(node.value, scope)
        chain = dotted(node)
        if chain:
            self.tokens.append("@" + chain)
            mark = "" if isinstance(node.ctx, ast.Load) else "="
            scope.uses[self.written.get(id(node), mark) + chain] = None
        else:
            self.generic(node, scope)

    def subscript(self, node: ast.Subscript, scope: _Scope) -> None:
        """Spell `a[b]`; as a target it changes `a`."""
        if not isinstance(node.ctx, ast.Load):
            self._note_change(node.value, scope)
        self.generic(node, scope)

    def _note_change(self, node: ast.AST, scope: _Scope) -> None:
        while isinstance(node, (ast.Attribute, ast.Subscript)):
            node = node.value
        if isinstance(node, ast.Name):
            self.written[id(node)] = "="
            self.changes.append((scope, node.id, "assigned"))

    def expression(self, node: ast.Expr, scope: _Scope) -> None:
        """Spell a call whose result is dropped: it is made for what it changes."""
        call = node.value
        if isinstance(call, ast.Call):
            chain = dotted(call.func)
            if "." in chain:
                self.written[id(call.func)] = "="
                self.changes.append((scope, chain.partition(".")[0], "called"))
            if scope is self.module:
                self.changes += [(scope, arg.id, "passed") for arg in call.args if isinstance(arg, ast.Name)]
        self.generic(node, scope)

    def constant(self, node: ast.Constant, scope: _Scope) -> None:
        """Spell a constant by its type and value."""
        self.tokens.append(_constant(node.value))

    def joined(self, node: ast.JoinedStr, scope: _Scope) -> None:
        """Spell an f-string; versions of Python cut its literal parts differently."""
        items: list[Any] = ["f("]
        literal = ""
        for value in node.values:
            if isinstance(value, ast.Constant):
                literal += str(value.value)
                continue
            items += [_constant(literal), (value, scope)]
            literal = ""
        self.push([*items, _constant(literal), ")"])

    def annotated(self, node: ast.AnnAssign, scope: _Scope) -> None:
        """Spell an annotated assignment; only in a class does the annotation count, as it makes fields."""
        if scope.kind == "class":
            self.push(["field(", (node.target, scope), (_unquoted(node.annotation), scope),
                       *_spelled(node.value, scope), ")"])  # fmt: skip
        elif node.value is not None:
            self.push(["Assign(", "[", (node.target, scope), "]", (node.value, scope), ")"])
        elif isinstance(node.target, ast.Name) and scope is not self.module:
            self.bind(node.target.id, scope)

    def nothing(self, node: ast.AST, scope: _Scope) -> None:
        """Leave out what does nothing."""

    # -- definitions ------------------------------------------------------------------------------------------------

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope) -> None:
        """Spell a nested function; one that a block of the module defines is left to its own entry."""
        if scope is self.module:
            self.definitions.append(node)
            return
        self.bind(node.name, scope)
        self.push_function(node, scope)
        self.push([*_spelled(node.decorator_list, scope), *_defaults(node.args, scope)])

    def push_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope) -> None:
        """Spell a function without decorators and defaults."""
        inner = self.open_scope("function", scope)
        for parameter in getattr(node, "type_params", ()):
            self.bind(parameter.name, inner)
        self.push([f"{type(node).__name__} {node.name}", self._signature(node.args, inner),
                   *_spelled(node.body, inner)])  # fmt: skip

    def lambda_(self, node: ast.Lambda, scope: _Scope) -> None:
        """Spell a lambda."""
        inner = self.open_scope("function", scope)
        self.push(["lambda", self._signature(node.args, inner), *_defaults(node.args, scope), (node.body, inner)])

    def _signature(self, args: ast.arguments, scope: _Scope) -> str:
        groups = [
            [argument.arg for argument in group if argument]
            for group in (args.posonlyargs, args.args, [args.vararg], args.kwonlyargs, [args.kwarg])
        ]
        for group in groups:
            for name in group:
                self.bind(name, scope)
        return ";".join(",".join(group) for group in groups)

    def class_(self, node: ast.ClassDef, scope: _Scope) -> None:
        """Spell a nested class; one that a block of the module defines is left to its own entry."""
        if scope is self.module:
            self.definitions.append(node)
            return
        self.bind(node.name, scope)
        self.push_class(node, scope)
        self.push(_spelled(node.decorator_list, scope))

    def push_class(self, node: ast.ClassDef, scope: _Scope) -> None:
        """Spell a class without decorators."""
        inner = self.open_scope("class", scope)
        for parameter in getattr(node, "type_params", ()):
            self.bind(parameter.name, inner)
        self.push([f"class {node.name}", *_spelled(node.bases, scope), *_spelled(node.keywords, scope),
                   *_spelled(getattr(node, "type_params", []), inner), *_spelled(node.body, inner)])  # fmt: skip

    def comprehension(self, node: Any, scope: _Scope) -> None:
        """Spell a comprehension: a scope of its own, apart from its first iterable."""
        inner = self.open_scope("comprehension", scope)
        first = node.generators[0]
        items: list[Any] = [type(node).__name__ + "(", (first.iter, scope)]
        for position, part in enumerate(node.generators):
            iterable = [] if position == 0 else [(part.iter, inner)]
            items += ["async" if part.is_async else "for", (part.target, inner), *iterable, *_spelled(part.ifs, inner)]
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self.push([*items, *((result, inner) for result in results), ")"])

    # -- other bindings ---------------------------------------------------------------------------------------------

    def walrus(self, node: ast.NamedExpr, scope: _Scope) -> None:
        """Spell `name := value`, which binds outside comprehensions."""
        holder = scope
        while holder.kind == "comprehension" and holder.parent is not None:
            holder = holder.parent
        self.push([":=", (node.target, holder), (node.value, scope)])

    def import_(self, node: ast.Import, scope: _Scope) -> None:
        """Note the modules that an import binds."""
        for alias in node.names:
            top = alias.name if alias.asname else alias.name.partition(".")[0]
            self._bind_import(alias.asname or top, f"{top}::", scope)
        self.generic(node, scope)

    def import_from(self, node: ast.ImportFrom, scope: _Scope) -> None:
        """Note the names that an import binds."""
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                self.stars.append(module)
            else:
                self._bind_import(alias.asname or alias.name, f"{module}:{alias.name}:", scope)
        self.generic(node, scope)

    def _bind_import(self, name: str, reference: str, scope: _Scope) -> None:
        self.bind(name, scope)
        scope.imports.setdefault(name, []).append(reference)

    def declaration(self, node: ast.Global | ast.Nonlocal, scope: _Scope) -> None:
        """Note names that belong to an outer scope."""
        kind = type(node).__name__.lower()
        scope.declared.update(dict.fromkeys(node.names, kind))
        self.tokens.append(f"{kind} {','.join(sorted(node.names))}")

    def capture(self, node: Any, scope: _Scope) -> None:
        """Spell an except clause or a pattern that may bind a name."""
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name:
            self.bind(name, scope)
        self.generic(node, scope)


_HANDLERS: dict[type, Callable[[Any, Any, Any], None]] = {
    ast.Name: _Reader.name,
    ast.Attribute: _Reader.attribute,
    ast.Subscript: _Reader.subscript,
    ast.Expr: _Reader.expression,
    ast.Constant: _Reader.constant,
    ast.JoinedStr: _Reader.joined,
    ast.AnnAssign: _Reader.annotated,
    ast.Pass: _Reader.nothing,
    ast.FunctionDef: _Reader.function,
    ast.AsyncFunctionDef: _Reader.function,
    ast.ClassDef: _Reader.class_,
    ast.Lambda: _Reader.lambda_,
    ast.NamedExpr: _Reader.walrus,
    ast.Import: _Reader.import_,
    ast.ImportFrom: _Reader.import_from,
    **dict.fromkeys((ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp), _Reader.comprehension),
    **dict.fromkeys((ast.Global, ast.Nonlocal), _Reader.declaration),
    **dict.fromkeys((ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping), _Reader.capture),
}


def _origin(scope: _Scope, name: str) -> tuple[list[str], bool]:
    """Return the imports that give a name its value in a scope, and whether the module's globals may do so."""
    imports: list[str] = []
    here: _Scope | None = scope
    while here is not None and here.kind != "module":
        if here.declared.get(name) == "global":
            return imports, True
        # a class body's names are seen by the body alone, and fall back to the globals until they are bound
        if name in here.bound and (here.kind != "class" or here is scope):
            imports += here.imports.get(name, ())
            if here.kind != "class":
                return imports, False
        here = here.parent
    return imports, True


def _spelled(value: Any, scope: _Scope) -> list[Any]:
    """Return what to read for a field of a node."""
    if value is None:
        return ["-"]
    if isinstance(value, list):
        items: list[Any] = ["["]
        for element in value:
            if not (isinstance(element, ast.Expr) and isinstance(element.value, ast.Constant)):
                items += _spelled(element, scope)
        return [*items, "]"]
    return [(value, scope)] if isinstance(value, ast.AST) else [f"={value}"]


def _defaults(args: ast.arguments, scope: _Scope) -> list[Any]:
    return [*_spelled(args.defaults, scope), *_spelled(args.kw_defaults, scope)]


def _constant(value: object) -> str:
    """Spell a constant; lengths keep neighbours apart, and `repr` of a str depends on the version of Python."""
    if isinstance(value, str):
        return f"str {len(value)}:{value}"
    if type(value) is int:
        return f"int {value:x}"
    return f"{type(value).__name__} {value!r}"


def _unquoted(annotation: ast.expr) -> ast.expr:
    """Return an annotation with its quoted parts taken out of their quotes."""

    class Unquote(ast.NodeTransformer):
        def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
            return node if dotted(node.value).endswith("Literal") else self.generic_visit(node)

        def visit_Constant(self, node: ast.Constant) -> ast.AST:
            if not isinstance(node.value, str):
                return node
            try:
                return self.visit(ast.parse(node.value.strip(), mode="eval").body)  # type: ignore[no-any-return]
            except SyntaxError:
                return node

    return Unquote().visit(annotation)  # type: ignore[no-any-return]
