"""Turns text from the command line, and values from TOML, into what a parameter's annotation asks for.

A function `_to_x` takes (kind, value, text, names): the resolved annotation, the value, whether the value is text of
the command line (else it is typed, as in TOML), and the names that forward references may use.
"""

from __future__ import annotations

import enum
import os
import types
import typing
from collections import abc
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from taskdisc.errors import UsageError
from taskdisc.fields import Field, fields_of, names_of
from taskdisc.model import MISSING

Names = Mapping[str, Any]
Converter = Callable[[Any, Any, bool, Names], Any]

_SWITCH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_NOTHING = ("none", "null")
_DURATIONS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class ConversionError(UsageError):
    """A value does not fit; the message, "takes int, not 'abc'", goes on where the caller named the parameter."""


def convert(value: Any, annotation: Any, default: Any = MISSING, *, text: bool, globals: Names) -> Any:
    """Return `value` as `annotation` asks, or else as the type of `default`; text that neither claims stays a str.

    `text` says that the value is text, not typed already; `globals` is where an annotation that is a string finds its
    names. Raises ConversionError.
    """
    kind = _resolved(annotation, globals)
    if kind is not MISSING:
        return _to(_or_none(kind) if default is None else kind, value, text, globals)
    try:
        return _to(_kind_of(default), value, text, globals)
    except ConversionError as error:
        raise ConversionError(f"{error} (as its default, {default!r}; an annotation can say otherwise)") from None


def inner_annotation(annotation: Any, position: int, *, globals: Names) -> Any:
    """Return what a tuple's annotation says of the element at `position` (from 0), or a dict's of its values."""
    kind = _resolved(annotation, globals)
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is tuple:
        if arguments[1:] == (...,):
            return arguments[0]
        return arguments[position] if position < len(arguments) else MISSING
    return arguments[1] if typing.get_origin(kind) is dict else MISSING


def _or_none(kind: Any) -> Any:
    """`k: int = None` means `int | None`."""
    try:
        return typing.Optional[kind]  # noqa: UP045 - not all that annotates supports the operator
    except TypeError:
        return kind


def _kind_of(default: Any) -> Any:
    """The type that a default suggests; the items of a list or tuple too, where they agree."""
    if default is MISSING or default is None:
        return Any
    container = type(default)
    if container not in (list, tuple, set, frozenset):
        return container
    item = _common([type(item) for item in default])
    return types.GenericAlias(container, (item, ...) if container is tuple else (item,))


def _common(kinds: list[Any]) -> Any:
    return kinds[0] if kinds and kinds.count(kinds[0]) == len(kinds) else Any


def _resolved(annotation: Any, names: Names) -> Any:
    """The annotation without quotes, aliases and qualifiers; MISSING where its names cannot be found."""
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        return _resolved(_evaluated(annotation, names), names)
    if hasattr(annotation, "__supertype__"):  # a NewType
        return _resolved(annotation.__supertype__, names)
    if type(annotation).__name__ == "TypeAliasType":  # `type X = int`, from Python 3.12 on
        return _resolved(annotation.__value__, names)
    if hasattr(annotation, "__metadata__"):  # Annotated
        return _resolved(annotation.__origin__, names)
    if getattr(typing.get_origin(annotation), "_name", "") in ("Required", "NotRequired", "ReadOnly"):
        return _resolved(typing.get_args(annotation)[0], names)
    return annotation


def _evaluated(annotation: str, names: Names) -> Any:
    """The annotation's value, or MISSING: it may name what only type checkers import."""
    try:
        return eval(annotation, dict(names))
    except Exception:
        return MISSING


def _to(annotation: Any, value: Any, text: bool, names: Names) -> Any:
    kind = _resolved(annotation, names)
    if kind is MISSING or kind is Any or kind is object or isinstance(kind, typing.TypeVar):
        return value
    return _converter(kind)(kind, value, text, names)


def _converter(kind: Any) -> Converter:
    origin = typing.get_origin(kind) or kind
    if origin in _FORMS:
        return _FORMS[origin]
    if not isinstance(origin, type):
        return _to_unknown
    if issubclass(origin, enum.Enum):
        return _to_enum
    if hasattr(origin, "__dataclass_fields__") or hasattr(origin, "_field_defaults") or typing.is_typeddict(origin):
        return _to_record
    if issubclass(origin, os.PathLike):
        return _to_named
    found = (_CLASSES.get(f"{base.__module__}.{base.__qualname__}") for base in origin.__mro__)
    return next(filter(None, found), _to_unknown)


# Plain values


def _to_none(kind: Any, value: Any, text: bool, names: Names) -> None:
    if value is not None and not (text and _is_nothing(value)):
        raise _refusal(kind, value)


def _is_nothing(value: Any) -> bool:
    return isinstance(value, str) and value.strip().lower() in _NOTHING


def _to_bool(kind: Any, value: Any, text: bool, names: Names) -> bool:
    if isinstance(value, bool):
        return value
    if text and value.strip().lower() in _SWITCH:
        return _SWITCH[value.strip().lower()]
    raise _refusal(kind, value)


