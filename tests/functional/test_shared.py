"""A store that a team shares: projects in folders without a common store exchange results through it."""

import json
import pickle
import zlib
from base64 import b64encode

import pytest

# A remote in a folder, written by a plugin; the file `faults` says what is wrong with it, `requests` what was asked.
PLUGIN = """
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
"""

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
    assert bob.taskdisc("verify").assert_ok().stdout == ""  # values that have not come are not lost
    assert bob.taskdisc("gc").assert_ok().stdout == "nothing to remove\n"
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


def test_ten_thousand_known_results_cost_a_few_requests(member, shelf):
    tasks = "from taskdisc import axis, Gather\nk = axis(range(10_000))\ndef f(k: int): return k\n"
    tasks += "def total(f: Gather[int]): return sum(f.values())\n"
    member("ann", tasks=tasks).run("total").assert_ok()
    shelf.forget_requests()
    bob = member("bob", tasks=tasks)
    assert bob.run("total").assert_ok().counts == {"cached": 10_001}
    assert len(shelf.requests) <= 10, shelf.requests
    shelf.forget_requests()
    assert bob.run("total").assert_ok().counts == {"cached": 10_001}
    assert shelf.requests == []


@pytest.mark.parametrize("fault", ["torn", "lies", "lost"])
@pytest.mark.parametrize("what", ["records/", "objects/"])
def test_a_bad_remote_never_gives_a_wrong_answer(member, shelf, fault, what):
    member("ann").run("report").assert_ok()
    shelf.fails({"on": "get", "name": what, "is": fault})
    bob = member("bob")
    bob.run("report").assert_ok()
    assert show(bob) == "50000 5"
    if what == "records/":
        assert bob.run("report").assert_ok().ran == []


def test_a_manifest_with_other_values_is_not_believed(member, shelf):
    """It could be read, and what it says could be used: only its name tells."""
    member("ann").run("base").assert_ok()
    (path,) = shelf.files("records")
    content = json.loads(zlib.decompress(path.read_bytes()))
    for row in content[-1]:
        row[9][1] = b64encode(pickle.dumps([666])).decode()
    path.write_bytes(zlib.compress(json.dumps(content).encode()))
    done = member("bob").run("base").assert_ok()
    assert (done.ran, done.stdout) == (["base"], "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n")


@pytest.mark.parametrize("what", ["records/", "objects/"])
def test_what_is_damaged_there_is_mended_by_the_next_who_makes_it(member, shelf, what):
    member("ann").run("report").assert_ok()
    for path in shelf.files(what):
        path.write_bytes(b"damage" + path.read_bytes())
    member("bob").run("report", "ends", "part").assert_ok()
    done = member("cy").run("report", "ends", "part").assert_ok()
    assert done.ran == []


def test_a_remote_that_loses_what_it_took(member, shelf):
    shelf.fails({"on": "put", "name": "objects/", "is": "loses"})
    member("ann").run("report").assert_ok()
    assert shelf.files("objects") == []
    shelf.fails()
    bob = member("bob")
    bob.run("report").assert_ok()
    assert show(bob) == "50000 5"


def test_a_remote_that_is_down_costs_time_alone(member, shelf):
    shelf.fails({"on": "any", "is": "down"})
    ann = member("ann")
    done = ann.run("base", "report").assert_ok()
    assert done.ran == sorted(EVERYTHING)
    assert done.stderr.count("warning: ") == 2, done
    assert (
        "warning: what is missing is made here, since the team's store is out of reach: the shelf cannot be reached\n"
        "warning: 8 results were not shared, which `taskdisc push` does later: the shelf cannot be reached\n"
    ) in done.stderr
    failed = ann.taskdisc("push")
    assert (failed.exit_code, failed.stderr) == (1, "error: sent 0 results, and no more: the shelf cannot be reached\n")
    shelf.fails()
    assert ann.taskdisc("push").assert_ok().stdout.startswith("sent 8 results, 7 objects: ")
    assert ann.taskdisc("push").assert_ok().stdout == "nothing to send\n"
    assert member("bob").run("report").assert_ok().ran == []


