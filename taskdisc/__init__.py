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
    "Artifact": "taskdisc.api.artifacts",
    "FinishedRun": "taskdisc.api.runs",
    "Gather": "taskdisc.gathered",
    "Project": "taskdisc.api.project",
    "TaskFailed": "taskdisc.api.runs",
    "TaskdiscError": "taskdisc.errors",
    "axis": "taskdisc.marks",
    "file": "taskdisc.marks",
    "files": "taskdisc.marks",
    "gather": "taskdisc.references",
    "hookimpl": "taskdisc.hookspecs",
    "parametrize": "taskdisc.private",
    "ref": "taskdisc.references",
    "requires": "taskdisc.references",
    "run": "taskdisc.api.project",
    "skip": "taskdisc.skips",
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
    "files",
    "gather",
    "hookimpl",
    "parametrize",
    "ref",
    "requires",
    "run",
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


class _Package(type(sys)):  # type: ignore[misc]
    """This module: `taskdisc.run` is the function, also after the module of that name has been imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if name != "run" or not isinstance(value, type(sys)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return sorted(__all__)
