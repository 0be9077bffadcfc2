"""The options: one table that drives pyproject.toml, the environment, the command line and the documentation."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from taskdisc.errors import ConfigError, closest

PREFIX = "TASKDISC_"
INTERNAL = "TASKDISC_INTERNAL_"
"""Variables that begin so are taskdisc's own, between its processes."""


class Kind:
    """What an option's value may be.

    `words` go on after "takes"; `separator` stands between the items of a list in an environment variable.
    """

    __slots__ = ("accepts", "separator", "type", "words")

    def __init__(self, words: str, type: type, accepts: Callable[[Any], bool], separator: str = "") -> None:
        self.words = words
        self.type = type
        self.accepts = accepts
        self.separator = separator


OFF = "off"
"""Instead of an address: nothing is shared."""


def _any(value: Any) -> bool:
    return True


def _is_duration(value: str) -> bool:
    from taskdisc.durations import seconds

    try:
        return seconds(value) >= 0
    except ValueError:
        return False


def _strings(value: Iterable[Any]) -> bool:
    return all(isinstance(item, str) and item for item in value)


_WORKERS = Kind("a whole number other than 0 (-1: all CPUs, -2: all but one)", int, lambda value: value != 0)
_COUNT = Kind("a whole number from 1", int, lambda value: value > 0)
_LIMIT = Kind("a whole number from 0", int, lambda value: value >= 0)
_DURATION = Kind('a duration such as "90s"', str, _is_duration)
_TEXT = Kind("a string", str, bool)
_ADDRESS = Kind('an address, or "off"', str, lambda value: value == OFF or "://" in value)
_SWITCH = Kind("true or false", bool, _any)
_NAMES = Kind("a list of strings", tuple, _strings, ",")
_PATHS = Kind("a list of paths", tuple, _strings, os.pathsep)


KINDS: Mapping[type, Kind] = {
    bool: _SWITCH,
    int: Kind("a whole number", int, _any),
    str: Kind("a string", str, _any),
    tuple: _NAMES,
}
"""Of the options of plugins, by the type of the default."""


class Option:
    """One option: its name in pyproject.toml, its variable in the environment, its kind, default, example and help.

    `adds` says that values from several sources are joined, where else the last source wins.
    """

    __slots__ = ("adds", "default", "example", "help", "kind", "name", "variable")

    def __init__(self, name: str, kind: Kind, default: Any, example: Any, help: str, adds: bool = False) -> None:
        self.name = name
        self.variable = PREFIX + name.upper()
        self.kind = kind
        self.default = default
        self.example = example
        self.help = help
        self.adds = adds


OPTIONS: Mapping[str, Option] = {
    option.name: option
    for option in (
        Option("files", _NAMES, ("tasks_*.py",), ("tasks_*.py", "flow.py"), "Names of the modules that hold tasks."),
        Option("paths", _PATHS, (".",), ("src", "analysis"), "Folders, below the root, that are searched for them."),
        Option("exclude", _PATHS, (), ("attic", "src/vendor/*"), "Folders and modules that are left out."),
        Option("default_targets", _NAMES, (), ("report",), "What `taskdisc run` makes when it is told no target."),
        Option("workers", _WORKERS, -1, 8, "How many jobs run at once; -1 is all CPUs, -2 all but one."),
        Option("executor", _TEXT, "process", "thread", "What runs the jobs."),
        Option("max_tasks_per_worker", _LIMIT, 0, 100, "Jobs after which a worker makes room for a new one; 0: none."),
        Option("grace", _DURATION, "2s", "30s", "What running jobs have to end after Ctrl-C, before they are ended."),
        Option("max_jobs", _COUNT, 8, 100, "How many launched commands run at once."),
        Option("max_instances", _COUNT, 1_000_000, 5000, "How many instances may grow from refs and dynamic axes."),
        Option("store", _TEXT, ".taskdisc", "/scratch/me/results", "Folder of the results, relative to the root."),
        Option("storage", _TEXT, "disk", "disk", "What keeps large results inside the store."),
        Option(
            "shared", _ADDRESS, OFF, "s3://bucket/project", "Store of a team, behind this one; a plugin reaches it."
        ),
        Option("shared_read_only", _SWITCH, False, True, "Whether results are taken from there, and none are sent."),
        Option("track", _NAMES, (), ("numpy",), "Installed distributions whose versions count in all results.", True),
        Option("trust_store", _SWITCH, False, True, "Whether others may own or write the store: they can run code."),
        Option("pickle", _SWITCH, True, False, "Whether results may be kept as pickles; else they are kept as JSON."),
        Option("plugins", _NAMES, (), ("my_plugin", "no:slurm"), "Plugins to load, or with `no:` to leave out.", True),
        Option("autoload", _SWITCH, True, False, "Whether installed plugins are loaded by themselves."),
    )
}
VARIABLES: Mapping[str, Option] = {option.variable: option for option in OPTIONS.values()}
PROFILE = PREFIX + "PROFILE"


