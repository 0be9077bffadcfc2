"""Work beside other work: in a thread, for what lets go of the interpreter while it hashes or writes megabytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Aside(Generic[Result]):
    """Does one thing in a thread while the body of the `with` statement does another; has ended after it."""

    def __init__(self, work: Callable[[], Result]) -> None:
        from threading import Thread

        self._work = work
        self._results: list[Result] = []
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:
            self._error = error

    def __enter__(self) -> Aside[Result]:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    @property
    def result(self) -> Result:
        """What came out, once the body has ended. Raises what the work raised."""
        if self._error is not None:
            raise self._error
        return self._results[0]
