"""What stands for results in `@requires`: `ref`, `gather`, and the structures that hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType, GeneratorType
from typing import Any, NamedTuple, TypeVar

from taskdisc.errors import Place, UsageError
from taskdisc.marks import REQUIRES, File, Files, caller, innermost

F = TypeVar("F", bound=Callable[..., Any])


class Named(NamedTuple):
    """A task's function as it crosses processes."""

    module: str
    attribute: str


class Ref:
    """The result of one instance of a task, or a part of it; made by `ref`."""

    __slots__ = ("bound", "picks", "target")

    def __init__(self, target: Any, bound: Mapping[str, Any], picks: tuple[Any, ...] = ()) -> None:
        self.target = target
        self.bound = bound
        self.picks = picks

    def __getitem__(self, item: Any) -> Ref:
        return Ref(self.target, self.bound, (*self.picks, item))

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(f"{self!r} stands for a result that is not there yet. Unpack it in the task.")

    def __reduce__(self) -> tuple[Any, ...]:
        return Ref, (portable(self.target), self.bound, self.picks)

    def __repr__(self) -> str:
        items = "".join(f", {name}={value!r}" for name, value in self.bound.items())
        return f"ref({name_of(self.target)}{items}){''.join(f'[{pick!r}]' for pick in self.picks)}"


class Collected:
    """The results of a task over some of its axes; made by `gather`."""

    __slots__ = ("bound", "drop", "over", "target")

    def __init__(self, target: Any, over: tuple[str, ...] | None, drop: bool, bound: Mapping[str, Any]) -> None:
        self.target = target
        self.over = over
        """None: all axes with elements that are not bound."""
        self.drop = drop
        """Leave failed elements out, instead of being blocked by them."""
        self.bound = bound

    def __reduce__(self) -> tuple[Any, ...]:
        return Collected, (portable(self.target), self.over, self.drop, self.bound)

    def __repr__(self) -> str:
        over = "" if self.over is None else f", over={self.over[0] if len(self.over) == 1 else self.over!r}"
        items = "".join(f", {name}={value!r}" for name, value in self.bound.items())
        return f"gather({name_of(self.target)}{over}{items}{', failed=' + repr('drop') if self.drop else ''})"


Leaf = Ref | Collected | File | Files
LEAVES = (Ref, Collected, File, Files)


def portable(target: Any) -> Any:
    """Return what a function is called where it is defined, so that it can be named in another process."""
    function = innermost(target)
    return target if function is None else Named(function.__module__, function.__name__)


def name_of(target: Any) -> str:
    """Return what a target of `ref` or `gather` is called in messages."""
    if isinstance(target, Named):
        return target.attribute
    return target if isinstance(target, str) else str(getattr(target, "__name__", target))


def ref(target: Callable[..., Any] | str, /, **coordinates: Any) -> Any:
    """Stand for the result of one instance of `target`, a task's function or the name of a task or output.

    Each of `coordinates` is the label of an element of an axis of the task, a value of an open parameter, or of a
    setting of the task's own; axes that are left out are those of whoever has the ref. `ref(split)["train"]` is a
    part of the result. Declared as Any, so that it may stand where a value is expected.
    """
    if type(target) is not FunctionType and type(target) is not str:
        _check_target(target, "ref")
    return Ref(target, coordinates)


def gather(
    target: Callable[..., Any] | str,
    /,
    over: str | Iterable[str] | None = None,
    *,
    failed: str = "block",
    **coordinates: Any,
) -> Any:
    """Stand for the results of `target` over some of its axes, as a `Gather`.

    `over` names the axes (all that have elements, if it is left out); the others stay those of whoever has the gather,
    or are fixed by `coordinates`. `failed="drop"` leaves failed elements out. Declared as Any, so that it may stand
    where a value is expected. Raises UsageError for an `over` that names nothing.
    """
    place = _check_target(target, "gather")
    if over is not None and not isinstance(over, str):
        over = tuple(over)
    names = (over,) if isinstance(over, str) else over
    if names is not None and (not names or not all(isinstance(name, str) and name for name in names)):
        raise UsageError(
            f"{place}: gather({name_of(target)}, over={over!r}): over takes the name of an axis, or several."
        )
    if failed not in ("block", "drop"):
        raise UsageError(f'{place}: gather({name_of(target)}): failed takes "block" or "drop", not {failed!r}.')
    return Collected(target, names, failed == "drop", coordinates)


def _check_target(target: Any, what: str) -> Place:
    place = caller()
    if isinstance(target, str) or innermost(target) is not None:
        return place
    raise UsageError(f"{place}: {what} takes a task's function or its name, not {target!r}.")


def requires(**parameters: Any) -> Callable[[F], F]:
    """Say what parameters of a task receive, where their names alone do not.

    Each is a structure of `ref`, `gather`, `file`, `files` and constants in lists, tuples and dicts, which the task
    receives with results in place; or a planner, a function that returns such a structure, and whose own parameters
    mean those of the task, or else are filled like a task's. Returns the same function.
    """
    place = caller()
    if not parameters:
        raise UsageError(f"{place}: @requires takes parameters by name: @requires(prev=ref(...)).")

    def mark(target: F) -> F:
        if innermost(target) is None:
            raise UsageError(f"{place}: @requires decorates functions, not {type(target).__name__} objects.")
        known = dict(getattr(target, REQUIRES, {}))
        for name, value in parameters.items():
            if name in known:
                raise UsageError(f"{place}: @requires({name}=...) is given twice. Leave one out.")
            known[name] = Requirement(value, place)
        setattr(target, REQUIRES, known)
        return target

    return mark


class Requirement(NamedTuple):
    """What `@requires` says of a parameter, and where."""

    value: Any
    place: Place


def leaves(structure: Any) -> Iterator[Leaf]:
    """Yield the refs, gathers and files of a structure, in order. Raises ValueError for one that cannot be found."""
    todo = [structure]
    while todo:
        item = todo.pop()
        kind = type(item)
        if kind in LEAVES:
            yield item
        elif kind is list or kind is tuple:
            todo += reversed(item)
        elif kind is dict:
            _refuse(item)
            todo += reversed(item.values())
        else:
            check_constant(item)


def check_constant(item: Any) -> None:
    """Raise ValueError where a ref hides in something that is not looked through."""
    if isinstance(item, set | frozenset):
        _refuse(item)
    elif isinstance(item, GeneratorType | map | filter | zip):
        raise ValueError(f"a {type(item).__name__} cannot be kept. Make it a list")
    elif isinstance(item, list | tuple | dict):
        _refuse(item.values() if isinstance(item, dict) else item, type(item).__name__)
    elif hasattr(item, "__dict__") and not isinstance(item, type):
        _refuse(vars(item).values(), type(item).__name__)


def _refuse(items: Iterable[Any], what: str = "") -> None:
    for item in items:
        if type(item) in LEAVES:
            what = what or ("dict's keys" if isinstance(items, dict) else "set")
            raise ValueError(
                f"{item!r} stands in a {what}, where nothing looks for it. Put it into a list, a tuple or a dict"
            )
