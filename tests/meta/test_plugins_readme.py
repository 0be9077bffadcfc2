"""Every block of plugins/README.md is executed, and prints what stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.meta.documents import ROOT, Section, execute, file_name, make_programs, sections

PATH = ROOT / "plugins" / "README.md"
CHAPTER = sections(PATH)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_programs(tmp_path_factory.mktemp("programs") / "bin")


@pytest.mark.parametrize("section", CHAPTER, ids=[section.title for section in CHAPTER])
def test_blocks_of_the_chapter(section: Section, tmp_path: Path, programs: Path) -> None:
    for block in section.blocks:
        for command, expected, actual in execute(block, tmp_path, programs):
            assert actual.rstrip("\n") == expected.rstrip("\n"), f"line {block.line}: $ {command}"


def test_no_block_escapes() -> None:
    blocks = [block for section in CHAPTER for block in section.blocks]
    assert {block.kind for block in blocks} <= {"python", "toml", "console"}
    assert all(block.text.startswith("$ ") if block.kind == "console" else file_name(block) for block in blocks)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", PATH.read_text(encoding="utf-8")):
        assert (PATH.parent / target).exists(), target


def test_what_a_plugin_may_import_is_what_the_house_says() -> None:
    from tests.meta.test_layers import PUBLIC

    text = PATH.read_text(encoding="utf-8").partition("## ")[0]
    assert [name for name in PUBLIC if not re.search(rf"\b{name}\b", text)] == []
    imported = {
        name.partition(".")[2].partition(".")[0] or "taskdisc"
        for section in CHAPTER
        for block in section.blocks
        for name in re.findall(r"^(?:from|import) (taskdisc[\w.]*)", block.text, re.MULTILINE)
    }
    assert imported <= PUBLIC | {"testing"}


CONTRACTS = """
from naming import Naming
from shelf import Shelf

from taskdisc.testing import LauncherContract, StoreContract

class TestNaming(LauncherContract):
    def make_launcher(self):
        return Naming()

class TestShelf(StoreContract):
    def make(self, path):
        return Shelf(path)
"""


@pytest.mark.parametrize("name", ["Naming", "Shelf"])
def test_what_the_chapter_builds_keeps_the_contracts(name: str, tmp_path: Path) -> None:
    """The executor's are among the blocks."""
    for section in CHAPTER:
        for block in section.blocks:
            if block.kind == "python":
                (tmp_path / str(file_name(block))).write_text(block.text)
    (tmp_path / "test_contracts.py").write_text(CONTRACTS)
    words = ["pytest", "-q", "-p", "no:cacheprovider", "-W", "error", f"test_contracts.py::Test{name}"]
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
