"""Where the store lies: read-only, on a full disk, somebody else's; and what it never does."""

from __future__ import annotations

import os
import pickle
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskdisc.store.inline import checked
from tests.projects import Folder

TASKS = """
from taskdisc import Gather, axis

n = axis(range(3))

def large(n):
    return bytes([n]) * {size}

def noisy(large):
    print("x" * {output})
    return len(large)

def total(noisy: Gather[int]):
    return sum(noisy.values())
"""
LOOKING = [["status"], ["list"], ["explain", "total"], ["logs", "total"], ["show", "total"], ["run", "-n", "total"]]


def project(root: Path, size: int = 100_000, output: int = 3) -> Folder:
    folder = Folder(root)
    folder.write({"tasks_x.py": TASKS.format(size=size, output=output)})
    return folder


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A folder to mount something on; what is mounted is gone afterwards."""
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "none", str(tmp_path)], check=False).returncode:
        pytest.fail("mounting takes root, in a container with CAP_SYS_ADMIN")
    subprocess.run(["umount", str(tmp_path)], check=True)
    place = tmp_path / "mounted"
    place.mkdir()
    yield place
    while not subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode:
        pass


# Read-only


def test_a_read_only_store_serves_all_that_need_not_write(tmp_path: Path, mounted: Path) -> None:
    folder, store = project(tmp_path), str(mounted)
    assert folder.command("run", "total", "--store", store).out == "300000\n"
    mount("--bind", store, store)
    mount("-o", "remount,ro,bind", store)
    for command in [*LOOKING, ["run", "total"], ["run"]]:
        ended = folder.command(*command, "--store", store)
        assert ended.code == 0, (command, ended.err)
    assert folder.command("run", "total", "--store", store).out == "300000\n"
    for command in (["run", "total", "-p", "n=1,2"], ["clear", "--all"]):
        ended = folder.command(*command, "--store", store)
        assert (ended.code, ended.err.count("\n")) == (4, 1)
        if command[0] == "run":
            assert ended.err == f"error: the store {store} can only be read. Use another one: --store DIR\n"
    empty = folder.command("run", "total", "--store", f"{store}/new")
    assert (empty.code, empty.err.count("\n")) == (4, 1)


def test_a_read_only_store_of_a_run_that_was_killed(tmp_path: Path, mounted: Path) -> None:
    """What only the write-ahead log has counts, too."""
    folder, store = project(tmp_path), str(mounted)
    assert folder.command("run", "total", "--store", store).out == "300000\n"
    index = sqlite3.connect(mounted / "index.sqlite", isolation_level=None)
    index.execute("insert into run (started, command) values (1, 'x')")
    assert (mounted / "index.sqlite-wal").stat().st_size
    mount("--bind", store, store)
    mount("-o", "remount,ro,bind", store)
    ended = folder.command("run", "total", "--store", store)
    assert (ended.code, ended.out) == (0, "300000\n"), ended.err
    subprocess.run(["umount", store], check=True)
    index.close()


# A full disk


@pytest.mark.parametrize("kilobytes", [16, 100, 200, 300, 400, 600, 1000])
@pytest.mark.parametrize("output", [3, 200_000])
def test_a_full_disk_loses_nothing_that_was_reported(
    tmp_path: Path, mounted: Path, kilobytes: int, output: int
) -> None:
    """Wherever the disk is full: in the index, an object or a log."""
    mount("-t", "tmpfs", "-o", f"size={kilobytes}k,mode=700", "tmpfs", str(mounted))
    folder = project(tmp_path, output=output)
    ended = folder.command("run", "total", "--store", str(mounted), "-j", "1")
    reported = set(ended.executed)
    assert ended.code in (0, 1, 4)
    assert "Traceback" not in ended.err
    assert "a bug in taskdisc" not in ended.err
    if ended.code:
        assert "No space left on device" in ended.err or "full" in ended.err or "disk I/O error" in ended.err, ended.err
    mount("-o", "remount,size=10m", str(mounted))
    ended = folder.command("run", "total", "--store", str(mounted))
    assert (ended.code, ended.out) == (0, "300000\n"), ended.err
    assert reported.isdisjoint(ended.executed)


# Whose it is


def test_the_store_is_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = project(tmp_path)
        assert folder.command("run", "total").code == 0
    finally:
        os.umask(before)
    store = tmp_path / ".taskdisc"
    index = [path for path in store.iterdir() if path.name.startswith("index")]
    assert stat.S_IMODE(store.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in index] == [0o600] * len(index)


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o720])
def test_a_store_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    folder, store = project(tmp_path), tmp_path / ".taskdisc"
    assert folder.run("total").code == 0
    store.chmod(mode)
    for command in [*LOOKING, ["run", "total"], ["clear", "--all"]]:
        ended = folder.command(*command)
        assert ended.code == 4
        assert ended.err == (
            f"error: the store {store} can be written by others, and what is kept there could run their code. "
            f"If you trust them: trust_store = true in [tool.taskdisc], or TASKDISC_TRUST_STORE=true. "
            f"Otherwise: chmod go-w {store}\n"
        )
    folder.write({"pyproject.toml": "[tool.taskdisc]\ntrust_store = true\n"})
    assert folder.run("total").out == "300000\n"
    folder.write({"pyproject.toml": "[tool.taskdisc]\n"})
    store.chmod(0o755)
    assert folder.run("total").out == "300000\n"


def test_a_store_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """The process looks like somebody else's; only root could give the folder away."""
    folder = project(tmp_path)
    assert folder.run("total").code == 0
    folder.write({"tasks_watcher.py": ""})
    (tmp_path / "other.py").write_text("import os\nos.geteuid = lambda: 54321\n")
    folder.write({"pyproject.toml": "[tool.taskdisc]\nplugins = ['other']\n"})
    ended = folder.run("total")
    assert ended.code == 4
    assert f"the store {tmp_path / '.taskdisc'} belongs to somebody else" in ended.err


