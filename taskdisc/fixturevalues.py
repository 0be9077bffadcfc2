"""Fixtures where tasks run: made on first use, shared by the jobs of one worker, closed at its end."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from taskdisc.generators import seed_of
from taskdisc.model import ArgumentKind, FixtureSpec, Stored, WorkerContext

if TYPE_CHECKING:
    from taskdisc.generators import Generators


class FixtureValues:
    """The fixtures of one worker (under threads: of one thread)."""

    def __init__(
        self,
        context: WorkerContext,
        function: Callable[[FixtureSpec], Callable[..., Any]],
        load: Callable[[Stored, str], Any],
        generators: Generators,
    ) -> None:
        """`function` finds a fixture's function, `load` a value; what is drawn at random depends on the identity."""
        self._context = context
        self._function = function
        self._load = load
        self._generators = generators
        self._values: dict[int, Any] = {}
        self._open: list[tuple[FixtureSpec, GeneratorType[Any, Any, Any]]] = []
        """Those that are to be closed, in the order in which they were made."""
        self._process = os.getpid()

    @property
    def are_open(self) -> bool:
        """Say whether there is something to close."""
        return bool(self._open) and os.getpid() == self._process  # a child that a task forked only borrows them

    def value(self, number: int) -> Any:
        """Return the value of a fixture, made on first use. Raises what making it raises; the next call tries again."""
        if number not in self._values:
            self._values[number] = self._made(self._context.fixtures[number])
        return self._values[number]

    def _made(self, spec: FixtureSpec) -> Any:
        arguments = pickle.loads(spec.settings)
        for name, kind, given in spec.arguments:
            arguments[name] = self._argument(kind, given)
        self._generators.seed(lambda: seed_of(spec.id))
        made = self._function(spec)(**arguments)
        if type(made) is not GeneratorType:
            return made
        try:
            value = next(made)
        except StopIteration:
            raise TypeError(
                f"fixture {spec.name} ({spec.place}) ended without a yield. Let it yield its value once, or return it."
            ) from None
        self._open.append((spec, made))
        return value

    def _argument(self, kind: str, given: Any) -> Any:
        if kind == ArgumentKind.FIXTURE:
            return self.value(given)
        if kind == ArgumentKind.RESULT:
            return self._load(given, "pickle")
        from pathlib import Path

        return [Path(path) for path in given] if kind == ArgumentKind.PATHS else Path(given)

    def close(self) -> tuple[str, ...]:
        """Close what is open, the latest first; return a warning for each that could not be closed.

        KeyboardInterrupt comes through where the process is the run itself; what is left then, another call closes.
        """
        self._values.clear()
        warnings = []
        while self._open:
            spec, generator = self._open.pop()
            problem = self._closed(generator)
            if problem:
                warnings.append(f"fixture {spec.name} ({spec.place}): {problem}")
        return tuple(warnings)

    def _closed(self, generator: GeneratorType[Any, Any, Any]) -> str:
        """Run what comes after the yield; return what is wrong with it."""
        try:
            next(generator)
            generator.close()
        except StopIteration:
            return ""
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            from taskdisc.tracebacks import describe_error

            described = describe_error(error, self._context.root)
            where = f" at {described.place}" if described.place else ""
            return f"closing it failed{where}: {described.kind}: {described.message}"
        return "it yields a second time. What follows its only yield closes it."
