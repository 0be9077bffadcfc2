"""`taskdisc init`: what it writes works at once, and what was there stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from taskdisc.testing import Project

ROOT = Path(__file__).resolve().parents[2]
WROTE = "wrote pyproject.toml\nwrote tasks_hello.py\nwrote test_hello.py\nwrote .gitignore\nnow: taskdisc run longest\n"


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_new_project_runs_and_its_tests_pass(project: Project) -> None:
    assert project.taskdisc("init", "-C", "new").assert_ok().stdout == WROTE
    new = project.path / "new"
    assert files_in(new) == {"pyproject.toml", "tasks_hello.py", "test_hello.py", ".gitignore"}
    result = project.run("longest", cwd="new").assert_ok()
    assert (result.stdout, result.ran) == ("functions\n", ["lengths", "longest", "words"])
    assert (new / ".taskdisc").is_dir()
    pytest_in(new)
    assert (new / ".gitignore").read_text() == ".taskdisc/\n__pycache__/\n"


def pytest_in(folder: Path, **environment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_twice_changes_nothing(project: Project) -> None:
    project.taskdisc("-C", "new", "init").assert_ok()
    new = project.path / "new"
    before = {name: (new / name).read_text() for name in files_in(new)}
    assert project.taskdisc("init", cwd="new").assert_ok().stdout == (
        "pyproject.toml has [tool.taskdisc] already\nthere are tasks already\n.gitignore has these lines already\n"
    )
    assert {name: (new / name).read_text() for name in files_in(new)} == before


def test_what_is_there_stays(project: Project) -> None:
    project.write(
        {
            "new/pyproject.toml": '[project]\nname = "mine"',
            "new/.gitignore": "*.log\n.taskdisc\n",
            "new/test_hello.py": "mine = True\n",
        }
    )
    assert "test_hello.py is there already\n" in project.taskdisc("init", cwd="new").assert_ok().stdout
    assert project.read("new/pyproject.toml").startswith('[project]\nname = "mine"\n\n[tool.taskdisc]\n')
    assert project.read("new/.gitignore") == "*.log\n.taskdisc\n__pycache__/\n"
    assert project.read("new/test_hello.py") == "mine = True\n"
    assert project.run("longest", cwd="new").assert_ok().stdout == "functions\n"


@pytest.mark.parametrize("name", ["Weather", "weather_", "../weather", "", "-x"])
def test_names_that_no_plugin_has(project: Project, name: str) -> None:
    result = project.taskdisc("init", f"--plugin={name}")
    assert (result.exit_code, result.stderr) == (
        4,
        f"error: init --plugin {name}: a plugin's name has small letters, digits and -, such as my-plugin.\n",
    )


def test_a_plugin_is_never_written_over_another(project: Project) -> None:
    project.write({"taskdisc-weather/mine.py": ""})
    result = project.taskdisc("init", "--plugin", "weather")
    assert (result.exit_code, result.stderr) == (
        4,
        "error: init --plugin weather: taskdisc-weather is there already. Choose another name, or move it away.\n",
    )
    assert files_in(project.path / "taskdisc-weather") == {"mine.py"}


def test_the_tests_of_a_new_plugin_pass(project: Project) -> None:
    """As far as that goes without installing it; see below."""
    project.taskdisc("init", "--plugin", "fine-weather").assert_ok()
    home = project.path / "taskdisc-fine-weather"
    assert files_in(home) == {
        ".gitignore",
        "README.md",
        "pyproject.toml",
        "taskdisc_fine_weather.py",
        "tests/test_fine_weather.py",
    }
    info = home / "taskdisc_fine_weather-0.1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[taskdisc]\nfine-weather = taskdisc_fine_weather\n")
    pytest_in(home, PYTHONPATH=os.pathsep.join([str(home), str(ROOT)]))


def test_the_modules_that_are_written_are_in_order(project: Project) -> None:
    project.taskdisc("init", "-C", "new").assert_ok()
    project.taskdisc("init", "--plugin", "weather", "-C", "new").assert_ok()
    for arguments in (["format", "--check", "--line-length", "120"], ["check", "--line-length", "120"]):
        subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "--isolated", "."], cwd=project.path / "new", check=True
        )


@pytest.mark.long
def test_a_new_plugin_installs_and_passes_its_tests(project: Project, tmp_path: Path) -> None:
    project.taskdisc("init", "--plugin", "weather").assert_ok()
    home = project.path / "taskdisc-weather"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    ours = {"PYTHONPATH", "PYTEST_ADDOPTS"}
    environment = {name: text for name, text in os.environ.items() if name not in ours}
    for words in (["pip", "install", "-q", "-e", str(ROOT)], ["pip", "install", "-q", "-e", ".[test]"], ["pytest"]):
        subprocess.run([python, "-m", *words], cwd=home, env=environment, check=True, timeout=500)
