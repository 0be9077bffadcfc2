"""Resources that are shared: counted across the runs of one user on one machine, whatever project they are of."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from taskdisc.commons import Commons, own_folder
from taskdisc.errors import UsageError
from taskdisc.limits import Held
from taskdisc.testing import Project
from tests.faults.processes import FAMILY, is_there, read_numbers, until
from tests.projects import Folder
from tests.terminals import on_pty, on_screen

TASKS = (
    FAMILY
    + """
from pathlib import Path
from taskdisc import axis, task

LOG = Path(os.environ["LOG"])
n = axis(range(6))

def _note(line):
    file = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{line}\\n".encode())
    os.close(file)

@task(resources={"gpu": 1, "memory": 2})
def train(n: int, task_info, seconds: float = 0.1):
    unit, = task_info.resources["gpu"]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == unit
    _note(f"+{unit}")
    time.sleep(seconds)
    _note(f"-{unit}")
    return unit

@task(resources={"gpu": 1})
def forever(task_info):
    _note(f"+{task_info.resources['gpu'][0]}")
    if not (child := os.fork()):
        os.setsid()
        time.sleep(600)
    Path("child.txt").write_text(str(child))
    _family("family.txt")

@task(resources={"gpu": 1})
def gated(task_info):
    _note(f"+{task_info.resources['gpu'][0]}")
    while not os.path.exists("go"):
        time.sleep(0.01)

@task(resources={"memory": 3})
def hungry():
    _note("memory")

def free():
    _note("free")
