"""Plain prefixes, without any plugin: a program that queues commands, and stand-ins for docker and ssh.

The stand-ins do with the words that they are given what docker and ssh do: they run the last of them elsewhere, with
another working directory and an environment of their own. What they were given is written down.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from ast import literal_eval
from pathlib import Path

import pytest

from taskdisc.testing import LAUNCHER, Project
from tests.faults.processes import read_numbers, until, until_gone

TASKS = """
import os
import subprocess
import sys
import time

from taskdisc import Gather, axis, task

n = axis(range(3))

def text() -> str:
    return "x" * 50_000                     # an object

@task(tags=("far",), env={"OWN": "mine"})
def far(text, n: int) -> dict:
    began = time.time()
    print("said by", n)
    subprocess.run(["sh", "-c", "echo by a child >&2"], check=True)
    time.sleep(0.05)
    return {
        "folder": os.getcwd(),
        "nice": os.nice(0),
        "own": os.environ["OWN"],
        "callers": os.environ.get("CALLERS"),
        "size": len(text),
        "times": (began, time.time()),
    }

def all_of_it(far: Gather[dict]) -> list:
    return list(far.values())

@task(tags=("far",))
def failing():
    raise ValueError("on purpose")

@task(tags=("far",))
def endless():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with open("here.new", "w") as file:
        file.write(f"{os.getpid()} {child.pid}")
    os.rename("here.new", "here")
    time.sleep(600)
"""

DOCKER = """\
import json, os, sys
with open({notes!r}, "a") as notes:
    print(json.dumps(sys.argv[1:]), file=notes)
words = sys.argv[1:]
assert words.pop(0) == "run"
variables, folder = {{"PATH": os.defpath}}, "/"
while words[0].startswith("-"):
    option = words.pop(0)
    if option == "-w":
        folder = words.pop(0)
    elif option == "-v":
        words.pop(0)
    else:
        assert option == "--rm", option
if words.pop(0) != "image:1":
    sys.exit("docker: no such image")
os.chdir(folder)
os.execvpe(words[0], words, variables)
"""

SSH = """\
import json, os, sys
with open({notes!r}, "a") as notes:
    print(json.dumps(sys.argv[1:]), file=notes)
host, *words = sys.argv[1:]
if host != "far":
    print("ssh: could not resolve", host, file=sys.stderr)
    sys.exit(255)
os.chdir({home!r})
os.execvpe("sh", ["sh", "-c", " ".join(words)], {{"PATH": os.defpath, "HOME": {home!r}}})
"""


@pytest.fixture
def configured(project: Project) -> Project:
    project.write(tasks_a=TASKS)
    project.environment["CALLERS"] = "secret"
    return project


def with_prefix(project: Project, prefix: str) -> None:
    project.write({"pyproject.toml": f'[tool.taskdisc]\nworkers = 2\n[tool.taskdisc.tasks."tag:far"]\n{prefix}\n'})


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def stand_in(folder: Path, name: str, source: str) -> None:
    """Put a program into a folder."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!{sys.executable}\n{source}")
    program.chmod(0o755)


@pytest.fixture
def programs(configured: Project, tmp_path: Path, notes: Path) -> None:
    """The stand-ins, found before all others."""
    home = tmp_path / "home"
    home.mkdir()
    stand_in(tmp_path / "bin", "docker", DOCKER.format(notes=str(notes)))
    stand_in(tmp_path / "bin", "ssh", SSH.format(notes=str(notes), home=str(home)))
    configured.environment["PATH"] = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"


def results(project: Project, *options: str) -> list[dict[str, object]]:
    """Run all of it, and return what came of it."""
    done = project.run("all_of_it", *options).assert_ok()
    found: list[dict[str, object]] = literal_eval(done.stdout)
    assert [(each["own"], each["size"]) for each in found] == [("mine", 50_000)] * 3
    assert {each["folder"] for each in found} == {str(project.path.resolve())}
    logs = project.taskdisc("logs", "far[n=1]").assert_ok().stdout
    assert "said by 1" in logs
    assert "by a child" in logs
    return found


def test_nice(configured: Project) -> None:
    with_prefix(configured, 'prefix = "nice -n 10"')
    nice = os.nice(0)
    assert [each["nice"] for each in results(configured)] == [min(19, nice + 10)] * 3


