"""Results of many tiny jobs, which the index keeps in batches: answers are those of a clean run, whatever happens."""

import sqlite3
from contextlib import closing

import pytest

from tests.projects import Folder

COUNT = 1000
TASKS = f"""
from taskdisc import Gather, axis

i = axis(range({COUNT}))

def double(i: int) -> int:
    return 2 * i

def total(double: Gather[int]) -> int:
    return sum(double.values())
"""
ANSWER = f"{COUNT * (COUNT - 1)}\n"


@pytest.fixture
def folder(tmp_path) -> Folder:
    folder = Folder(tmp_path)
    folder.write({"tasks_many.py": TASKS})
    assert folder.run("total").out == ANSWER
    assert query(folder, "select sum(size) from batch")[0][0] > 100
    return folder


def query(folder, statement):
    with closing(sqlite3.connect(folder.root / ".taskdisc" / "index.sqlite", isolation_level=None)) as index:
        return index.execute(statement).fetchall()


def test_an_unchanged_project_runs_nothing_and_leaves_the_batches(folder):
    before = query(folder, "select id, size from batch")
    ended = folder.run("total")
    assert (ended.out, ended.executed) == (ANSWER, [])
    assert query(folder, "select id, size from batch") == before


def test_what_depends_on_them_is_made_from_them(folder):
    folder.write({"tasks_many.py": TASKS + "\ndef half(double: int) -> int:\n    return double // 2\n"})
    ended = folder.run("half[i=7]")
    assert (ended.out, ended.executed) == ("7\n", ["half[i=7]"])


def test_one_of_them_is_cleared(folder):
    assert folder.do("clear", "double[i=7]").code == 0
    ended = folder.run("total")
    assert (ended.out, ended.executed) == (ANSWER, ["double[i=7]"])


def test_one_of_them_is_shown(folder):
    assert folder.do("show", "double[i=7]").out.startswith("14\n")
    assert folder.run("total").executed == []


def test_garbage_is_collected_and_all_of_them_stay(folder):
    assert folder.do("gc").code == 0
    assert folder.run("total").executed == []
    assert folder.do("verify").code == 0


@pytest.mark.parametrize("column", ["head", "data"])
def test_damaged_batches_are_told_by_verify_and_made_again(folder, column):
    ((lost,),) = query(folder, "select sum(size) from batch")
    query(folder, f"update batch set {column} = zeroblob(length({column}))")
    ended = folder.do("verify")
    assert (ended.code, ended.out.splitlines()[0]) == (1, f"bad: the index: {lost} results in it are damaged")
    ended = folder.run("total")
    assert (ended.out, len(ended.executed)) == (ANSWER, lost)


@pytest.mark.parametrize("column", ["head", "data"])
def test_damaged_batches_are_never_believed(folder, column):
    ((lost,),) = query(folder, "select sum(size) from batch")
    query(folder, f"update batch set {column} = zeroblob(length({column}))")
    folder.write({"tasks_many.py": TASKS.replace("return sum", "return 0 + sum")})
    ended = folder.run("total")
    assert (ended.code, ended.out, len(ended.executed)) == (0, ANSWER, lost + 1)


def test_plugins_are_told_of_each_of_them(folder):
    hook = """
def taskdisc_job_finished(step):
    with open("told.txt", "a") as file:
        print(step.id, step.outcome, step.attempt, step.result.seconds > 0, file=file)
"""
    folder.write({"tasks_many.py": TASKS.replace("2 * i", "4 * i") + hook})
    assert folder.run("total").out == f"{2 * int(ANSWER)}\n"
    told = (folder.root / "told.txt").read_text().splitlines()
    assert sorted(told[:-1]) == sorted(f"double[i={i}] succeeded 1 True" for i in range(COUNT))
    assert told[-1] == "total succeeded 1 True"


def test_one_that_fails_among_them_fails_alone(folder):
    folder.write({"tasks_many.py": TASKS.replace("return 2 * i", "return 14 / (i - 7)")})
    ended = folder.run("double")
    assert ended.code == 1
    assert sorted(ended.executed) == sorted(f"double[i={i}]" for i in range(COUNT) if i != 7)
    assert "double[i=7]" in ended.err and "ZeroDivisionError" in ended.err


def test_cpu_time_is_that_of_the_job_though_not_measured_after_each(project):
    project.write(
        tasks_cpu="""
            import time
            from taskdisc import Gather, axis

            i = axis(range(300))

            def tick(i: int) -> int:
                return i

            def busy(tick: Gather[int]) -> int:
                end = time.process_time() + 0.2
                while time.process_time() < end:
                    pass
                return len(tick)

            def taskdisc_job_finished(step):
                with open("cpu.txt", "a") as file:
                    print(step.task.rpartition("::")[2], step.result.cpu_seconds, step.result.peak_memory, file=file)
        """
    )
    assert project.run("busy", "-j", "1").assert_ok().stdout == "300\n"
    told = [line.split() for line in (project.path / "cpu.txt").read_text().splitlines()]
    assert [name for name, *_ in told].count("tick") == 300
    assert all(0 <= float(cpu) < 0.1 and int(memory) > 1_000_000 for name, cpu, memory in told if name == "tick")
    (spent,) = [float(cpu) for name, cpu, _ in told if name == "busy"]
    assert 0.2 <= spent < 0.25
