"""Parameters, what has them beside tasks, and what sweeps and slices say of tasks. Small frozen records."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from taskdisc.errors import Place


class Missing:
    """The type of `MISSING`, which stands where a parameter has no default."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()


class Parameter(NamedTuple):
    """One parameter of a task's function; the annotation is as the function holds it, often still a string."""

    name: str
    annotation: Any = MISSING
    default: Any = MISSING
    keyword_only: bool = False


class Swept(NamedTuple):
    """A value that a setting has in one run of a sweep, or for one target."""

    name: str
    """"lr", or "train.lr" for one task's."""
    value: Any
    label: str
    """The value as ids show it."""
    texts: bool
    """Whether the value is text that is still to be converted."""
    origin: str
    """"--sweep", or the target."""


class Slice(NamedTuple):
    """Options of those instances of a task whose printed ids have all that is in the brackets."""

    brackets: tuple[tuple[str, str], ...]
    """(name, label) as they were written."""
    options: Mapping[str, Any]
    origin: str


class Fixture(NamedTuple):
    """A function whose value tasks share within a worker, as collected."""

    id: str
    """`path/tasks_x.py::name`, unique among tasks and fixtures."""
    name: str
    module: str
    place: Place
    function: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    swept: tuple[Swept, ...] = ()
    """As of a task."""
    copy_of: str = ""

    @property
    def long_id(self) -> str:
        """The id that keys and seeds know, whatever is swept."""
        return self.copy_of or self.id


class FixtureSpec(NamedTuple):
    """What a worker must know of a fixture."""

    id: str
    name: str
    module: str
    attribute: str
    """Name of the function in its module."""
    place: Place
    settings: bytes
    """Pickled dict of the settings' values."""
    arguments: tuple[tuple[str, str, Any], ...]
    """(parameter, kind, entry) of each other argument; of `ArgumentKind` PATH, PATHS, FIXTURE, or RESULT by pickle."""
    function: Any = None
    """The function itself, for workers that share memory with the run."""
    pickled: bytes = b""
    """As of a task."""
