"""Labels, coordinates, instances, and structures with results in them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .vocabulary import Axis, Task


def tag(value: Any) -> Hashable:
    """Return what tells two values apart: their types too, at every depth, while NaN equals itself."""
    if isinstance(value, (float, complex)):
        return type(value), repr(value)
    if isinstance(value, (list, tuple)):
        return type(value), tuple(tag(item) for item in value)
    if isinstance(value, (set, frozenset)):
        return type(value), frozenset(tag(item) for item in value)
    if isinstance(value, dict):
        return type(value), tuple((tag(key), tag(item)) for key, item in value.items())
    return type(value), value


class Label:
    """What identifies an element of an axis, or the value of an open parameter or bound setting."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.tag = tag(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Label) and self.tag == other.tag

    def __hash__(self) -> int:
        return hash(self.tag)

    def __repr__(self) -> str:
        return repr(self.value)


class Identity(NamedTuple):
    """What tells an instance from all others of its run (10)."""

    task: str
    coordinates: tuple[tuple[str, Label], ...]
    settings: tuple[tuple[str, Label], ...]

    def __str__(self) -> str:
        items = ",".join(f"{name}={label}" for name, label in self.coordinates + self.settings)
        return f"{self.task}[{items}]" if items else self.task


class Place(NamedTuple):
    """A task or an axis at a coordinate: what can be asked for while a run is evaluated."""

    node: Task | Axis
    coordinates: tuple[tuple[Axis, Label], ...]
    settings: tuple[tuple[str, Label], ...] = ()

    @property
    def identity(self) -> Identity:
        """Return the place in names, as the world sees it."""
        named = tuple((axis.name, label) for axis, label in self.coordinates)
        return Identity(self.node.name, named, self.settings)

    def __str__(self) -> str:
        return str(self.identity)


@dataclass(frozen=True)
class Instance:
    """An evaluated instance.

    `dependencies` holds, for each parameter that takes results, its structure with the identity in place of each
    result, and for a gather the tuple of (key, identity) pairs. `origin` is equal for equal work in several runs.
    """

    identity: Identity
    dependencies: Mapping[str, Any]
    value: Any
    origin: int


class Gathered(Mapping[Any, Any]):
    """What a task sees of a gather: results by label, or by Coordinate where there are several axes; ordered (14)."""

    def __init__(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        self._pairs = {self._found_by(key): (key, value) for key, value in pairs}

    @staticmethod
    def _found_by(key: Any) -> Hashable:
        # A Coordinate is made anew for each gather, so that its type cannot count.
        return Label(tuple(key)) if type(key).__name__ == "Coordinate" else Label(key)

    def __getitem__(self, key: Any) -> Any:
        return self._pairs[self._found_by(key)][1]

    def __iter__(self) -> Iterator[Any]:
        return (key for key, _ in self._pairs.values())

    def __len__(self) -> int:
        return len(self._pairs)


class Taken(NamedTuple):
    """Stands in a structure for an instance's result, or a part of it."""

    instance: Instance
    picks: tuple[Any, ...]

    @property
    def value(self) -> Any:
        """Return the result, or the part."""
        value = self.instance.value
        for pick in self.picks:
            value = value[pick]
        return value


class TakenAll(NamedTuple):
    """Stands in a structure for a gather."""

    pairs: list[tuple[Any, Taken]]


def rebuild(structure: Any, replace: Callable[[Any], Any]) -> Any:
    """Return the same lists, tuples and dicts with `replace` applied to everything else in them."""
    if type(structure) is list:
        return [rebuild(item, replace) for item in structure]
    if type(structure) is tuple:
        return tuple(rebuild(item, replace) for item in structure)
    if type(structure) is dict:
        return {key: rebuild(item, replace) for key, item in structure.items()}
    return replace(structure)


def leaves(structure: Any, *kinds: type) -> list[Any]:
    """Return those things of these kinds that `rebuild` would replace, in its order."""
    found: list[Any] = []
    rebuild(structure, found.append)
    return [leaf for leaf in found if isinstance(leaf, kinds)]


def values_of(structure: Any) -> Any:
    """Return the structure as the task receives it."""

    def replace(leaf: Any) -> Any:
        if isinstance(leaf, TakenAll):
            return Gathered((key, taken.value) for key, taken in leaf.pairs)
        return leaf.value if isinstance(leaf, Taken) else leaf

    return rebuild(structure, replace)


def identities_of(structure: Any) -> Any:
    """Return the structure with identities for results."""

    def replace(leaf: Any) -> Any:
        if isinstance(leaf, TakenAll):
            return tuple((key, taken.instance.identity) for key, taken in leaf.pairs)
        return leaf.instance.identity if isinstance(leaf, Taken) else leaf

    return rebuild(structure, replace)


def origins_of(structure: Any) -> Hashable:
    """Return what tells two filled structures apart across the runs of a sweep."""

    def replace(leaf: Any) -> Any:
        if isinstance(leaf, TakenAll):
            return "gather", [(tuple(key) if isinstance(key, tuple) else key, replace(t)) for key, t in leaf.pairs]
        if isinstance(leaf, Taken):
            return "result", leaf.instance.origin, leaf.picks
        return "constant", leaf

    return tag(rebuild(structure, replace))
