"""The parameters of functions, read without `inspect` where nothing hides them."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from taskdisc.model import MISSING, Parameter


def parameters_of(value: Any, function: FunctionType) -> tuple[Parameter, ...]:
    """Return the parameters; a `__signature__` set by a decorator wins over the innermost function."""
    if hasattr(value, "__signature__"):
        import inspect

        empty = inspect.Parameter.empty
        return tuple(
            Parameter(
                p.name,
                MISSING if p.annotation is empty else p.annotation,
                MISSING if p.default is empty else p.default,
                p.kind is inspect.Parameter.KEYWORD_ONLY,
            )
            for p in inspect.signature(value).parameters.values()
        )
    code = function.__code__
    count, values = code.co_argcount, function.__defaults__ or ()
    defaults = dict(zip(code.co_varnames[count - len(values) : count], values, strict=True))
    defaults.update(function.__kwdefaults__ or {})
    annotations = function.__annotations__
    return tuple(
        Parameter(name, annotations.get(name, MISSING), defaults.get(name, MISSING), index >= count)
        for index, name in enumerate(code.co_varnames[: count + code.co_kwonlyargcount])
    )
