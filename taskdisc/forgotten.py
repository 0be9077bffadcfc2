"""Forgotten parameters: a body that uses another task's function where its result was meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import CodeType, FunctionType
from typing import Any

from taskdisc.marks import innermost
from taskdisc.model import Task


def forgotten_parameters(tasks: Sequence[Task]) -> list[str]:
    """Return a warning for each task whose body uses the function of another one as a value.

    Calling it is no mistake: functions stay plain functions.
    """
    functions = [(task, function) for task in tasks if (function := innermost(task.function)) is not None]
    owners = {id(function): task for task, function in functions}
    warnings = []
    for task, function in functions:
        for name in sorted(_suspects(function, owners)):
            other = owners[id(innermost(function.__globals__[name]))]
            if other is not task and _is_value(name, function):
                warnings.append(
                    f"{task.place} {task.name}: the body uses {name}, the function of a task ({other.place}), and not "
                    f"its result. Make {name} a parameter; or call it, if the function is meant."
                )
    return warnings


def _suspects(function: FunctionType, owners: dict[int, Task]) -> set[str]:
    """The global names of a body that are functions of tasks; most bodies have none, and are not looked at again."""
    names = function.__globals__
    return {
        name
        for name in _global_names(function.__code__)
        if type(value := names.get(name)) is FunctionType and id(innermost(value)) in owners
    }


def _global_names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)


def _is_value(name: str, function: FunctionType) -> bool:
    """Say whether a body uses a name otherwise than by calling it."""
    import ast
    from inspect import getsource
    from textwrap import dedent

    try:
        module = ast.parse(dedent(getsource(function)))
    except (OSError, SyntaxError, TypeError):  # made at run time, or a lambda in the middle of something
        return False
    bodies = [node.body for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    nodes: list[Any] = [node for body in bodies for statement in body for node in ast.walk(statement)]
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return any(isinstance(node, ast.Name) and node.id == name and id(node) not in called for node in nodes)
