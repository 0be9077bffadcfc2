"""Projects of a module or of functions that a program has in hand, in the place of a folder's modules."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from taskdisc.collect import import_modules, take, take_functions
from taskdisc.errors import UsageError
from taskdisc.fingerprint.code import CodeFingerprints
from taskdisc.marks import innermost
from taskdisc.project import Project as OpenProject
from taskdisc.pyproject import find_root, read_table

if TYPE_CHECKING:
    from taskdisc.config import Config
    from taskdisc.model import Collection

Opener = Callable[["Config"], OpenProject]


class ModuleProject(OpenProject):
    """One module with a file: imported as those of a folder are, so that its text counts."""

    is_whole = False

    def __init__(self, config: Config, name: str, file: str) -> None:
        self._module = (name, os.path.relpath(file, config.root).replace(os.sep, "/"))
        super().__init__(config)

    def _collected(self, extra: Sequence[str]) -> Collection:
        modules = (self._module,)
        return take(import_modules(self.config.root, modules), modules, self.config.root)


class LiveProject(OpenProject):
    """Functions as they are in memory: their bytecode counts, and what their globals hold."""

    is_whole = False

    def __init__(self, config: Config, functions: Sequence[Callable[..., Any]]) -> None:
        self._functions = functions
        super().__init__(config)

    def _collected(self, extra: Sequence[str]) -> Collection:
        return take_functions(self._functions, self.config.root)

    def _fingerprints(self) -> CodeFingerprints:
        return CodeFingerprints(self.config.root, self.summaries, live=True)


def public_functions(module: ModuleType) -> list[Callable[..., Any]]:
    """Return the functions of a module without a file that are tasks."""
    found = []
    for key, value in vars(module).items():
        function = innermost(value) if isinstance(value, FunctionType) or hasattr(value, "__wrapped__") else None
        if function is None or key.startswith("_"):
            continue
        if function.__module__ == module.__name__ and function.__name__ == key:
            found.append(value)
    if not found:
        raise UsageError(f"from_module: {module.__name__} defines no public function.")
    return found


def root_around(file: str) -> str:
    """Return the root for a module: the nearest one upwards, else the current folder, else where its imports begin."""
    folder = os.path.dirname(os.path.abspath(file))
    root = find_root(folder)
    if read_table(root) is not None:
        return root
    here = os.getcwd()
    if os.path.join(folder, "").startswith(os.path.join(here, "")):
        return here
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder = os.path.dirname(folder)
    return folder
