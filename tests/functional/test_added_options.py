"""Options of plugins: in pyproject.toml, the environment and the command line, as taskdisc's own."""

from __future__ import annotations

import pytest

from taskdisc.testing import Project

PLUG = """
    def taskdisc_add_options(cli):
        cli.add("queue", default="short", help="The queue of the jobs.")
        cli.add("nodes_wanted", default=1, help="How many.")
        cli.add("polite", default=False, help="Whether to wait.")
        cli.add("hosts", default=(), help="Names of machines.")

    def taskdisc_configure(config):
        print(*config.plugin_options.values())
    """
TABLE = '[tool.taskdisc]\nplugins = ["plug"]\n'


@pytest.fixture
def plugged(project: Project) -> Project:
    project.write({"pyproject.toml": TABLE}, plug=PLUG, tasks_x="def f(): return 1")
    return project


def said(project: Project, *arguments: str) -> str:
    return project.run("f", *arguments).assert_ok().stdout.splitlines()[0]


def test_the_strongest_source_counts(plugged: Project) -> None:
    assert said(plugged) == "short 1 False ()"
    plugged.write({"pyproject.toml": TABLE + 'queue = "long"\nnodes_wanted = 3\npolite = true\nhosts = ["a", "b"]\n'})
    assert said(plugged) == "long 3 True ('a', 'b')"
    plugged.write({"pyproject.toml": plugged.read("pyproject.toml") + "[tool.taskdisc.profiles.p]\nnodes_wanted = 4\n"})
    assert said(plugged, "--profile", "p") == "long 4 True ('a', 'b')"
    plugged.environment |= {"TASKDISC_QUEUE": "night", "TASKDISC_HOSTS": "c, d", "TASKDISC_NODES_WANTED": ""}
    assert said(plugged) == "night 3 True ('c', 'd')"
    arguments = ("--queue", "day", "--nodes-wanted=5", "--no-polite", "--hosts", "e", "--hosts", "f")
    assert said(plugged, *arguments) == "day 5 False ('e', 'f')"


def test_where_they_come_from_is_told(plugged: Project) -> None:
    plugged.write({"pyproject.toml": TABLE + "nodes_wanted = 3\n"})
    plugged.environment["TASKDISC_QUEUE"] = "night"
    rows = [line.split() for line in plugged.taskdisc("config", "--polite").assert_ok().stdout.splitlines()]
    assert [row for row in rows if row[0] in ("queue", "nodes_wanted", "polite", "hosts")] == [
        ["queue", '"night"', "environment", "TASKDISC_QUEUE"],
        ["nodes_wanted", "3", "pyproject.toml"],
        ["polite", "true", "command", "line"],
        ["hosts", "[]", "default"],
    ]


def test_help_has_them(plugged: Project) -> None:
    shown = plugged.taskdisc("run", "--help").assert_ok().stdout
    assert "--queue TEXT" in shown
    assert "The queue of the jobs." in shown
    assert "--queue" not in plugged.taskdisc("run", "--help", "--plugin", "no:plug").assert_ok().stdout
    assert "--queue" in plugged.taskdisc("status", "-h").assert_ok().stdout
    assert "--queue" not in plugged.taskdisc("init", "-h").assert_ok().stdout


def test_they_belong_to_the_plugins_of_that_line(project: Project) -> None:
    project.write({"sub/tasks_x.py": "def f(): return 1", "sub/pyproject.toml": "[tool.taskdisc]\n"})
    project.write({"sub/plug.py": PLUG})
    assert said(project, "-C", "sub", "--plugin=plug", "--queue", "q") == "q 1 False ()"
    result = project.run("f", "-C", "sub", "--queue", "q")
    assert result.exit_code == 4
    assert result.stderr.startswith("error: No such option '--queue'.")


MISTAKES = {
    "quue = 'x'": "error: pyproject.toml [tool.taskdisc]: unknown key 'quue'. Did you mean queue?\n",
    "nodes_wanted = 'x'": (
        "error: pyproject.toml [tool.taskdisc]: nodes_wanted takes a whole number, not 'x'. Such as: nodes_wanted = 1\n"
    ),
}


@pytest.mark.parametrize("line", MISTAKES)
def test_mistakes_in_the_table(plugged: Project, line: str) -> None:
    plugged.write({"pyproject.toml": TABLE + line})
    result = plugged.run("f")
    assert (result.exit_code, result.stderr) == (4, MISTAKES[line])


def test_mistakes_elsewhere(plugged: Project) -> None:
    result = plugged.run("f", "--quue", "x")
    assert result.exit_code == 4
    assert result.stderr.startswith("error: No such option '--quue'. ")
    assert "'--queue'" in result.stderr
    plugged.environment["TASKDISC_QUUE"] = "x"
    assert (
        plugged.run("f").stderr == "error: environment: unknown variable TASKDISC_QUUE. Did you mean TASKDISC_QUEUE?\n"
    )
    del plugged.environment["TASKDISC_QUUE"]
    plugged.write({"pyproject.toml": TABLE + "[tool.taskdisc.profiles.p]\nquue = 'x'\n"})
    assert "profiles.p]: unknown key 'quue'. Did you mean queue?" in plugged.run("f").stderr


@pytest.mark.parametrize("name", ["workers", "last_failed", "Queue", "a-b", "params"])
def test_names_that_cannot_be_had(project: Project, name: str) -> None:
    plug = f"def taskdisc_add_options(cli): cli.add({name!r}, default=1, help='')"
    project.write({"pyproject.toml": TABLE}, plug=plug, tasks_x="def f(): return 1")
    result = project.run("f")
    assert (result.exit_code, result.stderr) == (
        4,
        f"error: taskdisc_add_options: the option {name!r} is no name, or taken. Choose another.\n",
    )


def test_every_option_of_a_command_is_taken() -> None:
    from taskdisc.cli.commands import taskdisc_command
    from taskdisc.pluginoptions import TAKEN

    words = {
        word.removeprefix("--").replace("-", "_")
        for command in taskdisc_command.commands.values()
        for option in command.params
        for word in option.opts
        if word.startswith("--")
    }
    assert words - TAKEN == set()


def test_defaults_of_other_types_are_refused(project: Project) -> None:
    plug = "def taskdisc_add_options(cli): cli.add('rate', default=1.5, help='')"
    project.write({"pyproject.toml": TABLE}, plug=plug, tasks_x="def f(): return 1")
    assert "rate: a default is a str, int, bool or tuple, not 1.5." in project.run("f").stderr


def test_from_python(plugged: Project) -> None:
    plugged.write({"pyproject.toml": TABLE + 'queue = "long"\n'}, look="import taskdisc\ntaskdisc.run('f')\n")
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "look.py"], cwd=plugged.path, capture_output=True, text=True, check=True)
    assert "long 1 False ()" in done.stdout
