"""What a project is made of, and why it may be refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Source = Any


class RuleError(Exception):
    """The project or the request breaks a rule; `rule` is its number."""

    def __init__(self, rule: int, message: str) -> None:
        super().__init__(f"rule {rule}: {message}")
        self.rule = rule


class CircleError(RuleError):
    """Something needs itself; `ring` begins and ends with the same name."""

    def __init__(self, ring: list[str]) -> None:
        super().__init__(11, "circle: " + " -> ".join(ring))
        self.ring = ring


@dataclass(frozen=True, eq=False)
class Axis:
    """An axis: a list of elements, a mapping from label to element, a function that returns either, or open."""

    name: str
    elements: Any = ()
    function: Callable[..., Any] | None = None
    sources: Mapping[str, Source] = field(default_factory=dict)
    open: bool = False

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, eq=False)
class Task:
    """A function and what fills each of its parameters; with `outputs` it returns a tuple or a dict of them."""

    name: str
    function: Callable[..., Any]
    sources: Mapping[str, Source] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


class Project:
    """Tasks by name; axes are reached through them."""

    def __init__(self, *tasks: Task) -> None:
        self.tasks = {task.name: task for task in tasks}
        if len(self.tasks) < len(tasks):
            raise ValueError("two tasks of one name")


class AxisOf(NamedTuple):
    """The element of an axis at the instance's coordinate."""

    axis: Axis


class ResultOf(NamedTuple):
    """The result, or one output, of the task of that name."""

    task: str
    output: str | None = None


class Setting(NamedTuple):
    """A value that belongs to the run, else the default."""

    default: Any


class Planned(NamedTuple):
    """A function of `parameters` that returns the structure to fill in.

    Each of them is the task's own parameter of that name, else (and for the one that is planned) what `otherwise`
    says.
    """

    function: Callable[..., Any]
    parameters: tuple[str, ...] = ()
    otherwise: Mapping[str, Source] = {}


class Ref(NamedTuple):
    """One instance of a task: names bound to labels, open values or own settings; `picks` index its result."""

    task: str
    bound: Mapping[str, Any] = {}
    picks: tuple[Any, ...] = ()


class GatherOf(NamedTuple):
    """All instances of a task along the axes named in `over` (default: all that have elements)."""

    task: str
    over: tuple[str, ...] | None = None
    bound: Mapping[str, Any] = {}
    output: str | None = None
