"""File results below a `task_dir`: read-only, and kept a second time as objects, from which they are put back."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from taskdisc.model import FileResult
from taskdisc.paths import content_digest, file_digest, relative_to, stamp, tree

if TYPE_CHECKING:
    from taskdisc.protocols import ObjectStore

WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def keep(file: FileResult, root: str, objects: ObjectStore) -> FileResult:
    """Make the files of a result read-only and keep their contents; return the result as it then is. Raises OSError."""
    path = os.path.join(root, file.path)
    for name, content in file.members:
        if not content:  # a folder
            continue
        member = os.path.join(path, name) if name else path
        os.chmod(member, os.stat(member).st_mode & ~WRITE)
        _put(objects, content, member)
    return file._replace(changed_ns=stamp(path))


def _put(objects: ObjectStore, name: str, path: str) -> None:
    """A store that can give the file a second name spares the disk."""
    put_file = getattr(objects, "put_file", None)
    if put_file is not None:
        put_file(name, path)
        return
    with open(path, "rb") as stream:
        objects.put(name, [_content(stream.fileno())])


def _content(descriptor: int) -> memoryview:
    import mmap

    if os.fstat(descriptor).st_size == 0:
        return memoryview(b"")
    return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))


def restored(file: FileResult, root: str, store: str, objects: ObjectStore) -> bool:
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
            elif not _is_whole(member, content) and not _put_back(objects, content, member):
                return False
        return content_digest(path)[0] == file.digest
    except OSError:  # a store that is read-only: then the result has to be made again
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


def _put_back(objects: ObjectStore, name: str, path: str) -> bool:
    from hashlib import sha256

    try:
        data = objects.open(name)
    except KeyError:
        return False
    if sha256(data).hexdigest() != name:  # the file was changed in place, and the object is the same file
        objects.delete(name)
        return False
    _remove(path)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    take_file = getattr(objects, "take_file", None)
    if take_file is None or not take_file(name, path):
        _write(path, data)
    return True


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        import shutil

        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def _write(path: str, data: memoryview) -> None:
    """Under another name first: half a file must never bear this one."""
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o400), "wb") as stream:
        stream.write(data)
    os.rename(temporary, path)
