"""Steps that follow one another run in one worker without a way back between them, and nobody can tell but by the time.

The executor here is that of runs, but takes chains from the first job on, and writes down how long they were.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable

import pytest

from taskdisc.testing import Project

EAGER = """
from taskdisc.builtin.process import ProcessExecutor

class Eager(ProcessExecutor):
    def longest_chain(self):
        return 16

    def submit_chain(self, jobs):
        with open("chains", "a") as file:
            file.write(f"{len(jobs)} ")
        super().submit_chain(jobs)

def taskdisc_executors():
    return {"eager": Eager}
"""
HELPER = """
import os, time

def note(name):
    file = os.open("executed", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{name} ".encode())
    os.close(file)

def until(name):
    while not os.path.exists(name):
        time.sleep(0.002)
"""
LENGTH = 40
ALL = [f"s{number}" for number in range(LENGTH)]
FROM_20 = ALL[20:]


@pytest.fixture
def chain(project: Project) -> Project:
    project.write({"pyproject.toml": '[tool.taskdisc]\nplugins = ["eager"]\nexecutor = "eager"\nworkers = 2\n'})
    project.write(eager=EAGER, helper=HELPER)
    write(project)
    return project


def write(project: Project, at: int = -1, body: str = "", decorator: str = "", tail: str = "") -> None:
    """Write the steps s0, s1...: each adds 1 to the one before, apart from what `body` has one of them do."""
    lines = ["import os, time, random", "from helper import note, until", "from taskdisc import *"]
    for number in range(LENGTH):
        given = f"s{number - 1}" if number else ""
        lines += [decorator if number == at else "", f"def s{number}({given}):", f"    note('s{number}')"]
        lines += [f"    {body}"] if number == at else []
        lines += [f"    return {given or 0} + 1"]
    project.write(tasks_x="\n".join([*lines, tail]))


def executed(project: Project) -> Counter[str]:
    """How often each step was executed since the last look."""
    path = project.path / "executed"
    found = Counter(path.read_text().split() if path.exists() else [])
    path.unlink(missing_ok=True)
    return found


def lengths(project: Project) -> list[int]:
    path = project.path / "chains"
    found = list(map(int, path.read_text().split() if path.exists() else []))
    path.unlink(missing_ok=True)
    return found


def once(names: list[str]) -> Counter[str]:
    return Counter(dict.fromkeys(names, 1))


def test_each_step_runs_once_and_receives_what_the_one_before_gave(chain: Project) -> None:
    assert chain.run("s39").assert_ok().stdout == "40\n"
    assert executed(chain) == once(ALL)
    assert lengths(chain) == [16, 16, 8]
    assert chain.run("s39").counts == {"cached": LENGTH}
    assert chain.run("s7").stdout == "8\n"


def test_a_failure_ends_the_chain_and_the_rest_runs_when_it_is_mended(chain: Project) -> None:
    write(chain, 20, "raise ValueError(s19)")
    result = chain.run("s39")
    assert result.exit_code == 1
    assert result.counts == {"succeeded": 20, "failed": 1, "blocked": 19}
    assert "ValueError: 20" in result.stderr
    assert executed(chain) == once(ALL[:21])
    write(chain)
    assert chain.run("s39").assert_ok().stdout == "40\n"
    assert executed(chain) == once(FROM_20)


def test_a_worker_that_dies_takes_one_step_with_it(chain: Project) -> None:
    write(chain, 20, "os._exit(3)")
    result = chain.run("s39")
    assert result.counts == {"succeeded": 20, "killed": 1, "blocked": 19}
    assert result.outcomes["s20"] == "killed"
    assert executed(chain) == once(ALL[:21])


def test_a_step_in_a_chain_is_tried_again(chain: Project) -> None:
    body = "if not os.path.exists('tried'): open('tried', 'w').close(); os._exit(1)"
    write(chain, 20, body, '@task(retries=1, retry_delay="0s")')
    assert chain.run("s39").assert_ok().stdout == "40\n"
    assert executed(chain) == once(ALL) + Counter(["s20"])


def test_a_step_in_a_chain_takes_too_long(chain: Project) -> None:
    write(chain, 20, "time.sleep(60)", '@task(timeout="2s")')
    result = chain.run("s39")
    assert result.counts == {"succeeded": 20, "timed out": 1, "blocked": 19}
    assert executed(chain) == once(ALL[:21])


def test_a_step_in_a_chain_is_skipped(chain: Project) -> None:
    write(chain, 20, "skip('no more')")
    assert chain.run("s39").assert_ok().counts == {"succeeded": 20, "skipped": 20}
    assert executed(chain) == once(ALL[:21])


def test_what_could_be_cached_is_not_submitted_ahead(chain: Project) -> None:
    chain.run("s39").assert_ok()
    executed(chain), lengths(chain)
    write(chain, 20, "s19 += 0")
    assert chain.run("s39").assert_ok().counts == {"succeeded": 1, "cached": 39}
    assert executed(chain) == {"s20": 1}
    write(chain, 20, "s19 += 10")
    assert chain.run("s39").assert_ok().stdout == "50\n"
    assert executed(chain) == once(FROM_20)
    assert lengths(chain) == []


def test_each_has_its_own_copy_and_its_own_seed(chain: Project) -> None:
    steps = [f"def t{n}(t{n - 1}):\n    t{n - 1}.append(random.random()); return t{n - 1}" for n in range(1, 20)]
    write(chain, tail="def t0():\n    return []\n" + "\n".join(steps))
    first = chain.run("t19").assert_ok().stdout
    assert len(set(json.loads(first))) == 19
    assert lengths(chain) == [16, 4]
    chain.write({"pyproject.toml": "[tool.taskdisc]\n"})
    assert chain.run("t19", "--store", "other").assert_ok().stdout == first
    assert json.loads(chain.run("t7").assert_ok().stdout) == json.loads(first)[:7]


def test_named_outputs_structures_and_large_results(chain: Project) -> None:
    write(
        chain,
        tail="""
@task(outputs=("few", "many"))
def pair():
    return 3, b"x" * 1_000_000

@requires(given=[ref("pair")["many"][:2], {"n": ref("pair")["few"]}])
def picked(given):
    return given

def told(picked, pair):
    return picked, len(pair["many"])

k = axis(range(5))
@requires(before=lambda n: ref(count, n=n - 1) if n else None)
def count(n: int, k, before):
    return (before or 0) + k

def counted(count: Gather[int]):
    return dict(count)
""".replace("[:2]", "[0]"),
    )
    assert chain.run("told").assert_ok().stdout == "([120, {'n': 3}], 1000000)\n"
    assert chain.run("count[k=3,n=50]").assert_ok().stdout == "153\n"
    assert max(lengths(chain)) == 16
    assert chain.run("count[k=3,n=90]").assert_ok().counts == {"succeeded": 40, "cached": 51}


def test_a_gather_of_the_chain_beside(chain: Project) -> None:
    write(
        chain,
        tail="""
n = axis(range(30))

@requires(before=lambda n: ref(up, n=n - 1) if n else None)
def up(n: int, before):
    return 0 if before is None else before + 2

def total(up: Gather[int]):
    return sum(up.values())
""",
    )
    assert chain.run("total").assert_ok().stdout == "870\n"
    assert lengths(chain) == [16, 14]


@pytest.mark.parametrize("seed", range(6))
def test_any_graph_gives_what_its_functions_give(chain: Project, seed: int) -> None:
    chance = random.Random(seed)
    lines, values = ["from taskdisc import *"], []
    for number in range(60):
        needs = sorted(
            {max(0, number - chance.choice([1, 1, 1, 1, 1, 2, 4])) for _ in range(chance.choice([1, 1, 1, 2]))}
        )
        needs = [number - 1] if number > 45 else needs if number else []
        lines += [f"def n{number}({', '.join(f'n{each}' for each in needs)}):"]
        lines += [f"    return {' + '.join([str(number), *(f'n{each}' for each in needs)])}"]
        values.append(number + sum(values[each] for each in needs))
    names = [f"n{number}" for number in range(60)]
    chain.write(tasks_x="\n".join([*lines, f"def all({', '.join(names)}):\n    return [{', '.join(names)}]"]))
    assert json.loads(chain.run("all").assert_ok().stdout) == values
    assert max(lengths(chain)) > 1


@pytest.mark.parametrize("width", [1, 2, 5, 8])
def test_a_stencil_gives_what_it_should(chain: Project, width: int) -> None:
    """Steps of one task, of which some were submitted ahead when others have their turn, too."""
    write(
        chain,
        tail=f"""
t, i = axis(range(40)), axis(range({width}))

def near(t, i):
    return [ref(cell, t=t - 1, i=j) for j in (i - 1, i, i + 1) if 0 <= j < {width}] if t else []

@requires(near=near)
def cell(t: int, i: int, near: list[int]) -> int:
    note(f"{{t}}-{{i}}")
    return (sum(near) if t else i + 1) % 1_000_007

def field(cell: Gather[int]) -> list[int]:
    return list(cell.values())
""",
    )
    columns = [[number + 1 for number in range(width)]]
    for _ in range(39):
        row = columns[-1]
        columns.append([sum(row[max(0, at - 1) : at + 2]) % 1_000_007 for at in range(width)])
    found = json.loads(chain.run("field").assert_ok().stdout)
    assert sorted(found) == sorted(value for row in columns for value in row)
    assert executed(chain) == once([f"{t}-{i}" for t in range(40) for i in range(width)])
    assert width > 1 or lengths(chain)


@pytest.mark.parametrize("seed", range(4))
def test_any_graph_of_one_task(chain: Project, seed: int) -> None:
    chance = random.Random(seed)
    needs: list[list[int]] = [[]]
    values = [0]
    for number in range(1, 150):
        far = chance.choice([1, 1, 1, 1, 2, 9])
        found = {max(0, number - chance.randint(1, far)) for _ in range(chance.choice([1, 1, 1, 2, 3]))}
        needs.append(sorted(found) if chance.random() < 0.97 else [])
        values.append((number + sum(values[each] for each in needs[-1])) % 1_000_007)
    write(
        chain,
        tail=f"""
NEEDS = {needs}
n = axis(range(150))

@requires(given=lambda n: [ref(some, n=each) for each in NEEDS[n]])
def some(n: int, given: list[int]) -> int:
    note(n)
    return (n + sum(given)) % 1_000_007

def all(some: Gather[int]) -> list[int]:
    return [some[number] for number in range(150)]
""",
    )
    assert json.loads(chain.run("all").assert_ok().stdout) == values
    assert executed(chain) == once(list(map(str, range(150))))


def test_plugins_hear_of_each_step_in_order(chain: Project) -> None:
    write(
        chain,
        tail="""
def taskdisc_job_started(step):
    with open("heard", "a") as file: file.write(f"+{step.id} ")

def taskdisc_job_finished(step):
    with open("heard", "a") as file: file.write(f"-{step.id} ")
""",
    )
    chain.run("s39").assert_ok()
    told = chain.read("heard").split()
    assert [each[1:] for each in told if each[0] == "+"] == ALL
    assert [each[1:] for each in told if each[0] == "-"] == ALL
    assert all(told.index(f"+{name}") < told.index(f"-{name}") for name in ALL)


def start(project: Project, target: str = "s39") -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "taskdisc", "run", target]
    return subprocess.Popen(
        command, cwd=project.path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def heard(project: Project) -> set[str]:
    """What the project's own hook was told of."""
    path = project.path / "heard"
    return set(path.read_text().split() if path.exists() else [])


def until_reported(project: Project, most: int, run: subprocess.Popen[str]) -> None:
    """Wait for that, or for the end of the run."""
    until(lambda: len(heard(project)) >= most or run.poll() is not None)


def until_executed(project: Project, name: str) -> None:
    path = project.path / "executed"
    until(lambda: path.exists() and name in path.read_text().split())


def test_two_runs_at_once_share_a_chain(chain: Project) -> None:
    write(chain, 20, "until('gate')")
    first = start(chain)
    until_executed(chain, "s20")
    second = start(chain)
    time.sleep(0.3)
    (chain.path / "gate").touch()
    for run in (first, second):
        assert (run.communicate(timeout=60)[0], run.returncode) == ("40\n", 0)
    assert executed(chain) == once(ALL)


def test_an_interruption_keeps_what_has_ended(chain: Project) -> None:
    chain.write({"pyproject.toml": chain.read("pyproject.toml") + 'grace = "60s"\n'})
    write(
        chain,
        20,
        "until('gate')",
        tail="""
def taskdisc_run_interrupted():
    open("stopping", "w").close()
""",
    )
    run = start(chain)
    until_executed(chain, "s20")
    run.send_signal(signal.SIGINT)
    until((chain.path / "stopping").exists)
    (chain.path / "gate").touch()
    run.communicate(timeout=60)
    assert run.returncode == 2
    assert executed(chain) == once(ALL[:21])
    assert chain.run("s39").assert_ok().stdout == "40\n"
    assert executed(chain) == once(ALL[21:])


def test_what_was_reported_before_a_kill_is_kept(chain: Project) -> None:
    write(
        chain,
        30,
        "os.kill(os.getppid(), 9); time.sleep(60)",
        tail="""
def taskdisc_job_finished(step):
    with open("heard", "a") as file: file.write(f"{step.id} ")
""",
    )
    run = start(chain)
    run.communicate(timeout=60)
    assert run.returncode == -signal.SIGKILL
    reported = heard(chain)
    executed(chain)
    write(chain)
    assert chain.run("s39").assert_ok().stdout == "40\n"
    assert not reported & set(executed(chain))


def test_a_run_is_killed_at_any_moment_again_and_again(chain: Project) -> None:
    write(
        chain,
        tail="""
@requires(before=lambda n: ref(link, n=n - 1) if n else 0)
def link(n: int, before: int) -> int:
    note(n)
    time.sleep(0.005)
    return before + n

def taskdisc_job_finished(step):
    with open("heard", "a") as file: file.write(step.id.rpartition("=")[2][:-1] + " ")
""",
    )
    reported: set[str] = set()
    for moment in range(5):
        run = start(chain, target="link[n=199]")
        until_reported(chain, len(reported) + 4, run)
        time.sleep(0.01 * moment)
        run.kill()
        run.communicate()
        assert not reported & set(executed(chain))
        reported = heard(chain)
    assert chain.run("link[n=199]").assert_ok().stdout == "19900\n"
    assert not reported & set(executed(chain))
