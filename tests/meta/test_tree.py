"""What the repository may hold."""

import re
import subprocess

import pytest

from tests.meta.sources import REPOSITORY, modules

LONGEST = 450
"""Lines of a module."""

TOP = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "example_project",
    "plugins",
    "pyproject.toml",
    "taskdisc",
    "tests",
}

UNWANTED = {
    "a path of somebody's machine": r"(?<![\w.])/(work|root|Users|opt|tmp)/\w",
    "unfinished work": r"\b(TODO|FIXME|XXX)\b",
    "a package index's address": r"(?i)pypi[\w.-]*\.(org|io|net)\b",
}


def tracked():
    """Return the paths of all files that belong to the repository."""
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return [REPOSITORY / name for name in done.stdout.split("\0") if name and (REPOSITORY / name).exists()]


@pytest.mark.parametrize("name", sorted(modules()))
def test_modules_are_short(name):
    assert len(modules()[name].read_text().splitlines()) <= LONGEST


def test_no_drawer_for_everything():
    assert not [path for path in modules().values() if path.stem in ("utils", "util", "helpers", "misc", "common")]


def test_the_top_of_the_repository():
    assert {path.relative_to(REPOSITORY).parts[0] for path in tracked()} <= TOP


@pytest.mark.parametrize("what", UNWANTED)
def test_sources_are_free_of(what):
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()}"
        for path in tracked()
        if path.suffix in (".py", ".toml", ".md", ".sh", ".css", ".html", "") and path.name != "test_tree.py"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(UNWANTED[what], line)
    ]
    assert found == []
