"""Every block of plugins/README.md is executed, and prints what stands there."""

from __future__ import annotations

import re
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