def _to_int(kind: Any, value: Any, text: bool, names: Names) -> Any:
    return _to_number(kind, value, str if text else int)


def _to_float(kind: Any, value: Any, text: bool, names: Names) -> Any:
    return _to_number(kind, value, str if text else (int, float))


def _to_number(kind: Any, value: Any, accepted: Any) -> Any:
    if type(value) is kind:
        return value
    if isinstance(value, bool) or not isinstance(value, accepted):
        raise _refusal(kind, value)
    return _called(kind, value)


def _to_str(kind: Any, value: Any, text: bool, names: Names) -> Any:
    if not isinstance(value, str):
        raise _refusal(kind, value)
    return value if isinstance(value, kind) else _called(kind, value)


def _to_named(kind: Any, value: Any, text: bool, names: Names) -> Any:
    """A class whose constructor takes a str: a path, a UUID."""
    if (typing.get_origin(kind) or kind) is os.PathLike:
        kind = _path_class()
    if isinstance(value, kind):
        return value
    if not isinstance(value, str):
        raise _refusal(kind, value)
    return _called(kind, value)


def _path_class() -> Any:
    from pathlib import Path

    return Path


def _to_decimal(kind: Any, value: Any, text: bool, names: Names) -> Any:
    if isinstance(value, kind):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _refusal(kind, value)
    try:
        return kind(str(value))
    except ArithmeticError:
        raise _refusal(kind, value) from None


def _to_date(kind: Any, value: Any, text: bool, names: Names) -> Any:
    """A date, time or datetime; a datetime is no date, although its class says so."""
    if type(value) is kind:
        return value
    if not isinstance(value, str):
        raise _refusal(kind, value)
    stamp = value[:-1] + "+00:00" if value.endswith(("Z", "z")) else value  # Python 3.10 does not know Z
    return _called(kind.fromisoformat, stamp, kind, value)


def _to_duration(kind: Any, value: Any, text: bool, names: Names) -> Any:
    """A timedelta, written as durations are in configuration: 90s, 10m, 2h, 1.5d."""
    if isinstance(value, kind):
        return value
    number, unit = (value[:-1], value[-1:]) if isinstance(value, str) else ("", "")
    if unit not in _DURATIONS:
        raise ConversionError(f"takes a duration such as 90s, 10m, 2h or 1d, not {value!r}")
    return _called(lambda amount: kind(seconds=float(amount) * _DURATIONS[unit]), number, kind, value)


def _called(constructor: Callable[[Any], Any], argument: Any, kind: Any = None, value: Any = MISSING) -> Any:
    try:
        return constructor(argument)
    except (ValueError, OverflowError, TypeError):
        raise _refusal(kind or constructor, argument if value is MISSING else value) from None


def _to_unknown(kind: Any, value: Any, text: bool, names: Names) -> Any:
    if isinstance(kind, type) and isinstance(value, kind):
        return value
    raise ConversionError(f"takes {_name(kind)}, which no text or TOML value can give: {value!r}")


# Choices


def _to_union(kind: Any, value: Any, text: bool, names: Names) -> Any:
    members = typing.get_args(kind)
    if text and types.NoneType in members and _is_nothing(value):
        return None
    if not text:  # a typed value keeps its type where it may: 1 stays an int under float | int
        members = tuple(sorted(members, key=lambda member: member is not type(value)))
    for member in members:
        try:
            return _to(member, value, text, names)
        except ConversionError:
            continue
    raise _refusal(kind, value)


def _to_literal(kind: Any, value: Any, text: bool, names: Names) -> Any:
    return _chosen(kind, [(member, member) for member in typing.get_args(kind)], value, text)


def _to_enum(kind: Any, value: Any, text: bool, names: Names) -> Any:
    if isinstance(value, kind):
        return value
    if isinstance(value, str) and value in kind.__members__:
        return kind.__members__[value]
    return _chosen(kind, [(member.value, member) for member in kind], value, text)


def _chosen(kind: Any, choices: list[tuple[Any, Any]], value: Any, text: bool) -> Any:
    """The choice whose key the value is, once it has the type of that key."""
    for key, choice in choices:
        try:
            found = _to(type(key), value, text, {})
        except ConversionError:
            continue
        if found == key:
            return choice
    raise _refusal(kind, value)


# Containers


def _to_collection(kind: Any, value: Any, text: bool, names: Names) -> Any:
    """A list, set or anything that only iterates; as text "a,b" or JSON."""
    items, text = _items(kind, value, text)
    (item,) = typing.get_args(kind)[:1] or (Any,)
    build = typing.get_origin(kind) or kind
    return _BUILD.get(build, list)(_to_item(item, *place, text, names) for place in enumerate(items, 1))


def _to_tuple(kind: Any, value: Any, text: bool, names: Names) -> Any:
    items, text = _items(kind, value, text)
    wanted = typing.get_args(kind) or (Any, ...)
    if len(wanted) == 2 and wanted[1] is ...:
        wanted = wanted[:1] * len(items)
    if len(wanted) != len(items):
        raise _refusal(kind, value)
    return tuple(_to_item(item, *place, text, names) for item, place in zip(wanted, enumerate(items, 1), strict=True))


