"""All that is configured, in one frozen record.

Later sources win: defaults, pyproject.toml, the profile, `.env`, the environment, the command line.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from taskdisc.errors import ConfigError, UsageError
from taskdisc.limits import Resource
from taskdisc.options import OPTIONS, PROFILE, Unknown, from_table, from_variables, suggestion
from taskdisc.pyproject import NAME, Table, find_root, find_table, read_table

__all__ = ["Config", "ParamLayer", "TaskTable", "describe", "find_root", "load"]

_TOP = "tool.taskdisc"
_COMMAND_LINE = "command line"


class ParamLayer(NamedTuple):
    """Values of settings from one source."""

    origin: str
    """ "-p", "profile cluster" or "pyproject.toml [tool.taskdisc.params]"."""
    values: Mapping[str, Any]
    """By "name" or "task.name"."""
    texts: bool
    """Whether the values are text that is still to be converted; else they are typed, as TOML is."""


class TaskTable(NamedTuple):
    """Options for the tasks that a pattern matches."""

    pattern: str
    """A name pattern ("train*") or a tag ("tag:gpu"), maybe with a slice ("align[sample=big]")."""
    options: Mapping[str, Any]
    """Checked, as `@task` would have them."""
    origin: str
    brackets: tuple[tuple[str, str], ...] = ()
    """Of a slice: (name, label) as they were written."""

    @property
    def name(self) -> str:
        """What tasks are matched with."""
        return self.pattern.partition("[")[0].strip() if self.brackets else self.pattern

    @property
    def is_plain(self) -> bool:
        """Say whether it names one task, which should be there."""
        return not self.name.startswith("tag:") and not any(sign in self.name for sign in "*?[")


class Config(NamedTuple):
    """What is configured; paths are relative to the root, except the root and the store."""

    root: str
    store: str
    workers: int
    """How many jobs run at once, already counted: 1 or more."""
    files: tuple[str, ...] = OPTIONS["files"].default
    paths: tuple[str, ...] = OPTIONS["paths"].default
    exclude: tuple[str, ...] = OPTIONS["exclude"].default
    default_targets: tuple[str, ...] = OPTIONS["default_targets"].default
    executor: str = OPTIONS["executor"].default
    max_tasks_per_worker: int = OPTIONS["max_tasks_per_worker"].default
    grace: str = OPTIONS["grace"].default
    max_jobs: int = OPTIONS["max_jobs"].default
    max_instances: int = OPTIONS["max_instances"].default
    storage: str = OPTIONS["storage"].default
    shared: str = OPTIONS["shared"].default
    shared_read_only: bool = OPTIONS["shared_read_only"].default
    track: tuple[str, ...] = OPTIONS["track"].default
    plugins: tuple[str, ...] = OPTIONS["plugins"].default
    trust_store: bool = OPTIONS["trust_store"].default
    pickle: bool = OPTIONS["pickle"].default
    autoload: bool = OPTIONS["autoload"].default
    profile: str | None = None
    layers: tuple[ParamLayer, ...] = ()
    """The first that has a setting wins."""
    resources: tuple[tuple[str, Resource], ...] = ()
    limits: tuple[tuple[str, float], ...] = ()
    """What a run restricts further: amounts of resources, channels and tasks."""
    tasks: tuple[TaskTable, ...] = ()
    """The last that matches a task wins, option by option."""
    replaced: ParamLayer = ParamLayer("--override", {}, True)
    """By the name of a node of the graph: what this run has in its place; paths of files lead from `folder`."""
    folder: str = ""
    """Where the command was given."""
    sweeps: ParamLayer = ParamLayer("--sweep", {}, True)
    """By name of a setting or open parameter: several values, as text or in a sequence."""
    environment: tuple[tuple[str, str], ...] = ()
    """Variables of `.env` that tasks receive: those that the environment does not set itself."""
    origins: Mapping[str, str] = {}
    """Where the options that are not left to their defaults come from."""
    unknown: tuple[Unknown, ...] = ()
    """What stands under other names, the strongest last: options of plugins or mistakes, until plugins are loaded."""
    plugin_options: Mapping[str, Any] = {}
    """The options that plugins have added (see `taskdisc_add_options`)."""

    def setting(self, task_name: str, name: str) -> tuple[Any, ParamLayer] | None:
        """Return the configured value of a task's setting and the layer that has it, or None."""
        for layer in self.layers:
            for key in (f"{task_name}.{name}", name):
                if key in layer.values:
                    return layer.values[key], layer
        return None

    def is_pinned(self, task_name: str, name: str) -> bool:
        """Say whether this run gives the task's setting a value of its own, before one that holds for all tasks."""
        key = f"{task_name}.{name}"
        return any(key in layer.values for layer in self.layers if layer.origin in ("-p", "params"))


