import os
import pickle
import select
import stat
import subprocess
import sys
import time

import pytest

import taskdisc
from taskdisc.builtin import groups
from taskdisc.builtin.command import CommandExecutor
from taskdisc.builtin.prefix import PrefixLauncher
from taskdisc.errors import Place, UsageError
from taskdisc.model import ArgumentKind, Job, Outcome, TaskSpec, WorkerContext
from tests.faults.processes import children, is_there, until_gone

PROJECT = """
import os, subprocess, sys, time

def note(number, path):
    with open(path + ".new", "w") as file:
        file.write(str(number))
    os.rename(path + ".new", path)

def work(action):
    return eval(action) if action.startswith("(") else exec(action)
"""
PLACE = Place("tasks_x.py", 4)


@pytest.fixture
def context(tmp_path, monkeypatch):
    # So that the command finds taskdisc where these tests do, installed or not.
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(os.path.dirname(taskdisc.__file__)))
    (tmp_path / "tasks_x.py").write_text(PROJECT)
    spec = TaskSpec(
        "tasks_x.py::work", "tasks_x", "work", pickle.dumps({}), (("action", ArgumentKind.VALUE),), (), "pickle", PLACE
    )
    store = str(tmp_path / ".taskdisc")
    return WorkerContext(str(tmp_path), store, "logs/1", "dirs/1", (("tasks_x", "tasks_x.py"),), (), (spec,))


def with_prefix(context, prefix):
    return context._replace(specs=tuple(spec._replace(prefix=prefix) for spec in context.specs))


@pytest.fixture
def start(context, monkeypatch):
    monkeypatch.setattr("taskdisc.builtin.command.LATE", 0.2)  # nothing is late here
    started = []

    def start(prefix, max_jobs=2):
        executor = CommandExecutor(max_jobs, PrefixLauncher())
        executor.start(with_prefix(context, prefix))
        started.append(executor)
        return executor

    yield start
    for executor in started:
        executor.stop(kill=True)


def job(number, action):
    return Job(number, 0, f"work[{number}]", 1, (pickle.dumps(action),))


def collect(executor, count):
    results = []
    while len(results) < count:
        due = executor.deadline()
        wait = 30 if due is None else max(0.0, due - time.monotonic())
        assert select.select([executor.fileno()], [], [], wait)[0] or due is not None
        results += executor.collect()
    return sorted(results)


def run(executor, action):
    executor.submit([job(0, action)])
    (result,) = collect(executor, 1)
    return result


def value(result):
    assert result.error is None, result.error.traceback
    return pickle.loads(result.parts[0].payload)


def stand_in(tmp_path, text):
    """Write a launcher: a shell script that ends with `text`; "$@" are the words of the command."""
    path = tmp_path / "launcher"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def noting(number, path):
    """Return a statement that writes a number to a file, all at once."""
    return f"note({number}, {str(path)!r})"


def wait_for(path):
    deadline = time.monotonic() + 20
    while not os.path.exists(path):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_the_command_runs_behind_its_prefix(start):
    nice = os.nice(0)
    assert value(run(start("nice -n 10"), "(os.nice(0))")) == min(19, nice + 10)


def test_the_environment_can_be_changed(start):
    assert value(run(start(("env", "A=a b")), "(os.environ['A'])")) == "a b"


def test_tasks_work_in_the_root_and_inputs_come_along(start, context):
    assert value(run(start("env"), "(os.getcwd())")) == os.path.realpath(context.root)


def test_output_of_the_task_and_of_the_launcher_are_kept_apart(start, context, tmp_path):
    launcher = stand_in(tmp_path, 'echo garbage; echo more >&2; "$@"')
    result = run(start(launcher), "print('mine'); subprocess.run(['sh', '-c', 'echo child >&2'])")
    logs = tmp_path / ".taskdisc/logs/1"
    assert result.outcome == Outcome.SUCCEEDED
    assert (result.stdout, result.stderr) == ("logs/1/0.1.out", "logs/1/0.1.err")
    assert {path.name: path.read_text() for path in logs.iterdir()} == {
        "0.1.out": "mine\n",
        "0.1.err": "child\n",
        "0.1.launcher": "garbage\nmore\n",
    }


