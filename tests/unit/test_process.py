import os
import pickle
import random
import select
import signal
import subprocess
import sys
import threading
import time
import traceback

import pytest

from taskdisc.builtin import groups, process, workers
from taskdisc.builtin.inline import InlineExecutor
from taskdisc.builtin.process import ProcessExecutor, Window
from taskdisc.capture import log_name
from taskdisc.errors import Place
from taskdisc.executors import wait
from taskdisc.model import ErrorText, Job, JobResult, Outcome, Part, TaskSpec, WorkerContext
from tests.faults.processes import children, until_gone

PLACE = Place("tasks_x.py", 3)


class Calls:
    """Stands for the Runner: a job's arguments are the name of a function of this module, and what it is given."""

    def __init__(self, context, capture):
        self.capture = capture

    def run(self, job):
        name, *arguments = job.arguments
        began = time.perf_counter()
        error, parts = None, ()
        try:
            value = pickle.dumps(globals()[name](*arguments))
            outcome, parts = Outcome.SUCCEEDED, (Part(b"", value, None, len(value)),)
        except BaseException:
            outcome, error = Outcome.FAILED, ErrorText("E", traceback.format_exc(), PLACE, "")
        logs = (None, None) if self.capture is None else self.capture.take(log_name(job))
        seconds = time.perf_counter() - began
        return JobResult(job.number, outcome, parts, (), None, 0.0, seconds, 0.0, 0, *logs, error)

    def close(self):
        return ()


class Stillborn:
    """Stands for a Runner that cannot be made."""

    def __init__(self, context, capture):
        raise RuntimeError("no such project")


def same(value):
    return value


def large(size):
    return b"x" * size


def say(text):
    print(text)
    subprocess.run([sys.executable, "-c", "import os; os.write(2, b'a child')"], check=True)
    return os.getpid()


def leave(status):
    sys.exit(status)


def vanish(status):
    print("last words", flush=True)
    os._exit(status)


def die(number):
    os.write(2, b"dying")
    os.kill(os.getpid(), number)


def crash():
    import ctypes

    ctypes.string_at(0)


