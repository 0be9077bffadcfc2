"""verify, gc and history, and what clear leaves behind: nothing; with exact output."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from taskdisc.testing import Project

MODULE = """
    from taskdisc import Gather, axis
    from helpers import tidy
    k = axis(1, 2)

    def words(k):
        print("words", k)
        return [" ada"] * k

    def large(words):
        return bytes(100_000) + str(words).encode()

    def tidied(words): return [tidy(word) for word in words]

    def page(tidied, task_dir):
        path = task_dir / "page.txt"
        path.write_text(str(tidied))
        return path

    def total(tidied: Gather[list], large: Gather, page: Gather): return len(tidied)
"""
HELPERS = "def tidy(word): return word.strip()"
THEN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  \d+\.\d\d s")
HOURS = 3600.0


@pytest.fixture
def kept(project: Project) -> Project:
    """A project of which everything was computed once."""
    project.write(tasks_x=MODULE, helpers=HELPERS)
    project.run().assert_ok()
    return project


def store(project: Project) -> Path:
    return project.path / ".taskdisc"


def edited(project: Project, code: str) -> Project:
    project.write(helpers=f"def tidy(word): return {code}")
    project.run().assert_ok()
    return project


def said(project: Project, *command: str, exit_code: int = 0) -> tuple[str, str]:
    result = project.taskdisc(*command)
    assert result.exit_code == exit_code, result
    return result.stdout, result.stderr


def objects(project: Project) -> list[Path]:
    """What is an object alone, and not a file result's second name."""
    found = (store(project) / "objects").rglob("*")
    return sorted(path for path in found if path.is_file() and path.stat().st_nlink == 1)


def query(project: Project, statement: str) -> list[tuple[object, ...]]:
    index = sqlite3.connect(store(project) / "index.sqlite")
    try:
        rows = index.execute(statement).fetchall()
        index.commit()
        return rows
    finally:
        index.close()


def files_of(project: Project, folder: str) -> int:
    return sum(path.is_file() for path in (store(project) / folder).rglob("*"))


def age(project: Project, seconds: float) -> None:
    """Let everything that is kept have been made earlier."""
    query(project, f"update artifact set started = started - {seconds}")
    query(project, f"update run set started = started - {seconds}")
    for path in store(project).rglob("*"):
        os.utime(path, (time.time() - seconds,) * 2)


# verify


def test_verify_of_what_is_whole(kept: Project) -> None:
    out, err = said(kept, "verify")
    assert out == ""
    assert re.fullmatch(r"read 9 results \(200\.\d kB\)\n", err)


def test_verify_without_a_store(project: Project) -> None:
    project.write(tasks_x="def f(): ...")
    assert said(project, "verify") == ("", "nothing is kept yet\n")
    assert said(project, "gc") == ("nothing to remove\n", "")
    assert said(project, "history") == ("", "no run has executed anything yet\n")
    assert said(project, "history", "f") == ("", "nothing is kept of it\n")
    assert not store(project).exists()


def damage_flipped(path: Path) -> str:
    data = bytearray(path.read_bytes())
    data[50_000] ^= 1
    path.write_bytes(data)
    return "is damaged"


def damage_truncated(path: Path) -> str:
    path.write_bytes(path.read_bytes()[:-1])
    return "is damaged"


def damage_gone(path: Path) -> str:
    path.unlink()
    return "is gone"


@pytest.mark.parametrize("damage", [damage_flipped, damage_truncated, damage_gone])
def test_verify_takes_bad_objects_out(kept: Project, damage: Callable[[Path], str]) -> None:
    path, whole = objects(kept)
    name, reason = path.parent.name + path.name, damage(path)
    out, err = said(kept, "verify", exit_code=1)
    told = rf"bad: large\[k=\d\]: object {name[:12]} {reason}"
    told += rf"; moved to \.taskdisc/quarantine/{name}-\d+\n" if reason == "is damaged" else "\n"
    assert re.fullmatch(told, out)
    assert err.endswith("1 of them is forgotten, and made again when needed\n")
    assert objects(kept) == [whole]
    assert files_of(kept, "quarantine") == (reason == "is damaged")
    assert said(kept, "verify")[0] == ""
    ran = kept.run().assert_ok().ran
    assert len(ran) == 1 and ran[0].startswith("large")
    assert len(objects(kept)) == 2


