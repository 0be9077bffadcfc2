"""What task modules import: `task`, `axis`, `file`, `fixture`. They attach metadata and do nothing else."""

import sys
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType
from typing import Any, NamedTuple, TypeVar, overload

from taskdisc.errors import Place, UsageError
from taskdisc.gathered import label_key

MARK = "__taskdisc__"
FIXTURE = "__taskdisc_fixture__"
REQUIRES = "__taskdisc_requires__"
"""Where `requires` leaves what it says."""
PARAMETRIZE = "__taskdisc_parametrize__"
"""Where `parametrize` leaves what it says."""
OWN = frozenset({"taskdisc.marks", "taskdisc.references", "taskdisc.private"})
"""Modules whose frames are not the caller's."""

F = TypeVar("F", bound=Callable[..., Any])


class Element(NamedTuple):
    """One element of an axis: known by its label; the value is what tasks receive."""

    label: Any
    value: Any


class Axis:
    """Whatever depends on an axis exists once per element. Two axes are the same only if they are one object."""

    __slots__ = ("elements", "files", "function", "module", "name", "open", "place", "task")

    def __init__(
        self,
        elements: tuple[Element, ...] = (),
        *,
        module: str,
        place: Place,
        name: str = "",
        open: bool = False,
        files: "Files | None" = None,
        function: Callable[..., Any] | None = None,
    ) -> None:
        self.elements = elements
        self.module = module
        self.place = place
        self.name = name
        """Given by the collector: the name that the axis has in its defining module."""
        self.open = open
        """An open parameter: an axis without elements until the run gives it some."""
        self.files = files
        """The files that are its elements: they are looked for when a run begins."""
        self.function = function
        """What returns its elements, at each coordinate of what the function depends on."""
        self.task = ""
        """Id of the inner task that calls the function."""

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the function that returns the elements, as a unit test does."""
        if self.function is None:
            raise TypeError(f"{self!r} is not a function")
        return self.function(*arguments, **named)

    def __repr__(self) -> str:
        return f"<axis {self.name or '?'} ({self.place})>"


class File:
    """An input file or folder, tracked by its content; injected as a Path."""

    __slots__ = ("path", "place")

    def __init__(self, path: str, place: Place) -> None:
        self.path = path
        self.place = place

    def __repr__(self) -> str:
        return f"<file {self.path} ({self.place})>"


class Files:
    """The input files of a pattern, tracked by their content; injected as a sorted list of Paths."""

    __slots__ = ("pattern", "place")

    def __init__(self, pattern: str, place: Place) -> None:
        self.pattern = pattern
        self.place = place

    def __repr__(self) -> str:
        return f"<files {self.pattern} ({self.place})>"


@overload
def task(function: F, /) -> F: ...
@overload
def task(
    *,
    name: str | None = None,
    outputs: Iterable[str] = (),
    version: str | int | None = None,
    open: Iterable[str] = (),
    codec: str = "pickle",
    prefix: str | Iterable[str] = (),
    tags: Iterable[str] = (),
    cache: bool = True,
    expires: str | None = None,
    keep: bool = True,
    track: Iterable[str] = (),
    compress: str | None = None,
    executor: str | None = None,
    launcher: str | None = None,
    flags: str | Iterable[str] = (),
    batch: int = 1,
    retries: int = 0,
    retry_delay: str = "2s",
    retry_on: str | type[BaseException] | Iterable[str | type[BaseException]] = (),
    timeout: str | None = None,
    env: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    after: Any = (),
    interactive: bool = False,
    resources: Mapping[str, float] | Callable[[int], Mapping[str, float]] | Iterable[tuple[str, float]] = (),
    channel: str | Iterable[str] = (),
    priority: float = 0,
) -> Callable[[F], F]: ...
def task(function: Any = None, /, **options: Any) -> Any:
    """Set a task's options; a function without the decorator is a task too, unless its name begins with `_`.

    `name` calls it something else than its function; `outputs=("train", "test")` names what it returns (a tuple in
    this order, or a dict with these keys), each kept and depended on by itself; a changed `version` makes results
    stale that the code alone would not; `open=("date",)` says that these parameters are meant to be given by the run;
    `codec` chooses how the result is encoded; `prefix` ("nice -n 10", a list, placeholders such as {task}) starts
    each instance as a command of its own, or up to `batch` of them, one after the other; `tags` are for configuration
    (`[tool.taskdisc.tasks."tag:gpu"]`).
    `cache=False` runs the task once in every run, `expires="1d"` when its result is older; what depends on it runs
    only if the result differs. `keep=False` drops the value when all that needed it is done, and makes it again if
    need be; `track=("numpy",)` lets the versions of installed distributions count; `compress` ("zstd:3", "gzip:9",
    "lz4") makes large results smaller, where they would else be mapped into memory. `after` names tasks, by function
    or name, whose instances at the same coordinates must have ended well before one of this begins.
    `executor` says what runs the task, `launcher` what starts its commands, `flags` what an executor on a cluster is
    told besides. An attempt that fails is followed by up to `retries` others, after `retry_delay` ("2s", twice as long
    each time); `retry_on` restricts that to exceptions (classes or names), "killed" and "timeout". `timeout="10m"` ends
    an attempt with all that it has started; `env={"OMP_NUM_THREADS": "1"}` holds while the task runs.
    `resources={"gpu": 1}`, or a function of the attempt, is what a job holds while it runs; `channel="api"` names what
    `--limit api=2` restricts; of what can run, that of the highest `priority` starts first.
    `interactive=True` gives the task the terminal: it runs in the command itself, and may ask.

    Returns the same function. Raises UsageError for an option that does not exist or has the wrong type.
    """
    from taskdisc.taskoptions import task_options

    if function is not None and not callable(function):
        raise UsageError(f"{caller()}: @task takes its options by name: @task(name={function!r})")
    marks = task_options(options, f"{caller()}: @task")

    def mark(target: F) -> F:
        if not hasattr(target, "__code__") and not hasattr(target, "__wrapped__"):
            what = "classes" if isinstance(target, type) else f"{type(target).__name__} objects"
            raise UsageError(f"{caller()}: @task decorates functions, not {what}.")
        setattr(target, MARK, marks)
        return target

    return mark(function) if function is not None else mark


def fixture(function: F, /) -> F:
    """Declare what tasks receive by name and share: made once per worker, when first asked for, and never stored.

    The function returns the value, or yields it once and closes it in what follows, at the worker's end. Its
    parameters are settings, files and other fixtures. Whatever it reaches counts in the keys of the tasks that use it.

    Returns the same function. Raises UsageError for what is no function.
    """
    if not hasattr(function, "__code__") and not hasattr(function, "__wrapped__"):
        raise UsageError(f"{caller()}: @fixture decorates functions and has no options: @fixture, without ().")
    setattr(function, FIXTURE, True)
    return function


def axis(*elements: Any) -> Any:
    """Make an axis: `axis(1, 3, 5)`, `axis(range(3))`, `axis({"small": {...}, "big": {...}})`, `axis(files("*.txt"))`.

    Bound to a module-level name, it is the dependency of that name: a task that has the parameter, or depends on a
    task that has it, exists once per element. A single list, range, mapping (which gives labels) or `files` is spread;
    a tuple or a str is one element. As a decorator, `@axis def chapter(book): ...`, it takes the elements from what
    the function returns: the function's parameters are filled like a task's, and where they reach an axis, there is a
    list of elements for each of its elements. Declared as Any, so that it may stand where a value is expected.

    Raises UsageError for a set (it has no order), for duplicates, and for an element that cannot be a label.
    """
    place, module = caller(), _module()
    if len(elements) == 1 and isinstance(elements[0], Files):
        return Axis(module=module, place=place, files=elements[0])
    if len(elements) == 1 and isinstance(elements[0], FunctionType):
        return Axis(module=module, place=_def_place(elements[0]), function=elements[0])
    return Axis(elements_of(elements, f"axis at {place}"), module=module, place=place)


def _def_place(function: FunctionType) -> Place:
    return Place(function.__code__.co_filename, def_line(function))


def elements_of(elements: tuple[Any, ...], where: str) -> tuple[Element, ...]:
    """Return the elements that `axis(*elements)` has. Raises UsageError that begins with `where`."""
    pairs = _spread(elements, where)
    if not _plainly_different(pairs):
        _check_labels(pairs, where)
    return pairs


def _plainly_different(pairs: tuple[Element, ...]) -> bool:
    """Say whether the labels are of one simple type and differ, as in nearly every long axis."""
    labels = [pair.label for pair in pairs]
    kinds = set(map(type, labels))
    return len(kinds) == 1 and kinds <= {int, str} and len(set(labels)) == len(labels)


def _check_labels(pairs: tuple[Element, ...], where: str) -> None:
    seen: dict[Any, int] = {}
    for position, (label, _) in enumerate(pairs, 1):
        try:
            first = seen.setdefault(label_key(label), position)
        except TypeError:
            raise UsageError(
                f'{where}: element {position}, {label!r}, is not hashable. Label it: axis({{"name": {label!r}}}).'
            ) from None
        if first != position:
            raise UsageError(f"{where}: elements {first} and {position} are both {label!r}. Leave one out.")


def _spread(elements: tuple[Any, ...], where: str) -> tuple[Element, ...]:
    if len(elements) == 1:
        (single,) = elements
        if isinstance(single, set | frozenset):
            raise UsageError(f"{where}: a set has no order. Use axis(sorted(...)).")
        if isinstance(single, Mapping):
            return tuple(Element(label, value) for label, value in single.items())
        if callable(single):
            raise UsageError(f"{where}: give it the elements, not a function.")
        if isinstance(single, Iterable) and not isinstance(single, tuple | str | bytes):
            elements = tuple(single)
    return tuple(map(Element, elements, elements))


def file(path: str) -> Any:
    """Declare an input file or folder, relative to the root: its content counts, and tasks receive its Path.

    Declared as Any, so that it may stand where a Path is expected.
    """
    place = caller()
    if not isinstance(path, str) and not hasattr(path, "__fspath__"):
        raise UsageError(f"file at {place} takes a path, not {path!r}.")
    return File(str(path), place)


def files(pattern: str) -> Any:
    """Declare input files by a pattern relative to the root, such as `data/*.txt`; `**` goes through folders.

    Tasks receive a sorted list of Paths; which files there are, and their content, counts. `axis(files(...))` has one
    element a file. Declared as Any, so that it may stand where a list is expected.
    """
    place = caller()
    if not isinstance(pattern, str) or not pattern:
        raise UsageError(f"files at {place} takes a pattern, not {pattern!r}.")
    return Files(pattern, place)


def def_line(function: FunctionType) -> int:
    """Return the line of `def`; Python itself only knows that of the first decorator."""
    from linecache import getlines

    first = function.__code__.co_firstlineno
    lines = getlines(function.__code__.co_filename)
    if not lines[first - 1 : first] or not lines[first - 1].lstrip().startswith("@"):
        return first
    starts = (f"def {function.__name__}(", f"async def {function.__name__}(")
    return next((n for n, line in enumerate(lines[first:], first + 1) if line.lstrip().startswith(starts)), first)


def innermost(value: Any) -> FunctionType | None:
    """Return the function below all `functools.wraps`, or None where there is none."""
    for _ in range(100):
        inner = getattr(value, "__wrapped__", None)
        if inner is None:
            break
        value = inner
    return value if isinstance(value, FunctionType) else None


def caller() -> Place:
    """Return the line outside taskdisc's own modules that called; the collector makes the path relative."""
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")) in OWN:
        frame = frame.f_back
    return Place(frame.f_code.co_filename, frame.f_lineno)


def _module() -> str:
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")) in OWN:
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", ""))