def _items(kind: Any, value: Any, text: bool) -> tuple[list[Any], bool]:
    """The items of a list-like value, and whether they are still text."""
    if not text:
        if not isinstance(value, list | tuple | set | frozenset):
            raise _refusal(kind, value)
        return list(value), False
    if value.strip().startswith("["):
        parsed = _from_json(value)
        if isinstance(parsed, list):
            return parsed, False
    return [item.strip() for item in value.split(",")] if value.strip() else [], True


def _to_item(kind: Any, number: int, value: Any, text: bool, names: Names) -> Any:
    with _Inside(f"element {number}"):
        return _to(kind, value, text, names)


def _to_mapping(kind: Any, value: Any, text: bool, names: Names) -> dict[Any, Any]:
    arguments = typing.get_args(kind) or (Any, Any)
    found = {}
    for key, item in _object(kind, value, text).items():
        with _Inside(f"key {key!r}"):
            name = _to(arguments[0], key, isinstance(key, str), names)  # the keys of JSON and TOML are text
            found[name] = _to(arguments[1], item, False, names)
    return found


def _object(kind: Any, value: Any, text: bool) -> Mapping[Any, Any]:
    parsed = _from_json(value) if text else value
    if isinstance(parsed, Mapping):
        return parsed
    raise ConversionError(f"takes {_name(kind)}{' as a JSON object' if text else ''}, not {value!r}")


def _from_json(text: str) -> Any:
    """The parsed text, or MISSING where it is no JSON."""
    import json

    try:
        return json.loads(text)
    except ValueError:
        return MISSING


class _Inside:
    """Puts the place inside a container before the reason."""

    __slots__ = ("place",)

    def __init__(self, place: str) -> None:
        self.place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, ConversionError):
            raise ConversionError(f"{self.place} {error}") from None


# Records: data classes, named tuples and typed dicts, given as a JSON object or a TOML table


def _to_record(kind: Any, value: Any, text: bool, names: Names) -> Any:
    if not typing.is_typeddict(kind) and isinstance(value, kind):
        return value
    given = _object(kind, value, text)
    fields = {field.name: field for field in fields_of(kind)}
    _check_names(kind, given, fields)
    found = {}
    for name, item in given.items():
        with _Inside(f"field {name}"):
            found[name] = _to(fields[name].annotation, item, False, names_of(kind) or names)
    try:
        return kind(**found)
    except (ValueError, TypeError) as error:
        raise ConversionError(f"takes {_name(kind)}, which says: {error}") from error


def _check_names(kind: Any, given: Mapping[Any, Any], fields: Mapping[str, Field]) -> None:
    for name in given:
        if name not in fields:
            raise ConversionError(f"takes {_name(kind)}, which has no field {name!r}, only {', '.join(fields)}")
    missing = [name for name, field in fields.items() if field.required and name not in given]
    if missing:
        raise ConversionError(f"takes {_name(kind)}, which also needs {', '.join(missing)}")


# Messages


def _refusal(kind: Any, value: Any) -> ConversionError:
    return ConversionError(f"takes {_name(kind)}, not {value!r}")


def _name(kind: Any) -> str:
    """What a person would call the type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return " or ".join(map(repr, arguments))
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(_name, arguments))
    if kind is types.NoneType:
        return "None"
    if hasattr(kind, "__members__"):
        return f"{kind.__name__} ({', '.join(kind.__members__)})"
    if isinstance(kind, type) and not arguments:
        return kind.__name__
    return str(kind).replace("typing.", "")


_FORMS: dict[Any, Converter] = {
    None: _to_none,
    types.NoneType: _to_none,
    typing.Union: _to_union,
    types.UnionType: _to_union,
    typing.Literal: _to_literal,
    tuple: _to_tuple,
    **dict.fromkeys((list, set, frozenset, abc.Iterable, abc.Collection), _to_collection),
    **dict.fromkeys((abc.Sequence, abc.MutableSequence, abc.Set, abc.MutableSet), _to_collection),
    **dict.fromkeys((dict, abc.Mapping, abc.MutableMapping), _to_mapping),
}
_BUILD: dict[Any, Callable[[Iterable[Any]], Any]] = {
    set: set,
    frozenset: frozenset,
    abc.Set: frozenset,
    abc.MutableSet: set,
}
_CLASSES: dict[str, Converter] = {  # by name: who annotates with one has imported it, and nobody else pays for it
    "builtins.bool": _to_bool,
    "builtins.int": _to_int,
    "builtins.float": _to_float,
    "builtins.str": _to_str,
    "datetime.date": _to_date,
    "datetime.time": _to_date,
    "datetime.timedelta": _to_duration,
    "decimal.Decimal": _to_decimal,
    "fractions.Fraction": _to_named,
    "uuid.UUID": _to_named,
}