# What never happens


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.system, ("touch exploded",))


def test_commands_that_only_look_never_unpickle(tmp_path: Path) -> None:
    folder = project(tmp_path)
    assert folder.run("total").code == 0
    index = sqlite3.connect(tmp_path / ".taskdisc" / "index.sqlite")
    for number, key, payload in index.execute("select id, key, payload from artifact").fetchall():
        if payload is not None:
            index.execute("update artifact set payload=? where id=?", (checked(key, pickle.dumps(Bomb())), number))
    index.commit()
    index.close()
    looking = [["status"], ["list", "--tree"], ["explain"], ["logs", "noisy", "total"], ["show", "--info", "total"]]
    for command in [*looking, ["show", "--path", "total"], ["run"], ["run", "-n"], ["config"]]:
        ended = folder.command(*command)
        assert ended.code == 0, (command, ended.err)
        assert not (tmp_path / "exploded").exists(), command
    assert folder.command("show", "noisy[n=0]").code == 0
    (tmp_path / "exploded").unlink()
    assert folder.command("clear", "--all").code == 0
    assert not (tmp_path / "exploded").exists()


def test_names_never_become_paths(tmp_path: Path) -> None:
    """Labels, settings and coordinates are anybody's text; what is written below the store is not called after them."""
    folder = Folder(tmp_path)
    folder.write(
        {
            "tasks_x.py": """
from pathlib import Path
from taskdisc import axis

name = axis("../../../escaped", "/etc/escaped", "a/b", "$(touch escaped)", "x\\ny", "..", "")

def large(name: str, task_dir: Path, setting: str = "../../escaped"):
    print(name)
    (task_dir / "x").write_text(name)
    return [name * 10_000 + "x" * 20_000, task_dir / "x"]
"""
        }
    )
    ended = folder.run("large", executor="process")
    assert ended.code == 0, ended.err
    assert folder.command("logs", "large").code == 0
    assert folder.command("clear", "large").code == 0
    names = [path.name for path in (tmp_path / ".taskdisc").rglob("*")]
    assert not [name for name in names if "escaped" in name or "touch" in name]
    assert not list(tmp_path.parent.rglob("escaped"))
