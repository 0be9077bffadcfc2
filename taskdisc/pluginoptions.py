"""Options that plugins add to those of taskdisc: in pyproject.toml, the environment and the command line alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from taskdisc.errors import PluginError
from taskdisc.options import KINDS, OPTIONS, PREFIX, PROFILE, Option, checked, from_text

if TYPE_CHECKING:
    from taskdisc.config import Config
    from taskdisc.pluginmanager import PluginManager

TABLES = ("params", "tasks", "resources", "profiles")
TAKEN = frozenset({
    *OPTIONS, *TABLES, PROFILE.removeprefix(PREFIX).lower(),
    "all", "downstream", "dry_run", "durations", "exit_code", "force", "force_all", "format", "help", "info", "json",
    "junit", "keep_latest", "last_failed", "lf", "limit", "max_size", "maxfail", "newest", "no_code_check",
    "older_than", "override", "path", "pdb", "plugin", "quiet", "stderr", "stdout", "sweep", "tree", "verbose",
    "version",
})  # fmt: skip
"""What an option cannot be called, since the configuration or some command has it."""


class CommandLine:
    """What `taskdisc_add_options` is given."""

    def __init__(self) -> None:
        self.options: dict[str, Option] = {}
        """Those that were added, by name."""

    def add(self, name: str, *, default: Any, help: str) -> None:
        """Add an option `name`: a key of `[tool.taskdisc]`, a variable `TASKDISC_NAME`, `--name` of every command.

        It takes what the default is: a str, an int, a bool, or a tuple of str. Raises PluginError for a name that is
        taken, and for another type.
        """
        if not (name.isidentifier() and name == name.lower()) or name in TAKEN or name in self.options:
            raise PluginError(f"taskdisc_add_options: the option {name!r} is no name, or taken. Choose another.")
        kind = KINDS.get(type(default))
        if kind is None:
            raise PluginError(f"taskdisc_add_options: {name}: a default is a str, int, bool or tuple, not {default!r}.")
        self.options[name] = Option(name, kind, default, default, help)


def added_options(plugins: PluginManager) -> dict[str, Option]:
    """Return the options that plugins add. Raises PluginError."""
    cli = CommandLine()
    plugins.hook.taskdisc_add_options(cli=cli)
    return cli.options


def settled(config: Config, plugins: PluginManager) -> Config:
    """Return the configuration with the values of plugins' options. Raises ConfigError for what nobody knows."""
    added = added_options(plugins)
    values = {name: option.default for name, option in added.items()}
    origins = dict(config.origins)
    for each in config.unknown:
        if each.name not in added:
            raise each.mistake(added)
        option = added[each.name]
        if each.is_text and not each.value:
            continue  # as if it were not set
        value = from_text(option, each.value, each.where) if each.is_text else checked(option, each.value, each.where)
        if each.origin:
            values[each.name], origins[each.name] = value, each.origin
    return config._replace(unknown=(), plugin_options=values, origins=origins)
