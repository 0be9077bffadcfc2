"""Digests of functions whose text is nowhere: from `exec`, a notebook or a prompt; they hold for one Python only."""

from __future__ import annotations

from types import CodeType, FunctionType

from taskdisc.fingerprint.summary import fold


def digest_of_code(function: FunctionType) -> str:
    """Return a digest of what a function's bytecode does, whatever its lines and docstring."""
    return fold(_spell_code(function.__code__, function.__doc__))


def globals_of(function: FunctionType) -> dict[str, object]:
    """Return the globals that a function, or a function inside it, may name."""
    return {name: function.__globals__[name] for name in names_of(function) if name in function.__globals__}


def names_of(function: FunctionType) -> list[str]:
    """Return the names that a function, or a function inside it, uses: globals, attributes and modules."""
    names: dict[str, None] = {}
    pending = [function.__code__]
    while pending:
        code = pending.pop()
        names.update(dict.fromkeys(code.co_names))
        pending += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return list(names)


def spell_plain(value: object) -> str | None:
    """Spell a constant, or a built-in collection of constants; None for anything else."""
    if value is None or value is ... or type(value) in (bool, int, float, complex, str, bytes):
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, dict):
        return _spell_many(type(value).__name__, [item for pair in value.items() for item in pair])
    if type(value) in (set, frozenset):
        return _spell_many(type(value).__name__, list(value), ordered=False)  # type: ignore[call-overload]
    return _spell_many(type(value).__name__, list(value)) if type(value) in (list, tuple) else None  # type: ignore[call-overload]


def _spell_many(kind: str, values: list[object], ordered: bool = True) -> str | None:
    spelled = [text for value in values if (text := spell_plain(value)) is not None]
    if len(spelled) < len(values):
        return None
    return f"{kind}({', '.join(spelled if ordered else sorted(spelled))})"


def _spell_code(code: CodeType, doc: str | None) -> list[str]:
    tokens = [code.co_code.hex(), *code.co_names, "/", *code.co_varnames, "/", *code.co_freevars, "/"]
    for position, constant in enumerate(code.co_consts):
        if isinstance(constant, CodeType):
            tokens += _spell_code(constant, None)
        elif position or constant != doc:
            tokens.append(spell_plain(constant) or repr(constant))
    return tokens
