"""One Slurm for all tests, and a new one for each test that breaks it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import servers

CONFIG = '[tool.taskdisc]\nexecutor = "slurm"\nslurm_poll = "1s"\nslurm_latency = "5s"\n'


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A Slurm that no test breaks."""
    with servers.slurm(tmp_path_factory.mktemp("slurm")) as started, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(started.conf))
        yield started


@pytest.fixture
def slurm(cluster):
    """The same, with an empty queue."""
    yield cluster
    cluster.do("scancel", "--user=root", "--quiet", check=False)


@pytest.fixture
def make_slurm(tmp_path, monkeypatch):
    """What makes a Slurm that the test may break."""
    started = []

    def make(**options):
        folder = tmp_path / "own"
        folder.mkdir()
        context = servers.slurm(folder, **options)
        made = context.__enter__()
        started.append(context)
        monkeypatch.setenv("SLURM_CONF", str(made.conf))
        return made

    yield make
    for context in started:
        context.__exit__(None, None, None)


@pytest.fixture
def begin(project):
    """What begins a run and does not wait for its end."""
    begun = []

    def run(*arguments):
        log = project.path.parent / f"run-{len(begun)}.txt"
        with open(log, "wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "taskdisc", "run", *arguments],
                cwd=project.path, env={**os.environ, **project.environment}, stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        process.log = log
        begun.append(process)
        return process

    yield run
    for process in begun:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.fixture
def on_slurm(project):
    """The project, with `executor = "slurm"` and short times."""
    project.write({"pyproject.toml": CONFIG})
    return project


@pytest.fixture
def example(tmp_path):
    """What makes a copy of the example project, with more at the end of its pyproject.toml."""
    import shutil

    source = Path(__file__).resolve().parents[3] / "example_project"

    def copy(name, more=""):
        shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns(".taskdisc", "__pycache__"))
        with open(tmp_path / name / "pyproject.toml", "a") as file:
            file.write(more)
        return tmp_path / name

    return copy