def checked(option: Option, value: Any, where: str) -> Any:
    """Return a typed value, as TOML or Python gives it, with lists as tuples. Raises ConfigError."""
    if isinstance(value, list):
        value = tuple(value)
    if type(value) is option.kind.type and option.kind.accepts(value):
        return value
    given = list(value) if isinstance(value, tuple) else value
    example = f"{option.name} = {as_toml(option.example)}"
    raise ConfigError(f"{where}: {option.name} takes {option.kind.words}, not {given!r}. Such as: {example}")


class Unknown:
    """A value under a name that no option of taskdisc has: one of a plugin's, or a mistake."""

    __slots__ = ("known", "name", "origin", "value", "where", "written")

    def __init__(self, written: str, value: Any, where: str, known: list[str], origin: str) -> None:
        self.written = written
        """The key of a table, or a variable, whose value is text then."""
        self.name = written.removeprefix(PREFIX).lower() if written.startswith(PREFIX) else written
        self.value = value
        self.where = where
        self.known = known
        """What could have stood there."""
        self.origin = origin
        """As `Config.origins` tells it; nothing for a profile that is not chosen."""

    def unused(self) -> Unknown:
        """Return it as something that does not count, but may be a mistake."""
        return Unknown(self.written, self.value, self.where, self.known, "")

    @property
    def is_text(self) -> bool:
        """Whether the value is text that is still to be converted."""
        return self.written.startswith(PREFIX)

    def mistake(self, added: Iterable[str] = ()) -> ConfigError:
        """Return the error for a name that plugins do not know, either; `added` are those that they do."""
        known = [*self.known, *(PREFIX + name.upper() if self.is_text else name for name in added)]
        kind = "variable" if self.is_text else "key"
        shown = self.written if self.is_text else repr(self.written)
        return ConfigError(f"{self.where}: unknown {kind} {shown}. {suggestion(self.written, known)}")


def from_table(
    table: Mapping[str, Any], where: str, others: tuple[str, ...], unknown: list[Unknown], origin: str = ""
) -> dict[str, Any]:
    """Return the checked options of a TOML table, which may also hold sub-tables called `others`.

    What else it holds is added to `unknown`.
    """
    found = {}
    for key, value in table.items():
        if key in OPTIONS:
            found[key] = checked(OPTIONS[key], value, where)
        elif key not in others:
            unknown.append(Unknown(key, value, where, [*OPTIONS, *others], origin))
    return found


def from_variables(variables: Mapping[str, str], where: str, unknown: list[Unknown]) -> dict[str, Any]:
    """Return the options among the variables called TASKDISC_...; an empty one counts as not set."""
    found = {}
    for variable, text in variables.items():
        if not variable.startswith(PREFIX) or variable.startswith(INTERNAL) or variable == PROFILE:
            continue
        option = VARIABLES.get(variable)
        if option is None:
            origin = f"{where} {variable}" if where == "environment" else where
            unknown.append(Unknown(variable, text, where, [*VARIABLES, PROFILE], origin))
        elif text:
            found[option.name] = from_text(option, text, where)
    return found


def from_text(option: Option, text: str, where: str) -> Any:
    """Return the value that the text of a variable means. Raises ConfigError."""
    kind = option.kind
    if kind.separator:
        return tuple(item.strip() for item in text.split(kind.separator) if item.strip())
    from taskdisc.convert import ConversionError, convert

    try:
        value = convert(text.strip(), kind.type, text=True, globals={})
        if kind.accepts(value):
            return value
    except ConversionError:
        pass
    example = f"{option.variable}={as_toml(option.example).strip(chr(34))}"
    raise ConfigError(f"{where}: {option.variable} takes {kind.words}, not {text!r}. Such as: {example}")


def suggestion(word: str, known: list[str]) -> str:
    """Return the sentence that follows "unknown ..."."""
    near = closest(word, known)
    return f"Did you mean {near}?" if near else f"There {'is' if len(known) == 1 else 'are'} {', '.join(known)}."


def as_toml(value: Any) -> str:
    """Return the value of an option as pyproject.toml would write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return f"{{ {', '.join(f'{name} = {as_toml(inner)}' for name, inner in value)} }}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(as_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)
