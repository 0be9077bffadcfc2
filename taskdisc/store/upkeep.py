"""What takes results out of the index again. All functions but those that only read belong into a transaction.

A result is forgotten in two steps. First it is *detached*: no run finds it any more, but a run that found it before
can still read it by its number. Once no run is at work it is removed, with all that was its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from taskdisc.errors import StoreError
from taskdisc.store.index import loads, objects_of
from taskdisc.store.rows import RESULT_COLUMNS, ResultRow

if TYPE_CHECKING:
    from taskdisc.store.index import Index

NOWHERE = 0
"""The family of detached results."""
SPARE_PAGES = 256
"""Empty pages (of 4 KB) of the index that are not worth the time to give them back."""
KEPT_RUNS = 1000
"""Runs that `history` knows, beside those of which a result is kept."""


class Kept(NamedTuple):
    """What decides how long a result is kept."""

    id: int
    task: str
    instance: str
    started: float
    size: int
    """Of its value and its files, in bytes."""
    object: str | None


class RunRow(NamedTuple):
    """A run, as the index tells of it; a run without `seconds` is at work, or was killed."""

    id: int
    started: float
    seconds: float | None
    command: str
    counts: dict[str, int]


# Reading


def kept_results(index: Index) -> list[Kept]:
    """Return all results, newest first."""
    rows = index.read(
        "select a.id, f.task, a.instance, a.started, a.size, a.object, a.files from artifact a "
        "join family f on f.id = a.family where a.family != 0 order by a.started desc, a.id desc"
    )
    return [
        Kept(number, task, instance, started, size + _size_of_files(files), name)
        for number, task, instance, started, size, name, files in rows
    ]


def _size_of_files(files: str | None) -> int:
    return sum(size for _, _, size, *_ in loads(files)) if files else 0


def tasks_of_results(index: Index) -> list[str]:
    """Return the long ids of all tasks that have results or failures, also of tasks that are gone."""
    rows = index.read("select task from family where id != 0 union select task from failure order by 1")
    return [task for (task,) in rows]


def superseded(index: Index) -> list[int]:
    """Return the results of which there is a newer one under the same key: nobody can look for them any more."""
    rows = index.read(
        "select id from artifact where family != 0 and id not in "
        "(select max(id) from artifact where family != 0 group by family, key)"
    )
    return [number for (number,) in rows]


def detached(index: Index) -> list[ResultRow]:
    """Return the results that are forgotten and still there."""
    rows = index.read(f"select {RESULT_COLUMNS} from artifact where family = 0")
    return [ResultRow(*row) for row in rows]


def objects_of_detached(index: Index) -> set[str]:
    """Return the objects that forgotten results are kept in."""
    rows = index.read(
        "select object from artifact where family = 0 and object is not null union select p.object from part p "
        "join artifact a on a.id = p.artifact where a.family = 0 and p.object is not null"
    )
    names = {name for (name,) in rows}
    for (files,) in index.read("select files from artifact where family = 0 and files is not null"):
        names.update(objects_of(files))
    return names


def runs(index: Index, newest: int = -1) -> list[RunRow]:
    """Return the runs, newest first; -1: all."""
    rows = index.read("select id, started, seconds, command, counts from run order by id desc limit ?", (newest,))
    return [
        RunRow(run, started, seconds, command, loads(counts) if counts else {})
        for run, started, seconds, command, counts in rows
    ]


def logs_in_use(index: Index) -> set[str]:
    """Return the logs that results and failures refer to, relative to the store."""
    rows = index.read(
        " union ".join(
            f"select {stream} from {table} where {stream} is not null"
            for table in ("artifact", "failure")
            for stream in ("stdout", "stderr")
        )
    )
    return {log for (log,) in rows}


def runs_in_use(index: Index) -> set[int]:
    """Return the numbers of the runs of which a result or a failure is kept."""
    return {run for (run,) in index.read("select run from artifact union select run from failure")}


def folders_in_use(index: Index, root: str, store: str) -> set[str]:
    """Return the folders of task_dirs, relative to the store, that results own or refer into."""
    used = {folder for (folder,) in index.read("select directory from artifact where directory is not null")}
    for (files,) in index.read("select files from artifact where files is not null"):
        for path, *_ in loads(files):
            inside = os.path.relpath(os.path.join(root, path), store)
            used.add("/".join(inside.split(os.sep)[:3]))
    return used


# Forgetting


def detach(index: Index, artifacts: Sequence[int]) -> None:
    """Let no run find these results from now on."""
    index.write("insert or ignore into family values (0, '', x'', '{}')")
    index.write("update artifact set family=0 where id=?", [(number,) for number in artifacts])


def forget_failures(index: Index, task: str, instances: Iterable[str] | None = None) -> None:
    """Remove the failures of a task, or of some of its instances."""
    if instances is None:
        index.write("delete from failure where task=?", [(task,)])
    else:
        index.write("delete from failure where task=? and instance=?", [(task, instance) for instance in instances])


def remove_detached(index: Index) -> None:
    """Remove the rows of detached results.

    The newest row of all stays, without its value: a number is never given twice, since a run may still hold it.
    """
    index.write(
        "delete from part where artifact in (select id from artifact where family = 0) "
        "or artifact not in (select id from artifact)"
    )
    index.write("delete from artifact where family = 0 and id < (select max(id) from artifact)")
    index.write(
        "update artifact set object=null, payload=null, files=null, directory=null, stdout=null, stderr=null, size=0, "
        "run=0 where family = 0"
    )


def remove_old_failures(index: Index, before: float) -> int:
    """Remove failures that a later run has left behind, and those from before a time."""
    return index.write(
        "delete from failure where started < ? "
        "or (task, instance, run) not in (select task, instance, max(run) from failure group by task, instance) "
        "or exists (select 1 from artifact a join family f on f.id = a.family where f.task = failure.task "
        "and a.instance = failure.instance and a.started > failure.started)",
        [(before,)],
    )


def remove_unreferenced(index: Index) -> None:
    """Remove families without results, texts of code without families, and runs that nobody asks for."""
    index.write("delete from family where id != 0 and id not in (select family from artifact)")
    index.write(
        "delete from part_text where digest not in "
        "(select json_extract(part.value, '$[1]') from family, json_each(family.parts, '$.code') part)"
    )
    index.write(
        "delete from run where id not in (select id from run order by id desc limit ?) "
        "and id not in (select run from artifact) and id not in (select run from failure)",
        [(KEPT_RUNS,)],
    )


def remove_caches(index: Index, summaries: set[str], is_current: Callable[[str, str], bool]) -> None:
    """Remove what spares reading files again and can do so no longer; `is_current` takes (path, stamp)."""
    known = index.read("select digest from source")
    index.write("delete from source where digest=?", [row for row in known if row[0] not in summaries])
    stamps = index.read("select path, stamp from file_stamp")
    index.write(
        "delete from file_stamp where path=?", [(path,) for path, stamp in stamps if not is_current(path, stamp)]
    )


def shrink(index: Index) -> None:
    """Give disk space back where much of the index is empty, outside of a transaction; not while somebody reads it."""
    ((pages,),), ((free,),) = index.read("pragma page_count"), index.read("pragma freelist_count")
    if free > SPARE_PAGES and free > pages // 4:
        with suppress(StoreError):
            index.read("vacuum")