def test_verify_reads_objects_of_which_it_has_a_seal(kept: Project) -> None:
    """Whoever changes a file and sets its times back has not fooled `verify`."""
    path = objects(kept)[0]
    times = path.stat()
    damage_flipped(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "is damaged" in said(kept, "verify", exit_code=1)[0]


def test_verify_finds_damaged_small_values(kept: Project) -> None:
    query(
        kept,
        "update artifact set payload = zeroblob(length(payload)) where family = (select min(family) from artifact)",
    )
    out, _ = said(kept, "verify", exit_code=1)
    assert sorted(out.splitlines()) == [f"bad: words[k={k}]: its value is damaged in the index" for k in (1, 2)]
    assert kept.run().assert_ok().ran == ["words[k=1]", "words[k=2]"]
    assert said(kept, "verify")[0] == ""


def test_verify_finds_changed_and_missing_files(kept: Project) -> None:
    first, second = sorted((store(kept) / "dirs").rglob("page.txt"))
    for path in (first, second):
        path.parent.chmod(0o700)
        path.chmod(0o600)
    first.write_text("[]")
    second.unlink()
    out, _ = said(kept, "verify", exit_code=1)
    assert sorted(line.partition("page.txt ")[2] for line in out.splitlines()) == ["has changed", "is gone; put back"]
    assert all(line.startswith("bad: page[k=") for line in out.splitlines())
    assert second.exists()
    assert len(kept.run().assert_ok().ran) == 1
    assert said(kept, "verify")[0] == ""


def test_verify_finds_the_second_copies_of_files(kept: Project) -> None:
    """What one of the two has lost, the other has; what both have lost is made again."""
    first, second = sorted((store(kept) / "dirs").rglob("page.txt"))
    for path in (first, second):
        copy = next(each for each in (store(kept) / "objects").rglob("*") if each.is_file() and each.samefile(path))
        copy.unlink()
    second.unlink()
    lines = said(kept, "verify", exit_code=1)[0].splitlines()
    assert len(lines) == 2
    assert any(re.fullmatch(r"bad: page\[k=\d\]: object \w{12} is gone; kept again from .*page.txt", s) for s in lines)
    assert any(re.fullmatch(r"bad: page\[k=\d\]: file .*page.txt is gone", s) for s in lines)
    assert first.stat().st_nlink == 2
    assert len(kept.run().assert_ok().ran) == 1
    assert said(kept, "verify")[0] == ""


def test_verify_of_files_elsewhere(project: Project) -> None:
    """They belong to the user, who may change them."""
    project.write(
        tasks_x="from pathlib import Path\ndef f():\n    Path('x.txt').write_text('x')\n    return Path('x.txt')"
    )
    project.run().assert_ok()
    project.write({"x.txt": "y"})
    out, err = said(project, "verify")
    assert out == "" and err.endswith("1 result out of date: files outside of the store have changed since\n")


def test_verify_of_targets_reads_these_alone(kept: Project) -> None:
    for path in objects(kept):
        damage_flipped(path)
    out, err = said(kept, "verify", "words", "page[k=1]")
    assert out == "" and err.startswith("read 3 results (")
    assert said(kept, "verify", "large[k=1]", exit_code=1)[0].startswith("bad: large[k=1]: object ")
    assert said(kept, "verify", exit_code=1)[0].startswith("bad: large[k=2]: object ")


def test_verify_reads_objects_that_no_result_refers_to(kept: Project) -> None:
    stray = store(kept) / "objects" / "ab" / ("c" * 62)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"x")
    assert said(kept, "verify", exit_code=1)[0].startswith("bad: object abcccccccccc is damaged; moved to ")


def test_verify_of_parts(project: Project) -> None:
    project.write(
        tasks_x="""
        from taskdisc import task
        @task(outputs=("a", "b"))
        def f(): return 1, bytes(100_000)
        """
    )
    project.run().assert_ok()
    damage_flipped(objects(project)[0])
    assert said(project, "verify", exit_code=1)[0].startswith("bad: f: object ")
    project.run().assert_ok()
    query(project, "delete from part where number = 0")
    assert said(project, "verify", exit_code=1)[0] == "bad: f: its value, or a part of it, is gone from the index\n"


def test_verify_of_a_task_that_is_gone(kept: Project) -> None:
    kept.write(tasks_x="def other(): ...")
    for path in objects(kept):
        damage_flipped(path)
    lines = said(kept, "verify", exit_code=1)[0].splitlines()
    assert len(lines) == 2 and all(line.startswith("bad: tasks_x.py::large[k=") for line in lines)


# gc


def test_gc_of_what_is_needed_removes_nothing(kept: Project) -> None:
    assert said(kept, "gc") == ("nothing to remove\n", "")
    assert kept.run().assert_ok().ran == []


