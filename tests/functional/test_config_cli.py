"""Configuration as the command sees it: where values come from, which wins, and what they do."""

from __future__ import annotations

import pytest

from taskdisc.testing import Project


def configured(project: Project, *arguments: str) -> dict[str, tuple[str, str]]:
    """(value, origin) by name, as `taskdisc config` prints them."""
    rows = {}
    for line in project.taskdisc("config", *arguments).assert_ok().stdout.splitlines():
        name, *rest = (part.strip() for part in line.split("  ") if part)
        value, origin = (*rest, "")[:2]
        rows[name] = (value, origin)
    return rows


def test_defaults(project: Project) -> None:
    found = configured(project)
    assert found["root"] == (str(project.path), "")
    assert found["files"] == ('["tasks_*.py"]', "default")
    assert found["executor"] == ('"process"', "default")
    assert found["store"] == (f'"{project.path}/.taskdisc"', "default")


def test_each_source_wins_over_those_before(project: Project) -> None:
    table = "[tool.taskdisc]\nworkers = 2\n[tool.taskdisc.profiles.more]\nworkers = 3\n"
    project.write({"pyproject.toml": table})
    assert configured(project)["workers"] == ("2", "pyproject.toml")
    assert configured(project, "--profile", "more")["workers"] == ("3", "profile more")
    project.write({".env": "TASKDISC_WORKERS=4\n"})
    assert configured(project, "--profile", "more")["workers"] == ("4", ".env")
    project.environment["TASKDISC_WORKERS"] = "5"
    assert configured(project, "--profile", "more")["workers"] == ("5", "environment TASKDISC_WORKERS")
    project.environment["TASKDISC_PROFILE"] = "more"
    del project.environment["TASKDISC_WORKERS"]
    project.write({".env": ""})
    assert configured(project)["workers"] == ("3", "profile more")


def test_settings_and_task_tables_are_shown(project: Project) -> None:
    table = '[tool.taskdisc.params]\ns = 1\n[tool.taskdisc.params.f]\nt = 2\n[tool.taskdisc.tasks."f*"]\nversion = 3\n'
    project.write({"pyproject.toml": table})
    found = configured(project, "-p", "s=9")
    assert found["params.s"] == ("9", "-p")
    assert found["params.f.t"] == ("2", "pyproject.toml [tool.taskdisc.params]")
    assert found['tasks."f*".version'] == ("3", 'pyproject.toml [tool.taskdisc.tasks."f*"]')


def test_config_reads_no_module(project: Project) -> None:
    project.write(tasks_x="1 / 0")
    project.taskdisc("config").assert_ok()


def test_task_tables_set_options_the_last_wins(project: Project) -> None:
    project.write(
        {
            "pyproject.toml": """
                [tool.taskdisc.tasks."*"]
                version = 1
                [tool.taskdisc.tasks."tag:late"]
                version = 2
            """
        },
        tasks_x="from taskdisc import task\ndef a(): return 1\n@task(tags=('late',), version=7)\ndef b(): return 1",
    )
    project.run().assert_ok()
    project.write({"pyproject.toml": '[tool.taskdisc.tasks."*"]\nversion = 1\n'})
    assert project.run().assert_ok().ran == ["b"]
    assert project.taskdisc("explain", "a", "b").stdout.startswith("a, b: cached\n")
    project.write({"pyproject.toml": "[tool.taskdisc]\n"})
    assert project.taskdisc("explain", "a", "b").stdout == (
        "a: run\n    version: 1 -> None\nb: run\n    version: 1 -> 7\n"
    )


def test_files_paths_and_exclude(project: Project) -> None:
    project.write(
        {
            "pyproject.toml": """
                [tool.taskdisc]
                files = ["tasks_*.py", "flow.py"]
                paths = ["src"]
                exclude = ["attic", "src/tasks_old.py"]
            """,
            "tasks_root.py": "def root(): ...",
            "src/tasks_a.py": "def a(): ...",
            "src/deep/flow.py": "def flow(): ...",
            "src/tasks_old.py": "def old(): ...",
            "src/attic/tasks_b.py": "def b(): ...",
            "src/.hidden/tasks_c.py": "def c(): ...",
            "src/node_modules/tasks_d.py": "def d(): ...",
            "src/venv/pyvenv.cfg": "",
            "src/venv/tasks_e.py": "def e(): ...",
            "src/nested/pyproject.toml": "[tool.taskdisc]",
            "src/nested/tasks_f.py": "def f(): ...",
        }
    )
    names = [line.split()[0] for line in project.taskdisc("list").assert_ok().stdout.splitlines()]
    assert sorted(names) == ["a", "flow"]
    nested = project.taskdisc("list", cwd="src/nested").assert_ok()
    assert nested.stdout == "f  tasks_f.py:1\n"