def fork_and_return():
    """What a task does that forks by hand and forgets to end its child."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return "once"


def leave_child(read):
    """Die and leave a child that holds all that it could inherit."""
    child = os.fork()
    if not child:
        time.sleep(60)
    os._exit(3)


def nap(seconds):
    time.sleep(seconds)


def touch(path):
    open(path, "w").close()


def note(path, number, seconds):
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{number}\n".encode())
    os.close(file)
    time.sleep(seconds)


def wait_for(path):
    deadline = time.monotonic() + 20
    while not os.path.exists(path):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def interrupted():
    os.kill(os.getpid(), signal.SIGINT)
    command = [sys.executable, "-c", "import signal; print(signal.getsignal(2))"]
    return subprocess.run(command, capture_output=True).stdout


def session():
    return os.getsid(0) == os.getpid() == os.getpgrp()


def child_of_child(path):
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with open(f"{path}.new", "w") as file:
        file.write(str(process.pid))
    os.rename(f"{path}.new", path)
    process.wait()


@pytest.fixture
def context(tmp_path):
    spec = TaskSpec("tasks_x.py::f", "tasks_x", "f", b"", (), (), "pickle", PLACE)
    path = str(tmp_path)
    return WorkerContext(path, path, "logs", "dirs", (), (), (spec,))


@pytest.fixture
def start(context):
    started = []

    def start(workers=2, factory=Calls):
        executor = ProcessExecutor(workers, factory)
        executor.start(context)
        started.append(executor)
        return executor

    yield start
    for executor in started:
        executor.stop(kill=True)


def job(number, *arguments):
    return Job(number, 0, f"f[{number}]", 1, arguments)


def collect(executor, count, seconds=20.0):
    """Return `count` results, waiting for them as a run does."""
    results = []
    deadline = time.monotonic() + seconds
    while len(results) < count:
        remaining = deadline - time.monotonic()
        assert remaining > 0, f"only {results}"
        select.select([executor.fileno()], [], [], remaining)
        results += executor.collect()
    assert len(results) == count
    return results


def values(results):
    assert [result.error for result in results] == [None] * len(results)
    return {result.number: pickle.loads(result.parts[0].payload) for result in results}


def run_all(executor, jobs):
    """Run jobs, submitting what there is room for, and waking up when the executor wants that."""
    results, waiting = [], list(jobs)
    while len(results) < len(jobs):
        room = executor.free()
        if room and waiting:
            executor.submit(waiting[:room])
            del waiting[:room]
        results += awaited(executor)
    return results


def awaited(executor):
    """Wait as a run does, and return what has come."""
    due = executor.deadline()
    wait = 20 if due is None else max(0.0, due - time.monotonic())
    readable = select.select([executor.fileno()], [], [], wait)[0]
    assert readable or due is not None, "nothing comes"
    return executor.collect()


def test_nothing_starts_before_the_first_job(start):
    executor = start(3)
    assert executor.free() == 6
    assert executor.collect() == []
    assert not executor._living


def test_jobs_come_back_with_their_values(start):
    executor = start()
    executor.submit([job(n, "same", n * n) for n in range(4)])
    assert values(collect(executor, 4)) == {0: 0, 1: 1, 2: 4, 3: 9}


def test_one_worker_keeps_the_order(start):
    executor = start(1)
    executor.submit([job(n, "same", n) for n in (5, 3, 9, 1)])
    assert [result.number for result in collect(executor, 4)] == [5, 3, 9, 1]


def test_the_first_jobs_run_first(start):
    executor = start(2)
    executor.submit([job(n, "say", "") for n in range(4)])
    assert sorted([list(worker.queue) for worker in executor._living]) == [[0, 2], [1, 3]]
    assert len(collect(executor, 4)) == 4


def test_no_more_workers_than_jobs(start):
    executor = start(5)
    executor.submit([job(0, "same", 0)])
    collect(executor, 1)
    executor.submit([job(1, "same", 0)])
    collect(executor, 1)
    assert len(executor._living) == 1


def test_ten_thousand_tiny_jobs(start):
    executor = start()
    results = run_all(executor, [job(n, "same", n) for n in range(10_000)])
    assert values(results) == {n: n for n in range(10_000)}


@pytest.mark.parametrize("workers", [2, 3])
def test_nothing_waits_behind_a_long_job(start, tmp_path, workers):
    executor, last = start(workers), tmp_path / "last"
    jobs = [job(0, "wait_for", str(last)), *(job(n, "same", n) for n in range(1, 20)), job(20, "touch", str(last))]
    executor.submit(jobs)
    results = []
    while len(results) < 21:
        results += awaited(executor)
    assert sorted(values(results)) == list(range(21))
    assert executor.free() >= workers  # and the one that was busy takes jobs again
    assert values(run_all(executor, [job(n, "same", n) for n in range(9)])) == {n: n for n in range(9)}


@pytest.mark.parametrize("most", [0, 7])
def test_what_is_taken_back_from_busy_workers_runs_once(start, context, tmp_path, monkeypatch, most):
    """However often that happens, and at whatever moment."""
    monkeypatch.setattr(process, "SLOW", 0.0002)
    monkeypatch.setattr(workers, "may_fork", lambda: True)  # two hundred fresh interpreters take half a minute
    path, chance = tmp_path / "notes", random.Random(most)
    executor = ProcessExecutor(3, Calls)
    executor.start(context._replace(max_tasks=most))
    recalls, recall = [], workers.Worker.recall
    monkeypatch.setattr(workers.Worker, "recall", lambda worker: recalls.append(1) or recall(worker))
    seconds = [chance.choice([0, 0, 0, 0.0002, 0.0005, 0.002]) for _ in range(1500)]
    results = run_all(executor, [job(n, "note", str(path), n, each) for n, each in enumerate(seconds)])
    executor.stop(kill=False)
    assert sorted(map(int, path.read_text().split())) == list(range(1500))
    assert sorted(result.number for result in results) == list(range(1500))
    assert len(recalls) > 20


def test_large_messages_both_ways_at_once(start):
    executor = start()
    size = 5_000_000
    executor.submit([job(n, "same", bytes([n]) * size) for n in range(4)])
    executor.submit([job(n, "large", size) for n in range(4, 8)])
    found = values(collect(executor, 8))
    assert all(found[n] == bytes([n]) * size for n in range(4))
    assert all(found[n] == b"x" * size for n in range(4, 8))


def test_submitting_never_waits_for_a_busy_worker(start, tmp_path):
    executor = start(1)
    gate = str(tmp_path / "gate")
    executor.submit([job(0, "wait_for", gate), job(1, "same", b"x" * 5_000_000)])
    touch(gate)
    assert len(values(collect(executor, 2))[1]) == 5_000_000


def test_output_is_kept_per_attempt(start, tmp_path):
    executor = start(1)
    executor.submit([job(0, "say", "hello"), job(1, "same", 1)])
    loud, silent = collect(executor, 2)
    assert (loud.stdout, loud.stderr) == ("logs/0.1.out", "logs/0.1.err")
    assert (tmp_path / loud.stdout).read_text() == "hello\n"
    assert (tmp_path / loud.stderr).read_text() == "a child"
    assert (silent.stdout, silent.stderr) == (None, None)
    executor.stop(kill=False)
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["0.1.err", "0.1.out"]


def test_leaving_is_a_failure_of_the_job_alone(start):
    executor = start(1)
    executor.submit([job(0, "leave", 3), job(1, "same", 1)])
    first, second = collect(executor, 2)
    assert (first.outcome, second.outcome) == (Outcome.FAILED, Outcome.SUCCEEDED)


@pytest.mark.parametrize(
    ("call", "message", "log"),
    [
        (("vanish", 3), "worker ended with exit status 3", "last words\n"),
        (("die", 9), "worker ended with signal SIGKILL (9)", "dying"),
        (("die", signal.SIGRTMIN + 1), f"worker ended with signal SIGRTMIN+1 ({signal.SIGRTMIN + 1})", "dying"),
        (("crash",), "worker ended with signal SIGSEGV (11)", "Segmentation fault"),
    ],
    ids=["exit", "kill", "realtime", "crash"],
)
def test_a_death_is_reported_for_the_job_that_ran(start, tmp_path, call, message, log):
    executor = start(1)
    before = time.time()
    executor.submit([job(0, "same", 0), job(1, *call), job(2, "same", 2), job(3, "same", 3)])
    results = {result.number: result for result in collect(executor, 4)}
    dead = results.pop(1)
    assert values(results.values()) == {0: 0, 2: 2, 3: 3}
    assert dead.outcome == Outcome.KILLED
    assert dead.error.message == message
    assert dead.error.place == PLACE
    assert before <= dead.started <= dead.started + dead.seconds <= time.time()
    assert log in (tmp_path / (dead.stdout or dead.stderr)).read_text()


def test_systems_without_descriptors_for_processes(start, monkeypatch):
    monkeypatch.setattr(groups, "open_pidfd", lambda process: None)
    executor = start(2)
    executor.submit([job(0, "vanish", 3), job(1, "die", 9), job(2, "same", 2), job(3, "same", 3)])
    results = {result.number: result for result in collect(executor, 4)}
    assert results.pop(0).error.message == "worker ended with exit status 3"
    assert results.pop(1).error.message == "worker ended with signal SIGKILL (9)"
    assert values(results.values()) == {2: 2, 3: 3}
    executor.stop(kill=False)
    assert not executor._living


def test_deaths_have_hints(start):
    executor = start(2)
    executor.submit([job(0, "vanish", 0), job(1, "die", 9)])
    hints = {result.number: result.error.hint for result in collect(executor, 2)}
    assert "os._exit" in hints[0]
    assert "memory" in hints[1]


def test_every_job_may_kill_its_worker(start):
    executor = start(2)
    results = run_all(executor, [job(n, "vanish", 1) if n % 2 else job(n, "same", n) for n in range(40)])
    assert {r.number for r in results if r.outcome == Outcome.KILLED} == set(range(1, 40, 2))
    assert values([r for r in results if r.outcome != Outcome.KILLED]) == {n: n for n in range(0, 40, 2)}


def test_a_death_shows_though_a_child_holds_the_pipes(start):
    executor = start(1)
    executor.submit([job(0, "leave_child", 0), job(1, "same", 1)])
    assert [result.outcome for result in collect(executor, 2)] == [Outcome.KILLED, Outcome.SUCCEEDED]


def test_a_worker_that_cannot_begin_fails_its_jobs_one_by_one(start, tmp_path):
    executor = start(2, Stillborn)
    executor.submit([job(n, "same", n) for n in range(4)])
    results = collect(executor, 4)
    assert {result.error.message for result in results} == {
        "worker ended with exit status 1 before its first job began"
    }
    assert all("no such project" in (tmp_path / result.stderr).read_text() for result in results)


def test_an_idle_death_costs_no_job(start):
    executor = start(1)
    executor.submit([job(0, "same", 0)])
    collect(executor, 1)
    os.kill(executor._living[0].group.leader, signal.SIGKILL)
    executor.submit([job(1, "same", 1), job(2, "same", 2)])
    assert values(collect(executor, 2)) == {1: 1, 2: 2}


def test_a_forgotten_fork_answers_once(start):
    executor = start(1)
    executor.submit([job(0, "fork_and_return"), job(1, "same", 1)])
    results = collect(executor, 2)
    assert values(results) == {0: "once", 1: 1}
    assert [result.stderr for result in results] == [None, None]


def test_interrupts_are_for_the_run(start):
    executor = start(1)
    executor.submit([job(0, "interrupted")])
    assert b"default_int_handler" in values(collect(executor, 1))[0]


def test_handlers_of_the_run_do_not_act_in_workers(start):
    previous = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        executor = start(1)
        executor.submit([job(0, "die", 15)])
        assert "SIGTERM" in collect(executor, 1)[0].error.message
    finally:
        signal.signal(signal.SIGTERM, previous)


def open_when_told_to_stop(gate, worker):
    while worker.jobs is not None:
        time.sleep(0.001)
    touch(gate)


def test_stop_lets_the_running_job_end(start, tmp_path):
    executor = start(1)
    here, gate = str(tmp_path / "here"), str(tmp_path / "gate")
    executor.submit([job(0, "touch", here), job(1, "wait_for", gate), job(2, "same", 2)])
    wait_for(here)
    (worker,) = executor._living
    while (running := worker.running()) is None or running[0].number != 1:
        executor.collect()
    opener = threading.Thread(target=open_when_told_to_stop, args=(gate, worker))
    opener.start()
    executor.stop(kill=False)
    opener.join()
    assert [result.number for result in executor.collect()][-1] == 1
    assert not executor._living


def test_stop_leaves_no_zombie_and_no_descriptor(start):
    before, family = set(os.listdir("/proc/self/fd")), children()
    executor = start(3)
    executor.submit([job(n, "same", n) for n in range(3)])
    collect(executor, 3)
    executor.stop(kill=False)
    executor.stop(kill=False)
    assert children() <= family
    assert set(os.listdir("/proc/self/fd")) <= before


def test_kill_ends_what_the_job_started(start, tmp_path):
    executor = start(1)
    path = tmp_path / "child"
    executor.submit([job(0, "child_of_child", str(path))])
    wait_for(path)
    executor.stop(kill=True)
    until_gone([int(path.read_text())])
    (result,) = executor.collect()
    assert (result.number, result.outcome) == (0, Outcome.KILLED)


def test_children_of_a_dead_worker_go_with_it(start, tmp_path):
    executor = start(1)
    path = tmp_path / "child"
    executor.submit([job(0, "child_of_child", str(path))])
    wait_for(path)
    os.kill(executor._living[0].group.leader, signal.SIGKILL)
    assert collect(executor, 1)[0].outcome == Outcome.KILLED
    until_gone([int(path.read_text())])


def test_workers_lead_sessions_of_their_own(start):
    executor = start(1)
    executor.submit([job(0, "session")])
    assert values(collect(executor, 1)) == {0: True}


def test_threads_make_it_a_fresh_interpreter(start, monkeypatch):
    monkeypatch.setattr(workers, "fork", None)
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert not workers.may_fork()
        executor = start(2)
        executor.submit([job(0, "same", 0), job(1, "vanish", 3), job(2, "say", "x"), job(3, "session")])
        results = {result.number: result for result in collect(executor, 4)}
        assert results.pop(1).error.message == "worker ended with exit status 3"
        assert results[2].stdout == "logs/2.1.out"
        assert values([results[0], results[3]]) == {0: 0, 3: True}
        executor.stop(kill=False)
    finally:
        stop.set()
        thread.join()


def test_the_window_follows_the_jobs():
    def ended(*seconds):
        return [JobResult(0, "succeeded", seconds=value) for value in seconds]

    window = Window()
    assert window.size == 2
    for _ in range(20):
        window.observe(ended(1e-6, 1e-6))
    assert window.size == 2048
    window.observe(ended(1e-6, 0.01))
    assert window.size > 16  # one that was held up says little of the others
    window.observe(ended(*[0.01] * 64))
    assert window.size == 2
    window.observe(ended(1e-6, 10.0))
    assert window.size == 1
    window.observe(ended(1e-6))
    assert window.size == 2
    for _ in range(200):
        window.observe(ended(0.001))
    assert window.size in (4, 5)
    for _ in range(20):
        window.observe(ended(*[0.00005] * 100))
    assert 300 < window.size <= 400


def test_there_is_a_lull_while_all_workers_have_many_tiny_jobs(start):
    executor = start(1)
    assert executor.lull() == 0
    run_all(executor, [job(n, "same", n) for n in range(3)])
    for _ in range(20):
        executor._window.observe([JobResult(0, Outcome.SUCCEEDED, seconds=1e-6)] * 100)
    executor.submit([job(n, "same", n) for n in range(2000)])
    assert 0 < executor.lull() <= process.LULL
    wait([executor], 0.0)
    assert len(values(collect(executor, 2000))) == 2000
    assert executor.lull() == 0


def test_inline_runs_one_job_at_each_collect(context):
    executor = InlineExecutor(4, Calls)
    executor.start(context)
    assert executor.fileno() is None
    assert executor.collect() == []
    assert executor.free() == 1
    executor.submit([job(7, "same", 1)])
    assert executor.free() == 0
    assert values(executor.collect()) == {7: 1}
    executor.submit([job(8, "same", 1)])
    executor.stop(kill=True)
    assert executor.collect() == []
