"""Which kept results may count: what `cache`, `expires`, `track` and `--no-code-check` say about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from taskdisc.durations import seconds
from taskdisc.errors import CollectionError, closest
from taskdisc.hashing import sha256

if TYPE_CHECKING:
    from taskdisc.model import Known, Task
    from taskdisc.store.index import Index
    from taskdisc.store.rows import FamilyRow


class Freshness:
    """Says which results are too old to count, as of one moment."""

    def __init__(self, index: Index | None, now: float) -> None:
        self._index = index
        self._now = now
        self._expired: dict[str, tuple[int, set[int]]] = {}

    def fresh(self, task: Task, known: Iterable[Known]) -> Iterable[Known]:
        """Leave out results that have expired; all of them where the task is to run in every run."""
        if not task.options.cache:
            return ()
        if task.options.expires is None or self._index is None:
            return known
        newest = self._index.next_artifact()  # old results may come from elsewhere at any time
        if self._expired.get(task.id, (0,))[0] != newest:
            limit = self._now - seconds(task.options.expires)
            self._expired[task.id] = newest, self._index.made_before(task.long_id, limit)
        expired = self._expired[task.id][1]
        return [row for row in known if row[1] not in expired]


def families_of_other_code(
    rows: Iterable[FamilyRow], current: bytes, prefix_with: Callable[[bytes], bytes]
) -> list[FamilyRow]:
    """Return the families that are as the current one in all but code; `prefix_with` gives a prefix for any code."""
    return [
        row
        for row in rows
        if row.prefix != current and row.prefix == prefix_with(code_digest(row.parts.get("code", ())))
    ]


def code_digest(parts: Iterable[Any]) -> bytes:
    """Return the digest of a code fingerprint of these (label, digest) pairs."""
    return sha256("\n".join([f"{label} {digest}" for label, digest in parts]).encode()).digest()


class Versions:
    """The versions of installed distributions that configuration and tasks track; looked up when there is one."""

    def __init__(self, everywhere: tuple[str, ...] = ()) -> None:
        """`everywhere`: what counts for all tasks."""
        self._everywhere = everywhere
        self._known: dict[str, str] = {}

    def of(self, task: Task) -> dict[str, str]:
        """Return the versions that count for a task, by name. Raises CollectionError for what is not installed."""
        names = sorted({*self._everywhere, *task.options.track})
        return {name: self._version(name, task) for name in names}

    def _version(self, name: str, task: Task) -> str:
        if name not in self._known:
            from importlib import metadata

            try:
                self._known[name] = metadata.version(name)
            except (metadata.PackageNotFoundError, ValueError):
                installed = {found for each in metadata.distributions() if (found := each.metadata["Name"])}
                near = closest(name, sorted(installed))
                where = f"{task.place} {task.name}" if name in task.options.track else "pyproject.toml"
                meant = f" Did you mean {near}?" if near else " It takes names of distributions, as pip does."
                raise CollectionError(f"{where}: track: {name} is not installed.{meant}") from None
        return self._known[name]
