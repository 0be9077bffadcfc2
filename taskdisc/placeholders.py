"""Placeholders in the words that go before a command: `{task}` and the like, filled by launchers."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from taskdisc.errors import UsageError, closest

PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([A-Za-z_][\w.]*)\}")
ENVIRONMENT = "env."


def fill(words: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Return the words with placeholders filled; `{env.NAME}` is a variable of the run, `{{` and `}}` are braces.

    Raises UsageError for one that is unknown.
    """
    return [PLACEHOLDER.sub(lambda match: _replacement(match, values), word) for word in words]


def _replacement(match: re.Match[str], values: Mapping[str, str]) -> str:
    name = match[1]
    if name is None:
        return match[0][0]
    if name.startswith(ENVIRONMENT):
        return _variable(name.removeprefix(ENVIRONMENT), match.string)
    if name not in values:
        near = closest(name, list(values))
        meant = f"Did you mean {{{near}}}? " if near else ""
        known = " ".join(f"{{{each}}}" for each in values)
        raise UsageError(f"prefix: {match.string!r} has no {{{name}}} to fill. {meant}There are {known} {{env.NAME}}.")
    return values[name]


def _variable(name: str, word: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise UsageError(f"prefix: {word!r} needs the environment variable {name}, which is not set.") from None
