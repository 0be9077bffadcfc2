"""Options that plugins add to the command line: looked for where a line has one that taskdisc does not know."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from taskdisc.options import Option

EARLY = {"-C": "directory", "--profile": "profile", "--store": "store", "--plugin": "plugins"}


@contextmanager
def known_to(commands: Sequence[click.Command], arguments: Sequence[str]) -> Iterator[None]:
    """Let commands know the options of the plugins that this command line would load. Raises TaskdiscError."""
    made = [_as_click(option) for option in _options(arguments)]
    before = [list(command.params) for command in commands]
    for command in commands:
        command.params.extend(made)
    try:
        yield
    finally:
        for command, params in zip(commands, before, strict=True):
            command.params[:] = params


def _options(arguments: Sequence[str]) -> list[Option]:
    from taskdisc.collect import make_importable
    from taskdisc.config import load
    from taskdisc.pluginmanager import plugin_manager
    from taskdisc.pluginoptions import added_options
    from taskdisc.project import plugin_names

    told = _told(arguments)
    config = load(
        os.getcwd(),
        directory=next(reversed(told["directory"]), None),
        profile=next(reversed(told["profile"]), None),
        overrides={"store": next(reversed(told["store"]), None), "plugins": tuple(told["plugins"])},
    )
    make_importable(config.root)
    return list(added_options(plugin_manager(plugin_names(config))).values())


def _told(arguments: Sequence[str]) -> dict[str, list[str]]:
    """What a command line says of the project and its plugins, before anything is known of its other options."""
    found: dict[str, list[str]] = {name: [] for name in EARLY.values()}
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        option, equals, value = word.partition("=")
        if option in EARLY:
            found[EARLY[option]].append(value if equals else following)
    return found


def _as_click(option: Option) -> click.Option:
    name, kind = option.name.replace("_", "-"), option.kind.type
    if kind is bool:
        return click.Option([f"--{name}/--no-{name}", f"added_{option.name}"], default=None, help=option.help)
    several = kind is tuple
    return click.Option(
        [f"--{name}", f"added_{option.name}"],
        type=int if kind is int else str,
        multiple=several,
        metavar="N" if kind is int else "TEXT",
        help=option.help,
    )


def wants_help(arguments: Sequence[str]) -> bool:
    """Say whether a line asks what a command takes."""
    return len(arguments) > 1 and any(word in ("-h", "--help") for word in arguments)
