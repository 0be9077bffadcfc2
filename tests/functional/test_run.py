"""`taskdisc run`: what runs, what is kept, what is printed, with which exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from taskdisc.testing import Project

CHAIN = """
    import helpers
    def words(): return helpers.words()
    def count(words): return len(words)
    def report(count): return f"{count} words"
    def other(): return 1
"""
HELPERS = "def words(): return ['a', 'b']"


@pytest.fixture
def chain(project: Project) -> Project:
    project.write(tasks_chain=CHAIN, helpers=HELPERS)
    return project


def test_what_is_missing_runs_and_nothing_else(chain: Project) -> None:
    first = chain.run("count").assert_ok()
    assert (first.ran, first.stdout) == (["count", "words"], "2\n")
    assert first.stderr.startswith("2 succeeded in ")
    second = chain.run("report").assert_ok()
    assert (second.ran, second.stdout) == (["report"], "2 words\n")
    assert second.stderr.startswith("1 succeeded, 2 cached in ")
    third = chain.run("report").assert_ok()
    assert (third.ran, third.stdout) == ([], "2 words\n")
    assert third.stderr.startswith("up to date: 3 cached in ")


def test_without_targets_everything_runs_and_nothing_is_printed(chain: Project) -> None:
    result = chain.run().assert_ok()
    assert result.ran == ["count", "other", "report", "words"]
    assert result.stdout == ""


def test_default_targets(chain: Project) -> None:
    chain.write({"pyproject.toml": '[tool.taskdisc]\ndefault_targets = ["count"]\n'})
    result = chain.run().assert_ok()
    assert (result.ran, result.stdout) == (["count", "words"], "2\n")


def test_a_change_reruns_what_it_reaches_up_to_the_first_equal_result(chain: Project) -> None:
    chain.run().assert_ok()
    chain.write(helpers="def words(): return ['c', 'd']")
    assert chain.run().assert_ok().ran == ["count", "words"]
    chain.write(helpers=HELPERS)
    assert chain.run().assert_ok().ran == []


def test_formatting_changes_nothing(chain: Project) -> None:
    chain.run().assert_ok()
    chain.write(tasks_chain=CHAIN.replace("): return", "):\n        # a comment\n        return"))
    assert chain.run().assert_ok().ran == []


def test_values_are_printed(project: Project) -> None:
    project.write(
        tasks_x="""
            from pathlib import Path
            def text(): return "a\\nb"
            def nothing(): return None
            def number(): return 1.5
            def large(): return {number: "x" * 30 for number in range(3)}
            def path():
                Path("q").write_text("")
                return Path("q")
        """
    )
    project.run().assert_ok()
    assert project.run("text").stdout == "a\nb\n"
    assert project.run("nothing").stdout == "None\n"
    assert project.run("number").stdout == "1.5\n"
    x = "x" * 30
    assert project.run("large").stdout == f"{{0: '{x}',\n 1: '{x}',\n 2: '{x}'}}\n"
    assert project.run("path").stdout == f"{project.path}/q\n"
    assert project.run("number", "nothing", "num*").stdout == "number: 1.5\nnothing: None\n"


def test_what_modules_and_tasks_print_never_mixes_with_results(project: Project) -> None:
    project.write(tasks_x="print('at import')\ndef a():\n    print('in the task')\n    return 1")
    result = project.run("a").assert_ok()
    assert result.stdout == "1\n"
    assert result.stderr.startswith("at import\n")
    assert "in the task" not in result.stderr


def test_a_dry_run_runs_nothing(chain: Project) -> None:
    chain.run("words").assert_ok()
    result = chain.run("-n", "report").assert_ok()
    assert result.stdout == "run: count\nmay run: report\n"
    assert result.stderr == "dry run: 1 would run, 1 may run, if an input changes, 1 cached\n"
    assert chain.run("-n", "--exit-code", "report").exit_code == 1
    chain.run("report").assert_ok()
    done = chain.run("-n", "--exit-code", "report").assert_ok()
    assert (done.stdout, done.stderr) == ("", "dry run: 3 cached\n")


def test_a_dry_run_makes_no_store(chain: Project) -> None:
    chain.run("-n").assert_ok()
    chain.taskdisc("status").assert_ok()
    assert not (chain.path / ".taskdisc").exists()


def test_verbose_and_quiet(chain: Project) -> None:
    verbose = chain.run("-v", "count").assert_ok().stderr.splitlines()
    assert [line.rpartition(" in ")[0] for line in verbose] == ["succeeded words", "succeeded count", "2 succeeded"]
    assert chain.run("-q", "report").assert_ok().stderr == ""
    chain.write(tasks_bad="def bad(): raise ValueError")
    assert "FAILED bad - ValueError" in chain.run("-q", "bad").stderr


@pytest.mark.parametrize("options", [("-j", "1"), ("-j", "3"), ("-j", "-1"), ("--executor", "inline")])
def test_workers_and_executors_give_the_same(project: Project, options: tuple[str, ...]) -> None:
    project.write(
        tasks_x="""
            from taskdisc import Gather, axis
            k = axis(range(50))
            def square(k): return k * k
            def total(square: Gather[int]): return sum(square.values())
        """
    )
    result = project.run("total", *options).assert_ok()
    assert (result.stdout, len(result.ran)) == ("40425\n", 51)


def test_a_run_from_a_folder_below(chain: Project) -> None:
    chain.write({"deep/er/x.txt": ""})
    assert chain.run("count", cwd="deep/er").assert_ok().stdout == "2\n"
    assert chain.taskdisc("-C", str(chain.path), "run", "count", cwd="..").assert_ok().stdout == "2\n"
    assert (chain.path / ".taskdisc").is_dir()


def test_the_store_is_private_and_ignored_by_git(chain: Project) -> None:
    chain.run("count").assert_ok()
    store = chain.path / ".taskdisc"
    assert store.stat().st_mode & 0o777 == 0o700
    assert (store / ".gitignore").read_text().strip().endswith("*")
    assert (store / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")


def test_another_store(chain: Project) -> None:
    assert chain.run("count", "--store", "elsewhere").assert_ok().ran == ["count", "words"]
    assert not (chain.path / ".taskdisc").exists()
    assert chain.run("count", "--store", "elsewhere").assert_ok().ran == []
    assert chain.run("count").assert_ok().ran == ["count", "words"]


def test_a_large_result_that_is_gone_from_the_store_is_made_again(project: Project) -> None:
    project.write(tasks_x="def a(): return b'x' * 100_000\ndef b(a): return len(a)")
    assert project.run("b").assert_ok().stdout == "100000\n"
    (kept,) = [path for path in (project.path / ".taskdisc/objects").rglob("*") if path.is_file()]
    assert kept.stat().st_size > 100_000
    kept.unlink()
    assert project.run("b").assert_ok().ran == ["a"]


def test_tasks_run_in_the_root_with_the_variables_of_dotenv(project: Project) -> None:
    project.write(
        {".env": "TOKEN=a$b\nOTHER=file\n"},
        tasks_x="import os\ndef a(): return '|'.join((os.getcwd(), os.environ['TOKEN'], os.environ['OTHER']))",
    )
    project.environment["OTHER"] = "shell"
    assert project.run("a").assert_ok().stdout == f"{project.path}|a$b|shell\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_is_done(project: Project, number: signal.Signals) -> None:
    project.write(
        tasks_x="""
            import time
            from pathlib import Path
            def quick(): return 1
            def slow(quick):
                Path("started").write_text("")
                while not Path("go").exists():
                    time.sleep(0.01)
                return quick + 1
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "taskdisc", "run", "slow"], cwd=project.path, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while not (project.path / "started").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    os.kill(process.pid, number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "interrupted: what was finished is kept; run again to go on\n" in stderr
    assert "1 succeeded, 1 cancelled" in stderr
    project.write({"go": ""})
    assert project.run("slow").assert_ok().ran == ["slow"]


def test_a_closed_pipe_is_no_error(chain: Project) -> None:
    chain.run("count").assert_ok()
    command = f"{sys.executable} -m taskdisc run count | true; exit ${{PIPESTATUS[0]}}"
    process = subprocess.run(["bash", "-c", command], cwd=chain.path, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert "Traceback" not in process.stderr
