"""Whole projects on workers that see neither the project nor its store, and on those that see one of them."""

import shutil
import sqlite3
from pathlib import Path

import pytest
import servers

from taskdisc.store.index import Index

EXAMPLE = Path(__file__).parents[3] / "example_project"

HELPERS = """
from dataclasses import dataclass

@dataclass
class Page:
    number: int
    lines: list

def page(number, text):
    return Page(number, text.splitlines())
"""

TASKS = """
import os
from pathlib import Path

from pages.helpers import page
from taskdisc import Gather, axis, file, files, fixture, requires, ref, skip, task

book = file("data/book.txt")
notes = axis(files("data/notes/*.txt"))
listed = files("data/notes/*.txt")
n = axis(range(3))

@fixture
def prefix(book) -> str:
    return book.read_text()[:3]

def text(book: Path) -> str:
    return book.read_text() * 20_000            # an object

def pages(text, n: int):
    return page(n, text[: n * 10])              # a class of the project

def large(pages):
    return [pages.number] * 50_000

def note(notes: Path) -> str:
    return notes.read_text().strip()

def names(listed: list) -> list:
    return [str(path) for path in listed]

def drawing(pages, task_dir: Path) -> Path:
    (task_dir / "inner").mkdir()
    (task_dir / "inner" / "one.svg").write_text(f"<svg>{pages.number}</svg>")
    (task_dir / "script").write_text("#!/bin/sh\\necho ran\\n")
    (task_dir / "script").chmod(0o755)
    return task_dir

def album(drawing: Gather) -> list:
    return [(path / "inner" / "one.svg").read_text() for path in drawing.values()]

def first(drawing: Gather) -> Path:
    return drawing[0] / "inner" / "one.svg"

def size(first) -> int:
    os.chdir("/")                               # the next job does not mind
    return first.stat().st_size

def published(album) -> Path:
    path = Path("out/all.txt")
    path.parent.mkdir(exist_ok=True)
    path.write_text("\\n".join(album))
    return path

def read_again(published) -> str:
    return published.read_text()

@task(outputs=("short", "long"))
def both(large: Gather):
    return 1, [len(each) for each in large.values()] * 9000

@requires(parts={"one": ref("long"), "two": [ref("pages", n=2)]})
def structure(parts) -> int:
    return len(parts["one"]) + parts["two"][0].number

def with_fixture(prefix, short: int) -> str:
    return prefix * short

def whose(book) -> bool:
    print("looking for", book)
    skip("no reason")

def end(size, read_again, structure, with_fixture, note: Gather, names) -> dict:
    return locals()
"""


def write_all(project):
    project.write(
        {
            "pages/__init__.py": "",
            "pages/helpers.py": HELPERS,
            "data/book.txt": "abc defg hijkl\n",
            "data/notes/a.txt": "A\n",
            "data/notes/b.txt": "B\n",
        },
        tasks_book=TASKS,
    )


def known(project):
    """Return what is known of each task: keys and digests of results."""
    path = str(project.path / ".taskdisc" / "index.sqlite")
    with sqlite3.connect(path) as database:
        families = database.execute("select id, task from family").fetchall()
    database.close()
    index = Index(path)
    found = {(task, key, digests) for family, task in families for key, _, digests, *_ in index.known(family)}
    index.close()
    return found


def assert_equal(there, local):
    """Assert that two projects have the same results."""
    assert known(there) == known(local)
    assert len(known(there)) > 10


@pytest.fixture
def local(make_project):
    return make_project()


def test_everything_travels(make_project, far, local):
    there = make_project(far.address)
    for project in (there, local):
        write_all(project)
    end, there_end = (project.run("end", "whose") for project in (local, there))
    assert there_end.stdout == end.stdout
    assert there_end.counts == end.counts, there_end
    assert_equal(there, local)
    assert there.read("out/all.txt") == local.read("out/all.txt")
    assert there.taskdisc("logs", "whose").stdout == local.taskdisc("logs", "whose").stdout
    there.environment["TASKDISC_EXECUTOR"] = "process"
    assert there.run("end").assert_ok().ran == []
    there.taskdisc("verify").assert_ok()
    script = Path(there.taskdisc("show", "drawing[n=1]").assert_ok().stdout.strip()) / "script"
    assert (there.path / script).stat().st_mode & 0o777 == 0o555


def test_the_example(make_project, far, local):
    there = make_project(far.address)
    for project in (there, local):
        shutil.rmtree(project.path)
        shutil.copytree(EXAMPLE, project.path, ignore=shutil.ignore_patterns(".taskdisc", "__pycache__"))
        project.run().assert_ok()
    assert_equal(there, local)


def test_errors_name_the_place(make_project, far):
    project = make_project(far.address)
    project.write(
        helpers="""
        def divide(a, b):
            return a / b
        """,
        tasks_a="""
        from helpers import divide

        def wrong():
            return divide(1, 0)
        """,
    )
    done = project.run("wrong")
    assert done.exit_code == 1
    assert "helpers.py:2: in divide\n" in done.stderr
    assert "tasks_a.py:4: in wrong\n" in done.stderr


def test_edits_count_at_once(make_project, far):
    """Workers outlive runs; nothing that they have imported does."""
    project = make_project(far.address)
    project.write(tasks_a="from helpers import answer\n\ndef told():\n    return answer()\n")
    for answer in (1, 2, 3):
        project.write(helpers=f"def answer():\n    return {answer}\n")
        assert project.run("told").assert_ok().stdout == f"{answer}\n"


@pytest.mark.parametrize("hides", ["project", "store"])
def test_one_of_both_is_seen(tmp_path, here, make_project, local, hides):
    """The store on a shared disk, and the project not; or the other way round."""
    there = make_project("")
    for project in (there, local):
        write_all(project)
    if hides == "project":
        store = tmp_path / "store"
        options = ("--store", str(store))
        hidden = here
    else:
        store = there.path / "kept"
        store.mkdir()
        options = ("--store", str(store))
        hidden = store
    with servers.Cluster(tmp_path) as cluster:
        cluster.scale(1, hidden=hidden)
        done = there.run("end", "--executor", "dask", "--dask-address", cluster.address, *options).assert_ok()
    assert done.stdout == local.run("end").assert_ok().stdout
    assert there.run("end", *options).assert_ok().ran == []
    there.taskdisc("verify", *options).assert_ok()
