"""The elements that axes have in a run: lists, values of open parameters, and what axis functions return."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from taskdisc.calls import Calls, Coordinate
from taskdisc.errors import UsageError, closest
from taskdisc.expand import AxisRows, Expansion
from taskdisc.gathered import label_key
from taskdisc.graph import TaskGraph
from taskdisc.labels import label_text
from taskdisc.marks import Axis, Element, File, Files, elements_of

if TYPE_CHECKING:
    from taskdisc.bind import Replaced

List = tuple[Axis, Coordinate]
"""A list of elements: the axis, and the coordinate along its parents."""


class Unknown(Exception):
    """A list that only a step will tell."""

    def __init__(self, wanted: List) -> None:
        self.wanted = wanted


class Lists:
    """Knows the elements of every axis, as numbers into the rows of the expansion."""

    def __init__(
        self,
        graph: TaskGraph,
        expansion: Expansion,
        calls: Calls,
        replaced: Mapping[Axis, Replaced],
        encode: Callable[[Any], bytes],
        listed: Callable[[Files], Sequence[File]],
        file_digest: Callable[[File], bytes],
    ) -> None:
        self._graph = graph
        self._expansion = expansion
        self._calls = calls
        self._replaced = replaced
        self._encode = encode
        self._listed = listed
        self._file_digest = file_digest
        given = {axis: rows for axis, rows in expansion.elements.items() if axis.open}
        # Targets mean the values that the run was given; those that refs bind are elements, too, from then on.
        self._known: dict[List, range] = {(axis, ()): range(len(rows)) for axis, rows in given.items()}
        self._numbers: dict[List, dict[Hashable, int]] = {}
        self._open: dict[Axis, dict[Hashable, int]] = {}

    def of(self, axis: Axis, parents: Coordinate) -> range:
        """Return the numbers of the axis's elements at a coordinate of its parents. Raises Unknown."""
        found = self._known.get((axis, parents))
        if found is None:
            found = self._known[axis, parents] = self._first(axis, parents)
        return found

    def _first(self, axis: Axis, parents: Coordinate) -> range:
        if axis.function is None:
            return range(len(self._rows(axis)))
        if self._graph.inner[axis.task].reaches:
            raise Unknown((axis, parents))
        returned = self._calls.call(axis.task, self._graph.axes[axis.task], parents, ())
        where = f"{axis.place} axis {axis.name}"
        if isinstance(returned, Files):
            from pathlib import Path

            files = self._listed(returned)
            elements = tuple(Element(file.path, Path(file.path)) for file in files)
            return self._add(axis, elements, [self._file_digest(file) for file in files])
        return self._add(axis, elements_of((returned,), where), None)

    def tell(self, axis: Axis, parents: Coordinate, told: Sequence[tuple[Any, Any, bytes]]) -> None:
        """Note the elements that a step has found: (label, value, digest of the value) of each."""
        elements = tuple(Element(label, value) for label, value, _ in told)
        self._known[axis, parents] = self._add(axis, elements, [digest for _, _, digest in told])

    def _add(self, axis: Axis, elements: tuple[Element, ...], digests: Sequence[bytes] | None) -> range:
        replaced = self._replaced.get(axis)
        if replaced is not None:
            chosen = replaced.applied(axis, elements)
            by_element = dict(zip(map(id, elements), digests or (), strict=False))
            digests = [by_element.get(id(each), b"") for each in chosen]
            elements = chosen
        rows = self._rows(axis)
        numbers = rows.add(elements)
        if digests is not None:
            rows.digests.update((n, digest) for n, digest in zip(numbers, digests, strict=True) if digest)
        return numbers

    def _rows(self, axis: Axis) -> AxisRows:
        rows = self._expansion.elements.get(axis)
        if rows is None:
            rows = self._expansion.elements[axis] = AxisRows(axis, ())
        return rows

    def number(self, axis: Axis, parents: Coordinate, label: Any) -> int | None:
        """Return the number of the element with a label, None where there is none. Raises Unknown."""
        if axis.open:
            return self.given(axis, label)
        at = (axis, parents)
        numbers = self._numbers.get(at)
        if numbers is None:
            elements = self._rows(axis).elements
            numbers = self._numbers[at] = {label_key(elements[n].label): n for n in self.of(axis, parents)}
        try:
            return numbers.get(label_key(label))
        except TypeError:
            return None

    def given(self, axis: Axis, value: Any) -> int:
        """Return the number of a value of an open parameter, which becomes an element when it is first seen."""
        known = self._open.get(axis)
        if known is None:
            known = self._open[axis] = {
                self._identity(axis, element.label): n for n, element in enumerate(self._rows(axis).elements)
            }
        kind = type(value)
        key = (kind, value) if kind is int or kind is str else self._identity(axis, value)
        number = known.get(key)
        if number is None:
            rows = self._rows(axis)
            (number,) = rows.add((Element(value, value),))
            known[key] = number
        return number

    def _identity(self, axis: Axis, value: Any) -> Hashable:
        kind = type(value)
        if kind is int or kind is str:
            return kind, value
        encoded = None if kind in (bool, float) else self._encode(value)
        try:
            hash(value)
        except TypeError:  # a dict or a list, as values of open parameters may be
            return encoded
        return label_key(value), encoded

    def by_text(self, axis: Axis, numbers: range, text: str) -> list[int]:
        """Return those of the numbers whose label is meant by a text of a target."""
        from taskdisc.labels import unquoted

        texts = self._rows(axis).texts
        exact = [n for n in numbers if texts[n] == text]
        return exact or [n for n in numbers if unquoted(texts[n]) == unquoted(text)]

    def element(self, axis: Axis, number: int) -> Element:
        """Return an element."""
        return self._expansion.elements[axis].elements[number]

    def no_element(self, axis: Axis, parents: Coordinate, label: Any) -> UsageError:
        """Return the error for a label that no element has."""
        texts = [self._rows(axis).texts[n] for n in self.of(axis, parents)]
        wanted = label_text(label)
        near = closest(wanted, texts)
        has = f"It has {', '.join(texts[:8])}{', ...' if len(texts) > 8 else ''}." if texts else "It has none here."
        meant = f" Did you mean {near}?" if near else ""
        return UsageError(f"axis {axis.name} ({axis.place}) has no element {wanted}.{meant} {has}")
