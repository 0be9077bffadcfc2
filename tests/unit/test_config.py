from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taskdisc.config import Config, ParamLayer, TaskTable, describe, find_root, load
from taskdisc.errors import ConfigError, UsageError
from taskdisc.options import OPTIONS
from taskdisc.pluginmanager import plugin_manager
from taskdisc.project import with_plugin_options

Project = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    def write(pyproject: str = "[tool.taskdisc]\n", **files: str) -> Path:
        (tmp_path / "pyproject.toml").write_text(pyproject)
        for name, text in files.items():
            (tmp_path / name.replace("dot_", ".")).write_text(text)
        return tmp_path

    return write


def loaded(root: Path, **arguments: Any) -> Config:
    config = load(str(root), **{"environ": {}, **arguments})
    return with_plugin_options(config, plugin_manager(("no:*",)))


def refused(root: Path, **arguments: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(root, **arguments)
    return str(caught.value)


# The root


@pytest.mark.parametrize(
    "text",
    [
        "[tool.taskdisc]",
        "[tool.taskdisc.params]\nx = 1",
        '[ "tool" . taskdisc ]',
        "[tool]\ntaskdisc.workers = 1",
        "tool.taskdisc.workers = 1",
    ],
)
def test_the_root_is_the_nearest_folder_with_a_table(tmp_path: Path, text: str) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(text)
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.other]\n# not [tool.taskdisc]")
    assert find_root(str(inner)) == str(tmp_path)
    assert load(str(inner), environ={}).root == str(tmp_path)


def test_without_a_table_the_start_is_the_root(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["taskdisc"]')
    inner = tmp_path / "a"
    inner.mkdir()
    assert find_root(str(inner)) == str(inner)


def test_a_directory_is_the_root_itself(project: Project) -> None:
    root = project("[tool.taskdisc]\nmax_jobs = 3")
    (root / "inner").mkdir()
    inside, above = loaded(root, directory="inner"), loaded(root / "inner", directory="..")
    assert (inside.root, inside.max_jobs) == (str(root / "inner"), 8)
    assert (above.root, above.max_jobs) == (str(root), 3)


def test_a_directory_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="-C nowhere: there is no such folder"):
        loaded(tmp_path, directory="nowhere")


def test_a_broken_file_is_named_with_its_line(project: Project) -> None:
    root = project("[tool.taskdisc]\nworkers = \n")
    assert refused(root).startswith(f"{root}/pyproject.toml: not valid TOML: Invalid value (at line 2")


def test_a_broken_file_of_somebody_else_is_not_read(project: Project) -> None:
    assert loaded(project("[tool.other\n")).executor == "process"


@pytest.mark.parametrize("text", ["[tool]\ntaskdisc = 3", "tool.taskdisc = []"])
def test_taskdisc_must_be_a_table(project: Project, text: str) -> None:
    assert "tool.taskdisc is a table" in refused(project(text))


# Options


