"""Reads the plain forms of `taskdisc run` without click, whose import costs as much as the rest of a warm run.

Anything beyond them (other options, help, abbreviations, mistakes) is left to click; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence

from taskdisc.cli.options import Options

VALUES = {"-p": "params", "-j": "workers", "--workers": "workers", "-C": "directory", "--profile": "profile"}


def read_run(arguments: Sequence[str]) -> Options | None:
    """Return the options of a plain `run`, or None where click must read the line."""
    words = list(arguments)
    found: dict[str, str] = {}
    params: list[str] = []
    targets: list[str] = []
    if words[:1] == ["-C"] and len(words) > 2:
        found["directory"] = words[1]
        del words[:2]
    if words[:1] != ["run"]:
        return None
    position = 1
    while position < len(words):
        word = words[position]
        if not word.startswith("-"):
            targets.append(word)
            position += 1
            continue
        if word not in VALUES or position + 1 == len(words) or words[position + 1].startswith("--"):
            return None
        value = words[position + 1]
        if VALUES[word] == "params":
            params.append(value)
        else:
            found[VALUES[word]] = value
        position += 2
    try:
        workers = int(found["workers"]) if "workers" in found else None
    except ValueError:
        return None
    return Options(tuple(targets), found.get("directory"), found.get("profile"), tuple(params), workers=workers)
