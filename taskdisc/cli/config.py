"""`taskdisc config`: what is configured, and where."""

from __future__ import annotations

import os

from taskdisc.cli.options import Options
from taskdisc.cli.output import print_table
from taskdisc.errors import ExitCode


def config(options: Options) -> int:
    """Run the command; it reads no module."""
    from taskdisc.config import describe, load
    from taskdisc.options import as_toml

    overrides = {"store": options.store, "plugins": options.plugins}
    found = load(
        os.getcwd(), directory=options.directory, profile=options.profile, overrides=overrides, params=options.params
    )
    rows = [("root", found.root, "")]
    rows += [(name, as_toml(value), origin) for name, value, origin in describe(found)]
    print_table(rows)
    return ExitCode.OK
