"""pytest for pipelines: functions are tasks, parameter names are dependencies, results are kept."""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False  # importing typing would make `taskdisc --version` a third slower
if TYPE_CHECKING:
    from typing import Any

    from taskdisc.gathered import Gather as Gather
    from taskdisc.hookspecs import hookimpl as hookimpl
    from taskdisc.marks import axis as axis
    from taskdisc.marks import file as file
    from taskdisc.marks import files as files
    from taskdisc.marks import task as task
    from taskdisc.private import parametrize as parametrize
    from taskdisc.references import gather as gather
    from taskdisc.references import ref as ref
    from taskdisc.references import requires as requires
    from taskdisc.skips import skip as skip

_PUBLIC = {
    "Gather": "taskdisc.gathered",
    "axis": "taskdisc.marks",
    "file": "taskdisc.marks",
    "files": "taskdisc.marks",
    "gather": "taskdisc.references",
    "hookimpl": "taskdisc.hookspecs",
    "parametrize": "taskdisc.private",
    "ref": "taskdisc.references",
    "requires": "taskdisc.references",
    "skip": "taskdisc.skips",
    "task": "taskdisc.marks",
}

__all__ = [
    "Gather",
    "__version__",
    "axis",
    "file",
    "files",
    "gather",
    "hookimpl",
    "parametrize",
    "ref",
    "requires",
    "skip",
    "task",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `taskdisc --version` imports nothing."""
    home = _PUBLIC.get(name)
    if home is None:
        raise AttributeError(f"module 'taskdisc' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
