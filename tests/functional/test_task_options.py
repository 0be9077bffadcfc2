"""Options of tasks that say which results count, and how they are kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from taskdisc.testing import Project


@contextmanager
def index_of(project: Project) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(project.path / ".taskdisc" / "index.sqlite")
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def make_older(project: Project, seconds: float) -> None:
    """Let all results have been made earlier than they were."""
    with index_of(project) as index:
        index.execute("update artifact set started = started - ?", (seconds,))


def objects(project: Project) -> int:
    return sum(path.is_file() for path in (project.path / ".taskdisc" / "objects").rglob("*"))


# Validation


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("cache=1", "cache takes True or False, not 1."),
        ('keep="no"', "keep takes True or False, not 'no'."),
        ("expires=60", "expires takes a str, not 60."),
        (
            'expires="1y"',
            'expires=\'1y\': a duration is a number and s, m, h, d or w, such as "90s", "10m", "2h", "1d", "1w".',
        ),
        ('compress="zip"', 'compress=\'zip\': it is "zstd", "gzip" or "lz4", with or without a level: "zstd:3".'),
        ('compress="gzip:11"', "compress='gzip:11': the levels of gzip are 0 to 9."),
        ('track="numpy"', "track takes a tuple of str, such as (\"numpy\",), not 'numpy'."),
    ],
)
def test_wrong_values_are_errors_at_collection(project: Project, option: str, message: str) -> None:
    project.write(tasks_x=f"from taskdisc import task\n@task({option})\ndef x(): return 1")
    result = project.run()
    assert result.exit_code == 4
    assert f"tasks_x.py:2: @task: {message}" in result.stderr


def test_wrong_values_in_configuration_are_errors(project: Project) -> None:
    project.write({"pyproject.toml": '[tool.taskdisc.tasks."x*"]\nexpires = "soon"\n'}, tasks_x="def x(): return 1")
    result = project.run()
    assert result.exit_code == 4
    assert "pyproject.toml [tool.taskdisc.tasks.\"x*\"]: expires='soon': a duration is" in result.stderr


# cache

CLOCK = """
    from pathlib import Path
    from taskdisc import task
    @task(cache=False)
    def now(): return Path("now.txt").read_text()
    def seen(now): return now.strip()
"""


def test_cache_false_runs_in_every_run_and_an_equal_result_leaves_dependents_cached(project: Project) -> None:
    project.write({"now.txt": "1"}, tasks_x=CLOCK)
    assert project.run("seen").assert_ok().ran == ["now", "seen"]
    again = project.run("seen").assert_ok()
    assert (again.ran, again.counts) == (["now"], {"succeeded": 1, "cached": 1})
    project.write({"now.txt": "2"})
    changed = project.run("seen").assert_ok()
    assert (changed.ran, changed.stdout) == (["now", "seen"], "2\n")
    project.write({"now.txt": "1"})
    assert project.run("seen").assert_ok().ran == ["now"]
    assert project.run("seen", "-n", "--exit-code").exit_code == 1
    assert project.taskdisc("explain", "now").stdout == "now: run\n    it runs in every run (cache=False)\n"
    assert project.taskdisc("show", "now").assert_ok().stdout == "1\n"


def test_cache_false_runs_once_in_a_run(project: Project) -> None:
    project.write(
        tasks_x="""
            from taskdisc import axis, task
            k = axis(range(5))
            @task(cache=False)
            def now():
                with open("calls.txt", "a") as calls:
                    calls.write(".")
            def user(now, k: int): return k
        """
    )
    for runs in (1, 2):
        project.run("user").assert_ok()
        assert project.read("calls.txt") == "." * runs


# expires


def test_an_expired_result_is_made_again_and_an_equal_one_is_renewed(project: Project) -> None:
    project.write({"now.txt": "1"}, tasks_x=CLOCK.replace("cache=False", 'expires="1d"'))
    assert project.run("seen").assert_ok().ran == ["now", "seen"]
    make_older(project, 86400 - 300)
    assert project.run("seen").assert_ok().ran == []
    make_older(project, 600)
    assert project.taskdisc("show", "now").assert_ok().stdout == "1\n"
    assert project.taskdisc("explain", "now").stdout == "now: run\n    its result has expired (expires='1d')\n"
    assert project.run("seen").assert_ok().ran == ["now"]
    assert project.run("seen").assert_ok().ran == []


def test_expiry_is_no_part_of_the_key(project: Project) -> None:
    project.write({"now.txt": "1"}, tasks_x=CLOCK.replace("cache=False", 'expires="1d"'))
    project.run("seen").assert_ok()
    make_older(project, 100_000)
    project.write(tasks_x=CLOCK.replace("cache=False", 'expires="2d"'))
    assert project.run("seen").assert_ok().ran == []


# keep

PASSING = """
    from taskdisc import Gather, axis, task
    k = axis(1, 2)
    @task(keep=False)
    def big(k: int): return bytes(50_000 * k)
    def size(big): return len(big)
    def total(size: Gather[int]): return sum(size.values())
