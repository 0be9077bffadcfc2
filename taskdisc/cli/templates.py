"""The files that `taskdisc init` writes."""

from __future__ import annotations

TABLE = """[tool.taskdisc]
# default_targets = ["longest"]      # what `taskdisc run` makes when it is told no target
"""

TASKS = '''"""A first project: every public function is a task, and its parameter names say what it depends on."""


def words() -> list[str]:
    """Some words; without parameters, it depends on nothing."""
    return ["functions", "are", "tasks"]


def lengths(words: list[str], least: int = 0) -> dict[str, int]:
    """How long they are. `least` has a default, so it is a setting: taskdisc run longest -p least=4"""
    return {word: len(word) for word in words if len(word) >= least}


def longest(lengths: dict[str, int]) -> str:
    """The longest of them: taskdisc run longest"""
    return max(lengths, key=lambda word: lengths[word])
'''

TEST = '''"""Tasks are plain functions, and a whole run is a call."""

from pathlib import Path

from taskdisc import Project

import tasks_hello


def test_a_task_by_itself():
    assert tasks_hello.longest({"an": 2, "apple": 5}) == "apple"


def test_a_run(tmp_path):
    project = Project.discover(Path(__file__).parent, store=str(tmp_path))
    assert project.run("longest", params={"least": 4}).value == "functions"
'''

IGNORED = (".taskdisc/", "__pycache__/")

PLUGIN_PROJECT = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "taskdisc-{name}"
version = "0.1.0"
description = "A plugin for taskdisc"
readme = "README.md"
requires-python = ">=3.10"
dependencies = ["taskdisc"]

[project.optional-dependencies]
test = ["pytest"]

[project.entry-points.taskdisc]
{name} = "{module}"

[tool.hatch.build.targets.wheel]
only-include = ["{module}.py"]

[tool.pytest.ini_options]
testpaths = ["tests"]
filterwarnings = ["error"]
"""

PLUGIN_README = """# taskdisc-{name}

A plugin for taskdisc: tasks may have a parameter `{argument}`, and a run says how much it has done.

    pip install -e '.[test]'      # in an environment that has taskdisc
    python -m pytest

`taskdisc plugins` then lists it in every project; `--plugin no:{name}` leaves it out.

What else a plugin may do is in plugins/README.md of taskdisc, "Writing a plugin"; `python -m pydoc taskdisc.hookspecs`
shows every hook, `python -m pydoc taskdisc.testing` what its tests may use.
"""

PLUGIN = '''"""A plugin for taskdisc. Its functions called `taskdisc_*` are found by their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taskdisc.model import RunReport


def taskdisc_injectables() -> dict[str, Callable[[Any], Any]]:
    """Tasks may have a parameter `{argument}`; here it is the id of the instance, in a greeting."""
    return {{"{argument}": lambda execution: f"hello, {{execution.job.instance}}"}}


def taskdisc_report_summary(report: RunReport) -> str:
    """A line below the report of a run."""
    return f"{name}: {{sum(report.counts.values())}} steps"
'''

PLUGIN_TEST = '''"""Real projects, run by the real command: the fixture `project` comes with taskdisc."""


def test_it_is_found(project):
    assert "{name} (taskdisc-{name} 0.1.0)" in project.taskdisc("plugins").assert_ok().stdout


def test_the_parameter(project):
    project.write(tasks_x="def f({argument}): return {argument}")
    assert project.run("f").assert_ok().stdout == "hello, f\\n"


def test_the_summary(project):
    project.write(tasks_x="def f(): return 1")
    assert "{name}: 1 steps" in project.run("f").assert_ok().stderr
    assert "{name}: " not in project.run("f", "--plugin", "no:{name}").assert_ok().stderr
'''
