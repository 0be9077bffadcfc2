"""Values that are dropped (`keep=False`): the result stays with its digests; its objects and its folder go."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from taskdisc.model import DROPPED
from taskdisc.store.index import Index, dumps, loads, objects_of
from taskdisc.store.rows import ResultRow

if TYPE_CHECKING:
    from taskdisc.store.objects import Objects


def drop_values(index: Index, objects: Objects, store: str, artifacts: Sequence[int]) -> None:
    """Remove the values of these results; first from the index, so that no reader finds them half gone."""
    with index.transaction():
        rows = [index.result(number) for number in artifacts]
        before = set().union(*(_objects(index, row) for row in rows))
        folders = [row.directory for row in rows if row.directory and not _is_referred_to(index, row)]
        index.write("update artifact set files=?, directory=? where id=?", [_left(row, folders) for row in rows])
        index.write("update artifact set object=?, payload=null where id=?", [(DROPPED, n) for n in artifacts])
        index.write("update part set object=?, payload=null where artifact=?", [(DROPPED, n) for n in artifacts])
        unused = before - index.objects_in_use() if before else set()
    for name in sorted(unused):
        objects.delete(name)
    for folder in folders:
        shutil.rmtree(os.path.join(store, folder), ignore_errors=True)


def _objects(index: Index, row: ResultRow) -> set[str]:
    parts = index.read("select object from part where artifact=?", (row.id,))
    names = {row.object, *(name for (name,) in parts), *objects_of(row.files or "[]")}
    return {name for name in names if name}


def _is_referred_to(index: Index, row: ResultRow) -> bool:
    """Say whether a file in the result's folder is part of another result, too."""
    others = index.read(
        "select 1 from artifact where files is not null and id <> ? and instr(files, ?) > 0 limit 1",
        (row.id, f"/{row.directory}/"),
    )
    return bool(others)


class _Left(NamedTuple):
    """What a result still has of files; in the order of the statement that writes it."""

    files: str | None
    directory: str | None
    id: int


def _left(row: ResultRow, folders: Sequence[str]) -> _Left:
    if row.directory not in folders:
        return _Left(row.files, row.directory, row.id)
    files = [file for file in loads(row.files or "[]") if f"/{row.directory}/" not in f"/{file[0]}/"]
    return _Left(dumps(files) if files else None, None, row.id)
