"""Modules that a test imports: gone when it has ended, since the next one may have others of the same names."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import taskdisc

HOMES = (sys.prefix, sys.base_prefix, os.path.dirname(os.path.abspath(taskdisc.__file__)))
"""Folders of what is installed."""


@contextmanager
def modules_as_before() -> Iterator[None]:
    """Forget afterwards what was imported, and where from."""
    path, modules = list(sys.path), dict(sys.modules)
    try:
        yield
    finally:
        sys.path[:] = path
        forget_modules(modules)


def forget_modules(before: dict[str, ModuleType]) -> None:
    """Take out what was imported from the project; installed modules stay, as some break when imported twice."""
    import importlib

    for name, module in list(sys.modules.items()):
        if before.get(name) is not module and not _is_installed(module):
            del sys.modules[name]
    for name, old in before.items():
        sys.modules.setdefault(name, old)
    importlib.invalidate_caches()


def _is_installed(module: object) -> bool:
    file = getattr(module, "__file__", None)
    return file is None or any(os.path.abspath(file).startswith(home + os.sep) for home in HOMES)