def test_defaults(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    assert config.root == str(tmp_path)
    assert config.store == str(tmp_path / ".taskdisc")
    assert (config.files, config.paths, config.exclude) == (("tasks_*.py",), (".",), ())
    assert (config.executor, config.max_jobs, config.plugins, config.autoload) == ("process", 8, (), True)
    assert (config.profile, config.layers, config.tasks, config.environment) == (None, (), (), ())
    assert config.origins == {}


EVERY_OPTION = """
[tool.taskdisc]
files = ["x.py"]
paths = ["src"]
exclude = ["old"]
default_targets = ["t"]
workers = 61
executor = "e"
max_tasks_per_worker = 9
grace = "7s"
max_jobs = 3
max_instances = 5
storage = "shelf"
shared = "shelf://x"
shared_read_only = true
store = "/s"
plugins = ["a"]
track = ["numpy"]
autoload = false
trust_store = true
pickle = false
"""


def test_every_option_can_be_set_in_every_source(project: Project) -> None:
    root = project(EVERY_OPTION)
    environ = {
        "TASKDISC_WORKERS": "61",
        "TASKDISC_STORE": "/s",
        "TASKDISC_PLUGINS": "a",
        "TASKDISC_AUTOLOAD": "no",
        "TASKDISC_FILES": "x.py",
        "TASKDISC_PATHS": "src",
        "TASKDISC_EXCLUDE": "old",
        "TASKDISC_DEFAULT_TARGETS": "t",
        "TASKDISC_EXECUTOR": "e",
        "TASKDISC_MAX_TASKS_PER_WORKER": "9",
        "TASKDISC_GRACE": "7s",
        "TASKDISC_MAX_JOBS": "3",
        "TASKDISC_MAX_INSTANCES": "5",
        "TASKDISC_STORAGE": "shelf",
        "TASKDISC_SHARED": "shelf://x",
        "TASKDISC_SHARED_READ_ONLY": "yes",
        "TASKDISC_TRACK": "numpy",
        "TASKDISC_TRUST_STORE": "true",
        "TASKDISC_PICKLE": "false",
    }
    from_file, bare = loaded(root), root / "bare"
    bare.mkdir()
    from_environment = loaded(bare, directory=".", environ=environ)
    from_command = loaded(bare, directory=".", overrides={name: getattr(from_file, name) for name in OPTIONS})
    for name in OPTIONS:
        assert getattr(from_file, name) == getattr(from_environment, name) == getattr(from_command, name)
        assert getattr(from_file, name) != getattr(loaded(bare, directory="."), name)
        assert from_file.origins[name] == "pyproject.toml"
        assert from_environment.origins[name] == f"environment TASKDISC_{name.upper()}"
        assert from_command.origins[name] == "command line"


def test_later_sources_win(project: Project) -> None:
    text = "[tool.taskdisc]\nexecutor = 'file'\n[tool.taskdisc.profiles.p]\nexecutor = 'profile'"
    root = project(text, dot_env="TASKDISC_EXECUTOR=dotenv\n")
    environ = {"TASKDISC_EXECUTOR": "environment"}
    assert loaded(root, profile="p", environ=environ, overrides={"executor": "command"}).executor == "command"
    assert loaded(root, profile="p", environ=environ).executor == "environment"
    assert loaded(root, profile="p").executor == "dotenv"
    (root / ".env").unlink()
    assert loaded(root, profile="p").executor == "profile"
    assert loaded(root).executor == "file"


def test_plugins_of_all_sources_are_joined(project: Project) -> None:
    root = project("[tool.taskdisc]\nplugins = ['a', 'b']")
    config = loaded(root, overrides={"plugins": ("no:c", "a")})
    assert config.plugins == ("b", "no:c", "a")
    assert config.origins["plugins"] == "pyproject.toml, command line"


def test_what_the_command_line_does_not_give_is_left_alone(project: Project) -> None:
    config = loaded(project("[tool.taskdisc]\nworkers = 2"), overrides={"workers": None, "plugins": ()})
    assert (config.workers, config.origins) == (2, {"workers": "pyproject.toml"})


@pytest.mark.parametrize(("given", "counted"), [(5, 5), (-1, 4), (-2, 3), (-9, 1)])
def test_workers_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: int, counted: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    assert loaded(tmp_path, overrides={"workers": given}).workers == counted


def test_all_usable_cpus_work_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5}, raising=False)
    assert loaded(tmp_path).workers == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert loaded(tmp_path).workers == 7


