"""The ledger: what this store knows of a remote, in tables beside the results, and so gone with them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from taskdisc.model import FileResult, Part
from taskdisc.paths import relative_to
from taskdisc.shared.manifest import Manifest, SharedOutput, SharedResult, inside
from taskdisc.store.inline import unchecked
from taskdisc.store.rows import Records

if TYPE_CHECKING:
    from taskdisc.store.index import Index

TABLES = (
    "create table if not exists shared_manifest (remote text, name text, primary key (remote, name)) without rowid",
    "create table if not exists shared_object (remote text, name text, primary key (remote, name)) without rowid",
    "create table if not exists shared_result (remote text, artifact integer, primary key (remote, artifact)) "
    "without rowid",
)
MADE_ELSEWHERE = -1
"""Stands for the run that made a result where it was another machine's."""
AT_ONCE = 2000
"""Results in one manifest."""


class Unsent(NamedTuple):
    """Results of one family that are to be shared, and their numbers."""

    manifest: Manifest
    artifacts: list[int]


class Ledger:
    """Reads and writes what is known of one remote."""

    def __init__(self, index: Index, remote: str, root: str, store: str) -> None:
        self.index = index
        self._remote = remote
        self._root = root
        self._store = store
        if len(index.read("select 1 from sqlite_master where name glob 'shared_*' and type='table'")) < len(TABLES):
            with index.transaction():
                for statement in TABLES:
                    index.write(statement)

    # What is there

    def unseen(self, manifests: Iterable[str]) -> list[str]:
        """Return those of the manifests that were not taken before."""
        rows = self.index.read("select name from shared_manifest where remote=?", (self._remote,))
        seen = {name for (name,) in rows}
        return [name for name in manifests if name not in seen]

    def promises(self, name: str) -> bool:
        """Say whether an object belongs to a result that was taken from the remote, or sent there."""
        query = "select 1 from shared_object where remote=? and name=?"
        return bool(self.index.read(query, (self._remote, name)))

    def promised(self) -> set[str]:
        """Return all objects that are known to be there."""
        return {name for (name,) in self.index.read("select name from shared_object where remote=?", (self._remote,))}

    # Taking

    def take(self, manifests: Mapping[str, Manifest]) -> int:
        """Have the index know the results of these manifests; return how many it did not know."""
        with self.index.transaction():
            taken = sum(self._take(name, manifest) for name, manifest in manifests.items())
            self._note("shared_manifest", manifests)
        return taken

    def _take(self, name: str, manifest: Manifest) -> int:
        index = self.index
        family = index.add_family(manifest.task, manifest.prefix, manifest.parts)
        known = {(key, digest, kept) for key, _, digest, kept, _ in index.known(family)}
        new = [r for r in manifest.results if (r.key, r.digest, r.value.object) not in known]
        for result in manifest.results:
            self._note("shared_object", result.objects())
        if new:
            records = self._records(family, new)
            first = index.add(records, {place: _parts(r) for place, r in enumerate(new) if r.outputs})
            self._note("shared_result", range(first, first + len(new)))
        return len(new)

    def _records(self, family: int, results: Sequence[SharedResult]) -> Records:
        count = len(results)
        return Records(
            family=[family] * count,
            instance=[r.instance for r in results],
            key=[r.key for r in results],
            digest=[r.digest for r in results],
            inputs=[r.inputs for r in results],
            run=[MADE_ELSEWHERE] * count,
            started=[r.started for r in results],
            seconds=[r.seconds for r in results],
            cpu=[r.cpu for r in results],
            memory=[r.memory for r in results],
            size=[r.size for r in results],
            object=[r.value.object for r in results],
            files=[json.dumps([self._here(file) for file in r.files]) if r.files else None for r in results],
            directory=[r.directory for r in results],
            stdout=[None] * count,
            stderr=[None] * count,
            payload=[r.value.payload for r in results],
        )

    def _here(self, file: FileResult) -> FileResult:
        """A file as this project would name it."""
        path = os.path.join(self._store, file.path)
        return file._replace(path=relative_to(path, self._root) or path)

    # Giving

    def unsent(self, run: int | None = None) -> Iterator[Unsent]:
        """Yield what was made here, by one run or by any, and can be shared; a remote has none of it yet."""
        index = self.index
        of_run = "" if run is None else f" and run={int(run)}"
        for family in index.families():
            rows = index.read(
                "select id, instance, key, digest, inputs, started, seconds, cpu, memory, size, object, payload, "
                f"files, directory from artifact where family=?{of_run} and family <> 0 and id not in "
                "(select artifact from shared_result where remote=?) order by id",
                (family.id, self._remote),
            )
            for start in range(0, len(rows), AT_ONCE):
                shared = [(row[0], found) for row in rows[start : start + AT_ONCE] if (found := self._result(row))]
                if shared:
                    results = [result for _, result in shared]
                    yield Unsent(
                        Manifest(family.task, family.prefix, family.parts, results), [number for number, _ in shared]
                    )

    def _result(self, row: Any) -> SharedResult | None:
        """A result as it travels; None where it cannot."""
        number, instance, key, digest, inputs, *costs, name, written, files, directory = row
        payload = None if written is None else unchecked(key, written)
        outputs = self.index.stored_parts(number) if name is None and payload is None else ()
        kept = tuple(SharedOutput(None, part) if type(part) is bytes else SharedOutput(part, None) for part in outputs)
        if name is None and payload is None and not kept:
            return None
        try:
            results = tuple(self._away(FileResult(*file)) for file in json.loads(files or "[]"))
            place = _owned(inside(directory)) if directory is not None else None
        except (ValueError, TypeError):  # tracked where it is, or made before the store was shared
            return None
        started, seconds, cpu, memory, size = costs
        value = SharedOutput(name, payload)
        return SharedResult(
            instance, key, digest, inputs, started, seconds, cpu, memory, size, value, kept, results, place
        )

    def _away(self, file: FileResult) -> FileResult:
        """A file as every project would name it. Raises ValueError for one that the store has no copy of."""
        path = relative_to(os.path.normpath(os.path.join(self._root, file.path)), self._store)
        if path is None or not file.members:
            raise ValueError(file.path)
        return file._replace(path=_owned(inside(path)))

    def sent(self, artifacts: Iterable[int], objects: Iterable[str], manifests: Iterable[str]) -> None:
        """Note what the remote has from now on."""
        with self.index.transaction():
            self._note("shared_result", artifacts)
            self._note("shared_object", objects)
            self._note("shared_manifest", manifests)

    def _note(self, table: str, values: Iterable[Any]) -> None:
        self.index.write(f"insert or ignore into {table} values (?, ?)", [(self._remote, value) for value in values])


def _owned(path: str) -> str:
    """A place that no other machine's results have. Raises ValueError for one that they might have."""
    if path.split("/")[1].isdecimal():
        raise ValueError(path)
    return path


def _parts(result: SharedResult) -> list[Part]:
    width = len(result.digest) // len(result.outputs)
    digests = [result.digest[start : start + width] for start in range(0, len(result.digest), width)]
    return [
        Part(digest, output.payload, output.object, 0) for digest, output in zip(digests, result.outputs, strict=True)
    ]
