"""Every block of README.md and of the example's README is executed, and prints what stands there."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.meta.documents import ROOT, Block, Section, commands, execute, file_name, make_programs, sections

README = sections(ROOT / "README.md")
EXAMPLE = sections(ROOT / "example_project" / "README.md")

RUN = "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/taskdisc -C example_project run"
TEST = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/python -m pytest"


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_programs(tmp_path_factory.mktemp("programs") / "bin")


def assert_prints(block: Block, folder: Path, programs: Path) -> None:
    for command, expected, actual in execute(block, folder, programs):
        assert actual.rstrip("\n") == expected.rstrip("\n"), f"line {block.line}: $ {command}"


@pytest.mark.parametrize("section", README, ids=[section.title for section in README])
def test_blocks_of_the_readme(section: Section, tmp_path: Path, programs: Path) -> None:
    for block in section.blocks:
        if block.kind != "sh":  # the commands for a fresh machine: see below
            assert_prints(block, tmp_path, programs)


def test_blocks_of_the_example(tmp_path: Path, programs: Path) -> None:
    shutil.copytree(ROOT / "example_project", tmp_path / "copy", ignore=shutil.ignore_patterns(".taskdisc"))
    for section in EXAMPLE:
        for block in section.blocks:
            assert_prints(block, tmp_path / "copy", programs)


@pytest.mark.parametrize("document", [README, EXAMPLE], ids=["README", "example"])
def test_no_block_escapes(document: tuple[Section, ...]) -> None:
    blocks = [block for section in document for block in section.blocks]
    assert {block.kind for block in blocks} <= {"python", "toml", "console", "sh"}
    for block in blocks:
        if block.kind == "console":
            assert block.text.startswith("$ "), f"line {block.line}: begin with a command"
            assert list(commands(block))
        elif block.kind != "sh":
            assert file_name(block), f"line {block.line}: say in the first line which file this is"


def test_the_commands_for_a_fresh_machine() -> None:
    shown = [block.text for section in README for block in section.blocks if block.kind == "sh"]
    assert shown == [f"{RUN}\n", f"{TEST}\n"]


def test_what_these_commands_need_exists() -> None:
    if sys.version_info < (3, 11):
        import tomli as tomllib
    else:
        import tomllib
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "taskdisc" in project["scripts"]
    assert any(requirement.startswith("pytest") for requirement in project["optional-dependencies"]["test"])
    assert (ROOT / "example_project" / "pyproject.toml").exists()


def test_links_lead_somewhere() -> None:
    for document in (ROOT / "README.md", ROOT / "example_project" / "README.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_table_of_commands_is_complete() -> None:
    from taskdisc.cli.commands import taskdisc_command

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `taskdisc (\w+)", text, re.MULTILINE)) == set(taskdisc_command.commands)


def test_all_options_of_configuration_are_named() -> None:
    from taskdisc.options import OPTIONS

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in OPTIONS if f"`{name}`" not in text] == []