def test_gc_removes_what_nothing_refers_to(kept: Project) -> None:
    for name in ("dirs/1/77.1", "dirs/99/0.1", "jobs/3.1-abc", "objects/ab"):
        (store(kept) / name).mkdir(parents=True, exist_ok=True)
    for name in ("logs/1/77.1.out", "dirs/1/77.1/x", "objects/ab/c.1-ff.tmp", "objects/ab/" + "c" * 62):
        (store(kept) / name).write_bytes(b"12345")
        os.utime(store(kept) / name, (time.time() - HOURS,) * 2)
    before = kept.run().assert_ok().ran
    assert said(kept, "gc", "-n") == ("would remove 1 object, 3 folders, 1 file: 20 bytes\n", "")
    assert said(kept, "gc") == ("removed 1 object, 3 folders, 1 file: 20 bytes\n", "")
    assert said(kept, "gc") == ("nothing to remove\n", "")
    assert not (store(kept) / "dirs/99").exists()
    assert kept.run().assert_ok().ran == before == []
    assert said(kept, "verify")[0] == ""


def test_gc_keep_latest(kept: Project) -> None:
    edited(kept, "word.strip() * 2")
    edited(kept, "word.strip() * 3")
    assert said(kept, "gc", "--keep-latest", "2", "-n")[0].startswith(
        "would remove 5 results, 2 objects, 2 folders: 21 bytes\n"
    )
    assert said(kept, "gc", "--keep-latest")[0].startswith("removed 10 results, 4 objects, 4 folders: 51 bytes\n")
    assert kept.run().assert_ok().ran == []
    assert files_of(kept, "dirs") == 2
    assert len(edited(kept, "word.strip() * 2").run().assert_ok().ran) == 0
    assert said(kept, "verify")[0] == ""


def test_gc_older_than(kept: Project) -> None:
    age(kept, 48 * HOURS)
    edited(kept, "word.strip() * 2")
    assert said(kept, "gc", "--older-than", "3d")[0] == "nothing to remove\n"
    assert said(kept, "gc", "--older-than", "1d", "--keep-latest", "-n")[0].startswith("would remove 5 results")
    assert said(kept, "gc", "--older-than", "1d")[0].startswith(
        "removed 9 results, 4 objects, 2 folders, 2 files: 200."
    )
    assert kept.run().assert_ok().ran == ["large[k=1]", "large[k=2]", "words[k=1]", "words[k=2]"]


def test_gc_max_size(kept: Project) -> None:
    assert said(kept, "gc", "--max-size", "1MB")[0] == "nothing to remove\n"
    removed = said(kept, "gc", "--max-size", "150KB")[0]
    assert re.match(r"removed \d results, \d objects?, ", removed)
    assert len(objects(kept)) == 1
    kept.run().assert_ok()
    assert said(kept, "gc", "--max-size", "0", "--keep-latest")[0] == "nothing to remove\n"
    assert said(kept, "gc", "--max-size", "0")[0].startswith("removed 9 results, 4 objects, 2 folders, 2 files: ")
    assert (objects(kept), files_of(kept, "dirs"), files_of(kept, "logs")) == ([], 0, 0)


def test_gc_keeps_a_folder_that_another_result_names(project: Project) -> None:
    project.write(
        tasks_x="""
        def first(task_dir):
            (task_dir / "x.txt").write_text("x")
            return task_dir / "x.txt"
        def second(first): return [first]
        """
    )
    project.run().assert_ok()
    said(project, "clear", "first")
    said(project, "gc")
    assert said(project, "verify", "second")[0] == ""
    assert project.run("second").assert_ok().ran == ["first"]


def test_gc_bounds_what_the_index_keeps(project: Project) -> None:
    for number in range(3):
        project.write(
            tasks_x=f"""
            from taskdisc import file
            x = file('x.txt')
            def f(x):
                print(1)
                return 1 / 0 + {number}
            """
        )
        project.write({"x.txt": str(number)})
        age_of_file = time.time() - HOURS
        os.utime(project.path / "x.txt", (age_of_file, age_of_file))
        assert project.run().exit_code == 1
    assert query(project, "select count(*) from failure") == [(3,)]
    assert said(project, "gc")[0] == "removed 2 files: 4 bytes\n"
    tables = ("failure", "source", "family", "part_text", "run")
    counts = {
        table: query(project, f"select count(*) from {table} where {'id' if table == 'family' else 1} != 0")[0][0]
        for table in tables
    }
    assert counts == {"failure": 1, "source": 1, "family": 0, "part_text": 0, "run": 3}
    assert "1 failed last time" in said(project, "status")[0]
    project.write(tasks_x="from taskdisc import file\nx = file('x.txt')\ndef f(x): return 1")
    project.run().assert_ok()
    assert said(project, "gc")[0] == "removed 1 file: 2 bytes\n"
    assert query(project, "select count(*) from failure") == [(0,)]
    assert query(project, "select count(*) from part_text") == [(1,)]


