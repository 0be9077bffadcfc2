"""Finds the root and reads its `[tool.taskdisc]` table.

A parsed table is kept in the store: the TOML parser alone takes 3 ms to import.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from taskdisc.errors import ConfigError

NAME = "pyproject.toml"
Table = dict[str, Any]


def find_root(start: str) -> str:
    """Return the nearest folder from `start` upwards whose pyproject.toml has `[tool.taskdisc]`, else `start`.

    Raises ConfigError for a pyproject.toml on the way that speaks of taskdisc but is no TOML.
    """
    return find_table(start)[0]


def find_table(start: str, store: str = ".taskdisc") -> tuple[str, Table]:
    """Return the root and its `[tool.taskdisc]` table; `store` is where a parsed table may have been kept."""
    folder = start = os.path.abspath(start)
    while True:
        table = read_table(folder, store)
        if table is not None:
            return folder, table
        parent = os.path.dirname(folder)
        if parent == folder:
            return start, {}
        folder = parent


def read_table(folder: str, store: str = ".taskdisc") -> Table | None:
    """Return the table of the folder's pyproject.toml, or None where there is none. Raises ConfigError."""
    path = os.path.join(folder, NAME)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if not _mentions_taskdisc(data):
        return None
    cache = os.path.join(folder, store, "cache", "pyproject")
    found = _kept(cache, data)
    if found is None:
        found = _parsed(path, data)
        _keep(cache, data, found)
    return found[0] if found else None


def _mentions_taskdisc(data: bytes) -> bool:
    """Whether parsing is worth its time: the table may be written `[tool.taskdisc]`, `[ "tool" . taskdisc.x ]`..."""
    if b"taskdisc" not in data:
        return False
    bare = data.translate(None, b" \t\"'")
    return b"tool.taskdisc" in bare or b"[tool]" in bare


def _parsed(path: str, data: bytes) -> list[Table]:
    """The table in a list, or an empty list where the file has none after all."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        document = tomllib.loads(data.decode())
    except ValueError as error:  # of the parser or of the decoder; the parser's words hold the line
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    table = document.get("tool", {})
    table = table.get("taskdisc") if isinstance(table, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{path}: tool.taskdisc is a table, not {table!r}. Write [tool.taskdisc].")
    return [] if table is None else [table]


def _kept(path: str, data: bytes) -> list[Table] | None:
    """What was kept for exactly this text; anything else in the file, or no file, is a miss.

    It is kept twice over, since marshal believes, or does not survive, a broken file: that costs no import, as a
    checksum would.
    """
    import marshal

    try:
        with open(path, "rb") as file:
            kept = file.read()
        half = len(kept) // 2
        if kept[:half] != kept[half:]:
            return None
        text, found = marshal.loads(kept[half:])
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return found if text == data else None


def _keep(path: str, data: bytes, found: list[Table]) -> None:
    """Keep the table in a store that exists; a folder that is read-only, or a TOML date, is no reason to fail."""
    import marshal

    folder = os.path.dirname(path)
    if not os.path.isdir(os.path.dirname(folder)):
        return
    temporary = f"{path}.{os.getpid()}"
    try:
        body = marshal.dumps((data, found), 4)
        os.makedirs(folder, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(body + body)
        os.replace(temporary, path)
    except (OSError, ValueError):
        pass
