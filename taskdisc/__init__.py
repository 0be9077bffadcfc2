"""pytest for pipelines: functions are tasks, parameter names are dependencies, results are kept."""

from __future__ import annotations

import sys

__version__ = "0.1.0"

TYPE_CHECKING = False  # importing typing would make `taskdisc --version` a third slower
if TYPE_CHECKING:
    from typing import Any

    from taskdisc.api.artifacts import Artifact as Artifact
    from taskdisc.api.project import Project as Project
    from taskdisc.api.project import run as run
    from taskdisc.api.runs import FinishedRun as FinishedRun
    from taskdisc.api.runs import TaskFailed as TaskFailed
    from taskdisc.errors import TaskdiscError as TaskdiscError
    from taskdisc.gather import Gather as Gather
    from taskdisc.hookspecs import hookimpl as hookimpl
    from taskdisc.marks import axis as axis
    from taskdisc.marks import file as file
    from taskdisc.marks import task as task

_PUBLIC = {
    "Artifact": "taskdisc.api.artifacts",
    "FinishedRun": "taskdisc.api.runs",
    "Gather": "taskdisc.gather",
    "axis": "taskdisc.marks",
    "file": "taskdisc.marks",
    "Project": "taskdisc.api.project",
    "TaskFailed": "taskdisc.api.runs",
    "TaskdiscError": "taskdisc.errors",
    "hookimpl": "taskdisc.hookspecs",
    "run": "taskdisc.api.project",
    "task": "taskdisc.marks",
}

__all__ = [
    "Artifact",
    "FinishedRun",
    "Gather",
    "Project",
    "TaskFailed",
    "TaskdiscError",
    "__version__",
    "axis",
    "file",
    "hookimpl",
    "run",
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


class _Package(type(sys)):  # type: ignore[misc]
    """This module: `taskdisc.run` is the function, also after the module of that name has been imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if name != "run" or not isinstance(value, type(sys)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return sorted(__all__)