def test_nothing_is_left_of_a_silent_job(start, tmp_path):
    run(start("env"), "(1)")
    assert list((tmp_path / ".taskdisc/logs/1").iterdir()) == []
    assert list((tmp_path / ".taskdisc/jobs").iterdir()) == []


def test_the_launcher_gets_its_words_unchanged(start, tmp_path):
    note = f'for word; do echo "$word"; done > {tmp_path}/words'
    launcher = stand_in(tmp_path, f'{note}; while [ "$1" != env ]; do shift; done; exec "$@"')
    result = run(start((launcher, "--name={task}", "a b; $HOME", "{id}", "env")), "(1)")
    assert result.outcome == Outcome.SUCCEEDED, result
    words = (tmp_path / "words").read_text().splitlines()
    command = [sys.executable, "-m", "taskdisc.builtin.command"]
    assert words[:-1] == ["--name=work", "a b; $HOME", "work[0]", "env", *command]


def test_a_failing_task_fails_as_anywhere(start):
    result = run(start("env"), "raise ValueError('no')")
    assert (result.outcome, result.error.kind, result.error.message) == (Outcome.FAILED, "ValueError", "no")


def test_a_result_needs_exit_code_0(start, tmp_path):
    launcher = stand_in(tmp_path, '"$@"; echo "quota exceeded"; exit 3')
    result = run(start(launcher), "print('fine')")
    assert (result.outcome, result.parts) == (Outcome.FAILED, ())
    assert result.error.message == "command ended with exit status 3 after the task had succeeded"
    assert result.error.traceback == "quota exceeded"
    assert launcher in result.error.hint
    assert result.stdout == "logs/1/0.1.out"


@pytest.mark.parametrize(
    ("text", "outcome", "message", "said"),
    [
        ("echo hello", Outcome.FAILED, "exit status 0", "hello"),
        ("exec nosuchprogram", Outcome.FAILED, "exit status 127", "not found"),
        ("kill -9 $$", Outcome.KILLED, "signal SIGKILL (9)", ""),
        ("exit 137", Outcome.KILLED, "exit status 137 (signal SIGKILL)", ""),
    ],
)
def test_a_launcher_that_does_not_run_the_command(start, tmp_path, text, outcome, message, said):
    result = run(start(stand_in(tmp_path, text)), "(1)")
    assert result.outcome == outcome
    assert result.error.message == f"command ended with {message} before the task had a result"
    assert said in result.error.traceback
    assert result.error.place == PLACE
    assert result.error.hint


@pytest.mark.parametrize(
    ("action", "outcome", "message"),
    [
        ("print('last words', flush=True); os._exit(3)", Outcome.FAILED, "exit status 3"),
        ("print('last words', flush=True); os.kill(os.getpid(), 9)", Outcome.KILLED, "signal SIGKILL (9)"),
    ],
)
def test_a_task_that_ends_its_process(start, tmp_path, action, outcome, message):
    result = run(start("env"), action)
    assert result.outcome == outcome
    assert result.error.message == f"command ended with {message} before the task had a result"
    assert (tmp_path / ".taskdisc" / result.stdout).read_text() == "last words\n"


def test_a_launcher_that_does_not_exist(start, tmp_path):
    executor = start("nosuchprogram -x")
    executor.submit([job(0, "(1)"), job(1, "(1)")])
    first, second = collect(executor, 2)
    assert first.error.message == second.error.message == "nosuchprogram: command not found"
    assert "PATH" in first.error.hint
    assert first.outcome == Outcome.FAILED
    assert executor.free() == 2
    assert list((tmp_path / ".taskdisc/logs/1").iterdir()) == []


def test_a_launcher_that_may_not_be_run(start, tmp_path):
    (tmp_path / "text").write_text("words")
    assert "Permission denied" in run(start("./text"), "(1)").error.message