def test_the_store_is_relative_to_the_root(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    root = project()
    (root / "inner").mkdir()
    assert loaded(root / "inner", overrides={"store": "../s"}).store == str(root.parent / "s")
    assert loaded(root, overrides={"store": "~/s"}).store == "/home/me/s"


def test_lists_in_the_environment(tmp_path: Path) -> None:
    config = loaded(tmp_path, environ={"TASKDISC_PATHS": f"a b{os.pathsep}c,d", "TASKDISC_FILES": "x.py, y.py"})
    assert (config.paths, config.files) == (("a b", "c,d"), ("x.py", "y.py"))


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    assert loaded(tmp_path, environ={"TASKDISC_EXECUTOR": "", "TASKDISC_PROFILE": ""}).executor == "process"


def test_internal_variables_are_no_options(tmp_path: Path) -> None:
    assert loaded(tmp_path, environ={"TASKDISC_INTERNAL_ZYGOTE": "3"}).origins == {}


TABLE = "pyproject.toml [tool.taskdisc]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.taskdisc]\nworker = 2", f"{TABLE}: unknown key 'worker'. Did you mean workers?"),
        (
            "[tool.taskdisc]\nworkers = '2'",
            f"{TABLE}: workers takes a whole number other than 0 (-1: all CPUs, -2: all but one), not '2'. "
            "Such as: workers = 8",
        ),
        (
            "[tool.taskdisc]\nmax_jobs = 0",
            f"{TABLE}: max_jobs takes a whole number from 1, not 0. Such as: max_jobs = 100",
        ),
        (
            "[tool.taskdisc]\nautoload = 1",
            f"{TABLE}: autoload takes true or false, not 1. Such as: autoload = false",
        ),
        (
            "[tool.taskdisc]\npaths = 'src'",
            f'{TABLE}: paths takes a list of paths, not \'src\'. Such as: paths = ["src", "analysis"]',
        ),
        (
            "[tool.taskdisc]\ndefault_targets = ['a', 1]",
            f"{TABLE}: default_targets takes a list of strings, not ['a', 1]. Such as: default_targets = [\"report\"]",
        ),
        (
            "[tool.taskdisc]\nexecutor = ''",
            f"{TABLE}: executor takes a string, not ''. Such as: executor = \"thread\"",
        ),
        (
            "[tool.taskdisc.profiles.big]\nworker = 2",
            "pyproject.toml [tool.taskdisc.profiles.big]: unknown key 'worker'. Did you mean workers?",
        ),
        (
            "[tool.taskdisc.profiles.big.profiles.x]",
            "pyproject.toml [tool.taskdisc.profiles.big]: unknown key 'profiles'. Did you mean files?",
        ),
        ("[tool.taskdisc]\nparams = 1", f"{TABLE}: params is a table. Write [tool.taskdisc.params]."),
        (
            "[tool.taskdisc.tasks]\nversion = 1",
            "pyproject.toml [tool.taskdisc.tasks]: version is no table. Write [tool.taskdisc.tasks.version].",
        ),
        (
            '[tool.taskdisc.tasks."a*"]\nprefx = "x"',
            "pyproject.toml [tool.taskdisc.tasks.\"a*\"]: unknown key 'prefx'. Did you mean prefix?",
        ),
        (
            "[tool.taskdisc.tasks.a]\noutputs = ['x']",
            "pyproject.toml [tool.taskdisc.tasks.a]: outputs belongs to the code. "
            "Write @task(outputs=...) at the function.",
        ),
        (
            "[tool.taskdisc.tasks.a]\ncodec = 1",
            "pyproject.toml [tool.taskdisc.tasks.a]: codec takes a str, not 1.",
        ),
    ],
)
def test_what_pyproject_must_not_say(project: Project, text: str, message: str) -> None:
    assert refused(project(text)) == message


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"TASKDISC_WORKER": "2"},
            "environment: unknown variable TASKDISC_WORKER. Did you mean TASKDISC_WORKERS?",
        ),
        (
            {"TASKDISC_MAX_JOBS": "many"},
            "environment: TASKDISC_MAX_JOBS takes a whole number from 1, not 'many'. Such as: TASKDISC_MAX_JOBS=100",
        ),
        (
            {"TASKDISC_MAX_JOBS": "0"},
            "environment: TASKDISC_MAX_JOBS takes a whole number from 1, not '0'. Such as: TASKDISC_MAX_JOBS=100",
        ),
        (
            {"TASKDISC_PROFILE": "big"},
            "environment TASKDISC_PROFILE: pyproject.toml has no profile 'big'. Write [tool.taskdisc.profiles.big].",
        ),
    ],
)
def test_what_the_environment_must_not_say(project: Project, environ: dict[str, str], message: str) -> None:
    assert refused(project(), environ=environ) == message


def test_what_the_command_line_must_not_say(project: Project) -> None:
    assert refused(project(), overrides={"workers": 0}).startswith("command line: workers takes a whole number other")
    assert refused(project(), overrides={"worker": 1}) == "command line: unknown key 'worker'. Did you mean workers?"


# Profiles


def test_the_command_line_chooses_the_profile_before_the_environment_before_dotenv(project: Project) -> None:
    tables = "".join(f"[tool.taskdisc.profiles.{name}]\n" for name in "abc")
    root = project(tables, dot_env="TASKDISC_PROFILE=c")
    assert loaded(root, profile="a", environ={"TASKDISC_PROFILE": "b"}).profile == "a"
    assert loaded(root, environ={"TASKDISC_PROFILE": "b"}).profile == "b"
    assert loaded(root).profile == "c"


