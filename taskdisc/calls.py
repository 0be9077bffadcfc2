"""Calls of axis functions and planners that reach no task, while planning: their arguments, and what they raise."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

from taskdisc.errors import TaskdiscError, UsageError
from taskdisc.graph import FromAxis, FromFile, FromFiles, FromSetting, FromStructure, Source, TaskGraph
from taskdisc.marks import Axis, File, Files
from taskdisc.shapes import rebuilt

if TYPE_CHECKING:
    from taskdisc.bind import Bindings
    from taskdisc.expand import Expansion, Variant

Coordinate = tuple[int, ...]
"""Numbers of elements along a task's axes, in their order."""
PLAIN = frozenset({int, float, str, bool, bytes, type(None)})
Getter = Callable[[Coordinate, "Variant"], Any]


class Calls:
    """Calls functions of the project with what their parameters mean at a coordinate."""

    def __init__(
        self,
        graph: TaskGraph,
        expansion: Expansion,
        bindings: Bindings,
        listed: Callable[[Files], Sequence[File]],
        root: str,
    ) -> None:
        self._graph = graph
        self._expansion = expansion
        self._bindings = bindings
        self._listed = listed
        self._root = root
        self._recipes: dict[tuple[str, tuple[Axis, ...]], tuple[Callable[..., Any], list[tuple[str, Getter]]]] = {}

    @contextmanager
    def at_root(self) -> Iterator[None]:
        """While functions of the project are called: the root is the working folder, and stdout is for results."""
        before = os.getcwd()
        os.chdir(self._root)
        try:
            with redirect_stdout(sys.stderr):
                yield
        finally:
            os.chdir(before)

    def call(self, task: str, axes: tuple[Axis, ...], at: Coordinate, variant: Variant) -> Any:
        """Return what an inner task's function returns at a coordinate along `axes`. Raises UsageError."""
        known = self._recipes.get((task, axes))
        if known is None:
            sources = self._graph.sources[task]
            getters = [(name, self._getter(task, source, axes)) for name, source in sources.items()]
            known = self._recipes[task, axes] = self._graph.tasks[task].function, getters
        function, recipe = known
        try:
            return function(**{name: get(at, variant) for name, get in recipe})
        except TaskdiscError as error:
            raise UsageError(f"{self._where(task)}: {error}") from None
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException as error:
            from taskdisc.tracebacks import describe_error

            text = describe_error(error, self._root).traceback
            raise UsageError(f"{self._where(task)}: raised while planning:\n{text}") from None

    def _where(self, task: str) -> str:
        return f"{self._graph.tasks[task].place} {self._graph.names[task]}"

    def _getter(self, task: str, source: Source, axes: tuple[Axis, ...]) -> Getter:
        """What gives a parameter's value at a coordinate; a new object every time, unless it cannot be changed."""
        if isinstance(source, FromAxis):
            return self._element(source, axes.index(source.axis))
        if isinstance(source, FromSetting):
            name = source.name
            return lambda at, variant: _copied(dict(variant).get(name, self._bindings.settings[task][name]))
        if isinstance(source, FromFile):
            return lambda at, variant: self._path(source.file)
        if isinstance(source, FromFiles):
            return lambda at, variant: self._path(source.files)
        assert isinstance(source, FromStructure), source
        return lambda at, variant: _copied(rebuilt(source.structure, self._path))

    def _element(self, source: FromAxis, position: int) -> Getter:
        axis, pick = source
        elements = self._expansion.elements

        def value(at: Coordinate, variant: Variant) -> Any:
            found = elements[axis].elements[at[position]][1]
            if pick is not None:
                found = found[pick]
            return found if type(found) in PLAIN else _copied(found)

        return value

    def _path(self, item: Any) -> Any:
        if type(item) not in (File, Files):
            return item
        from pathlib import Path

        return Path(item.path) if type(item) is File else [Path(file.path) for file in self._listed(item)]


def _copied(value: Any) -> Any:
    if type(value) in PLAIN:
        return value
    try:
        return pickle.loads(pickle.dumps(value, 5))
    except Exception:  # defined in a function, or holding one: nobody sends it anywhere
        return value