def test_half_a_result_is_none(start, tmp_path):
    launcher = stand_in(tmp_path, '"$@"; for last; do :; done; truncate -s 20 "$last/result-0"')
    assert "before the task had a result" in run(start(launcher), "(1)").error.message


def test_a_wrong_prefix_is_an_error_before_anything_runs(context):
    executor = CommandExecutor(1, PrefixLauncher())
    with pytest.raises(UsageError, match=r"\{nodes\}"):
        executor.start(with_prefix(context, "srun {nodes}"))
    executor.stop(kill=False)


def test_no_more_commands_than_allowed(start):
    executor = start("env", max_jobs=2)
    assert executor.free() == 2
    executor.submit([job(0, "(0)"), job(1, "(1)")])
    assert executor.free() == 0
    assert [value(result) for result in collect(executor, 2)] == [0, 1]
    assert executor.free() == 2


def test_stop_waits_and_keeps_the_results(start):
    executor = start("env")
    executor.submit([job(0, "(0)"), job(1, "(1)")])
    executor.stop(kill=False)
    assert [value(result) for result in sorted(executor.collect())] == [0, 1]


def test_kill_ends_the_launcher_and_all_behind_it(start, tmp_path):
    executor = start(stand_in(tmp_path, '"$@"'))
    path = tmp_path / "child"
    executor.submit([job(0, f"child = subprocess.Popen(['sleep', '1000']); {noting('child.pid', path)}; child.wait()")])
    wait_for(path)
    executor.stop(kill=True)
    assert executor.collect()[0].outcome == Outcome.KILLED
    until_gone([int(path.read_text())])
    assert list((tmp_path / ".taskdisc/jobs").iterdir()) == []


def test_nothing_stays_open_and_nothing_unreaped(start):
    before, family = set(os.listdir("/proc/self/fd")), children()
    executor = start("env")
    run(executor, "(1)")
    executor.stop(kill=False)
    assert set(os.listdir("/proc/self/fd")) <= before
    assert children() <= family


def test_systems_without_descriptors_for_processes(start, monkeypatch):
    monkeypatch.setattr(groups, "open_pidfd", lambda process: None)
    executor = start("env")
    executor.submit([job(0, "(0)"), job(1, "os._exit(3)")])
    first, second = collect(executor, 2)
    assert value(first) == 0
    assert "exit status 3" in second.error.message
    executor.stop(kill=False)


def test_commands_die_with_the_run(context, tmp_path):
    path = tmp_path / "pid"
    text = """
import sys, time, pickle
from taskdisc.builtin.command import CommandExecutor
from taskdisc.builtin.prefix import PrefixLauncher
executor = CommandExecutor(1, PrefixLauncher())
context, job = pickle.loads(bytes.fromhex(sys.argv[1]))
executor.start(context)
executor.submit([job])
time.sleep(1000)
"""
    given = pickle.dumps(
        (with_prefix(context, "nice"), job(0, f"{noting('os.getpid()', path)}; time.sleep(1000)"))
    ).hex()
    with subprocess.Popen([sys.executable, "-c", text, given]) as process:
        try:
            wait_for(path)
            command = int(path.read_text())
            assert is_there(command)
        finally:
            process.kill()
        process.wait()
        until_gone([command])


def test_a_result_that_shows_late_is_waited_for(start, tmp_path, monkeypatch):
    """As on a network file system: the command has ended well, and what it has written is not there yet."""
    monkeypatch.setattr("taskdisc.builtin.command.LATE", 30.0)
    launcher = stand_in(tmp_path, '(sleep 0.5; "$@") > /dev/null 2>&1 &')
    assert value(run(start(launcher), "(7)")) == 7


def test_what_never_shows_is_given_up(start, tmp_path):
    result = run(start(stand_in(tmp_path, "exit 0")), "(7)")
    assert result.error.message == "command ended with exit status 0 before the task had a result"
