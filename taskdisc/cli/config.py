"""`taskdisc config`: what is configured, and where."""

from __future__ import annotations

import os

from taskdisc.cli.options import Options
from taskdisc.cli.output import print_table
from taskdisc.collect import make_importable
from taskdisc.errors import ExitCode
from taskdisc.pluginmanager import plugin_manager
from taskdisc.project import plugin_names, with_plugin_options


def config(options: Options) -> int:
    """Run the command; it reads no module but those of plugins."""
    from taskdisc.config import describe, load

    overrides = {"store": options.store, "plugins": options.plugins, **dict(options.added)}
    found = load(
        os.getcwd(), directory=options.directory, profile=options.profile, overrides=overrides, params=options.params
    )
    make_importable(found.root)
    found = with_plugin_options(found, plugin_manager(plugin_names(found)))
    rows = [("root", found.root, "")]
    rows += [(name, _shown(value, origin), origin) for name, value, origin in describe(found)]
    print_table(rows)
    return ExitCode.OK


def _shown(value: object, origin: str) -> str:
    """What -p gives stays as it was typed: tasks say which type it becomes, and no module is read here."""
    from taskdisc.options import as_toml

    return str(value) if origin == "-p" else as_toml(value)
