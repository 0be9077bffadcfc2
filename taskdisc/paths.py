"""Paths inside results: which files they name, how they count, and how they survive a move of the project.

A `Path` that a task returns, also inside a list, tuple or dict, is a file result. It is kept relative to the root or
to the store, so that a project that was moved, or a second one with the same content, sees the same result.
"""

import os
from _thread import get_ident
from collections.abc import Callable, Iterator
from errno import EINVAL
from typing import TYPE_CHECKING, Any, NamedTuple

from taskdisc.model import FileResult

if TYPE_CHECKING:
    from pathlib import Path, PurePath

BLOCK = 1 << 20
SCALARS = frozenset({type(None), bool, int, float, str, bytes})

TICK_NS = 10_000_000
"""A file's time stamp may be this much (ns) older than the clock was when it was written."""

_bases: dict[str, str] = {"root": "", "store": "", "elsewhere": ""}
_absent: "list[Callable[[str, str], None]]" = []
"""Who is told of paths that lead nowhere."""
_received: dict[int, dict[str, int]] = {}
"""By thread, see `received`."""


def set_bases(root: str, store: str) -> None:
    """Say where paths kept in results lie; called before a value is decoded."""
    _bases["root"], _bases["store"] = root, store


def tell_absent(tell: "Callable[[str, str], None]") -> None:
    """Have base and relative path of each path told that a value names from now on, and that is not there."""
    _absent[:] = [tell]


def received() -> dict[str, int]:
    """Return what files outside the store the inputs of this thread's execution name, with time stamps (ns)."""
    return _received.setdefault(get_ident(), {})


def restore_path(base: str, relative: str) -> "Path":
    """Return the path that was kept as `relative` to the root or to the store; what its pickle calls."""
    from pathlib import Path

    path = os.path.join(_bases[base], relative)
    if _absent and not os.path.exists(path):
        _absent[0](base, relative)
    if base != "store":
        try:
            received()[os.path.normpath(path)] = stamp(path)
        except OSError:
            pass  # whoever opens it will say so
    return Path(path)


class KeptPath:
    """Stands for a Path while a result is encoded, and comes back as one."""

    __slots__ = ("base", "relative")

    def __init__(self, base: str, relative: str) -> None:
        self.base, self.relative = base, relative

    def __reduce__(self) -> tuple[Any, ...]:
        return (restore_path, (self.base, self.relative))


def relative_to(path: str, folder: str) -> str | None:
    """Return `path` relative to `folder`, or None where it lies elsewhere; both absolute."""
    if path == folder:
        return "."
    prefix = folder.rstrip(os.sep) + os.sep
    return path[len(prefix) :] if path.startswith(prefix) else None


def replace_paths(value: Any, replace: "Callable[[PurePath], Any]") -> Any:
    """Return `value` with every Path in it, also inside lists, tuples and dicts, replaced."""
    return _replaced(value, replace) if _holds_path(value) else value


def _holds_path(value: Any) -> bool:
    """Look into each container once, since they may hold themselves or be shared without end."""
    pending, seen = [value], set()
    while pending:
        item = pending.pop()
        if _is_path(type(item)):
            return True
        if isinstance(item, list | tuple | dict) and id(item) not in seen:
            seen.add(id(item))
            for inner in (item, item.values()) if isinstance(item, dict) else (item,):
                if not SCALARS.issuperset(map(type, inner)):
                    pending += inner
    return False


def _is_path(kind: type) -> bool:
    return hasattr(kind, "__fspath__") and hasattr(kind, "joinpath")


def _replaced(value: Any, replace: "Callable[[PurePath], Any]") -> Any:
    kind = type(value)
    if _is_path(kind):
        return replace(value)
    if kind is list:
        return [_replaced(item, replace) for item in value]
    if kind is dict:
        return {_replaced(key, replace): _replaced(item, replace) for key, item in value.items()}
    if isinstance(value, tuple):
        items = [_replaced(item, replace) for item in value]
        return tuple(items) if kind is tuple else kind._make(items) if hasattr(kind, "_make") else value
    return value


def texts_in(value: Any) -> Iterator[str]:
    """Yield every str in a value, also inside lists, tuples and dicts; each container once."""
    pending, seen = [value], set()
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, list | tuple | dict) and id(item) not in seen:
            seen.add(id(item))
            for inner in (item, item.values()) if isinstance(item, dict) else (item,):
                pending += inner


class Content(NamedTuple):
    """What is in a file, or in a folder as a tree."""

    digest: str
    """SHA-256 (hex); of a tree, over the names and digests of its files."""
    size: int
    """Bytes."""
    members: tuple[tuple[str, str], ...]
    """(path below the folder, SHA-256) of each file, and ("a/", "") of each folder; ("", ...) is a file itself."""


def content_of(path: str) -> Content:
    """Return what is in a file, or in a folder as a tree. Raises OSError."""
    from hashlib import sha256

    if not os.path.isdir(path):
        digest, size = file_digest(path)
        return Content(digest, size, (("", digest),))
    whole, total, members = sha256(), 0, []
    for name in sorted(tree(path)):
        digest, size = file_digest(os.path.join(path, name))
        whole.update(f"{len(name.encode())}:{name}{digest}".encode())
        total += size
        members.append((name, digest))
    return Content(whole.hexdigest(), total, tuple(members))


def content_digest(path: str) -> tuple[str, int]:
    """Return the SHA-256 (hex) and the size in bytes of a file, or of a folder as a tree. Raises OSError."""
    content = content_of(path)
    return content.digest, content.size