def test_an_unknown_profile_is_refused_with_a_suggestion(project: Project) -> None:
    root = project("[tool.taskdisc.profiles.cluster]")
    assert refused(root, profile="clster") == (
        "--profile: pyproject.toml has no profile 'clster'. Did you mean cluster?"
    )


# Settings

PARAMS = """
[tool.taskdisc.params]
fraction = 0.8
size = 1
[tool.taskdisc.params.model]
metric = "l2"
size = 2
grid = {a = 1}
[tool.taskdisc.profiles.big.params]
size = 3
[tool.taskdisc.profiles.big.params.model]
size = 4
"""


def test_a_setting_comes_from_the_first_layer_that_has_it(project: Project) -> None:
    root = project(PARAMS)

    def size(task: str, **arguments: Any) -> Any:
        found = loaded(root, **arguments).setting(task, "size")
        return found and (found[0], found[1].origin, found[1].texts)

    base, profile = "pyproject.toml [tool.taskdisc.params]", "profile big"
    assert size("other") == (1, base, False)
    assert size("model") == (2, base, False)
    assert size("other", profile="big") == (3, profile, False)
    assert size("model", profile="big") == (4, profile, False)
    assert size("model", profile="big", params=["size=5"]) == ("5", "-p", True)
    assert size("model", profile="big", params=["model.size=6", "size=5"]) == ("6", "-p", True)
    assert size("other", profile="big", params=["model.size=6", "size=5"]) == ("5", "-p", True)


def test_a_setting_that_nobody_configures_is_none(project: Project) -> None:
    config = loaded(project(PARAMS))
    assert config.setting("model", "k") is None
    assert config.setting("other", "metric") is None


def test_a_table_below_a_task_is_a_value(project: Project) -> None:
    found = loaded(project(PARAMS)).setting("model", "grid")
    assert found is not None
    assert found[0] == {"a": 1}


def test_texts_of_the_command_line(tmp_path: Path) -> None:
    config = loaded(tmp_path, params=["a=1", "b=x=y", "a=2", "t.c= z", "dir/tasks_x.py::t.d="])
    assert config.layers == (ParamLayer("-p", {"a": "2", "b": "x=y", "t.c": " z", "dir/tasks_x.py::t.d": ""}, True),)
    assert config.setting("dir/tasks_x.py::t", "d") == ("", config.layers[0])


@pytest.mark.parametrize("text", ["k", "=1", "3=1", "t.=1", ""])
def test_a_text_that_is_no_setting_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, params=[text])
    assert str(caught.value) == f"-p {text}: -p takes name=value or task.name=value."


# Tables of tasks


def test_task_tables_keep_their_order_and_the_profile_comes_last(project: Project) -> None:
    text = '[tool.taskdisc.profiles.p.tasks.z]\nversion = 2\n[tool.taskdisc.tasks."b*"]\ntags = ["x"]\n'
    config = loaded(project(text + '[tool.taskdisc.tasks."tag:x"]\nprefix = "nice -n 10"'), profile="p")
    assert config.tasks == (
        TaskTable("b*", {"tags": ("x",)}, 'pyproject.toml [tool.taskdisc.tasks."b*"]'),
        TaskTable("tag:x", {"prefix": "nice -n 10"}, 'pyproject.toml [tool.taskdisc.tasks."tag:x"]'),
        TaskTable("z", {"version": 2}, "pyproject.toml [tool.taskdisc.profiles.p.tasks.z]"),
    )


# .env


def test_dotenv_configures_and_reaches_tasks(project: Project) -> None:
    root = project(dot_env="# comment\nexport TOKEN='a $b'\nTASKDISC_WORKERS=2\nURL=${HOME}/x\nHOME=elsewhere\n")
    config = loaded(root, environ={"HOME": "/home/me"})
    assert config.workers == 2
    assert config.origins == {"workers": ".env"}
    assert config.environment == (("TOKEN", "a $b"), ("TASKDISC_WORKERS", "2"), ("URL", "${HOME}/x"))