def test_a_network_that_fails_in_the_middle(member, shelf):
    """The manifests came, the values do not: what is needed is made again."""
    member("ann").run("report").assert_ok()
    shelf.fails({"on": "get", "name": "objects/", "is": "down"})
    bob = member("bob", tasks=TASKS + "\ndef more(ends, part: Gather):\n    return len(ends['high']) + len(part[4])\n")
    assert bob.run("more").assert_ok().stdout == "100000\n"


@pytest.mark.parametrize("fault", ["down", "lost"])
def test_inputs_that_do_not_come_are_made_at_once(member, shelf, fault):
    """A job meets one of them after the other; while the remote is down, all are out of reach."""
    tasks = TASKS.replace("range(5)", "range(10)")
    member("ann", tasks=tasks).run("part").assert_ok()
    shelf.fails({"on": "get", "name": "objects/", "is": fault})
    more = "def more(part: Gather):\n    open('begun', 'a').write('!')\n    return sum(map(len, part.values()))\n"
    bob = member("bob", tasks=f"{tasks}\n{more}")
    done = bob.run("more", "-j", "1").assert_ok()
    assert done.ran == ["more", *(f"part[k={k}]" for k in range(10))]
    assert len(bob.read("begun")) == (2 if fault == "down" else 11)


def test_a_remote_that_refuses_is_an_error(member, shelf):
    shelf.fails({"on": "names", "is": "refused"})
    done = member("ann").run("report")
    assert (done.exit_code, done.stderr) == (4, "error: the shelf is not yours. Ask for it.\n")


def test_a_remote_that_takes_nothing(member, shelf):
    shelf.fails({"on": "put", "is": "refused"})
    ann = member("ann")
    assert (
        "1 result was not shared, which `taskdisc push` does later: the shelf is not yours. Ask for it.\n"
        in ann.run("base").assert_ok().stderr
    )


def test_read_only(member, shelf):
    member("ann").run("base").assert_ok()
    shelf.forget_requests()
    bob = member("bob", "shared_read_only = true\n")
    assert bob.run("report").assert_ok().ran == sorted(set(EVERYTHING) - {"base"})
    assert {request.split()[0] for request in shelf.requests} == {"names", "get"}
    failed = bob.taskdisc("push")
    assert failed.exit_code == 4
    assert failed.stderr == (
        "error: nothing is sent to the shared store: shared_read_only = true. Change that to push.\n"
    )


def test_pull_takes_values_too(member, shelf):
    member("ann").run("report").assert_ok()
    bob = member("bob")
    assert bob.taskdisc("pull", "report").assert_ok().stdout.startswith("took 8 results, 7 objects: ")
    assert bob.taskdisc("pull").assert_ok().stdout == "nothing to take\n"
    assert bob.taskdisc("verify").exit_code == 0
    shelf.fails({"on": "any", "is": "down"})
    done = bob.run("report").assert_ok()
    assert (done.ran, done.stderr.count("warning")) == ([], 0)
    assert len(bob.taskdisc("show", "part[k=3]").assert_ok().stdout) > 50_000
    assert show(bob) == "50000 5"


def test_gc_of_the_team_goes_by_age(member, shelf):
    import os

    ann = member("ann")
    ann.run("report").assert_ok()
    (ann.path / "tasks_more.py").write_text("def long(): return 'y' * 50_000\n")
    for path in shelf.files("objects") + shelf.files("records"):
        os.utime(path, (10**9, 10**9))
    ann.run("long").assert_ok()
    rehearsed = ann.taskdisc("gc", "--shared", "--older-than", "1d", "-n").assert_ok().stdout
    assert rehearsed == "would remove 4 manifests, 7 objects\n"
    assert ann.taskdisc("gc", "--shared", "--older-than", "1d").assert_ok().stdout == rehearsed.replace(
        "would remove", "removed"
    )
    assert ann.taskdisc("gc", "--shared", "--older-than", "1d").assert_ok().stdout == "nothing to remove\n"
    assert (len(shelf.files("records")), len(shelf.files("objects"))) == (1, 1)
    assert ann.taskdisc("gc", "--shared").exit_code == 4


