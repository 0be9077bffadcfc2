"""`--override`: other values for one run in the place of tasks, outputs, fixtures and files; the store stays right."""

from __future__ import annotations

from pathlib import Path

import pytest

from taskdisc import Project as Face
from taskdisc.errors import UsageError
from taskdisc.testing import Project

ROWS = """
    from pathlib import Path
    from taskdisc import Gather, axis, file, fixture, task

    raw = file("raw.txt")
    seed = axis(1, 2)

    def rows(raw: Path) -> list[int]:
        return [int(line) for line in raw.read_text().split()]

    @task(outputs=("low", "high"))
    def split(rows, limit: int = 2):
        return [row for row in rows if row <= limit], [row for row in rows if row > limit]

    def noisy(low, seed) -> int:
        return sum(low) * seed

    def total(noisy: Gather[int], high) -> int:
        return sum(noisy.values()) + sum(high)
    """


@pytest.fixture
def rows(project: Project) -> Project:
    project.write({"raw.txt": "1 2 3 4", "small.txt": "3"}, tasks_a=ROWS)
    assert project.run("total").assert_ok().stdout == "16\n"
    return project


def test_a_file(rows: Project) -> None:
    result = rows.run("total", "--override", "raw=small.txt").assert_ok()
    assert result.stdout == "3\n"
    assert result.ran == ["noisy[seed=1]", "noisy[seed=2]", "rows", "split", "total"]
    assert rows.run("total").assert_ok().ran == []
    assert rows.run("total", "--override", "raw=small.txt").assert_ok().ran == []


def test_a_path_is_meant_from_where_the_command_is_given(rows: Project) -> None:
    rows.write({"inside/tiny.txt": "2"})
    assert rows.run("rows", "--override", "raw=tiny.txt", cwd="inside").assert_ok().stdout == "[2]\n"


def test_a_task(rows: Project) -> None:
    result = rows.run("total", "--override", "rows=[2, 9]").assert_ok()
    assert result.stdout == "15\n"
    assert "rows" not in result.ran
    assert rows.run("total").assert_ok().ran == []
    assert rows.run("total").stdout == "16\n"


def test_the_value_that_a_task_has_anyway_changes_nothing(rows: Project) -> None:
    result = rows.run("total", "--override", "rows=[1, 2, 3, 4]").assert_ok()
    assert result.ran == []
    assert result.counts == {"cached": 4}


def test_a_task_with_an_axis_has_the_value_everywhere(rows: Project) -> None:
    result = rows.run("total", "--override", "noisy=5").assert_ok()
    assert (result.stdout, result.ran) == ("17\n", ["total"])
    assert rows.run("noisy", "--override", "noisy=5").assert_ok().stdout == "noisy[seed=1]: 5\nnoisy[seed=2]: 5\n"


def test_what_only_an_overridden_task_needs_is_not_run(project: Project) -> None:
    project.write(
        tasks_a="def slow() -> int: return 1 / 0\n\ndef middle(slow) -> int: return 2\n\ndef end(middle): return middle"
    )
    result = project.run("end", "--override", "middle=7").assert_ok()
    assert (result.stdout, result.ran) == ("7\n", ["end"])


def test_an_output(rows: Project) -> None:
    rows.write(
        tasks_a=ROWS.replace(
            "def split(rows, limit: int = 2)", "def split(rows, limit: int = 2) -> tuple[list[int], list[int]]"
        )
    )
    result = rows.run("total", "--override", "low=[10]", "--override", "high=[1]").assert_ok()
    assert result.stdout == "31\n"
    assert result.ran == ["noisy[seed=1]", "noisy[seed=2]", "total"]
    assert rows.run("low", "--override", "low=[10]").assert_ok().stdout == "[10]\n"
    one = rows.run("total", "--override", "low=[10]").assert_ok()
    assert one.stdout == "37\n"


def test_all_outputs(rows: Project) -> None:
    rows.write(
        tasks_a=ROWS.replace(
            "def split(rows, limit: int = 2)", "def split(rows, limit: int = 2) -> tuple[list[int], list[int]]"
        )
    )
    assert rows.run("total", "--override", "split=[[1], [5]]").assert_ok().stdout == "8\n"
    wrong = rows.run("total", "--override", "split=[[1], [5], [6]]")
    assert wrong.exit_code == 4


