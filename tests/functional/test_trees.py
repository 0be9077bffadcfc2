"""Folders as inputs and as results: whatever in them changes, counts."""

from __future__ import annotations

import os

import pytest

from taskdisc.testing import Project

READER = """
    from taskdisc import file

    data = file("data")

    def names(data):
        files = [path for path in data.rglob("*") if path.is_file()]
        return sorted(path.read_text() for path in files), len(list(data.rglob("*")))
    """
MAKER = """
    from pathlib import Path

    def made():
        folder = Path("out/inner")
        folder.mkdir(parents=True, exist_ok=True)
        for name in "ab":
            (folder / name).write_text(name)
        return Path("out")

    def names(made):
        return sorted(path.name for path in made.rglob("*"))
    """


@pytest.mark.parametrize("change", ["file behind a link", "empty folder", "dangling link"])
def test_what_changes_in_an_input_folder_is_seen(project: Project, change: str) -> None:
    project.write({"data/a.txt": "1", "other/b.txt": "2", "tasks_a.py": READER})
    (project.path / "data/link").symlink_to("../other")
    (project.path / "data/.#lock").symlink_to("ada@home.1")
    (project.path / "data/round").symlink_to(".")
    project.run("names").assert_ok()
    assert project.run("names").assert_ok().ran == []
    if change == "file behind a link":
        project.write({"other/b.txt": "3"})
    elif change == "empty folder":
        (project.path / "data/empty").mkdir()
    else:
        (project.path / "data/.#lock").unlink()
    assert project.run("names").assert_ok().ran == ["names"]


def test_a_pipe_is_no_input(project: Project) -> None:
    project.write(tasks_a="from taskdisc import file\n\ndata = file('data')\n\ndef size(data):\n    return 1\n")
    os.mkfifo(project.path / "data")
    result = project.run("size")
    assert result.exit_code == 4
    assert "data cannot be read: neither a file nor a folder" in result.stderr


@pytest.mark.parametrize("damage", ["removed", "replaced by one that is as old"])
def test_a_file_deep_in_a_returned_folder_counts(project: Project, damage: str) -> None:
    project.write(tasks_a=MAKER)
    project.run("names").assert_ok()
    assert project.run("names").assert_ok().ran == []
    file = project.path / "out/inner/a"
    status = file.stat()
    if damage == "removed":
        file.unlink()
    else:
        file.write_text("c")
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert project.run("names").assert_ok().ran == ["made"]
    assert file.read_text() == "a"
