"""Structures with results in place: their shape, with numbered slots where results go."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple


class Slot(NamedTuple):
    """Stands in a shape where a result goes."""

    number: int


class Leaf(NamedTuple):
    """What goes into a slot: a task's result or one of its outputs, or a part of it; or the group of a gather."""

    task: str
    output: str | None
    picks: tuple[Any, ...] = ()
    gathers: bool = False


class Shape(NamedTuple):
    """A structure with slots, and what goes into each."""

    structure: Any
    leaves: tuple[Leaf, ...]


def rebuilt(structure: Any, replace: Callable[[Any], Any]) -> Any:
    """Return the same lists, tuples and dicts with `replace` applied to everything else in them, in order."""
    kind = type(structure)
    if kind is list:
        return [rebuilt(item, replace) for item in structure]
    if kind is tuple:
        return tuple([rebuilt(item, replace) for item in structure])
    if kind is dict:
        return {key: rebuilt(item, replace) for key, item in structure.items()}
    return replace(structure)


def picked(value: Any, picks: Iterable[Any]) -> Any:
    """Return the part of a value that a ref picks."""
    for pick in picks:
        value = value[pick]
    return value


def in_place(structure: Any, values: list[Any]) -> Any:
    """Return a shape's structure with the values in its slots."""
    return rebuilt(structure, lambda item: values[item.number] if type(item) is Slot else item)
