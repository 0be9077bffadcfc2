"""A kept result, looked at without running anything."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taskdisc.endings import logs_of

if TYPE_CHECKING:
    from taskdisc.store.rows import ResultRow


class Artifact:
    """A kept result and what is known of it."""

    def __init__(self, id: str, row: ResultRow, root: str, store: str, load: Callable[[], Any]) -> None:
        from taskdisc.store.index import loads

        self.id = id
        """The printed id of the instance."""
        self.key = row.key.hex()
        """What identifies the result: the code, the settings and the inputs that it was made of."""
        self.made = datetime.fromtimestamp(row.started).astimezone()
        """When the task began."""
        self.seconds = row.seconds
        """How long it took (wall time)."""
        self.cpu_seconds = row.cpu
        self.peak_memory = row.memory
        """Bytes."""
        self.size = row.size
        """Of the stored value, in bytes."""
        self.run = row.run
        """Number of the run that made it."""
        self.paths: tuple[Path, ...] = tuple(Path(os.path.join(root, path)) for path, *_ in loads(row.files or "[]"))
        """The files and folders that the result names."""
        self.logs: dict[str, Path] = {
            name: Path(os.path.join(store, log)) for name, log in logs_of(row.stdout, row.stderr)
        }
        """The files "stdout" and "stderr", where the task wrote something; "launcher", where only its launcher did."""
        self._load = load

    def load(self) -> Any:
        """Return the value, a new object every time. Raises TaskdiscError where it is gone or damaged by now."""
        return self._load()

    def __repr__(self) -> str:
        return f"<artifact {self.id}, made {self.made:%Y-%m-%d %H:%M:%S} in {self.seconds:.2f} s>"
