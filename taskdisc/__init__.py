"""pytest for pipelines: functions are tasks, parameter names are dependencies, results are kept."""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False  # importing typing would make `taskdisc --version` a third slower
if TYPE_CHECKING:
    from typing import Any

    from taskdisc.gather import Gather as Gather
    from taskdisc.hookspecs import hookimpl as hookimpl
    from taskdisc.marks import axis as axis
    from taskdisc.marks import file as file
    from taskdisc.marks import fixture as fixture
    from taskdisc.marks import task as task

_PUBLIC = {
    "Gather": "taskdisc.gather",
    "axis": "taskdisc.marks",
    "file": "taskdisc.marks",
    "fixture": "taskdisc.marks",
    "hookimpl": "taskdisc.hookspecs",
    "task": "taskdisc.marks",
}

__all__ = ["Gather", "__version__", "axis", "file", "fixture", "hookimpl", "task"]


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
