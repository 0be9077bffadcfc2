"""Fixtures for those who test pipelines and plugins; pytest loads this module wherever taskdisc is installed.

def test_a_change_reruns_what_it_reaches(project):
    project.write(tasks_words="def words(): return ['a', 'b']\\n\\ndef count(words): return len(words)")
    assert project.run("count").assert_ok().ran == ["count", "words"]
    assert project.run("count").assert_ok().ran == []
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import pytest

from taskdisc.testing.modules import modules_as_before

if TYPE_CHECKING:
    from pathlib import Path

    from taskdisc.testing.codecs import CodecContract as CodecContract
    from taskdisc.testing.executors import ExecutorContract as ExecutorContract
    from taskdisc.testing.launchers import LauncherContract as LauncherContract
    from taskdisc.testing.stores import StoreContract as StoreContract

CONTRACTS = {
    "CodecContract": "taskdisc.testing.codecs",
    "ExecutorContract": "taskdisc.testing.executors",
    "LauncherContract": "taskdisc.testing.launchers",
    "StoreContract": "taskdisc.testing.stores",
}
"""Classes of tests for plugins, and the modules that have them: imported when they are used."""
pytest.register_assert_rewrite(*CONTRACTS.values(), "taskdisc.testing.stage")


def __getattr__(name: str) -> Any:
    if name not in CONTRACTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(CONTRACTS[name]), name)


PLUGIN = "taskdisc.builtin.outcomes"
OUTCOMES = "TASKDISC_INTERNAL_OUTCOMES"
PLUGINS = "TASKDISC_PLUGINS"
LAUNCHER = "import sys; sys.path[:] = filter(None, sys.path); from taskdisc.cli import main; main()"
"""As the installed command does, and `python -m` does not, without the current folder among the importable ones."""
TIMEOUT = 120.0
"""Seconds after which a command counts as hung."""


class Result:
    """What a command did: how it ended, what it printed, and, of a run, how each step ended."""

    def __init__(
        self, command: tuple[str, ...], exit_code: int, stdout: str, stderr: str, entries: list[dict[str, object]]
    ) -> None:
        self.command = command
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr
        self.outcomes: dict[str, str] = {}
        """By printed id, of the steps that were executed and of the first few that a failure blocked."""
        self.counts: dict[str, int] = {}
        """Steps by outcome, cached ones too; empty where no run came to its end."""
        for entry in entries:
            if "id" in entry:
                self.outcomes[str(entry["id"])] = str(entry["outcome"])
            elif isinstance(entry["counts"], dict):
                self.counts = entry["counts"]

    @property
    def ran(self) -> list[str]:
        """The ids of the steps that were executed, well or not, sorted."""
        return sorted(step for step, outcome in self.outcomes.items() if outcome != "blocked")

    def assert_ok(self) -> Result:
        """Fail, showing everything, unless the exit code is 0; return the result itself."""
        __tracebackhide__ = True
        if self.exit_code != 0:
            pytest.fail(f"this was to end with exit code 0:\n{self!r}")
        return self

    def __repr__(self) -> str:
        parts = [f"$ taskdisc {' '.join(self.command)}", f"exit code: {self.exit_code}"]
        for name, text in (("stdout", self.stdout), ("stderr", self.stderr)):
            if text:
                parts.append(f"--- {name}\n{text.rstrip()}")
        return "\n".join(parts)


class Project:
    """A project in a temporary folder: write files, run commands, look at what they did."""

    def __init__(self, path: Path, outcomes: Path) -> None:
        self.path = path
        """The project's root."""
        self.environment: dict[str, str] = {}
        """Variables for the commands, beside those of this process that are not about taskdisc."""
        self._outcomes = outcomes

    def __repr__(self) -> str:
        return f"<project {self.path}>"

    def write(self, files: Mapping[str, str | bytes] | None = None, /, **modules: str) -> None:
        """Write files by their paths, `write({"data/x.csv": "..."})`, or modules, `write(tasks_x="...")`.

        Text is dedented, and folders are made. A path leads from the root.
        """
        from textwrap import dedent

        for name, content in {**(files or {}), **{f"{name}.py": text for name, text in modules.items()}}.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(dedent(content).lstrip("\n"), encoding="utf-8")

    def read(self, name: str) -> str:
        """Return the text of a file, its path given from the root."""
        return (self.path / name).read_text(encoding="utf-8")

    def run(self, *arguments: str, in_process: bool = False, cwd: str = ".") -> Result:
        """Do `taskdisc run ...`; `outcomes`, `counts` and `ran` of the result tell of its steps."""
        return self.taskdisc("run", *arguments, in_process=in_process, cwd=cwd)

    def taskdisc(self, *arguments: str, in_process: bool = False, cwd: str = ".") -> Result:
        """Do any command, from the folder `cwd`, in a process of its own.

        `in_process` calls the command in this process instead, for breakpoints: slower to go wrong, quicker to start.
        Modules, folders, variables and plugins are afterwards as they were.
        """
        environment = self._environment(recorded="run" in arguments)
        self._outcomes.unlink(missing_ok=True)
        invoke = _invoke if in_process else _start
        exit_code, stdout, stderr = invoke(arguments, environment, str(self.path / cwd))
        return Result(arguments, exit_code, stdout, stderr, self._entries())

    def _environment(self, *, recorded: bool) -> dict[str, str]:
        """A variable and no option, so that a command line is read as its users' are."""
        environment = {name: text for name, text in os.environ.items() if not name.startswith("TASKDISC_")}
        environment |= self.environment
        if recorded:
            plugins = environment.get(PLUGINS)
            environment |= {PLUGINS: f"{plugins},{PLUGIN}" if plugins else PLUGIN, OUTCOMES: str(self._outcomes)}
        return environment

    def _entries(self) -> list[dict[str, object]]:
        import json

        if not self._outcomes.exists():
            return []
        return [json.loads(line) for line in self._outcomes.read_text(encoding="utf-8").splitlines()]