"""


def test_a_value_that_is_not_kept_goes_and_what_depends_on_it_stays_cached(project: Project) -> None:
    project.write(tasks_x=PASSING)
    first = project.run("total").assert_ok()
    assert (first.stdout, len(first.ran)) == ("150000\n", 5)
    assert objects(project) == 0
    again = project.run("total").assert_ok()
    assert (again.ran, again.counts) == ([], {"cached": 5})
    assert project.taskdisc("status").stdout.splitlines()[0].split() == ["big[k]", "2", "cached"]


def test_a_value_that_is_not_kept_is_made_again_where_it_is_needed(project: Project) -> None:
    project.write(tasks_x=PASSING)
    project.run("total").assert_ok()
    project.write(tasks_x=PASSING.replace("len(big)", "len(big) + k").replace("size(big)", "size(big, k: int)"))
    preview = project.run("total", "-n").assert_ok().stdout.splitlines()
    assert preview == ["run: big[k=1]", "run: big[k=2]", "run: size[k=1]", "run: size[k=2]", "may run: total"]
    assert project.taskdisc("explain", "big").stdout == (
        "big[k=1], big[k=2]: run\n    its value was not kept (keep=False), and is needed\n"
    )
    result = project.run("total").assert_ok()
    assert result.stdout == "150003\n"
    assert result.ran == ["big[k=1]", "big[k=2]", "size[k=1]", "size[k=2]", "total"]
    assert result.counts == {"succeeded": 5}
    assert objects(project) == 0


def test_only_the_values_that_are_needed_are_made_again(project: Project) -> None:
    project.write(tasks_x=PASSING)
    project.run("total").assert_ok()
    project.taskdisc("clear", "size[k=2]").assert_ok()
    result = project.run("total").assert_ok()
    assert result.ran == ["big[k=2]", "size[k=2]"]
    assert result.counts == {"succeeded": 2, "cached": 3}


def test_a_value_that_a_target_names_stays(project: Project) -> None:
    project.write(tasks_x=PASSING)
    project.run("total").assert_ok()
    result = project.run("big[k=1]").assert_ok()
    assert result.ran == ["big[k=1]"]
    assert objects(project) == 1
    assert project.taskdisc("show", "big[k=1]").exit_code == 0
    assert project.taskdisc("show", "big[k=2]").exit_code == 1


def test_a_chain_of_values_that_are_not_kept_is_made_again_from_its_beginning(project: Project) -> None:
    module = """
        from taskdisc import task
        @task(keep=False)
        def a(): return [1] * 20_000
        @task(keep=False, outputs=("left", "right"))
        def b(a): return a[:10_000], a[10_000:]
        def c(left): return len(left)
        def d(right): return len(right)
    """
    project.write(tasks_x=module)
    assert project.run("c", "d").assert_ok().stdout == "c: 10000\nd: 10000\n"
    project.write(tasks_x=module.replace("len(right)", "-len(right)"))
    result = project.run("c", "d").assert_ok()
    assert (result.ran, result.stdout) == (["a", "b", "d"], "c: 10000\nd: -10000\n")
    assert result.counts == {"succeeded": 3, "cached": 1}
    assert objects(project) == 0


def test_values_are_made_again_where_their_task_is_decided_bit_by_bit(project: Project) -> None:
    module = """
        from taskdisc import axis, task
        k = axis(1, 2)
        def first(k: int): return k
        @task(keep=False)
        def big(first): return [first] * 20_000
        def size(big): return len(big)
    """
    project.write(tasks_x=module)
    project.run("size").assert_ok()
    project.taskdisc("clear", "first[k=2]").assert_ok()
    project.write(tasks_x=module.replace("len(big)", "-len(big)"))
    result = project.run("size").assert_ok()
    assert result.ran == ["big[k=1]", "big[k=2]", "first[k=2]", "size[k=1]", "size[k=2]"]
    assert result.counts == {"succeeded": 5, "cached": 1}


def test_a_value_that_was_not_kept_is_no_damage(project: Project) -> None:
    project.write(tasks_x=PASSING)
    project.run("total").assert_ok()
    assert project.taskdisc("verify").exit_code == 0
    assert project.taskdisc("gc").exit_code == 0
    assert project.run("total").assert_ok().ran == []


def test_a_value_is_kept_while_what_needs_it_has_failed(project: Project) -> None:
    module = "from taskdisc import task\n@task(keep=False)\ndef a(): return 1\ndef b(a): return a / {}\n"
    project.write(tasks_x=module.format(0))
    assert project.run("b").exit_code == 1
    project.write(tasks_x=module.format(1))
    assert project.run("b").assert_ok().ran == ["b"]


def test_a_value_that_cannot_be_made_again_blocks_what_needs_it(project: Project) -> None:
    module = """
        from pathlib import Path
        from taskdisc import Gather, axis, task
        k = axis(1, 2)
        @task(keep=False)
        def a(k: int): return int(Path("a.txt").read_text())
        def b(a: Gather[int]): return sum(a.values())
    """
    project.write({"a.txt": "3"}, tasks_x=module)
    project.run("b").assert_ok()
    (project.path / "a.txt").unlink()
    project.write(tasks_x=module.replace("sum(", "-sum("))
    result = project.run("b")
    assert result.exit_code == 1
    assert result.counts == {"failed": 2, "blocked": 1}


def test_another_value_than_before_is_what_the_rest_of_the_run_sees(project: Project) -> None:
    module = """
        from pathlib import Path
        from taskdisc import task
        @task(keep=False)
        def a(): return Path("a.txt").read_text()
        def b(a): return a
        def c(a, b): return a + b
    """
    project.write({"a.txt": "x"}, tasks_x=module)
    assert project.run("c").assert_ok().stdout == "xx\n"
    project.write({"a.txt": "y"}, tasks_x=module.replace("a + b", "b + a"))
    project.run("c").assert_ok()
    assert project.run("c").assert_ok().stdout == "yy\n"


def test_a_task_dir_goes_with_a_value_that_is_not_kept_unless_another_result_refers_to_it(project: Project) -> None:
    module = """
        from pathlib import Path
        from taskdisc import task
        @task(keep=False)
        def made(task_dir: Path):
            (task_dir / "x.txt").write_text("hello")
            return task_dir / "x.txt"
        def read(made): return made.read_text()
        def refer(made): return made
    """
    project.write(tasks_x=module)
    project.run("read").assert_ok()
    assert list((project.path / ".taskdisc" / "dirs").rglob("x.txt")) == []
    assert objects(project) == 0
    assert project.run("read", "refer").assert_ok().ran == ["made", "refer"]
    assert len(list((project.path / ".taskdisc" / "dirs").rglob("x.txt"))) == 1
    assert project.run("read", "refer").assert_ok().ran == []


def test_keep_is_an_option_of_configuration(project: Project) -> None:
    project.write(
        {"pyproject.toml": '[tool.taskdisc.tasks."big"]\nkeep = false\n'},
        tasks_x="def big(): return bytes(50_000)\ndef size(big): return len(big)\n",
    )
    project.run("size").assert_ok()
    assert objects(project) == 0
    project.write({"pyproject.toml": "[tool.taskdisc]\n"})
    assert project.run("size").assert_ok().ran == []
    assert project.run("big").assert_ok().ran == ["big"]


# track


def test_versions_of_tracked_distributions_count(project: Project) -> None:
    project.write(
        {"lib/thing-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n"},
        tasks_x="""
            from taskdisc import task
            @task(track=["thing"])
            def x(): return 1
            def y(): return 2
        """,
    )
    project.environment["PYTHONPATH"] = str(project.path / "lib")
    project.run().assert_ok()
    assert project.run().assert_ok().ran == []
    (project.path / "lib" / "thing-1.0.dist-info").rename(project.path / "lib" / "thing-2.0.dist-info")
    project.write({"lib/thing-2.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: thing\nVersion: 2.0\n"})
    assert project.taskdisc("explain", "x").stdout == "x: run\n    version of thing: 1.0 -> 2.0\n"
    assert project.run().assert_ok().ran == ["x"]
    project.write({"pyproject.toml": '[tool.taskdisc]\ntrack = ["thing"]\n'})
    assert project.run().assert_ok().ran == ["y"]


def test_what_is_not_installed_cannot_be_tracked(project: Project) -> None:
    project.write({"pyproject.toml": '[tool.taskdisc]\ntrack = ["plugy"]\n'}, tasks_x="def x(): return 1")
    result = project.run()
    assert (result.exit_code, result.stderr) == (
        4,
        "error: pyproject.toml: track: plugy is not installed. Did you mean pluggy?\n",
    )


# --no-code-check


def test_no_code_check_takes_what_is_equal_in_all_but_code(project: Project) -> None:
    module = """
        from taskdisc import axis
        k = axis(1, 2)
        def x(k: int, scale: int = 1): return [k, scale]
        def y(x): return x[0]
    """
    project.write(tasks_x=module)
    project.run("y").assert_ok()
    project.run("y", "-p", "scale=3").assert_ok()
    project.write(tasks_x=module.replace("[k, scale]", "[k + 10, scale]"))
    assert project.run("y", "--no-code-check").assert_ok().stdout == "y[k=1]: 1\ny[k=2]: 2\n"
    assert project.run("y", "-n", "--no-code-check", "--exit-code").exit_code == 0
    assert project.taskdisc("status", "--no-code-check").stdout.split() == [
        "x[k]",
        "2",
        "cached",
        "y[k]",
        "2",
        "cached",
    ]
    assert project.taskdisc("explain", "x", "--no-code-check").stdout == (
        "x[k=1], x[k=2]: cached\n    its settings and inputs are those of a kept result (--no-code-check)\n"
    )
    assert project.run("y", "--no-code-check", "-p", "scale=4").assert_ok().ran == [
        "x[k=1]",
        "x[k=2]",
        "y[k=1]",
        "y[k=2]",
    ]
    assert project.run("y").assert_ok().stdout == "y[k=1]: 11\ny[k=2]: 12\n"


def test_no_code_check_takes_the_newest_and_before_it_what_is_of_this_code(project: Project) -> None:
    module = "def x(): return {}\n"
    for number in (1, 2):
        project.write(tasks_x=module.format(number))
        project.run("x").assert_ok()
    project.write(tasks_x=module.format(3))
    assert project.run("x", "--no-code-check").assert_ok().stdout == "2\n"
    project.write(tasks_x=module.format(1))
    assert project.run("x", "--no-code-check").assert_ok().stdout == "1\n"


def test_no_code_check_knows_versions_and_inputs(project: Project) -> None:
    module = """
        from taskdisc import file, task
        raw = file("raw.txt")
        @task(version={})
        def x(raw): return raw.read_text() + {!r}
    """
    project.write({"raw.txt": "a"}, tasks_x=module.format(1, "1"))
    project.run("x").assert_ok()
    project.write(tasks_x=module.format(2, "2"))
    assert project.run("x", "--no-code-check").assert_ok().ran == ["x"]
    project.write({"raw.txt": "b"})
    assert project.run("x", "--no-code-check").assert_ok().ran == ["x"]
    project.write({"raw.txt": "a"}, tasks_x=module.format(2, "3"))
    assert project.run("x", "--no-code-check").assert_ok().stdout == "a2\n"


# compress


@pytest.mark.parametrize("compress", ["gzip:9", "zstd:3", "lz4"])
def test_compression_makes_large_results_smaller_and_changes_nothing_else(project: Project, compress: str) -> None:
    module = """
        import numpy
        from taskdisc import task
        @task{}
        def zeros(): return numpy.zeros(100_000)
        def total(zeros):
            zeros += 1
            return float(zeros.sum())
    """
    project.write(tasks_x=module.format(""))
    assert project.run("total").assert_ok().stdout == "100000.0\n"
    project.write(tasks_x=module.format(f"(compress={compress!r})"))
    assert project.run("total").assert_ok().ran == []
    project.taskdisc("clear", "zeros").assert_ok()
    assert project.run("total").assert_ok().ran == ["zeros"]
    assert size_of(project, "zeros") < 5_000
    project.taskdisc("clear", "total").assert_ok()
    assert project.run("total").assert_ok().stdout == "100000.0\n"
    project.write(tasks_x=module.format(""))
    assert project.run("total").assert_ok().ran == []
    assert project.taskdisc("show", "zeros").assert_ok().stdout.startswith("array([0.,")


def size_of(project: Project, task: str) -> Any:
    with index_of(project) as index:
        statement = "select size from artifact where family in (select id from family where task like ?)"
        ((size,),) = index.execute(statement, (f"%::{task}",)).fetchall()
        return size


def test_a_missing_package_is_an_error_at_collection(project: Project) -> None:
    project.write(
        {"lz4/__init__.py": "raise ImportError"},
        tasks_x="from taskdisc import task\n@task(compress='lz4')\ndef x(): return 1",
    )
    result = project.run()
    assert (result.exit_code, result.stderr) == (
        4,
        "error: tasks_x.py:3 x: compress='lz4' needs a package: pip install lz4\n",
    )


def test_options_for_a_task_that_is_not_there_are_warned_of(project: Project) -> None:
    """Patterns and tags may be meant for what is to come."""
    tables = "".join(f'[tool.taskdisc.tasks."{name}"]\ntimeout = "1h"\n' for name in ("tain", "x*", "tag:far", "train"))
    project.write({"pyproject.toml": tables}, tasks_x="def train() -> int: return 3")
    result = project.run().assert_ok()
    warning = "pyproject.toml [tool.taskdisc.tasks.tain]: there is no task 'tain'. Did you mean train?"
    assert [line for line in result.stderr.splitlines() if "warning" in line] == [f"warning: {warning}"]
