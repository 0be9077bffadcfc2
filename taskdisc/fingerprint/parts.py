"""How objects come apart into simpler values that the encoding can write, class by class."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .arrays import numpy_kind
from .kinds import Kind, Raw

_IMMUTABLE_TYPE, _HEAP_TYPE = 1 << 8, 1 << 9  # Py_TPFLAGS_IMMUTABLETYPE, Py_TPFLAGS_HEAPTYPE


def kind_of(cls: type) -> Kind | None:
    """Return how the instances of `cls` come apart, or None where nobody may know."""
    module = cls.__module__.partition(".")[0]
    if module == "pathlib":
        return _PATHS.get(cls.__qualname__)
    if module == "numpy":
        return numpy_kind(cls)
    return _KNOWN.get((cls.__module__, cls.__qualname__))


def user_kind_of(cls: type) -> Kind | None:
    """Return how the instances of a class that its user wrote come apart, or None for one that is not plain data."""
    if _is_enum(cls):
        return Kind("", _enum_parts, (".name", ".value"))
    for base, plain in _BASES:
        if issubclass(cls, base):
            return _subclass_kind(cls, base, plain)
    if hasattr(cls, "__dataclass_fields__"):
        return _dataclass_kind(cls)
    return None


# Classes of the standard library, by module and name so that none has to be imported.


def _datetime_parts(value: Any) -> tuple[object, ...]:
    return value.replace(tzinfo=None, fold=0).isoformat(), value.fold, value.tzinfo


def _zone_parts(value: Any) -> tuple[object, ...]:
    if value.key is None:
        raise ValueError("a ZoneInfo without a key")
    return (value.key,)


def _array_array_parts(value: Any) -> tuple[object, ...]:
    if value.typecode in "uw":
        return value.typecode, value.tounicode()
    if sys.byteorder == "big":
        value = value[:]
        value.byteswap()
    return value.typecode, value.itemsize, Raw(memoryview(value).cast("B") if value else b"")


def _memoryview_parts(view: memoryview) -> tuple[object, ...]:
    try:
        content: bytes | memoryview = view.cast("B")
    except TypeError:  # not contiguous, empty, or of a structured format
        content = view.tobytes()
    return view.format, view.shape, Raw(content)


_KNOWN: dict[tuple[str, str], Kind] = {
    ("array", "array"): Kind("array", _array_array_parts),
    ("builtins", "mappingproxy"): Kind("mappingproxy", lambda v: (dict(v),)),
    ("builtins", "memoryview"): Kind("memoryview", _memoryview_parts),
    ("builtins", "range"): Kind("range", lambda v: (v.start, v.stop, v.step)),
    ("builtins", "slice"): Kind("slice", lambda v: (v.start, v.stop, v.step), (".start", ".stop", ".step")),
    ("collections", "Counter"): Kind("Counter", lambda v: (dict(v),)),
    ("collections", "OrderedDict"): Kind("OrderedDict", lambda v: (dict(v.items()),)),
    ("collections", "defaultdict"): Kind(
        "defaultdict", lambda v: (v.default_factory, dict(v)), (".default_factory", "")
    ),
    ("collections", "deque"): Kind("deque", lambda v: (v.maxlen, list(v))),
    ("datetime", "date"): Kind("date", lambda v: (v.isoformat(),)),
    ("datetime", "datetime"): Kind("datetime", _datetime_parts, ("", ".fold", ".tzinfo")),
    ("datetime", "time"): Kind("time", _datetime_parts, ("", ".fold", ".tzinfo")),
    ("datetime", "timedelta"): Kind("timedelta", lambda v: (v.days, v.seconds, v.microseconds)),
    ("datetime", "timezone"): Kind("timezone", lambda v: v.__getinitargs__()),
    ("decimal", "Decimal"): Kind("Decimal", lambda v: (str(v),)),
    ("fractions", "Fraction"): Kind("Fraction", lambda v: (v.numerator, v.denominator)),
    ("re", "Pattern"): Kind("Pattern", lambda v: (v.pattern, v.flags)),
    ("uuid", "UUID"): Kind("UUID", lambda v: (v.hex,)),
    ("zoneinfo", "ZoneInfo"): Kind("ZoneInfo", _zone_parts),
}

# By qualified name: Python 3.13 moved the classes to pathlib._local. The parts are for the encoder's `place`.
_POSIX_PATH = Kind("path", lambda v: (v,))
_WINDOWS_PATH = Kind("windows path", lambda v: (v,))
_PATHS = {
    "PurePosixPath": _POSIX_PATH,
    "PosixPath": _POSIX_PATH,
    "PureWindowsPath": _WINDOWS_PATH,
    "WindowsPath": _WINDOWS_PATH,
}


def is_path(kind: Kind) -> bool:
    """Say whether this is a kind of path, whose one part is the path itself."""
    return kind is _POSIX_PATH or kind is _WINDOWS_PATH


# Classes that users write.


def _is_enum(cls: type) -> bool:
    enum = sys.modules.get("enum")
    return enum is not None and issubclass(cls, enum.Enum)


def _enum_parts(value: Any) -> tuple[object, ...]:
    # A combination of flags is named by Python 3.11 and later only, so just members that were written down count.
    name = value._name_
    return name if type(value)._member_map_.get(name) is value else None, value._value_


def _dataclass_kind(cls: type) -> Kind:
    from dataclasses import fields

    names = tuple(field.name for field in fields(cls))
    return Kind("", lambda value: [getattr(value, name) for name in names], tuple("." + name for name in names))


def _subclass_kind(cls: type, base: type, plain: Callable[[Any], object]) -> Kind | None:
    own = cls.__mro__[: cls.__mro__.index(base)]
    if not all(map(_is_python_class, own)):
        return None
    slots = tuple(_slots(own))
    fields = getattr(cls, "_fields", None)
    if base is tuple and isinstance(fields, tuple):
        labels = (*(f".{name}" for name in fields), ".__dict__")
        return Kind("", lambda value: (*tuple.__iter__(value), _attributes(value, slots)), labels)
    return Kind("", lambda value: (plain(value), _attributes(value, slots)), ("", ".__dict__"))


def _is_python_class(cls: type) -> bool:
    # A class written in C may hold state that only it can reach: the default factory of a defaultdict, the hidden
    # fields of os.stat_result.
    made_by_class_statement = cls.__flags__ & (_HEAP_TYPE | _IMMUTABLE_TYPE) == _HEAP_TYPE
    return made_by_class_statement and "n_sequence_fields" not in vars(cls)


def _slots(classes: Sequence[type]) -> Iterator[str]:
    for cls in classes:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__"):
                private = name.startswith("__") and not name.endswith("__")
                yield f"_{cls.__name__.lstrip('_')}{name}" if private else name


def _attributes(value: object, slots: Sequence[str]) -> dict[str, object]:
    attributes = dict(getattr(value, "__dict__", ()))
    attributes.update((name, getattr(value, name)) for name in slots if hasattr(value, name))
    return dict(sorted(attributes.items()))  # the order in which attributes were set is an accident


def _whole(sequence_type: Any) -> Callable[[Any], object]:
    return lambda value: sequence_type.__getitem__(value, slice(None))


# Methods of the base, not of the subclass, which may have overridden them.
_BASES: tuple[tuple[type, Callable[[Any], object]], ...] = (
    (int, int.__int__),
    (float, float.__float__),
    (complex, complex.__pos__),
    (str, str.__str__),
    (bytes, _whole(bytes)),
    (bytearray, _whole(bytearray)),
    (list, _whole(list)),
    (tuple, _whole(tuple)),
    (dict, dict.copy),
    (set, lambda value: set(set.__iter__(value))),
    (frozenset, lambda value: frozenset(frozenset.__iter__(value))),
)
