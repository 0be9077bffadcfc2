"""How the project's modules are loaded: as Python does, but for bytecode that it would wrongly believe.

Python takes a module's bytecode for current by the second and the size of its source. Of a source that is run and
edited within one second, the bytecode of the first text would pass for that of the second, whose results would then
be those of code that is gone. So bytecode is written only for sources that have been left alone for a while; git
treats its index in the same way.
"""

import os
import sys
import time
from collections.abc import Mapping
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from types import CodeType
from typing import Any

from taskdisc.errors import UsageError
from taskdisc.hashing import sha256

REST = 2.0
"""Seconds; time stamps of some file systems are as coarse."""

_roots: set[str] = set()
_expected: dict[str, str] = {}
"""SHA-256 (hex) of what stood in sources when the run was planned, by their real paths."""


def expect_sources(sources: Mapping[str, str]) -> None:
    """From now on, import no other text than this: results are kept as those of the code that the run has seen."""
    _expected.update(sources)


def forget_expected() -> None:
    """Let any text be imported again: the run that was planned with another has ended."""
    _expected.clear()


def source_stamp(status: os.stat_result) -> tuple[int, int, int]:
    """Return what is another for another state of a file."""
    return status.st_ino, status.st_size, status.st_mtime_ns


class ProjectLoader(SourceFileLoader):
    """Loads a module of a project."""

    stamp: tuple[int, int, int] | None = None
    """Identifies the state of the source that was loaded, see `source_stamp`."""

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the module's code. Raises UsageError where the source is not what the run was planned with."""
        self.stamp = source_stamp(os.stat(self.path))
        expected = _expected.get(os.path.realpath(self.path)) if _expected else None
        if expected is not None and sha256(self.get_data(self.path)).hexdigest() != expected:
            raise UsageError(f"{self.path} was changed while the run was going on. Run again.")
        return super().get_code(fullname)

    def set_data(self, path: str, data: Any, **options: Any) -> None:
        """Write bytecode, unless the source has just been changed."""
        if time.time() - os.stat(self.path).st_mtime > REST:
            super().set_data(path, data, **options)


def load_carefully(root: str) -> None:
    """From now on, import what lies below this folder with `ProjectLoader`."""
    if root in _roots:
        return
    _roots.add(root)
    inside = root.rstrip(os.sep) + os.sep

    def find(path: str) -> FileFinder:
        if not (path + os.sep).startswith(inside):
            raise ImportError(path)
        return FileFinder(
            path,
            (ExtensionFileLoader, EXTENSION_SUFFIXES),
            (ProjectLoader, SOURCE_SUFFIXES),
            (SourcelessFileLoader, BYTECODE_SUFFIXES),
        )

    sys.path_hooks.insert(0, find)
    for path in [path for path in sys.path_importer_cache if (path + os.sep).startswith(inside)]:
        del sys.path_importer_cache[path]
