"""The call of a task's function: with the variables that it is to have, and to the end of a coroutine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import CoroutineType
from typing import Any


def call(
    function: Callable[..., Any], arguments: Mapping[str, Any], variables: tuple[tuple[str, str], ...] = ()
) -> Any:
    """Return what the function returns, called with these variables in the environment."""
    if not variables:
        return _completed(function(**arguments))
    with _environment(variables):
        return _completed(function(**arguments))


def _completed(value: Any) -> Any:
    if type(value) is CoroutineType:
        from taskdisc.coroutines import completed

        return completed(value)
    return value


@contextmanager
def _environment(variables: tuple[tuple[str, str], ...]) -> Iterator[None]:
    """Set variables for a while; then these are as they were, whatever was done to them meanwhile."""
    before = {name: os.environ.get(name) for name, _ in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, text in before.items():
            if text is not None:
                os.environ[name] = text
            else:
                os.environ.pop(name, None)
