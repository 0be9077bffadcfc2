"""File results below a `task_dir`: read-only, and kept a second time as objects, from which they are put back."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from taskdisc.errors import TaskdiscError
from taskdisc.model import FileResult
from taskdisc.paths import content_digest, file_digest, relative_to, stamp, tree

if TYPE_CHECKING:
    from taskdisc.store.objects import Objects

WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def keep(file: FileResult, root: str, objects: Objects) -> FileResult:
    """Make the files of a result read-only and keep their contents; return the result as it then is. Raises OSError."""
    path = os.path.join(root, file.path)
    for name, content in file.members:
        if not content:  # a folder
            continue
        member = os.path.join(path, name) if name else path
        with suppress(PermissionError):  # a container may have written it as somebody else
            os.chmod(member, os.stat(member).st_mode & ~WRITE)
        objects.put_file(content, member)
    return file._replace(changed_ns=stamp(path))


def restored(file: FileResult, root: str, store: str, objects: Objects) -> bool:
    """Put what is missing or changed in a file result back; say whether it is now as it was."""
    path = os.path.normpath(os.path.join(root, file.path))
    if not file.members or not _is_inside(path, os.path.join(store, "dirs")):
        return False
    try:
        if [name for name, _ in file.members] != [""]:
            _clear_for_folder(path, file.members)
        for name, content in file.members:
            member = os.path.normpath(os.path.join(path, name)) if name else path
            if name and not _is_inside(member, path):
                return False
            if not content:
                os.makedirs(member, mode=0o700, exist_ok=True)
            elif not _is_whole(member, content):
                _put_back(objects, content, member)
        return content_digest(path)[0] == file.digest
    except (OSError, TaskdiscError):  # then the result has to be made again
        return False


def _is_inside(path: str, folder: str) -> bool:
    """Also where the index was tampered with, nothing is written outside the store."""
    inside = relative_to(os.path.realpath(path), os.path.realpath(folder))
    return inside not in (None, ".")


def _clear_for_folder(path: str, members: tuple[tuple[str, str], ...]) -> None:
    """Remove what stands in the way, and what was not there."""
    if os.path.islink(path) or not os.path.isdir(path):
        _remove(path)
    known = {name for name, _ in members}
    for name in list(tree(path)):
        inside = os.path.join(path, name.rstrip("/"))
        if name not in known or os.path.islink(inside):
            _remove(inside)


def _is_whole(path: str, content: str) -> bool:
    try:
        return not os.path.islink(path) and file_digest(path)[0] == content
    except OSError:
        return False


def _put_back(objects: Objects, name: str, path: str) -> None:
    _remove(path)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    objects.take_file(name, path)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        import shutil

        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
