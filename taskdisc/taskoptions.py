"""The options of tasks, as `@task(...)` and `[tool.taskdisc.tasks]` give them: checked in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from taskdisc.errors import UsageError, closest
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


def _outputs(key: str, value: Any, where: str) -> Any:
    names = _names(key, value, where)
    for name in names:
        if not name.isidentifier():
            raise UsageError(f"{where}: outputs are parameter names, and {name!r} is none.")
    if len(set(names)) < len(names):
        raise UsageError(f"{where}: outputs has a name twice: {', '.join(names)}.")
    return names


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
    "interactive": _switch,
}
