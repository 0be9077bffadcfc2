"""Python warnings of tasks, noted where they are given, for a summary at the end of the run."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from taskdisc.model import TaskWarning
from taskdisc.paths import relative_to

LONGEST = 500
"""Characters of a warning that are kept."""
SHOWN = 3
"""Instances that are named of those that gave one warning."""


class Warned:
    """The warnings of one task after the other; Python's filters (`-W`, `PYTHONWARNINGS`) decide what is one."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._texts: dict[str, None] = {}

    def install(self) -> Callable[[], None]:
        """Note all warnings of this process from here on; return what ends that."""
        before: Any = warnings.showwarning
        warnings.showwarning = self.note

        def restore() -> None:
            if warnings.showwarning == self.note:
                warnings.showwarning = before

        return restore

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Note the warnings of a block."""
        restore = self.install()
        try:
            yield
        finally:
            restore()

    def note(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: object = None,
        line: str | None = None,
    ) -> None:
        """Note one warning; the arguments are those of `warnings.showwarning`."""
        inside = relative_to(os.path.abspath(filename), self._root)
        words = " ".join(str(message).split())
        words = words if len(words) <= LONGEST else f"{words[:LONGEST]}..."
        self._texts[f"{filename if inside is None else inside}:{lineno}: {category.__name__}: {words}"] = None

    def take(self) -> tuple[str, ...]:
        """Return what was noted since the last call, each warning once."""
        if not self._texts:
            return ()
        texts = tuple(self._texts)
        self._texts.clear()
        with warnings.catch_warnings():  # which has Python forget that it has warned: the next task is told as well
            pass
        return texts


def add_warnings(known: dict[str, TaskWarning], name: str, texts: Iterable[str]) -> None:
    """Add what an instance has given to the warnings of a run, which are known by their texts."""
    for text in texts:
        before = known.get(text, TaskWarning(text, (), 0))
        ids = (*before.ids, name) if len(before.ids) < SHOWN else before.ids
        known[text] = TaskWarning(text, ids, before.instances + 1)