def _start(arguments: tuple[str, ...], environment: dict[str, str], folder: str) -> tuple[int, str, str]:
    """Run a command in a process of its own."""
    import subprocess

    process = subprocess.run(
        [sys.executable, "-c", LAUNCHER, *arguments],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="backslashreplace",
        timeout=TIMEOUT,
        check=False,
    )
    return process.returncode, process.stdout, process.stderr


def _invoke(arguments: tuple[str, ...], environment: dict[str, str], folder: str) -> tuple[int, str, str]:
    """Run a command in this process, and leave no trace of it."""
    from tempfile import TemporaryFile

    from taskdisc.cli import invoke

    with TemporaryFile() as out, TemporaryFile() as err:
        streams = _redirected(1, "stdout", out.fileno()), _redirected(2, "stderr", err.fileno())
        with _restored(environment, folder), streams[0], streams[1]:
            exit_code = invoke(arguments)
        return exit_code, _text_of(out.fileno()), _text_of(err.fileno())


@contextmanager
def _restored(environment: dict[str, str], folder: str) -> Iterator[None]:
    """Change folder and variables for a while; then put back these, the import system's state and the plugins."""
    from taskdisc import pluginmanager

    start, variables = os.getcwd(), dict(os.environ)
    managers = dict(pluginmanager._managers)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    pluginmanager._managers.clear()
    try:
        with modules_as_before():
            yield
    finally:
        os.chdir(start)
        os.environ.clear()
        os.environ.update(variables)
        pluginmanager._managers.clear()
        pluginmanager._managers.update(managers)


@contextmanager
def _redirected(descriptor: int, name: str, target: int) -> Iterator[None]:
    """Let a standard stream go to `target`: the descriptor, for workers and programs, and Python's object."""
    before: TextIO = getattr(sys, name)
    before.flush()
    saved = os.dup(descriptor)
    os.dup2(target, descriptor)
    try:
        with open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False) as stream:
            setattr(sys, name, stream)
            yield
    finally:
        setattr(sys, name, before)
        os.dup2(saved, descriptor)
        os.close(saved)


def _text_of(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    with open(descriptor, encoding="utf-8", errors="backslashreplace", closefd=False) as stream:
        return stream.read()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An empty taskdisc project in a temporary folder (see `taskdisc.testing.Project`)."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text("[tool.taskdisc]\n", encoding="utf-8")
    with modules_as_before():  # a test may import the project itself
        yield Project(root, tmp_path / "outcomes.jsonl")