def tree(folder: str) -> Iterator[str]:
    """Yield the files in a folder, and the folders ("a/"), those without files and behind symbolic links, too."""
    seen = {os.path.realpath(folder)}
    for parent, folders, files in os.walk(folder, followlinks=True):
        for name in sorted(folders):
            path = os.path.join(parent, name)
            yield os.path.relpath(path, folder).replace(os.sep, "/") + "/"
            if (real := os.path.realpath(path)) in seen:  # a link to what is around it has no end
                folders.remove(name)
            seen.add(real)
        for name in files:
            yield os.path.relpath(os.path.join(parent, name), folder).replace(os.sep, "/")


def file_digest(path: str) -> tuple[str, int]:
    """Return the SHA-256 (hex) and the size in bytes of a file. Raises OSError."""
    from hashlib import sha256

    if path.endswith("/"):
        return "", 0
    if _is_dangling(path):
        return sha256(os.readlink(path).encode(errors="surrogateescape")).hexdigest(), 0
    if not os.path.isfile(path) and os.path.exists(path):
        raise OSError(EINVAL, "neither a file nor a folder", path)  # to read a pipe would be to wait for a writer
    content, size = sha256(), 0
    with open(path, "rb", buffering=0) as stream:
        while block := stream.read(BLOCK):
            content.update(block)
            size += len(block)
    return content.hexdigest(), size


def has_links(path: str) -> bool:
    """Say whether a file is a symbolic link, or a folder holds one: the content is then somebody else's."""
    names = tree(path) if os.path.isdir(path) else ()
    return os.path.islink(path) or any(os.path.islink(os.path.join(path, name.rstrip("/"))) for name in names)


def stamp(path: str) -> int:
    """Return the time (ns) of the last change to a file, or to anything in a folder. Raises OSError.

    Not of modification, which a copy may bring along: whatever is changed, added or removed makes this one later.
    """
    newest = os.stat(path).st_ctime_ns
    if os.path.isdir(path):
        for name in tree(path):
            inside = os.path.join(path, name)
            newest = max(newest, os.stat(inside, follow_symlinks=not _is_dangling(inside)).st_ctime_ns)
    return newest


def _is_dangling(path: str) -> bool:
    """Say whether this is a symbolic link to nothing, as some editors put them beside files."""
    return os.path.islink(path) and not os.path.exists(path)


class ResultPaths:
    """The file results of one execution: notes each Path of the result, and how it is kept and counted."""

    def __init__(self, root: str, store: str, directory: str | None, started: float = 0.0) -> None:
        self.root = root
        self.store = store
        self.directory = directory
        """The execution's task_dir, absolute, if it has one."""
        self.started = started
        """When the execution began, in seconds since the epoch."""
        self.files: dict[str, FileResult] = {}

    def note(self, path: "PurePath") -> FileResult:
        """Digest the file that `path` names. Raises FileNotFoundError where there is none."""
        absolute = os.path.normpath(os.path.join(self.root, path))
        found = self.files.get(absolute)
        if found is None:
            if not os.path.exists(absolute):
                raise FileNotFoundError(
                    f"the result names {str(path)!r}, which does not exist. Create it, or return a str."
                )
            content, time = content_of(absolute), stamp(absolute)
            kept = relative_to(absolute, self.root)
            members = content.members if self._is_own(absolute) else ()
            made = self._is_made(absolute, time)
            found = FileResult(absolute if kept is None else kept, content.digest, content.size, time, members, made)
            self.files[absolute] = found
        return found

    def _is_own(self, path: str) -> bool:
        """Say whether a file lies in the task_dir for good."""
        return self.directory is not None and relative_to(path, self.directory) is not None and not has_links(path)

    def _is_made(self, path: str, time: int) -> bool:
        """Say whether the execution wrote a file outside the store; what it was given and left alone, it did not."""
        if relative_to(path, self.store) is not None or received().get(path) == time:
            return False
        return time >= self.started * 1e9 - TICK_NS

    def place(self, path: "PurePath") -> tuple[str, str]:
        """How a Path counts in the value digest: by its place and its content."""
        content = self.note(path).digest
        absolute = os.path.normpath(os.path.join(self.root, path))
        if self.directory is not None and (inside := relative_to(absolute, self.directory)) is not None:
            return "task_dir", f"{inside}\0{content}"
        if (stored := relative_to(absolute, self.store)) is not None:
            # Another artifact's file: its folder's name changes from run to run, what lies in it does not.
            return "artifact", f"{'/'.join(stored.split(os.sep)[3:])}\0{content}"
        inside = relative_to(absolute, self.root)
        return ("", f"{absolute}\0{content}") if inside is None else ("root", f"{inside}\0{content}")

    def keep(self, path: "PurePath") -> Any:
        """How a Path is written into the stored value."""
        self.note(path)
        absolute = os.path.normpath(os.path.join(self.root, path))
        for base, folder in (("store", self.store), ("root", self.root)):
            inside = relative_to(absolute, folder)
            if inside is not None:
                return KeptPath(base, inside)
        return KeptPath("elsewhere", str(path)) if os.path.isabs(path) else path


def unchanged(file: FileResult, root: str) -> bool:
    """Say whether a file result is still there with the same content; the time stamp only spares reading it."""
    path = os.path.join(root, file.path)
    try:
        if stamp(path) == file.changed_ns and (os.path.isdir(path) or os.path.getsize(path) == file.size):
            return True
        return content_digest(path)[0] == file.digest
    except OSError:
        return False


def matching(pattern: str, root: str) -> list[str]:
    """Return the files that match a pattern, relative to the root, sorted; folders are none."""
    from glob import glob

    found = glob(pattern, root_dir=root, recursive=True)
    return sorted(path.replace(os.sep, "/") for path in found if os.path.isfile(os.path.join(root, path)))
