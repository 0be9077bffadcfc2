"""Errors that are the user's to mend: each names the place, the cause and the remedy, and knows its exit code."""

from typing import NamedTuple


class ExitCode:
    """What the command returns to the shell; the numbers are pytest's."""

    OK = 0
    FAILED = 1
    INTERRUPTED = 2
    INTERNAL = 3
    USAGE = 4
    NOTHING_MATCHED = 5


class Place(NamedTuple):
    """A line in one of the project's files; the path is relative to the root."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


class TaskdiscError(Exception):
    """Base of everything that taskdisc raises on purpose; printed as its message, without a traceback."""

    exit_code = ExitCode.USAGE


class UsageError(TaskdiscError):
    """The command line, an argument of a decorator or a value cannot be used as given."""


class ConfigError(TaskdiscError):
    """pyproject.toml, a profile, the environment or `.env` holds something that is not an option."""


class CollectionError(TaskdiscError):
    """The modules cannot be turned into tasks, or the tasks not into a graph."""


class EncodingError(TaskdiscError):
    """A value has no canonical encoding."""


class NothingMatched(TaskdiscError):
    """A target, a slice or a whole project selects nothing."""

    exit_code = ExitCode.NOTHING_MATCHED


class StoreError(TaskdiscError):
    """The store cannot be used: a newer schema, no permission, no space."""


class UnusableIndex(StoreError):
    """The store's index is damaged or of an older schema: it is to be moved aside, and results are made again."""

    def __init__(self, path: str, reason: str, inode: int, ending: str = "damaged") -> None:
        super().__init__(f"the store's index {path} {reason}.")
        self.path = path
        self.inode = inode
        """Of the file that was meant."""
        self.ending = ending
        """What is added to its name."""


class PluginError(TaskdiscError):
    """A plugin cannot be loaded, or raised inside one of its hooks."""


def class_name(kind: type) -> str:
    """Return a class's full name, without its module where everybody knows it: `OSError`, `json.JSONDecodeError`."""
    name = kind.__qualname__
    return name if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{name}"


def closest(word: str, candidates: list[str]) -> str | None:
    """Return the candidate that a person most likely meant by `word`, or None."""
    from difflib import get_close_matches

    found = get_close_matches(word, candidates, n=1, cutoff=0.6)
    return found[0] if found else None
