"""A store that a team shares: projects in folders without a common store exchange results through it."""

import json

import pytest

# A remote in a folder, written by a plugin; the file `faults` says what is wrong with it, `requests` what was asked.
PLUGIN = '''
import json, os

def taskdisc_remotes():
    return {"shelf": Shelf}

class Shelf:
    def __init__(self, url):
        self.root = url.partition("://")[2]

    def _asked(self, what, name):
        path = os.path.join(self.root, "requests")
        with open(path, "a") as file:
            file.write(f"{what} {name}\\n")
        faults = os.path.join(self.root, "faults")
        for fault in json.load(open(faults)) if os.path.exists(faults) else ():
            if fault["on"] in (what, "any") and name.startswith(fault.get("name", "")):
                if fault["is"] == "down":
                    raise OSError("the shelf cannot be reached")
                if fault["is"] == "refused":
                    from taskdisc.errors import StoreError
                    raise StoreError("the shelf is not yours. Ask for it.")
                return fault["is"]
        return ""

    def _path(self, name):
        return os.path.join(self.root, name)

    def get(self, name):
        fault = self._asked("get", name)
        if fault == "lost":
            raise KeyError(name)
        try:
            with open(self._path(name), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            raise KeyError(name) from None
        return {"torn": data[:-1], "lies": b"x" * len(data)}.get(fault, data)

    def put(self, name, data):
        if self._asked("put", name) == "loses":
            return True
        there = os.path.exists(self._path(name))
        os.makedirs(os.path.dirname(self._path(name)), exist_ok=True)
        with open(self._path(name), "wb") as file:
            file.write(data)
        return not there

    def names(self, prefix):
        self._asked("names", prefix)
        for folder, _, files in os.walk(self._path(prefix)):
            for name in files:
                path = os.path.join(folder, name)
                yield os.path.relpath(path, self.root), os.stat(path).st_mtime

    def delete(self, names):
        for name in names:
            self._asked("delete", name)
            if os.path.exists(self._path(name)):
                os.unlink(self._path(name))
'''

TASKS = """
from pathlib import Path
from taskdisc import Gather, axis, task

k = axis(range(5))

def base():
    return list(range(10))

def part(base, k: int):
    return [base[k]] * 50_000

@task(outputs=("low", "high"))
def ends(part: Gather):
    return min(map(len, part.values())), "x" * 50_000

def report(ends, part: Gather, task_dir: Path) -> Path:
    (task_dir / "report").mkdir()
    (task_dir / "report" / "a.txt").write_text(f"{ends['low']} {len(part)}")
    return task_dir / "report"
"""
EVERYTHING = ["base", "ends", *(f"part[k={k}]" for k in range(5)), "report"]


class Shelf:
    """The shared folder, and what is wrong with it."""

    def __init__(self, path):
        self.path = path
        path.mkdir()

    @property
    def requests(self):
        try:
            return (self.path / "requests").read_text().splitlines()
        except FileNotFoundError:
            return []

    def forget_requests(self):
        (self.path / "requests").unlink(missing_ok=True)

    def fails(self, *faults):
        (self.path / "faults").write_text(json.dumps(faults))

    def files(self, folder):
        return sorted(path for path in (self.path / folder).rglob("*") if path.is_file())


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "shelf")


@pytest.fixture
def member(shelf, tmp_path):
    """Return what makes another member of the team: a project of its own, with the same tasks."""
    from taskdisc.testing import Project

    def make(name, extra="", tasks=TASKS):
        made = Project(tmp_path / name, tmp_path / f"{name}.outcomes")
        made.path.mkdir()
        configured = f'[tool.taskdisc]\nworkers = 2\nplugins = ["shelves"]\nshared = "shelf://{shelf.path}"\n{extra}'
        made.write({"pyproject.toml": configured, "shelves.py": PLUGIN, "tasks_team.py": tasks})
        return made

    return make


def show(member):
    path = member.taskdisc("show", "report").assert_ok().stdout.strip()
    return (member.path / path / "a.txt").read_text()


def test_the_second_computes_nothing(member, shelf):
    ann, bob = member("ann"), member("bob")
    assert ann.run("report").assert_ok().ran == sorted(EVERYTHING)
    done = bob.run("report").assert_ok()
    assert done.ran == []
    assert done.counts == {"cached": 8}
    assert show(bob) == show(ann) == "50000 5"


def test_what_another_has_made_serves_what_is_new_here(member):
    """Values come when a worker opens them; `part` differs here, and `base` is needed for it."""
    member("ann").run("report").assert_ok()
    bob = member("bob", tasks=TASKS.replace("[base[k]] * 50_000", "[base[k] + 1] * 50_000"))
    assert bob.run("part").assert_ok().ran == [f"part[k={k}]" for k in range(5)]


def test_large_values_travel_to_workers(member):
    member("ann").run("report").assert_ok()
    bob = member("bob", tasks=TASKS + "\ndef more(ends, part: Gather):\n    return len(ends['high']) + len(part[4])\n")
    done = bob.run("more").assert_ok()
    assert (done.ran, done.stdout) == (["more"], "100000\n")
