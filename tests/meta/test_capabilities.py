"""The table of what executors can do, in the README, is what they say of themselves."""

from __future__ import annotations

import re

from taskdisc.builtin.command import CommandExecutor
from taskdisc.builtin.futures import FuturesExecutor
from taskdisc.builtin.inline import InlineExecutor
from taskdisc.builtin.process import ProcessExecutor
from taskdisc.builtin.threads import ThreadExecutor
from taskdisc.pluginmanager import plugin_manager
from taskdisc.protocols import Capabilities
from tests.meta.documents import ROOT

COLUMNS = {
    "`process`": ProcessExecutor,
    "`command`": CommandExecutor,
    "`thread`": ThreadExecutor,
    "`inline`": InlineExecutor,
    "of `concurrent.futures`": FuturesExecutor,
}


def table() -> list[list[str]]:
    """The cells of the table that names `capture` in its first row."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^\| \| .*\n\|[-|]+\|\n(\| `capture`.*\n(?:\| .*\n)+)", text, re.MULTILINE)
    assert found is not None
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in found[0].splitlines()]


def test_the_table_in_the_readme() -> None:
    header, _, *rows = table()
    assert header[1:] == list(COLUMNS)
    assert [re.match(r"`(\w+)`", row[0])[1] for row in rows] == list(Capabilities._fields)  # type: ignore[index]
    for row, field in zip(rows, Capabilities._fields, strict=True):
        said = [getattr(executor.capabilities, field) for executor in COLUMNS.values()]
        assert row[1:] == ["yes" if can else "no" for can in said], field


def test_all_executors_are_in_the_table() -> None:
    made = [factory(workers=1) for factory in plugin_manager().supplied("executors").values()]
    assert {type(executor) for executor in made} <= set(COLUMNS.values())
    for executor in made:
        executor.stop(kill=False)
