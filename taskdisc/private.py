"""`parametrize`: private axes of one task."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from taskdisc.errors import Place, UsageError
from taskdisc.marks import PARAMETRIZE, Axis, Element, caller, elements_of, innermost

F = TypeVar("F", bound=Callable[..., Any])


class Private(NamedTuple):
    """An axis of one task, and the place of each of its parameters in the elements; None: the element itself."""

    axis: Axis
    parameters: tuple[str, ...]
    place: Place


def parametrize(
    names: str | Iterable[str], values: Iterable[Any], *, ids: Iterable[Any] | Callable[[Any], Any] | None = None
) -> Callable[[F], F]:
    """Give parameters of one task each of these values in turn: its private axis; several of them cross.

    `names` is one name, or several as "a,b" with a tuple of values for each element (the axis is then called `a_b`).
    `ids` are labels for the elements, or a function that returns the label of an element. Returns the same function.
    Raises UsageError for elements that do not fit, or are alike.
    """
    place = caller()
    given = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    parameters = tuple(name for name in given if name)
    where = f"{place}: @parametrize({','.join(parameters)!r})"
    if not parameters or not all(name.isidentifier() for name in parameters):
        raise UsageError(f"{place}: @parametrize takes the names of parameters first, not {names!r}.")
    items = _items(values, where)
    if len(parameters) > 1:
        for item in items:
            if not isinstance(item, tuple | list) or len(item) != len(parameters):
                raise UsageError(f"{where}: {item!r} is not {len(parameters)} values. Write a tuple of them.")
        items = [tuple(item) for item in items]
    axis = Axis(_elements(items, ids, where), module="", place=place, name="_".join(parameters))
    private = Private(axis, parameters, place)

    def mark(target: F) -> F:
        if innermost(target) is None:
            raise UsageError(f"{place}: @parametrize decorates functions, not {type(target).__name__} objects.")
        setattr(target, PARAMETRIZE, (private, *getattr(target, PARAMETRIZE, ())))
        return target

    return mark


def _items(values: Any, where: str) -> list[Any]:
    if isinstance(values, set | frozenset):
        raise UsageError(f"{where}: a set has no order. Use sorted(...).")
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise UsageError(f"{where} takes a list of values, not {values!r}.")
    return list(values)


def _elements(items: list[Any], ids: Any, where: str) -> tuple[Element, ...]:
    if ids is None:
        return elements_of((items,), where)
    labels = [ids(item) for item in items] if callable(ids) else list(ids)
    if len(labels) != len(items):
        raise UsageError(f"{where}: {len(items)} values, and {len(labels)} ids. Give one for each.")
    named = elements_of((labels,), where)
    return tuple(Element(element.label, item) for element, item in zip(named, items, strict=True))