def test_a_broken_dotenv_is_named_with_its_line_and_without_its_secret(project: Project) -> None:
    assert refused(project(dot_env='A=1\nSECRET="abc\n')) == ".env:2: this line is not NAME=value."


def test_an_unknown_variable_in_dotenv_is_refused(project: Project) -> None:
    message = ".env: unknown variable TASKDISC_STOR. Did you mean TASKDISC_STORE?"
    assert refused(project(dot_env="TASKDISC_STOR=x")) == message


def test_a_folder_called_dotenv_is_no_dotenv(project: Project) -> None:
    root = project()
    (root / ".env").mkdir()
    assert loaded(root).environment == ()


# What `taskdisc config` shows


def test_describe_names_the_origin_of_every_value(project: Project) -> None:
    root = project(PARAMS + '[tool.taskdisc.tasks."m*"]\ncodec = "json"\n', dot_env="TASKDISC_MAX_JOBS=2")
    environ = {"TASKDISC_EXECUTOR": "thread"}
    config = loaded(root, profile="big", environ=environ, overrides={"workers": 3}, params=["size=7"])
    rows = {name: (value, origin) for name, value, origin in describe(config)}
    assert list(rows)[: len(OPTIONS)] == list(OPTIONS)
    assert rows["autoload"] == (True, "default")
    assert rows["workers"] == (3, "command line")
    assert rows["executor"] == ("thread", "environment TASKDISC_EXECUTOR")
    assert rows["max_jobs"] == (2, ".env")
    assert rows["params.size"] == ("7", "-p")
    assert rows["params.model.size"] == (4, "profile big")
    assert rows["params.fraction"] == (0.8, "pyproject.toml [tool.taskdisc.params]")
    assert rows['tasks."m*".codec'] == ("json", 'pyproject.toml [tool.taskdisc.tasks."m*"]')


# The kept table


def kept(root: Path) -> Path:
    return root / ".taskdisc" / "cache" / "pyproject"


def test_a_kept_table_spares_the_parser(project: Project) -> None:
    root = project("[tool.taskdisc]\nworkers = 3")
    (root / ".taskdisc").mkdir()
    loaded(root)
    code = f"""
import sys
from taskdisc.config import load
assert load({str(root)!r}, environ={{}}).workers == 3
heavy = {{"tomllib", "tomli", "dotenv", "json", "dataclasses", "inspect", "hashlib", "taskdisc.convert"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environ)


def test_a_changed_file_is_read_again(project: Project) -> None:
    root = project("[tool.taskdisc]\nworkers = 3")
    (root / ".taskdisc").mkdir()
    loaded(root)
    assert loaded(project("[tool.taskdisc]\nworkers = 4")).workers == 4
    assert loaded(root).workers == 4


def test_every_damage_to_the_kept_table_is_ignored(project: Project) -> None:
    root = project("[tool.taskdisc]\nworkers = 3")
    (root / ".taskdisc").mkdir()
    loaded(root)
    whole = kept(root).read_bytes()
    assert whole[-5:] == b"\3\0\0\0" + b"0", "the 3 of workers, and the end of the table"
    another = whole[:-5] + b"\4" + whole[-4:]
    for damaged in (b"", whole[:3], whole[:-1], another, whole[: len(whole) // 2], b"\0" * len(whole), b"\xff" * 8):
        kept(root).write_bytes(damaged)
        assert loaded(root).workers == 3
        assert kept(root).read_bytes() == whole


def test_no_store_is_made_for_the_kept_table(project: Project) -> None:
    root = project("[tool.taskdisc]\nworkers = 3")
    loaded(root)
    assert not (root / ".taskdisc").exists()


def test_a_table_that_cannot_be_kept_is_parsed_each_time(project: Project) -> None:
    root = project("[tool.taskdisc.params]\nday = 2026-01-02")
    (root / ".taskdisc").mkdir()
    found = loaded(root).setting("t", "day")
    assert found is not None
    assert str(found[0]) == "2026-01-02"
    assert not list((root / ".taskdisc").rglob("pyproject*"))
    (root / ".taskdisc").rmdir()
    (root / ".taskdisc").write_text("a file is in the way")
    assert loaded(project("[tool.taskdisc]\nworkers = 3")).workers == 3