def load(
    start: str | None = None,
    *,
    directory: str | None = None,
    profile: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    params: Sequence[str] = (),
    replaced: Sequence[str] = (),
    sweeps: Sequence[str] = (),
    limits: Mapping[str, float] | Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Read the configuration of the project around `start`, the current folder unless given.

    `directory` (-C) is the root itself; `overrides` are options from the command line, of which None and () mean not
    given; `params` are the texts of -p, "name=value" or "task.name=value", and `replaced` and `sweeps` those of
    --override and --sweep; `limits` those of --limit, "gpu=1", or a mapping; `environ` stands for `os.environ`.
    Raises ConfigError and, for what is on the command line, UsageError.
    """
    environ = os.environ if environ is None else environ
    overrides = overrides or {}
    root, table = _located(start or os.getcwd(), directory, overrides.get("store") or environ.get("TASKDISC_STORE"))
    dotenv = _read_dotenv(root)
    base, profiles = _Section(table, _TOP, ("profiles",), NAME), _profiles(table)
    chosen = _chosen_profile(profile, environ, dotenv, profiles)
    selected = profiles.pop(chosen) if chosen else _Section({}, _TOP)
    unknown = [each.unused() for section in profiles.values() for each in section.unknown]
    unknown += base.unknown + selected.unknown
    values, origins = _merged(
        _from_one(base.options, NAME),
        _from_one(selected.options, f"profile {chosen}"),
        _from_one(from_variables(dotenv, ".env", unknown), ".env"),
        _from_environment(environ, unknown),
        _from_one(_overrides(overrides, unknown), _COMMAND_LINE),
    )
    values["workers"] = _counted(values["workers"])
    values["store"] = os.path.normpath(os.path.join(root, os.path.expanduser(values["store"])))
    return Config(
        root=root,
        **values,
        profile=chosen,
        layers=_layers(_texts(params, "-p"), selected.params, base.params, chosen),
        resources=tuple({**base.resources, **selected.resources}.items()),
        limits=_limits(limits),
        tasks=base.tasks + selected.tasks,
        replaced=ParamLayer("--override", _replacements(replaced), True),
        folder=start or os.getcwd(),
        sweeps=ParamLayer("--sweep", _texts(sweeps, "--sweep"), True),
        environment=tuple((name, text) for name, text in dotenv.items() if name not in environ),
        origins=origins,
        unknown=tuple(unknown),
    )


def describe(config: Config) -> list[tuple[str, Any, str]]:
    """Return (name, value, origin) of all that is configured, for `taskdisc config`."""
    rows = [(name, getattr(config, name), config.origins.get(name, "default")) for name in OPTIONS]
    rows += [(name, value, config.origins.get(name, "default")) for name, value in config.plugin_options.items()]
    settings: dict[str, tuple[str, Any, str]] = {}
    for layer in config.layers:
        for name, value in layer.values.items():
            settings.setdefault(name, (f"params.{name}", value, layer.origin))
    rows += settings.values()
    rows += [
        (f"resources.{_quoted(name)}", _told(each), f"{NAME} [{_TOP}.resources]") for name, each in config.resources
    ]
    for table in config.tasks:
        rows += [(f"tasks.{_quoted(table.pattern)}.{key}", value, table.origin) for key, value in table.options.items()]
    return rows


def _told(resource: Resource) -> Any:
    """A resource as pyproject.toml has it."""
    capacity = resource.capacity
    if not resource.shared:
        return capacity
    return ("units" if isinstance(capacity, tuple) else "amount", capacity), ("shared", True)


def _located(start: str, directory: str | None, store: str | None) -> tuple[str, Table]:
    store = store or OPTIONS["store"].default
    if directory is None:
        return find_table(start, store)
    root = os.path.abspath(os.path.join(start, directory))
    if not os.path.isdir(root):
        raise UsageError(f"-C {directory}: there is no such folder.")
    return root, read_table(root, store) or {}


# pyproject.toml


class _Section:
    """`[tool.taskdisc]` or a profile, checked."""

    __slots__ = ("options", "params", "resources", "tasks", "unknown")

    def __init__(self, table: Table, path: str, others: tuple[str, ...] = (), origin: str = "") -> None:
        self.unknown: list[Unknown] = []
        tables = ("params", "tasks", "resources", *others)
        self.options = from_table(table, f"{NAME} [{path}]", tables, self.unknown, origin)
        self.params = _params(table, f"{path}.params")
        self.tasks = _task_tables(table, f"{path}.tasks")
        self.resources = _resources(table, f"{path}.resources")


def _profiles(table: Table) -> dict[str, _Section]:
    path = f"{_TOP}.profiles"
    return {
        name: _Section(inner, f"{path}.{_quoted(name)}", (), f"profile {name}")
        for name, inner in _sub_tables(table, path)
    }


def _params(table: Table, path: str) -> dict[str, Any]:
    """The settings by "name" or "task.name": a table inside is about one task."""
    found = {}
    for name, value in _sub_table(table, path).items():
        if isinstance(value, dict):
            found.update({f"{name}.{setting}": inner for setting, inner in value.items()})
        else:
            found[name] = value
    return found


def _resources(table: Table, path: str) -> dict[str, Resource]:
    if "resources" not in table:
        return {}
    from taskdisc.resources import resources

    return resources(_sub_table(table, path), f"{NAME} [{path}]")


def _limits(given: Mapping[str, float] | Sequence[str]) -> tuple[tuple[str, float], ...]:
    if not given:
        return ()
    from taskdisc.resources import limits

    return limits(given, "--limit")


def _task_tables(table: Table, path: str) -> tuple[TaskTable, ...]:
    found = []
    for pattern, options in _sub_tables(table, path):
        origin = f"{NAME} [{path}.{_quoted(pattern)}]"
        about = TaskTable(pattern, _task_options(options, origin), origin, _brackets(pattern, origin))
        for key in options if about.brackets else ():
            _check_by_slice(key, origin, f"{path}.{_quoted(about.name)}")
        found.append(about)
    return tuple(found)


def _brackets(pattern: str, where: str) -> tuple[tuple[str, str], ...]:
    if "=" not in pattern.partition("[")[2]:  # else they are part of a name pattern
        return ()
    from taskdisc.labels import parse_target

    try:
        found = parse_target(pattern).brackets
    except UsageError as error:
        raise ConfigError(f"{where}: {str(error).removeprefix(f'target {pattern}: ')}") from None
    if not found:
        raise ConfigError(f"{where}: cannot be read. Write 'name[axis=label,...]'.")
    return tuple(found.items())


def _check_by_slice(key: str, where: str, whole: str) -> None:
    """What a result is, and how long it is kept, is the same for all instances of a task."""
    from taskdisc.taskoptions import BY_SLICE

    if key not in BY_SLICE:
        raise ConfigError(
            f"{where}: {key} holds for all instances of a task. Write it in [{whole}]. "
            f"Slices can have {', '.join(BY_SLICE)}."
        )


def _task_options(options: Table, where: str) -> dict[str, Any]:
    from taskdisc.model import TaskOptions
    from taskdisc.taskoptions import task_options

    in_code = ("name", "outputs", "open")
    known = [field for field in TaskOptions._fields if field not in in_code]
    for key in options:
        if key in in_code:
            raise ConfigError(f"{where}: {key} belongs to the code. Write @task({key}=...) at the function.")
        if key not in known:
            raise ConfigError(f"{where}: unknown key {key!r}. {suggestion(key, known)}")
    try:
        found = task_options(options, where)
    except UsageError as error:
        raise ConfigError(str(error)) from None
    return {key: getattr(found, key) for key in options}


def _sub_tables(table: Table, path: str) -> Iterable[tuple[str, Table]]:
    for name, inner in _sub_table(table, path).items():
        if not isinstance(inner, dict):
            raise ConfigError(f"{NAME} [{path}]: {name} is no table. Write [{path}.{_quoted(name)}].")
        yield name, inner


def _sub_table(table: Table, path: str) -> Table:
    name = path.rpartition(".")[2]
    found = table.get(name, {})
    if not isinstance(found, dict):
        raise ConfigError(f"{NAME} [{path.rpartition('.')[0]}]: {name} is a table. Write [{path}].")
    return found


def _quoted(key: str) -> str:
    """The key as TOML writes it."""
    bare = key.replace("-", "").replace("_", "")
    return key if bare.isascii() and bare.isalnum() else f"'{key}'" if '"' in key else f'"{key}"'


def _chosen_profile(
    asked: str | None, environ: Mapping[str, str], dotenv: Mapping[str, str], profiles: Mapping[str, _Section]
) -> str | None:
    choices = (
        ("--profile", asked),
        (f"environment {PROFILE}", environ.get(PROFILE)),
        (f".env {PROFILE}", dotenv.get(PROFILE)),
    )
    origin, name = next((choice for choice in choices if choice[1]), ("", None))
    if name is None or name in profiles:
        return name
    meant = suggestion(name, list(profiles)) if profiles else f"Write [{_TOP}.profiles.{_quoted(name)}]."
    raise ConfigError(f"{origin}: {NAME} has no profile {name!r}. {meant}")


# The other sources

Sourced = Mapping[str, tuple[Any, str]]


def _from_one(values: Mapping[str, Any], origin: str) -> Sourced:
    return {name: (value, origin) for name, value in values.items()}


def _from_environment(environ: Mapping[str, str], unknown: list[Unknown]) -> Sourced:
    found = from_variables(environ, "environment", unknown)
    return {name: (value, f"environment {OPTIONS[name].variable}") for name, value in found.items()}


def _overrides(given: Mapping[str, Any], unknown: list[Unknown]) -> dict[str, Any]:
    given = {name: value for name, value in given.items() if value is not None and value != ()}
    return from_table(given, _COMMAND_LINE, (), unknown, _COMMAND_LINE)


def _merged(*sources: Sourced) -> tuple[dict[str, Any], dict[str, str]]:
    """The value of each option, and where the values come from that are no defaults."""
    values = {name: option.default for name, option in OPTIONS.items()}
    origins: dict[str, str] = {}
    for source in sources:
        for name, (value, origin) in source.items():
            if OPTIONS[name].adds:
                value = tuple(dict.fromkeys((values[name] + value)[::-1]))[::-1]  # the last word on a name counts
                origin = ", ".join(filter(None, (origins.get(name), origin)))
            values[name], origins[name] = value, origin
    return values, origins


def _counted(workers: int) -> int:
    """The number of workers: -1 is all CPUs that this process may use, -2 all but one, and so on."""
    if workers > 0:
        return workers
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, usable + 1 + workers)


def _texts(params: Sequence[str], option: str) -> dict[str, str]:
    """The texts of -p or --sweep by name; given twice, the last counts."""
    found = {}
    for param in params:
        name, equals, text = param.partition("=")
        name = name.strip()
        if not equals or not name.rpartition(".")[2].isidentifier():
            raise UsageError(f"{option} {param}: {option} takes name=value or task.name=value.")
        found[name] = text
    return found


def _replacements(texts: Sequence[str]) -> dict[str, str]:
    """The texts of --override by the name of what they replace."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if "[" in name:
            task = name.partition("[")[0]
            raise UsageError(
                f"--override {text}: one instance cannot be replaced. Replace all of {task}, --override {task}=..., "
                f"and choose what runs by a target in brackets or -p."
            )
        if not equals or not name.strip():
            raise UsageError(f"--override {text}: --override takes name=value.")
        found[name.strip()] = value
    return found


def _layers(
    texts: Mapping[str, Any], profile: Mapping[str, Any], base: Mapping[str, Any], chosen: str | None
) -> tuple[ParamLayer, ...]:
    layers = (
        ParamLayer("-p", texts, True),
        ParamLayer(f"profile {chosen}", profile, False),
        ParamLayer(f"{NAME} [{_TOP}.params]", base, False),
    )
    return tuple(layer for layer in layers if layer.values)


def _read_dotenv(root: str) -> dict[str, str]:
    """The variables of `.env`, without interpolation: a `$` in a password is a `$`."""
    path = os.path.join(root, ".env")
    if not os.path.isfile(path):  # a folder of this name is somebody's virtual environment
        return {}
    from dotenv.parser import parse_stream  # dotenv_values only logs what it cannot read, and goes on

    found = {}
    try:
        with open(path, encoding="utf-8-sig") as file:
            for binding in parse_stream(file):
                if binding.error:  # the line itself may hold a secret
                    raise ConfigError(f".env:{binding.original.line}: this line is not NAME=value.")
                if binding.key and binding.value is not None:
                    found[binding.key] = binding.value
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f".env: cannot be read: {error}") from error
    return found