def test_the_root_is_the_nearest_project(project: Project) -> None:
    project.write({"sub/pyproject.toml": "[tool.other]\n", "sub/tasks_x.py": "def inner(): return 1"})
    assert configured(project)["root"] == (str(project.path), "")
    assert project.run("inner", cwd="sub").assert_ok().stdout == "1\n"
    assert project.taskdisc("list", cwd="sub").stdout == "inner  sub/tasks_x.py:1\n"


@pytest.mark.parametrize("how", ["option", "variable", "table"])
def test_a_plugin_of_the_project(project: Project, how: str) -> None:
    project.write(
        plug="""
            def taskdisc_configure(config): print("configured", config.workers)
            def taskdisc_ignore_path(path): return path.endswith("tasks_not.py") or None
            def taskdisc_unconfigure(): print("unconfigured")
        """,
        tasks_x="def a(): return 1",
        tasks_not="1 / 0",
    )
    arguments = ["a", "-j", "2"]
    if how == "option":
        arguments += ["--plugin", "plug"]
    elif how == "variable":
        project.environment["TASKDISC_PLUGINS"] = "plug"
    else:
        project.write({"pyproject.toml": '[tool.taskdisc]\nplugins = ["plug"]\n'})
    assert project.run(*arguments).assert_ok().stdout == "configured 2\n1\nunconfigured\n"


def test_an_unknown_executor_is_an_error_even_where_nothing_would_run(project: Project) -> None:
    project.write(tasks_x="def a(): return 1")
    project.run("a").assert_ok()
    for options in ((), ("-n",)):
        result = project.run("a", "--executor", "proces", *options)
        assert result.exit_code == 4
        assert result.stderr == "error: no plugin supplies the executor 'proces'. Did you mean process?\n"


def test_mistakes_in_the_command_line_look_like_other_mistakes(project: Project) -> None:
    mistakes = {
        ("run", "--zzz"): "error: No such option '--zzz'. See taskdisc run --help.\n",
        ("runn",): "error: No such command 'runn'. Did you mean 'run'? See taskdisc --help.\n",
    }
    for arguments, message in mistakes.items():
        result = project.taskdisc(*arguments)
        assert (result.stderr, result.exit_code) == (message, 4)


def test_help_lists_what_people_meet_first_first(project: Project) -> None:
    commands = project.taskdisc("--help").assert_ok().stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in commands][:3] == ["run", "list", "status"]
    assert not [line for line in commands if line.endswith("...")]


def test_a_folder_too_deep_is_told_of_the_tasks_above(project: Project) -> None:
    project.write({"a/pyproject.toml": "[tool.taskdisc]"}, tasks_x="def a(): ...")
    result = project.run(cwd="a")
    assert result.exit_code == 5
    assert f"There are some in {project.path}: use -C {project.path}, or make it the root" in result.stderr


def test_plugins_are_listed(project: Project) -> None:
    project.write(
        plug="""
            def taskdisc_codecs(): return {"mine": object}
            def taskdisc_run_finished(report): ...
        """,
        tasks_x="def taskdisc_modify_tasks(tasks): ...\ndef a(): ...",
    )
    lines = project.taskdisc("plugins", "--plugin", "plug").assert_ok().stdout.splitlines()
    assert [line.split()[0] for line in lines if line[0] != " "] == ["supplies", "terminal", "plug", "tasks_x"]
    assert lines[lines.index("plug (plug.py)") :] == [
        "plug (plug.py)",
        "    codecs: mine",
        "    hooks: run_finished",
        "tasks_x (tasks_x.py)",
        "    hooks: modify_tasks",
    ]
    assert max(map(len, lines)) <= 80


def test_a_plugin_can_be_left_out(project: Project) -> None:
    project.write(tasks_x="def a(): return 1")
    result = project.run("a", "--plugin", "no:terminal").assert_ok()
    assert (result.stdout, result.stderr) == ("1\n", "")
