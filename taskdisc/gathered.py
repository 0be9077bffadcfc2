"""`Gather`: what a parameter receives that collects a task's results over its axes."""

from collections.abc import Callable, Hashable, ItemsView, Iterator, Mapping, Sequence, ValuesView
from types import GenericAlias
from typing import Any, NamedTuple, TypeVar

T_co = TypeVar("T_co", covariant=True)


def label_key(label: Any) -> Hashable:
    """Return a hashable identity of `label` that keeps types apart, and by which NaN equals itself."""
    if isinstance(label, tuple):
        return (type(label), tuple(map(label_key, label)))
    if isinstance(label, float) and label != label:
        return (float, "nan")
    return (type(label), label)


class CoordinateBase(tuple[Any, ...]):
    """Base of the named tuples that are a gather's keys over several axes."""

    __slots__ = ()
    _fields: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return (coordinate, (self._fields, tuple(self)))


_coordinate_types: dict[tuple[str, ...], type] = {}


def coordinate_type(fields: tuple[str, ...]) -> Callable[..., Any]:
    """Return the class `Coordinate` with these axes as fields."""
    found = _coordinate_types.get(fields)
    if found is None:
        from collections import namedtuple

        plain = namedtuple("Coordinate", fields)  # type: ignore[misc]
        found = type("Coordinate", (plain,), {"__slots__": (), "__reduce__": CoordinateBase.__reduce__})
        found.__module__ = __name__
        _coordinate_types[fields] = found
    return found


def coordinate(fields: tuple[str, ...], labels: tuple[Any, ...]) -> Any:
    """Return one `Coordinate`; what its pickle calls."""
    return coordinate_type(fields)(*labels)


class GatherRequest(NamedTuple):
    """What the annotation `Gather[T]` asks for."""

    item: Any


UNLOADED = object()
"""Stands for a result that nobody has read yet."""


class Gather(Mapping[Any, T_co]):
    """A read-only mapping from coordinate to result, in the order of the axes; results load when they are read.

    The key is the label where one axis is gathered, and a named tuple `Coordinate`, its fields sorted by the axes'
    names, where several are. `Gather({...})` makes one in a unit test; it pickles as a plain dict.
    """

    __slots__ = ("_index", "_keys", "_load", "_stored", "_values")

    def __init__(self, results: Mapping[Any, T_co] | None = None) -> None:
        results = results or {}
        self._keys: Sequence[Any] = list(results)
        self._values: list[Any] = list(results.values())
        self._load: Callable[[Any], Any] | None = None
        self._stored: Sequence[Any] = ()
        self._index: dict[Hashable, int] | None = None

    @classmethod
    def lazy(cls, keys: Sequence[Any], stored: Sequence[Any], load: Callable[[Any], Any]) -> "Gather[Any]":
        """Return a gather whose i-th result is `load(stored[i])`, loaded once, when it is first read."""
        self: Gather[Any] = cls()
        self._keys, self._load = keys, load
        self._stored = stored
        self._values = [UNLOADED] * len(stored)
        return self

    def __class_getitem__(cls, item: Any) -> GenericAlias:
        return GenericAlias(cls, item)

    def _at(self, position: int) -> Any:
        value = self._values[position]
        if value is UNLOADED:
            assert self._load is not None
            value = self._values[position] = self._load(self._stored[position])
        return value

    def __getitem__(self, key: Any) -> T_co:
        if self._index is None:
            self._index = {label_key(_plain(each)): i for i, each in enumerate(self._keys)}
        try:
            position = self._index[label_key(_plain(key))]
        except (KeyError, TypeError):
            raise KeyError(key) from None
        return self._at(position)  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"Gather({dict(self.items())!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (dict, (list(self.items()),))

    def items(self) -> ItemsView[Any, T_co]:
        """Return (coordinate, result) pairs, in order."""
        return _Pairs(self)  # type: ignore[return-value]

    def values(self) -> ValuesView[T_co]:
        """Return the results, in order."""
        return _Results(self)  # type: ignore[return-value]


def _plain(key: Any) -> Any:
    """A `Coordinate` and the plain tuple of its labels are one key."""
    return tuple(key) if type(key).__name__ == "Coordinate" and isinstance(key, tuple) else key


class _View(Sequence[Any]):
    """A positional view: labels that compare equal (1 and True) must not be looked up by value."""

    def __init__(self, gather: Gather[Any]) -> None:
        self._gather = gather

    def __len__(self) -> int:
        return len(self._gather)


class _Results(_View):
    def __getitem__(self, position: Any) -> Any:
        if isinstance(position, slice):
            return [self._gather._at(each) for each in range(len(self))[position]]
        return self._gather._at(position)

    def __iter__(self) -> Iterator[Any]:
        return map(self._gather._at, range(len(self._gather)))


class _Pairs(_View):
    def __getitem__(self, position: Any) -> Any:
        if isinstance(position, slice):
            return [self[each] for each in range(len(self))[position]]
        return self._gather._keys[position], self._gather._at(position)

    def __iter__(self) -> Iterator[Any]:
        return zip(self._gather._keys, _Results(self._gather), strict=True)
