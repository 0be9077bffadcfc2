"""What the process executor takes for granted of the system, tried with real processes."""

import os
import select
import signal
import subprocess
import sys

import pytest

from tests.faults.processes import is_there, until_gone

PRELUDE = """
import os, pickle, select, signal, subprocess, sys, time
from taskdisc.builtin.process import ProcessExecutor
from taskdisc.errors import Place
from taskdisc.model import Job, JobResult, Part, TaskSpec, WorkerContext

class Calls:
    "Calls the function of this script that a job names."
    def __init__(self, context, capture):
        pass
    def run(self, job):
        name, *arguments = job.arguments
        return JobResult(job.number, "succeeded", (Part(b"", pickle.dumps(globals()[name](*arguments)), None, 0),))
    def close(self):
        return ()

folder = sys.argv[1]
spec = TaskSpec("tasks_x.py::f", "tasks_x", "f", b"", (), (), "pickle", Place("tasks_x.py", 1))
executor = ProcessExecutor(2, Calls)
executor.start(WorkerContext(folder, folder, "logs", "dirs", (), (), (spec,)))

def run(*calls):
    executor.submit([Job(n, 0, "f", 1, call) for n, call in enumerate(calls)])
    results = {}
    while len(results) < len(calls):
        select.select([executor.fileno()], [], [], 30)
        for result in executor.collect():
            results[result.number] = pickle.loads(result.parts[0].payload)
    return [results[n] for n in range(len(calls))]
"""


def script(text, folder):
    """Start a run: a script that has an executor and a `run` for calls of its own functions."""
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + text, str(folder)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )


def said(process):
    """Return the next line that a script prints."""
    assert select.select([process.stdout], [], [], 30)[0]
    return process.stdout.readline().strip()


def test_linear_algebra_survives_the_fork(tmp_path):
    text = """
import numpy
def trace(size):
    matrix = numpy.ones((size, size))
    return float((matrix @ matrix).trace())
expected = trace(600)
print(run(*[("trace", 600)] * 6) == [expected] * 6)
print(trace(600) == expected)
executor.stop(kill=False)
"""
    with script(text, tmp_path) as process:
        assert process.communicate(timeout=60)[0].split() == ["True", "True"]
    assert process.returncode == 0


BUSY = {
    "a loop in Python": "while True: pass",
    "a call that never returns": "select.select([], [], [])",
    "a sleep": "time.sleep(1000)",
    "a child process": "subprocess.run([sys.executable, '-c', 'import time; time.sleep(1000)'])",
    "a signal handler that refuses": "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)",
}


@pytest.mark.parametrize("doing", BUSY)
def test_workers_die_with_a_busy_run(tmp_path, doing):
    text = f"""
def work():
    os.write(report, f"{{os.getpid()}}\\n".encode())
    {BUSY[doing]}
report = os.dup(1)
run(("work",))
"""
    with script(text, tmp_path) as process:
        worker = int(said(process))
        assert is_there(worker)
        process.kill()
        until_gone([worker])


def test_workers_die_with_an_idle_run(tmp_path):
    text = """
def who():
    return os.getpid()
print(*set(run(*[("who",)] * 4)), flush=True)
sys.stdin.read()
"""
    with script(text, tmp_path) as process:
        workers = [int(word) for word in said(process).split()]
        assert all(map(is_there, workers))
        process.kill()
        until_gone(workers)


def test_children_of_a_task_die_with_the_run(tmp_path):
    text = """
def work():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    os.write(report, f"{child.pid}\\n".encode())
    child.wait()
report = os.dup(1)
run(("work",))
"""
    with script(text, tmp_path) as process:
        child = int(said(process))
        process.kill()
        until_gone([child])


@pytest.mark.parametrize("library", ["fcntl", "filelock"])
def test_a_lock_of_the_run_does_not_survive_it(tmp_path, library):
    """Neither the workers nor what a task leaves behind hold the lock, though the run took it before the fork."""
    text = """
from taskdisc.descriptors import keep_private
import fcntl
if LIBRARY == "filelock":
    from filelock import FileLock
    lock = FileLock(os.path.join(folder, "lock"))
    lock.acquire()
else:
    lock = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    keep_private(lock)
def leave_orphans():
    "One made by a fork alone, which keeps every descriptor, and one that is another program."
    forked = os.fork()
    if not forked:
        os.setsid()
        time.sleep(1000)
    program = [sys.executable, "-c", "import time; time.sleep(1000)"]
    other = subprocess.Popen(program, start_new_session=True, close_fds=False)
    other.returncode = 0
    return os.getpid(), forked, other.pid
print(*run(("leave_orphans",))[0], flush=True)
sys.stdin.read()
""".replace("LIBRARY", repr(library))
    with script(text, tmp_path) as process:
        worker, *orphans = [int(word) for word in said(process).split()]
        try:
            assert not can_lock(tmp_path / "lock")
            process.kill()
            process.wait()
            assert can_lock(tmp_path / "lock")
            assert all(map(is_there, orphans))
            until_gone([worker])
        finally:
            for orphan in orphans:
                os.kill(orphan, signal.SIGKILL)


def can_lock(path):
    import fcntl

    with open(path, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_forking_beside_library_threads_warns_nobody(tmp_path):
    text = """
import numpy
numpy.ones((600, 600)) @ numpy.ones((600, 600))
def same(value):
    return value
print(run(("same", 1)))
executor.stop(kill=False)
"""
    command = [sys.executable, "-W", "error", "-c", PRELUDE + text, str(tmp_path)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (process.stdout, process.stderr, process.returncode) == ("[1]\n", "", 0)
