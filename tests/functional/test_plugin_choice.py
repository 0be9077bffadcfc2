"""Which plugins there are, which of them counts, and what `taskdisc plugins` says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from taskdisc.testing import Project

TASK = "def mood(season):\n    return season\n"
SEASON = "def taskdisc_injectables():\n    return {{'season': lambda execution: {!r}}}\n"
OVERRIDING = "from taskdisc.hookspecs import override\n" + SEASON.replace(
    "lambda execution: {!r}", "override(lambda execution: {!r})"
)


@pytest.fixture
def installed(project: Project, tmp_path: Path) -> Project:
    """A project with an installed plugin `winter` of the distribution weather 2.1."""
    site = tmp_path / "site"
    (site / "weather-2.1.dist-info").mkdir(parents=True)
    (site / "weather-2.1.dist-info" / "entry_points.txt").write_text("[taskdisc]\nwinter = weather.cold\n")
    (site / "weather").mkdir()
    (site / "weather" / "__init__.py").touch()
    (site / "weather" / "cold.py").write_text(SEASON.format("cold"))
    project.environment["PYTHONPATH"] = str(site)
    project.write(tasks_x=TASK)
    return project


def test_installed_plugins_are_loaded_by_themselves(installed: Project) -> None:
    assert installed.run("mood").assert_ok().stdout == "cold\n"
    assert "winter (weather 2.1)\n    injectables: season\n" in installed.taskdisc("plugins").assert_ok().stdout


NOTHING = "nothing fills 'season'"


@pytest.mark.parametrize("how", ["option", "environment", "configuration"])
def test_one_of_them_is_left_out(installed: Project, how: str) -> None:
    arguments = ["--plugin", "no:winter"] if how == "option" else []
    if how == "environment":
        installed.environment["TASKDISC_PLUGINS"] = "no:winter"
    if how == "configuration":
        installed.write({"pyproject.toml": '[tool.taskdisc]\nplugins = ["no:winter"]\n'})
    assert NOTHING in installed.run("mood", *arguments).stderr
    listed = installed.taskdisc("plugins", *arguments)
    assert "winter (" not in listed.stdout
    assert listed.stdout.endswith("left out: winter\n")


@pytest.mark.parametrize("how", ["environment", "configuration"])
def test_none_is_loaded_by_itself(installed: Project, how: str) -> None:
    if how == "environment":
        installed.environment["TASKDISC_AUTOLOAD"] = "false"
    else:
        installed.write({"pyproject.toml": "[tool.taskdisc]\nautoload = false\n"})
    assert NOTHING in installed.run("mood").stderr
    assert "left out: what is merely installed (autoload = false)" in installed.taskdisc("plugins").stdout
    assert installed.run("mood", "--plugin", "winter").assert_ok().stdout == "cold\n"


def test_what_is_said_last_of_a_plugin_counts(project: Project) -> None:
    project.write({"pyproject.toml": '[tool.taskdisc]\nplugins = ["no:plug"]\n'}, plug=SEASON.format("warm"), x=TASK)
    project.environment["TASKDISC_PLUGINS"] = "plug"
    assert project.run("x.py::mood").assert_ok().stdout == "warm\n"
    assert "left out" not in project.taskdisc("plugins").assert_ok().stdout
    assert NOTHING in project.run("x.py::mood", "--plugin", "no:plug").stderr


def test_two_of_one_name_are_an_error_that_names_both(installed: Project) -> None:
    installed.write({"pyproject.toml": '[tool.taskdisc]\nplugins = ["plug"]\n'}, plug=SEASON.format("warm"))
    message = (
        "injectable 'season' is supplied by winter and by plug. "
        "Leave one out, --plugin no:plug, or have plug say override(...) that it is meant."
    )
    result = installed.run("mood")
    assert (result.exit_code, result.stderr) == (4, f"error: {message}\n")
    listed = installed.taskdisc("plugins")
    assert (listed.exit_code, listed.stderr) == (4, f"error: {message}\n")
    assert f"plug (plug.py)\n    injectables: season\n    conflict: {message}\n" in listed.stdout
    assert installed.run("mood", "--plugin", "no:plug").assert_ok().stdout == "cold\n"
    assert installed.run("mood", "--plugin", "no:winter", "-f").assert_ok().stdout == "warm\n"


@pytest.mark.parametrize("executor", ["process", "command"])
def test_the_newcomer_may_say_that_it_is_meant(installed: Project, executor: str) -> None:
    installed.write({"pyproject.toml": '[tool.taskdisc]\nplugins = ["plug"]\n'}, plug=OVERRIDING.format("warm"))
    assert installed.run("mood", "--executor", executor).assert_ok().stdout == "warm\n"
    listed = installed.taskdisc("plugins").assert_ok().stdout
    assert "plug (plug.py)\n    injectables: season (in the place of that of winter)\n" in listed


def test_a_builtin_is_replaced(project: Project) -> None:
    plug = """
        from taskdisc.builtin.inline import InlineExecutor
        from taskdisc.hookspecs import override

        class Mine(InlineExecutor):
            def submit(self, jobs):
                print("mine")
                super().submit(jobs)

        def taskdisc_executors():
            return {"process": override(Mine)}
        """
    project.write({"pyproject.toml": '[tool.taskdisc]\nplugins = ["plug"]\n'}, plug=plug, tasks_x="def one(): return 1")
    assert project.run("one").assert_ok().stdout == "mine\n1\n"


def test_what_cannot_be_made_names_its_plugin(project: Project) -> None:
    plug = """
        def taskdisc_executors():
            return {"broken": lambda workers: 1 / 0}

        def broken(execution):
            raise OSError("no season")

        def taskdisc_injectables():
            return {"season": broken}
        """
    project.write(
        {"pyproject.toml": '[tool.taskdisc]\nplugins = ["plug"]\n'}, plug=plug, tasks_x=TASK + "def one(): ..."
    )
    result = project.run("one", "--executor", "broken")
    assert (result.exit_code, result.stderr) == (
        4,
        "error: plugin plug: the executor 'broken' cannot be made: ZeroDivisionError: division by zero\n",
    )
    result = project.run("mood")
    assert result.outcomes == {"mood": "failed"}
    assert "OSError: no season" in result.stderr
    assert "hint: season comes from plugin plug.\n" in result.stderr


def test_a_plugin_that_breaks_at_its_import_is_named_with_its_distribution(installed: Project, tmp_path: Path) -> None:
    (tmp_path / "site" / "weather" / "cold.py").write_text("1 / 0\n")
    result = installed.run("mood")
    assert (result.exit_code, result.stderr) == (
        4,
        "error: plugin winter (of weather) cannot be imported: ZeroDivisionError: division by zero. "
        "Leave it out: --plugin no:winter\n",
    )
