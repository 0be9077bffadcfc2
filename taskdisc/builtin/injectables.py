"""What tasks receive by name without anybody defining it: `task_dir`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from taskdisc.worker import Execution


def taskdisc_injectables() -> dict[str, Callable[[Any], Any]]:
    """`task_dir`: a new empty folder of this execution, kept with its result and removed with it."""
    return {"task_dir": _task_dir}


def _task_dir(execution: Execution) -> Path:
    from pathlib import Path

    return Path(execution.task_dir())