def test_an_expired_result_of_another_is_made_again(member, shelf):
    tasks = (
        "from taskdisc import task\n@task(expires='1s')\ndef now(): return 1\n@task(expires='1d')\ndef day(): return 2"
    )
    ann, bob = member("ann", tasks=tasks), member("bob", tasks=tasks)
    ann.run().assert_ok()
    age(shelf, ann)
    assert bob.run().assert_ok().ran == ["now"]


def age(shelf, member):
    """Have the results of a member be older, and be shared so."""
    import shutil
    import sqlite3

    shutil.rmtree(shelf.path / "records")
    with sqlite3.connect(member.path / ".taskdisc" / "index.sqlite") as index:
        index.execute("update artifact set started = started - 100")
        index.execute("delete from shared_result")
    index.close()
    member.taskdisc("push").assert_ok()


def test_nobody_knows_the_scheme(member):
    ann = member("ann")
    ann.write({"pyproject.toml": '[tool.taskdisc]\nshared = "shelve:///x"\nplugins = ["shelves"]\nautoload = false\n'})
    done = ann.run("base")
    assert done.exit_code == 4
    assert done.stderr == (
        "error: shared = 'shelve:///x': no plugin supplies remotes for shelve://. There are shelf://. "
        "For S3, Google and Azure: pip install taskdisc-s3\n"
    )


def test_off(member, shelf):
    ann = member("ann")
    ann.environment["TASKDISC_SHARED"] = "off"
    ann.run("base").assert_ok()
    assert shelf.requests == []
    done = ann.taskdisc("push")
    assert (done.exit_code, done.stderr) == (
        4,
        'error: no store is shared: write shared = "s3://bucket/project" in [tool.taskdisc].\n',
    )


def test_a_file_elsewhere_is_not_shared(member, shelf):
    tasks = "from pathlib import Path\ndef out():\n    Path('out.txt').write_text('1')\n    return Path('out.txt')\n"
    member("ann", tasks=tasks).run("out").assert_ok()
    assert shelf.files("records") == []
    assert member("bob", tasks=tasks).run("out").assert_ok().ran == ["out"]


def test_values_that_are_not_kept(member):
    tasks = TASKS.replace("def base():", "@task(keep=False)\ndef base():")
    member("ann", tasks=tasks).run("report").assert_ok()
    assert member("bob", tasks=tasks).run("report").assert_ok().ran == []


@pytest.mark.parametrize("executor", ["inline", "command"])
def test_other_executors(member, executor):
    member("ann").run("report").assert_ok()
    bob = member("bob", tasks=TASKS + "\ndef more(part: Gather):\n    return len(part[4])\n")
    assert bob.run("more", "--executor", executor).assert_ok().ran == ["more"]


def test_a_forced_run_shares_what_it_makes(member, shelf):
    ann = member("ann")
    ann.run("base").assert_ok()
    assert ann.run("base", "-f").assert_ok().ran == ["base"]
    assert len(shelf.files("records")) == 2


def test_results_go_out_while_the_run_goes_on(member, shelf):
    tasks = f"""
import os, time

def first():
    return 1

def second(first):
    deadline = time.monotonic() + 30
    while not os.path.exists({str(shelf.path / "records")!r}) and time.monotonic() < deadline:
        time.sleep(0.01)
    return os.path.exists({str(shelf.path / "records")!r})
"""
    ann = member("ann", tasks=tasks)
    ann.write({"shelves.py": "import taskdisc.shared.outbox as outbox\noutbox.EVERY = 0.0\n" + PLUGIN})
    ann.write({"watch.py": "def taskdisc_run_started(run):\n    run.tick = 0.05\n"})
    ann.write({"pyproject.toml": ann.read("pyproject.toml").replace('"shelves"', '"shelves", "watch"')})
    assert ann.run("second").assert_ok().stdout == "True\n"


def test_an_interrupted_run_leaves_it_to_push(member, shelf):
    tasks = """
import os, signal, time

def first():
    return 1

def ending(first):
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(60)
"""
    ann = member("ann", 'grace = "0s"\n', tasks=tasks)
    done = ann.run("ending")
    assert done.exit_code == 2
    assert "warning: 1 result was not shared, which `taskdisc push` does later\n" in done.stderr
    assert shelf.files("records") == []
    assert ann.taskdisc("push").assert_ok().stdout == "sent 1 result\n"
