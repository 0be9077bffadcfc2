"""The blocks of a Markdown file that can be executed, and how that is done.

```python and ```toml blocks are written to files, ```console blocks are typed into a shell in the same folder. A file
is called what its first line says (`# tasks_hello.py`); a toml block without such a line is pyproject.toml.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]

FENCE = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
DURATION = re.compile(r"\b\d+(\.\d+)? ?s\b")
MOMENT = re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b")
BELOW_STORE = re.compile(r"\S*\.taskdisc/[\w./-]*\w")


class Block(NamedTuple):
    """A fenced block."""

    kind: str
    text: str
    line: int
    """Where its text begins in the document."""


class Section(NamedTuple):
    """What stands below a heading of the second level."""

    title: str
    blocks: tuple[Block, ...]


def sections(document: Path) -> tuple[Section, ...]:
    """Return the sections of a document; what stands before the first heading of the second level is one too."""
    text = document.read_text(encoding="utf-8")
    marks = [0, *(match.start() for match in re.finditer(r"^## ", text, re.MULTILINE)), len(text)]
    found = []
    for start, end in zip(marks, marks[1:], strict=False):
        title = text[start:end].partition("\n")[0].lstrip("# ")
        blocks = tuple(
            Block(match["kind"], match["text"], 1 + text.count("\n", 0, match.start("text")))
            for match in FENCE.finditer(text, start, end)
        )
        found.append(Section(title, blocks))
    return tuple(found)


def file_name(block: Block) -> str | None:
    """Return the name of the file that a block is, or None where nothing says so."""
    named = re.match(r"# ([\w./-]+)\n", block.text)
    if named is not None:
        return named[1]
    return "pyproject.toml" if block.kind == "toml" else None


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Yield the commands of a console block, each with the output that stands below it."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def typed(command: str, folder: Path, programs: Path) -> str:
    """Run a command in a shell, and return what a person sees: standard output and standard error in one."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TASKDISC_", "PYTEST_"))}
    environment |= {
        "PATH": f"{programs}{os.pathsep}{environment['PATH']}",
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    return done.stdout


def make_programs(folder: Path) -> Path:
    """Put `taskdisc` and `python` of the interpreter that runs the tests into a folder."""
    folder.mkdir()
    for name, line in (("taskdisc", "from taskdisc.cli import main; main()"), ("python", None)):
        program = folder / name
        arguments = f"-c '{line}'" if line else ""
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        program.chmod(0o755)
    return folder


def normalised(output: str) -> str:
    """Return output without what differs from run to run: times, durations, and paths below the store."""
    return BELOW_STORE.sub(".taskdisc/...", DURATION.sub("0.00 s", MOMENT.sub("then", output)))


def execute(block: Block, folder: Path, programs: Path) -> Iterator[tuple[str, str, str]]:
    """Write the file, or type the commands and yield each with the expected and the actual output."""
    if block.kind in ("python", "toml"):
        name = file_name(block)
        assert name is not None, f"line {block.line}: say in the first line which file this is"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(block.text, encoding="utf-8")
        return
    for command, expected in commands(block):
        yield command, normalised(expected), normalised(typed(command, folder, programs))
