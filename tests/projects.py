"""A project in a folder, on which the real command is run; what a run executed is written down as it is reported."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import NamedTuple

import taskdisc

WATCHER = "tasks_watcher.py"
WATCH = '''
import os

def taskdisc_job_finished(step):
    """One write, so that no kill leaves half a line."""
    file = os.open("finished.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{step.outcome}\\t{step.id}\\n".encode())
    os.close(file)
'''


class Ended(NamedTuple):
    """How a command ended, and what its run reported as executed, in that order."""

    code: int
    out: str
    err: str
    executed: list[str]


class Folder:
    """A project that is written, run and edited."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._begun = 0
        self._outputs: dict[int, tuple[Path, Path]] = {}
        self.write({"pyproject.toml": "[tool.taskdisc]\n", WATCHER: WATCH})

    def write(self, files: Mapping[str, str]) -> None:
        """Write those files that differ from what is there."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_text() != text:
                path.write_text(text)

    def run(self, *arguments: str, executor: str = "inline") -> Ended:
        """Run `taskdisc run` in a fork of this process, which spares the start of an interpreter."""
        return self.do("run", *arguments, "--executor", executor)

    def do(self, *words: str) -> Ended:
        """Run any command in a fork of this process."""
        self.forget_finished()
        return self.end(self.begin(*words))

    def begin(self, *words: str) -> int:
        """Start a command in a fork of this process; return the number of the process."""
        self._begun += 1
        outputs = self.root / f"out-{self._begun}.txt", self.root / f"err-{self._begun}.txt"
        with open(outputs[0], "w") as out, open(outputs[1], "w") as err:
            child = _forked()
            if child == 0:
                _be_the_command([*words, "-C", str(self.root)], out.fileno(), err.fileno())
        self._outputs[child] = outputs
        return child

    def end(self, process: int) -> Ended:
        """Wait for a process that `begin` has started; return how it ended."""
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        paths = self._outputs.pop(process)
        out, err = (path.read_text() for path in paths)
        for path in paths:
            path.unlink()
        return Ended(code, out, err, self.finished("succeeded"))

    def start(self, *arguments: str, inherited: tuple[int, ...] = ()) -> subprocess.Popen[str]:
        """Start the command as users do, in a process group of its own; it has the `inherited` descriptors, too."""
        return subprocess.Popen(
            [sys.executable, "-m", "taskdisc", *arguments],
            cwd=self.root,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            pass_fds=inherited,
        )

    def command(self, *arguments: str) -> Ended:
        """Run the command as users do."""
        self.forget_finished()
        process = self.start(*arguments)
        out, err = process.communicate()
        return Ended(process.returncode, out, err, self.finished("succeeded"))

    def finished(self, outcome: str) -> list[str]:
        """Return the ids that were reported with this outcome since `forget_finished`."""
        path = self.root / "finished.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.partition("\t")[2] for line in lines if line.startswith(f"{outcome}\t")]

    def forget_finished(self) -> None:
        """Begin the list of what was reported anew."""
        (self.root / "finished.txt").unlink(missing_ok=True)


def import_commands() -> None:
    """Import now what commands import when they need it, so that forks of this process need not."""
    for module in walk_packages(taskdisc.__path__, "taskdisc."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


def environment() -> dict[str, str]:
    """Return an environment as users have it, in which the package under test is found, installed or not."""
    home = str(Path(taskdisc.__file__).parents[1])
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))}


def _forked() -> int:
    """What runs the tests in parallel has threads; none of them holds a lock that the child takes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _be_the_command(words: list[str], out: int, err: int) -> None:
    """Never returns: whatever happens, the rest of the tests must not run twice."""
    code = 3
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - as long as the process
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
        sys.dont_write_bytecode = False
        from taskdisc.cli import invoke

        code = invoke(words)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
