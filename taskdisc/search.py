"""The files of a project's folder that are collected."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from taskdisc.errors import CollectionError

if TYPE_CHECKING:
    from taskdisc.config import Config

SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "site-packages"})


def find_modules(
    config: Config,
    ignore: Callable[[str], bool],
    extra: Sequence[str] = (),
    translate: Callable[[str], bool] | None = None,
) -> tuple[tuple[str, str], ...]:
    """Return (dotted name, path relative to the root) of the task modules, sorted by path.

    `extra` are paths that were named explicitly: they are collected whatever their name. `translate`, asked of every
    file, says whether it is no module since a plugin makes something else of it.
    """
    tops = [os.path.join(config.root, top) for top in config.paths]
    found = {path for top in tops for path in _walk(top, config, ignore, translate)}
    for path in extra:
        found.add(os.path.relpath(os.path.join(config.root, path), config.root))
    return tuple((_dotted(path), path.replace(os.sep, "/")) for path in sorted(found))


def _walk(
    top: str, config: Config, ignore: Callable[[str], bool], translate: Callable[[str], bool] | None
) -> Iterator[str]:
    if not os.path.isdir(top):
        raise CollectionError(
            f"paths: there is no folder {os.path.relpath(top, config.root)!r} in {config.root}. "
            f"Mend `paths` in pyproject.toml."
        )
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if _enters(os.path.join(folder, name), config, ignore))
        for name in files:
            path = os.path.join(folder, name)
            is_module = _matches(name, config.files)
            if not (is_module or translate) or _excluded(path, config) or ignore(path):
                continue
            if not (translate and translate(path)) and is_module:
                yield os.path.relpath(path, config.root)


def _enters(folder: str, config: Config, ignore: Callable[[str], bool]) -> bool:
    name = os.path.basename(folder)
    if name.startswith(".") or name in SKIPPED_FOLDERS or _excluded(folder, config):
        return False
    if os.path.exists(os.path.join(folder, "pyvenv.cfg")) or _is_project(folder):
        return False
    return not ignore(folder)


def _is_project(folder: str) -> bool:
    """A nested project is collected from its own root."""
    try:
        with open(os.path.join(folder, "pyproject.toml"), encoding="utf-8", errors="replace") as stream:
            return "[tool.taskdisc" in stream.read()
    except OSError:
        return False


def _matches(name: str, patterns: Sequence[str]) -> bool:
    from fnmatch import fnmatch

    return any(fnmatch(name, pattern) for pattern in patterns)


def _excluded(path: str, config: Config) -> bool:
    if not config.exclude:
        return False
    relative = os.path.relpath(path, config.root).replace(os.sep, "/")
    return _matches(relative, config.exclude) or _matches(os.path.basename(path), config.exclude)


def _dotted(path: str) -> str:
    return os.path.splitext(path)[0].replace(os.sep, ".").replace("..", "")