"""
)
CONFIG = """
[tool.taskdisc]
workers = 4
[tool.taskdisc.resources]
gpu = {units = [UNITS], shared = true}
memory = {amount = 4, shared = true}
"""


class Machine:
    """Projects of one user whose runs note in one log what they hold."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path / "log.txt"
        self._started: list[subprocess.Popen[str]] = []

    def project(self, name: str, units: str = '"0", "1"') -> Folder:
        """Make a project that has been told of so many units."""
        folder = Folder(self.path / name)
        folder.write({"pyproject.toml": CONFIG.replace("UNITS", units), "tasks_gpu.py": TASKS})
        return folder

    def start(self, folder: Folder, *arguments: str) -> subprocess.Popen[str]:
        """Start `taskdisc run` as users do."""
        process = folder.start("run", *arguments)
        self._started.append(process)
        return process

    def lines(self) -> list[str]:
        """What was noted."""
        return self.log.read_text().split() if self.log.exists() else []

    def until(self, line: str, times: int = 1) -> None:
        """Wait until it was noted."""
        until(lambda: self.lines().count(line) >= times, f"{line} in {self.lines()}")

    def clear_up(self) -> None:
        """Leave nothing running."""
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """What this user shares on a machine that nobody else has: its temporary directory is its own."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    found = Machine(tmp_path)
    monkeypatch.setenv("LOG", str(found.log))
    yield found
    found.clear_up()


def most_at_once(lines: list[str]) -> int:
    """Check that no unit is held twice; return how many were held at once."""
    held: set[str] = set()
    most = 0
    for line in lines:
        if line.startswith("+"):
            assert line[1:] not in held, lines
            held.add(line[1:])
        else:
            held.remove(line[1:])
        most = max(most, len(held))
    return most


@pytest.mark.parametrize("runs", [2, 4])
def test_runs_at_once_never_hold_the_same_unit(machine: Machine, runs: int) -> None:
    processes = [machine.start(machine.project(f"project-{i}"), "train") for i in range(runs)]
    for process in processes:
        assert process.wait(60) == 0
    assert len(machine.lines()) == 12 * runs
    assert most_at_once(machine.lines()) == 2
    assert os.listdir(own_folder()) == ["mutex"]


def test_amounts_add_up_over_runs(machine: Machine) -> None:
    first, second = machine.project("first"), machine.project("second")
    machine.start(first, "train[n=0]", "-p", "seconds=600")
    machine.until("+0")
    waiting = machine.start(second, "hungry", "free")
    machine.until("free")
    train = machine.start(machine.project("third"), "train[n=0]")  # 2 and 2 are 4
    assert train.wait(60) == 0
    assert waiting.poll() is None
    waiting.kill()  # before the other gives its share back
    waiting.communicate()
    assert "memory" not in machine.lines()
    machine.clear_up()
    assert second.command("run", "hungry").code == 0


def test_a_run_is_below_its_own_amount_and_counts_what_others_hold(machine: Machine) -> None:
    small, large, other = (machine.project(*each) for each in [("s", '"0"'), ("l", '"0", "1", "2"'), ("o", '"x"')])
    run = machine.start(small, "gated")
    machine.until("+0")
    assert large.command("run", "train[n=0]").out == "1\n"
    assert other.command("run", "train[n=0]").out == "x\n"  # other units are other things
    (small.root / "go").touch()
    assert run.wait(60) == 0
    assert large.command("run", "train[n=1]").out == "0\n"


def test_a_limit_is_for_this_run_alone_and_leaves_it_any_unit(machine: Machine) -> None:
    machine.start(machine.project("first"), "gated")
    machine.until("+0")
    second = machine.project("second")
    assert {line[-1] for line in second.command("run", "train", "--limit", "gpu=1").out.splitlines()} == {"1"}
    assert most_at_once(machine.lines()[1:]) == 1


def test_what_a_killed_run_held_is_free_at_once_whatever_it_has_left_behind(machine: Machine) -> None:
    first, second = machine.project("first", '"0"'), machine.project("second", '"0"')
    run = machine.start(first, "forever")
    family = read_numbers(first.root / "family.txt")
    waiting = machine.start(second, "train[n=0]")
    until(lambda: len(os.listdir(own_folder())) == 3, "both runs are known")
    run.send_signal(signal.SIGKILL)
    assert waiting.wait(60) == 0
    assert waiting.stdout is not None and waiting.stdout.read() == "0\n"
    family += read_numbers(first.root / "child.txt")
    assert is_there(family[-1]) and is_there(family[-2])  # in sessions of their own
    assert os.listdir(own_folder()) == ["mutex"]
    for process in family:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def test_ctrl_c_ends_a_run_that_waits(machine: Machine) -> None:
    machine.start(machine.project("first", '"0"'), "gated")
    machine.until("+0")
    waiting = machine.start(machine.project("second", '"0"'), "train", "free")
    machine.until("free")
    until(lambda: len(os.listdir(own_folder())) == 3, "both runs are known")
    waiting.send_signal(signal.SIGINT)
    assert waiting.wait(60) == 2
    assert waiting.stderr is not None and "6 cancelled" in waiting.stderr.read()
    assert len(os.listdir(own_folder())) == 2


def test_other_work_goes_on_while_a_run_waits(machine: Machine) -> None:
    """Whatever is kept for what waits longest, it is nothing that does not help it."""
    machine.start(machine.project("first", '"0"'), "gated")
    machine.until("+0")
    second = machine.project("second", '"0"')
    many = (
        "from taskdisc import axis\nfrom tasks_gpu import _note\ni = axis(range(40))\ndef each(i: int): _note('each')\n"
    )
    second.write({"tasks_many.py": many})
    machine.start(second, "train", "each")
    machine.until("each", 40)
    assert machine.lines().count("+0") == 1


def test_runs_take_turns(machine: Machine) -> None:
    """A run that has much to do does not keep a unit for ever from another."""
    first = machine.project("first", '"0"')
    machine.start(first, "train", "-p", f"n={','.join(map(str, range(600)))}", "--limit", "train=600")
    machine.until("-0")
    assert machine.start(machine.project("second", '"0"'), "train[n=0]").wait(60) == 0
    assert machine.lines().count("-0") < 600


def test_plain_output_says_once_who_holds_what_a_run_waits_for(machine: Machine) -> None:
    holder, second = machine.start(machine.project("first", '"0"'), "gated"), machine.project("second", '"0"')
    machine.until("+0")
    waiting = machine.start(second, "train[n=0]")
    assert waiting.stderr is not None
    assert waiting.stderr.readline() == f"waiting: gpu in use by process {holder.pid}\n"
    (machine.path / "first" / "go").touch()
    assert waiting.wait(60) == 0
    assert "waiting" not in waiting.stderr.read()


def test_the_live_screen_says_who_holds_what_a_run_waits_for(machine: Machine) -> None:
    holder, second = machine.start(machine.project("first", '"0"'), "gated"), machine.project("second", '"0"')
    machine.until("+0")
    with on_screen(second.root, "run", "train", "-p", "n=1,2") as screen:
        screen.shows(
            f"""
            next: train[n=1], train[n=2]
            0/2 · gpu in use by process {holder.pid} · M:SS
            """
        )


def test_interactive_tasks_wait_and_can_be_interrupted(machine: Machine) -> None:
    machine.start(machine.project("first", '"0"'), "gated")
    machine.until("+0")
    second = machine.project("second", '"0"')
    with on_pty(second.root, "run", "gated", "--executor", "inline") as terminal:
        until(lambda: len(os.listdir(own_folder())) == 3, "both runs are known")
        terminal.type("\x03")
        assert terminal.end() == 2
        assert "1 cancelled" in terminal.seen


def test_nothing_is_on_disk_where_nothing_is_shared_or_nothing_runs(machine: Machine) -> None:
    folder = machine.project("first")
    assert folder.command("run", "free").code == 0
    assert os.listdir(own_folder()) == []
    assert folder.command("run", "train[n=0]").code == 0
    (Path(own_folder()) / "mutex").unlink()
    assert folder.command("run", "train[n=0]").executed == []
    assert os.listdir(own_folder()) == []


def test_a_folder_that_others_can_use_is_refused(machine: Machine) -> None:
    os.chmod(own_folder(), 0o755)
    ended = machine.project("first").command("run", "train[n=0]")
    assert ended.code == 4
    assert ended.err.startswith("error: gpu, memory: runs share this through files, and that does not work here: ")
    assert "is not a folder that is yours alone (chmod 700). Set TMPDIR" in ended.err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("gpu = {units = ['0'], share = true}", "gpu: unknown key 'share'. Did you mean shared?"),
        ("gpu = {shared = true}", 'gpu takes one of amount and units: {units = ["0", "1"], shared = true}.'),
        (
            "gpu = {units = ['0'], amount = 1}",
            'gpu takes one of amount and units: {units = ["0", "1"], shared = true}.',
        ),
        ("gpu = {amount = 1, shared = 'yes'}", "gpu: shared is true or false, not 'yes'."),
        ("gpu = {amount = -1}", 'gpu takes a number above 0, or the names of its units such as ["0", "1"], not -1.'),
        ("cpus = {amount = 2, shared = true}", "cpus cannot be shared: each run has workers of its own."),
    ],
)
def test_mistakes_in_the_configuration(project: Project, line: str, message: str) -> None:
    project.write({"pyproject.toml": f"[tool.taskdisc.resources]\n{line}\n"}, tasks_x="def a(): ...")
    result = project.run()
    assert result.exit_code == 4
    assert f"pyproject.toml [tool.taskdisc.resources]: {message}" in result.stderr


def test_what_is_configured_is_shown_as_it_is_written(project: Project) -> None:
    there = '{ units = ["0", "1"], shared = true }'
    project.write({"pyproject.toml": f"[tool.taskdisc.resources]\ngpu = {there}\n"})
    assert f" {there} " in project.taskdisc("config").assert_ok().stdout


def test_who_waits_for_a_while_goes_first(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskdisc.commons.POLITENESS", 3600.0)
    monkeypatch.setattr("taskdisc.commons.FORGOTTEN", 3600.0)
    first, second, gpu = Commons({"gpu": 1.0}), Commons({"gpu": 1.0}), (("gpu", 1.0),)
    assert first.take(gpu) == {"gpu": ()}
    assert second.take(gpu) is None
    first.give_back([Held("gpu", 1.0)])
    assert first.take(gpu) == {"gpu": ()}  # the other has not waited for long
    first.give_back([Held("gpu", 1.0)])
    monkeypatch.setattr("taskdisc.commons.POLITENESS", 0.0)
    assert first.take(gpu) is None
    assert second.take(gpu) == {"gpu": ()}
    assert first.take(gpu) is None
    second.give_back([Held("gpu", 1.0)])
    monkeypatch.setattr("taskdisc.commons.FORGOTTEN", 0.0)
    assert second.take(gpu) == {"gpu": ()}  # the other has not asked again
    first.close()
    second.close()


def test_half_a_file_counts_as_all_that_there_is(machine: Machine) -> None:
    """A run that was stopped while it wrote: what it holds is not known, so nobody takes anything."""
    first, second = Commons({"gpu": ("0", "1")}), Commons({"gpu": ("0", "1")})
    assert first.take((("gpu", 1),)) == {"gpu": ("0",)}
    path = next(Path(own_folder()).glob("*.run"))
    whole = path.read_bytes()
    path.write_bytes(whole[:9])
    assert second.take((("gpu", 1),)) is None
    path.write_bytes(whole)
    assert second.take((("gpu", 1),)) == {"gpu": ("1",)}
    first.close()
    second.close()


def test_a_temporary_directory_that_cannot_be_used(machine: Machine) -> None:
    (machine.path / "tmp" / f"taskdisc-{os.geteuid()}").write_text("")
    with pytest.raises(UsageError, match="yours alone"):
        Commons({"gpu": 1.0})
