"""Projects whose tasks return frames, run by the real command."""

import pytest

CONFIGURATION = "[tool.taskdisc]\nworkers = 2\n"
TASKS = """
import pandas
from taskdisc import task

@task(codec="CODEC")
def table(rows: int = 3):
    return pandas.DataFrame({"k": pandas.Categorical(["a"] * rows), "n": range(rows)}).set_index("k")

@task(codec="CODEC")
def doubled(table):
    table["n"] *= 2
    return table

def total(doubled) -> int:
    return int(doubled["n"].sum()) + doubled.index.categories.size
"""


@pytest.fixture(params=["parquet", "feather"])
def codec(request):
    return request.param


@pytest.fixture(params=["true", "false"])
def frames(request, project, codec):
    """A project with tasks that hand a frame on, with and without pickles for the others."""
    project.write({"pyproject.toml": f"{CONFIGURATION}pickle = {request.param}\n"})
    project.write(tasks_frames=TASKS.replace("CODEC", codec))
    return project


def test_it_is_found(project):
    shown = project.taskdisc("plugins").assert_ok().stdout
    assert "arrow (taskdisc-arrow 0.1.0)\n    codecs: feather, parquet\n    hooks: fingerprint_value\n" in shown


def test_a_frame_goes_from_task_to_task(frames):
    first = frames.run("total").assert_ok()
    assert (first.ran, first.stdout) == (["doubled", "table", "total"], "7\n")
    second = frames.run("total").assert_ok()
    assert (second.ran, second.stdout) == ([], "7\n")


def test_a_large_frame_does(frames):
    assert frames.run("total", "-p", "rows=200000").assert_ok().stdout == "39999800001\n"
    assert frames.run("doubled", "-p", "rows=200000").assert_ok().ran == []


def test_it_can_be_compressed(frames):
    frames.write({"pyproject.toml": CONFIGURATION + '[tool.taskdisc.tasks."*"]\ncompress = "gzip:1"\n'})
    assert frames.run("total", "-p", "rows=200000").assert_ok().stdout == "39999800001\n"
    assert frames.run("doubled", "-p", "rows=200000").assert_ok().ran == []


def test_tables_and_frames_of_polars_keep_their_types(project, codec):
    project.write({"pyproject.toml": f"{CONFIGURATION}pickle = false\n"})
    project.write(
        tasks_types=f"""
import pandas, polars, pyarrow
from taskdisc import task

@task(codec="{codec}", outputs=("arrow", "ours", "bear"))
def made():
    return pyarrow.table({{"n": [1]}}), pandas.DataFrame({{"n": [1]}}), polars.DataFrame({{"n": [1]}})

def names(arrow, ours, bear):
    return [type(one).__module__.split(".")[0] for one in (arrow, ours, bear)]
"""
    )
    assert project.run("names").assert_ok().stdout == "['pyarrow', 'pandas', 'polars']\n"
    assert project.run("names").assert_ok().ran == []


def test_an_equal_frame_that_was_made_otherwise_changes_nothing(frames, codec):
    """It lies otherwise in memory, and would have another pickle."""
    frames.run("total").assert_ok()
    frames.write(
        tasks_frames=TASKS.replace("CODEC", codec).replace(
            'return pandas.DataFrame({"k": pandas.Categorical(["a"] * rows), "n": range(rows)}).set_index("k")',
            "made = pandas.DataFrame(index=pandas.CategoricalIndex(['a'] * rows, name='k'))\n"
            "    made['n'] = list(range(rows))\n    return made",
        )
    )
    assert frames.run("total").assert_ok().ran == ["table"]


def test_what_is_no_frame_fails(project, codec):
    project.write(tasks_x=f"from taskdisc import task\n\n@task(codec='{codec}')\ndef counts(): return {{'a': 1}}")
    failed = project.run("counts")
    assert failed.exit_code == 1
    assert failed.outcomes == {"counts": "failed"}
    assert (
        f"TypeError: the result cannot be kept by the codec {codec}: it holds pandas.DataFrame, pyarrow.Table and "
        "polars.DataFrame, not builtins.dict: make a frame of it, as pandas.DataFrame(...) does. "
        "Return what it takes, or choose another: @task(codec=...)."
    ) in failed.stderr


def test_a_frame_that_would_not_come_back_fails(project, codec):
    project.write(
        tasks_x=f"import pandas\nfrom taskdisc import task\n\n@task(codec='{codec}')\n"
        "def lists(): return pandas.DataFrame({'a': [[1], [2]]})"
    )
    assert "the column 'a' has objects that would not come back as they are" in project.run("lists").stderr