def test_numbers_of_results_are_never_given_twice(project: Project) -> None:
    """A run may still hold the number of a result that was cleared."""
    project.write(tasks_x="def f(): return 1")
    project.run().assert_ok()
    said(project, "clear", "f")
    project.run().assert_ok()
    assert query(project, "select max(id) from artifact") == [(2,)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--older-than", "30"], "--older-than takes a duration such as 90s, 10m, 2h, 30d or 4w, not '30'."),
        (["--older-than", "d"], "--older-than takes a duration such as 90s, 10m, 2h, 30d or 4w, not 'd'."),
        (["--max-size", "big"], "--max-size takes a size such as 500KB, 800MB or 10GB, not 'big'."),
        (["--max-size", "-1GB"], "--max-size takes a size such as 500KB, 800MB or 10GB, not '-1GB'."),
    ],
)
def test_mistakes(project: Project, options: list[str], message: str) -> None:
    project.write(tasks_x="def f(): ...")
    assert said(project, "gc", *options, exit_code=4) == ("", f"error: {message}\n")


# history


def test_history_of_runs(kept: Project) -> None:
    edited(kept, "word.strip() * 2")
    kept.write(helpers="def tidy(word): return 1 / 0")
    assert kept.run("tidied[k=1]").exit_code == 1
    out, _ = said(kept, "history")
    assert THEN.sub("then", out) == (
        "run 3  then  1 failed, 1 cached     tidied[k=1]\n"
        "run 2  then  5 succeeded, 4 cached  (all)\n"
        "run 1  then  9 succeeded            (all)\n"
    )
    assert said(kept, "history", "-n", "1")[0].count("\n") == 1


def test_history_tells_of_a_run_that_was_killed(kept: Project) -> None:
    query(kept, "update run set seconds = null, counts = null, started = started - 3600")
    assert said(kept, "history")[0].endswith("did not come to its end  (all)\n")


def test_history_of_a_task(kept: Project) -> None:
    edited(kept, "word.strip() * 2")
    kept.run("tidied[k=1]", "-p", "k=1").assert_ok()
    said(kept, "clear", "words[k=2]")
    kept.write(tasks_x=MODULE.replace('" ada"', '"Bob"'))
    kept.run().assert_ok()
    out, _ = said(kept, "history", "tidied[k=1]")
    digest = re.compile(r"digest [0-9a-f]{12}")
    assert digest.sub("digest", THEN.sub("then", out)) == (
        "tidied[k=1]\n"
        "    run 3  then  digest\n        input words has changed\n        another result\n"
        "    run 2  then  digest\n        code: helpers.tidy has changed\n        another result\n"
        "    run 1  then  digest\n"
    )
    assert said(kept, "history", "tidied", "-n", "1")[0].count("run 3") == 2


def test_history_of_a_result_that_was_made_again(project: Project) -> None:
    project.write(
        tasks_x="from pathlib import Path\ndef f(s: int = 1):\n    Path('x').write_text('x')\n    return Path('x')"
    )
    project.run().assert_ok()
    (project.path / "x").unlink()
    project.run().assert_ok()
    project.run("f", "-p", "s=2").assert_ok()
    lines = [line.strip() for line in said(project, "history", "f")[0].splitlines() if line.startswith(" " * 8)]
    assert lines == ["setting s: 1 -> 2", "an equal result", "made again", "an equal result"]


# clear


def test_clear_leaves_nothing_behind(kept: Project) -> None:
    assert said(kept, "clear", "--all")[1] == "cleared 9 results\n"
    assert (objects(kept), files_of(kept, "dirs"), files_of(kept, "logs")) == ([], 0, 0)
    assert said(kept, "verify") == ("", "read 0 results (0 bytes)\n")


def test_clear_forgets_failures(project: Project) -> None:
    project.write(tasks_x="def f():\n    print(1)\n    return 1 / 0")
    assert project.run().exit_code == 1
    assert said(project, "clear", "f") == ("", "cleared 0 results\n")
    assert said(project, "status")[0] == "f  1 to run\n"
    assert said(project, "gc")[0] == "removed 1 file: 2 bytes\n"


def test_clear_of_everything_includes_tasks_that_are_gone(kept: Project) -> None:
    kept.write(tasks_x="def other(): ...")
    out, err = said(kept, "clear", "--all")
    assert err == "cleared 9 results\n" and "cleared tasks_x.py::total\n" in out


def test_clear_keeps_an_object_that_another_result_has(project: Project) -> None:
    project.write(tasks_x="def f(): return bytes(100_000)\ndef g(): return bytes(100_000)")
    project.run().assert_ok()
    assert len(objects(project)) == 1
    said(project, "clear", "f")
    assert project.run().assert_ok().ran == ["f"]
    said(project, "clear", "f", "g")
    assert objects(project) == []