@pytest.fixture
def spooler(configured: Project, tmp_path: Path) -> Project:
    """A queue of task-spooler of one's own, which runs one command at a time."""
    with_prefix(configured, 'prefix = "tsp -fn"')
    configured.environment["TS_SOCKET"] = str(tmp_path / "spooler")
    # Its server is there already: of two commands that start it at the same moment, tsp gives up one (status 255).
    subprocess.run(["tsp"], env={**os.environ, **configured.environment}, check=True, stdout=subprocess.DEVNULL)
    return configured


@pytest.fixture(autouse=True)
def _no_spooler(tmp_path: Path) -> object:
    yield
    socket = tmp_path / "spooler"
    if socket.exists():
        subprocess.run(["tsp", "-K"], env={**os.environ, "TS_SOCKET": str(socket)}, check=True)


def test_a_queue_runs_one_after_the_other(spooler: Project) -> None:
    times = sorted(each["times"] for each in results(spooler))  # type: ignore[type-var]
    assert all(end <= begin for (_, end), (begin, _) in zip(times, times[1:], strict=False))  # type: ignore[misc]


def test_failures_come_through_the_queue(spooler: Project) -> None:
    done = spooler.run("failing")
    assert done.exit_code == 1
    assert "ValueError: on purpose" in done.stderr


def test_an_interruption_ends_what_is_queued(spooler: Project) -> None:
    spooler.environment["TASKDISC_GRACE"] = "0s"
    environment = {**os.environ, **spooler.environment}
    with subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, "run", "endless"],
        cwd=spooler.path,
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as run:
        here = spooler.path / "here"
        processes = read_numbers(here)
        run.send_signal(signal.SIGINT)
        assert run.wait(60) == 2
    until_gone(processes)

    def queue() -> str:
        listed = subprocess.run(["tsp"], env=environment, capture_output=True, text=True, check=True).stdout
        return "running" if "running" in listed else ""

    until(lambda: not queue(), "the queue is empty")


@pytest.mark.usefixtures("programs")
def test_docker(configured: Project, notes: Path) -> None:
    root = configured.path
    with_prefix(configured, f'prefix = "docker run --rm -v {root}:{root} -w /usr image:1"')
    assert {each["callers"] for each in results(configured)} == {None}  # a container has its own environment
    words = [json.loads(line) for line in notes.read_text().splitlines()]
    assert len(words) == 3
    for each in words:
        assert each[:7] == ["run", "--rm", "-v", f"{root}:{root}", "-w", "/usr", "image:1"]
        assert each[7:10] == [sys.executable, "-m", each[9]]
        assert os.path.dirname(each[-1]).startswith(str(root))


@pytest.mark.usefixtures("programs")
def test_ssh(configured: Project, notes: Path) -> None:
    with_prefix(configured, 'prefix = "ssh far"\nbatch = 3')
    assert {each["callers"] for each in results(configured, "-j", "1")} == {None}
    hosts = [json.loads(line)[0] for line in notes.read_text().splitlines()]
    assert set(hosts) == {"far"}


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(
    ("prefix", "said"),
    [("docker run --rm image:2", "docker: no such image"), ("ssh nobody", "ssh: could not resolve nobody")],
)
def test_what_the_program_says_is_told(configured: Project, prefix: str, said: str) -> None:
    with_prefix(configured, f'prefix = "{prefix}"')
    began = time.monotonic()
    done = configured.run("failing")
    assert done.exit_code == 1
    assert said in done.stderr
    assert prefix in done.stderr
    assert time.monotonic() - began < 60


def test_logs_have_what_the_program_said_to_silent_tasks(project: Project) -> None:
    loud = "import os, sys\nprint('loud: hello', flush=True)\nos.execv(sys.argv[1], sys.argv[1:])\n"
    stand_in(project.path, "loud", loud)
    project.write(
        tasks_a=f"""
        import os
        from taskdisc import axis, task
        n = axis(range(2))
        prefix = "{project.path}/loud"
        @task(prefix=prefix)
        def alone(n: int): return n
        @task(prefix=prefix, batch=2)
        def together(n: int): return n
        @task(prefix=prefix)
        def raises(): raise ValueError
        @task(prefix=prefix)
        def exits(): os._exit(3)
        """
    )
    ended = project.run()
    names = ["alone[n=0]", "alone[n=1]", "together[n=0]", "together[n=1]", "raises", "exits"]
    assert set(ended.outcomes) == set(names)
    assert "captured" not in ended.stderr
    expected = "".join(f"--- {name} launcher\nloud: hello\n" for name in names)
    project.taskdisc("gc").assert_ok()
    assert project.taskdisc("logs", *names).assert_ok().stdout == expected
    assert project.taskdisc("logs", *names, "--stderr").assert_ok().stdout == ""