def test_a_fixture_also_inside_another(project: Project) -> None:
    project.write(
        tasks_a="""
            from taskdisc import fixture
            @fixture
            def host() -> str: raise OSError("no network")
            @fixture
            def client(host): return host + "!"
            def page(client, host): return client, host
            """
    )
    result = project.run("page", "--override", "host=fake").assert_ok()
    assert (result.stdout, result.ran) == ("('fake!', 'fake')\n", ["page"])
    assert project.run("page", "--override", "host=fake").assert_ok().ran == []
    assert project.run("page", "--override", "host=other").assert_ok().stdout == "('other!', 'other')\n"
    assert project.run("page").exit_code == 1


def test_other_commands_take_overrides(rows: Project) -> None:
    given = ("--override", "rows=[1, 2, 3]")
    assert (
        rows.run("-n", "total", *given).assert_ok().stdout
        == "run: split\nmay run: noisy[seed=1]\nmay run: noisy[seed=2]\nmay run: total\n"
    )
    assert rows.taskdisc("explain", "rows", "split", *given).assert_ok().stdout == (
        "rows: overridden\n    this run has another value in its place\n"
        "split: run\n    input rows: its value has changed\n"
    )
    status = rows.taskdisc("status", *given).assert_ok().stdout.splitlines()
    assert "rows" in status[0] and status[0].endswith("1 overridden")
    assert rows.taskdisc("show", "rows", *given).assert_ok().stdout == "[1, 2, 3]\n"


def test_from_python_any_value_will_do(rows: Project) -> None:
    def total(value: object) -> tuple[object, dict[str, int]]:
        run = Face.discover(rows.path).run("total", overrides={"rows": value})
        return run.value, run.report.counts

    assert total([1, 2, 3, 4]) == (16, {"cached": 4})
    assert total((7,)) == (7, {"succeeded": 4})
    assert total((7,)) == (7, {"cached": 4})
    with pytest.raises(UsageError, match=r"overrides rows: generator cannot be sent to a worker: "):
        total(number for number in range(3))


def test_a_returned_path_counts_by_content(project: Project) -> None:
    project.write(
        {"one.txt": "one"},
        tasks_a="""
            from pathlib import Path
            def page(task_dir: Path) -> Path: raise OSError
            def text(page: Path) -> str: return page.read_text()
            """,
    )
    given = ("--override", "page=one.txt")
    assert project.run("text", *given).assert_ok().stdout == "one\n"
    assert project.run("text", *given).assert_ok().ran == []
    project.write({"one.txt": "two"})
    assert project.run("text", *given).assert_ok().stdout == "two\n"
    assert Path(project.path / "one.txt").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("rwo=x", "--override rwo: there is no task, output, fixture or file rwo. Did you mean raw (tasks_a.py:4)?"),
        ("seed=3", "--override seed: seed is an axis (tasks_a.py:5). Replace its elements: -p seed=..."),
        ("limit=3", "--override limit: limit is a setting of split (tasks_a.py:11). Use -p limit=..."),
        ("raw=gone.txt", "--override raw: there is no file gone.txt."),
        ("rows=many", "--override rows: rows (tasks_a.py:7) returns what this is not: element 1 takes int, not 'many'"),
        (
            "noisy[seed=1]=3",
            "--override noisy[seed=1]=3: one instance cannot be replaced. Replace all of noisy, --override noisy=..., "
            "and choose what runs by a target in brackets or -p.",
        ),
        ("rows", "--override rows: --override takes name=value."),
    ],
)
def test_what_cannot_be_overridden(rows: Project, given: str, message: str) -> None:
    result = rows.run("total", "--override", given)
    assert result.exit_code == 4
    assert result.stderr == f"error: {message}\n"


def test_one_output_of_those_that_a_task_takes_together(project: Project) -> None:
    project.write(
        tasks_a="""
            from taskdisc import task
            @task(outputs=("low", "high"))
            def split(): return 1, 2
            def both(split): return split
            def one(low): return low
            """
    )
    result = project.run("both", "--override", "low=3")
    assert result.exit_code == 4
    assert result.stderr == (
        "error: --override low: both (tasks_a.py:4) takes all outputs of split. "
        "Replace them together: --override split=...\n"
    )
    assert project.run("one", "--override", "low=3").assert_ok().stdout == "3\n"


def test_two_nodes_of_one_name_need_the_long_form(project: Project) -> None:
    for name in ("a", "b"):
        project.write({f"tasks_{name}.py": f"def rows() -> int: return 1\n\ndef {name}(rows): return rows\n"})
    result = project.run("a", "--override", "rows=2")
    assert result.exit_code == 4
    assert result.stderr == (
        "error: --override rows: rows is in tasks_a.py:1 and tasks_b.py:1. Write the long form: path::rows=...\n"
    )
    assert project.run("a", "b", "--override", "tasks_a.py::rows=2").assert_ok().stdout == "a: 2\nb: 1\n"
