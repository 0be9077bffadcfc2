"""The options of tasks, as `@task(...)` and `[tool.taskdisc.tasks]` give them: checked in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from taskdisc.errors import UsageError, class_name, closest
from taskdisc.model import DEFAULTS, TaskOptions


def task_options(options: Mapping[str, Any], where: str, base: TaskOptions = DEFAULTS) -> TaskOptions:
    """Return `base` with `options` checked and applied. Raises UsageError that begins with `where`."""
    known = TaskOptions._fields
    for key in options:
        if key not in known:
            near = closest(key, list(known))
            meant = f"Did you mean {near}?" if near else f"There are {', '.join(known)}."
            raise UsageError(f"{where} has no option {key!r}. {meant}")
    return base._replace(**{key: CHECKS[key](key, value, where) for key, value in options.items()})


def _name(key: str, value: Any, where: str) -> Any:
    if value is None or (isinstance(value, str) and value):
        return value
    raise UsageError(f"{where}: {key} takes a str, not {value!r}.")


def _text(key: str, value: Any, where: str) -> Any:
    if isinstance(value, str):
        return value
    raise UsageError(f"{where}: {key} takes a str, not {value!r}.")


def _version(key: str, value: Any, where: str) -> Any:
    if value is None or type(value) in (str, int):
        return value
    raise UsageError(f"{where}: {key} takes a str or an int, not {value!r}.")


def _switch(key: str, value: Any, where: str) -> Any:
    if isinstance(value, bool):
        return value
    raise UsageError(f"{where}: {key} takes True or False, not {value!r}.")


def _names(key: str, value: Any, where: str) -> Any:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise UsageError(f'{where}: {key} takes a tuple of str, such as ("{value}",), not {value!r}.')
    items = tuple(value)
    if not all(isinstance(item, str) for item in items):
        raise UsageError(f"{where}: {key} takes a tuple of str, not {value!r}.")
    return items


def _words(key: str, value: Any, where: str) -> Any:
    return value if isinstance(value, str) else _names(key, value, where)


def _flags(key: str, value: Any, where: str) -> Any:
    """As they were given, once it is known that they can be split into words."""
    if not isinstance(value, str):
        return _names(key, value, where)
    import shlex

    try:
        shlex.split(value)
    except ValueError as error:
        raise UsageError(f"{where}: {key} {value!r} cannot be split into words: {error}.") from None
    return value


def _outputs(key: str, value: Any, where: str) -> Any:
    names = _names(key, value, where)
    for name in names:
        if not name.isidentifier():
            raise UsageError(f"{where}: outputs are parameter names, and {name!r} is none.")
    if len(set(names)) < len(names):
        raise UsageError(f"{where}: outputs has a name twice: {', '.join(names)}.")
    return names


def _after(key: str, value: Any, where: str) -> Any:
    targets = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not all(isinstance(target, str) or callable(target) for target in targets):
        raise UsageError(f"{where}: {key} takes a task's function or name, or a tuple of them, not {value!r}.")
    return targets


def _duration(key: str, value: Any, where: str) -> Any:
    from taskdisc.durations import seconds

    return _read(seconds, key, value, where)


def _compression(key: str, value: Any, where: str) -> Any:
    from taskdisc.compression import parse

    return _read(parse, key, value, where)


def _read(parse: Callable[[str], Any], key: str, value: Any, where: str) -> Any:
    """The text itself, once it is known that it can be read: it is what `taskdisc config` shows."""
    if value is None:
        return value
    if not isinstance(value, str):
        raise UsageError(f"{where}: {key} takes a str, not {value!r}.")
    try:
        parse(value)
    except ValueError as error:
        raise UsageError(f"{where}: {key}={value!r}: {error}.") from None
    return value


def _count(key: str, value: Any, where: str) -> Any:
    if type(value) is int and value >= 0:
        return value
    raise UsageError(f"{where}: {key} takes a whole number from 0, not {value!r}.")


def _positive(key: str, value: Any, where: str) -> Any:
    if type(value) is int and value > 0:
        return value
    raise UsageError(f"{where}: {key} takes a whole number from 1, not {value!r}.")


def _pause(key: str, value: Any, where: str) -> Any:
    if value is None:
        raise UsageError(f'{where}: {key} takes a duration such as "2s", not None. For no pause: "0s".')
    return _duration(key, value, where)


def _limit(key: str, value: Any, where: str) -> Any:
    """A duration that is no moment: a time limit of 0 would end everything."""
    from taskdisc.durations import seconds

    if _duration(key, value, where) is not None and not seconds(value):
        raise UsageError(f"{where}: {key}={value!r}: nothing can be done in no time. For no limit, leave it out.")
    return value


def _exceptions(key: str, value: Any, where: str) -> Any:
    """Exception classes and their names, as names; a single one needs no tuple."""
    items = (value,) if isinstance(value, str | type) else value
    if not isinstance(items, Iterable):
        raise UsageError(f"{where}: {key} takes exceptions or their names, not {value!r}.")
    return tuple([_exception(key, item, where) for item in items])


def _exception(key: str, item: Any, where: str) -> str:
    if isinstance(item, type) and issubclass(item, BaseException):
        return class_name(item)
    if isinstance(item, str) and item and all(part.isidentifier() for part in item.split(".")):
        return item
    raise UsageError(f'{where}: {key} takes exceptions, their names, "killed" and "timeout", not {item!r}.')


def _variables(key: str, value: Any, where: str) -> Any:
    try:
        pairs = tuple(dict(value).items())
    except (TypeError, ValueError):
        raise UsageError(f'{where}: {key} takes variables and texts, {{"NAME": "text"}}, not {value!r}.') from None
    for name, text in pairs:
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise UsageError(f"{where}: {key}: {name!r} cannot be the name of a variable.")
        if not isinstance(text, str) or "\0" in text:
            raise UsageError(f'{where}: {key}: {name} takes a str, not {text!r}. Write "{text}".')
    return pairs


def _resources(key: str, value: Any, where: str) -> Any:
    """Names and amounts, or a function of the attempt, which is asked when a run begins."""
    if callable(value):
        return value
    from taskdisc.resources import amounts

    return amounts(value, f"{where}: {key}")


def _channels(key: str, value: Any, where: str) -> Any:
    return (value,) if isinstance(value, str) and value else _names(key, value, where)


def _number(key: str, value: Any, where: str) -> Any:
    if type(value) in (int, float) and value == value:
        return value
    raise UsageError(f"{where}: {key} takes a number, not {value!r}.")


BY_SLICE = (
    "prefix", "launcher", "executor", "flags", "batch", "resources", "channel", "priority", "retries", "retry_delay",
    "retry_on", "timeout", "env",
)  # fmt: skip
"""How a step is run, and no part of its result or of what becomes of that: instances of a task may differ in it."""

CHECKS: Mapping[str, Callable[[str, Any, str], Any]] = {
    "name": _name,
    "outputs": _outputs,
    "version": _version,
    "open": _names,
    "codec": _text,
    "prefix": _words,
    "tags": _names,
    "cache": _switch,
    "expires": _duration,
    "keep": _switch,
    "track": _names,
    "compress": _compression,
    "executor": _name,
    "launcher": _name,
    "flags": _flags,
    "batch": _positive,
    "retries": _count,
    "retry_delay": _pause,
    "retry_on": _exceptions,
    "timeout": _limit,
    "env": _variables,
    "after": _after,
    "interactive": _switch,
    "resources": _resources,
    "channel": _channels,
    "priority": _number,
}
