"""A project that has been read: its configuration, plugins, tasks and graph, and its store."""

from __future__ import annotations

import marshal
import os
from collections.abc import Container, Iterator, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from taskdisc.collect import make_importable
from taskdisc.discover import collect
from taskdisc.errors import CollectionError, StoreError, UnusableIndex
from taskdisc.fingerprint.code import CodeFingerprints
from taskdisc.fingerprint.files import InputFiles
from taskdisc.fingerprint.values import ValueFingerprints
from taskdisc.graph import TaskGraph
from taskdisc.model import Collection, Slice, Task
from taskdisc.options import OFF, suggestion
from taskdisc.pluginmanager import Distribution, PluginManager, plugin_manager
from taskdisc.resolve import link
from taskdisc.store.database import set_aside
from taskdisc.store.folder import INDEX, check_owner, make_folder
from taskdisc.store.index import Index
from taskdisc.store.objects import Objects, load

if TYPE_CHECKING:
    from taskdisc.config import Config
    from taskdisc.model import Stored
    from taskdisc.protocols import Codec, ObjectStore
    from taskdisc.shared.team import Team
    from taskdisc.store.sweep import Broom


class Project:
    """config -> collect -> graph; what every command begins with."""

    is_whole = True
    """Whether the tasks are all that the configuration is about."""

    def __init__(self, config: Config, extra: Sequence[str] = ()) -> None:
        """Read the project; `extra` are paths of modules to collect whatever their name. Raises TaskdiscError."""
        make_importable(config.root)  # a project's plugins lie there too
        self.plugins: PluginManager = plugin_manager(plugin_names(config))
        self.config = config = with_plugin_options(config, self.plugins)
        self.hooked: list[str] = []
        """The project's own modules that are plugins too."""
        self._codecs: dict[str, Any] = {}
        """What makes the codecs of tasks, also when the project's modules are plugins no more, and values are read."""
        self._index: Index | None = None
        self._objects: Objects | None = None
        self._team: Team | None = None
        self.misspelt: tuple[str, ...] = ()
        """Warnings of options for tasks that are not there."""
        self.remarks: list[str] = []
        """What to tell the user about the store."""
        self.summaries = Summaries(self)
        self.plugins.hook.taskdisc_configure(config=config)
        try:
            self.collection: Collection = self._collected(extra)
            self.code = self._fingerprints()
            self._refuse_second_definitions()
            self._add_hooks()
            self.values = ValueFingerprints(self.code, self.plugins)
            graph = link(self.collection, self.plugins.supplied("injectables"), self._tasks())
            self.graph: TaskGraph = graph._replace(warnings=(*graph.warnings, *self.misspelt, *self._unfit(graph)))
            if not config.pickle:
                from taskdisc.policy import keep_without_pickle

                keep_without_pickle(self.graph)
            self._check_codecs()
            self._check_compression()
        except BaseException:
            self.close()
            raise
        self.files = InputFiles(config.root, self.index)

    def _collected(self, extra: Sequence[str]) -> Collection:
        return collect(self.config, self.plugins, extra)

    def _fingerprints(self) -> CodeFingerprints:
        return CodeFingerprints(self.config.root, self.summaries)

    def _refuse_second_definitions(self) -> None:
        """The later of two functions of one name hides the earlier, which is never what was meant."""
        problems = [
            f"{path}:{later} {name}: defined twice, first in line {first}. Rename one, or delete it."
            for module, path in self.collection.modules
            for name, first, later in self.code.defined_twice(module)
        ]
        if problems:
            raise CollectionError("\n".join(problems))

    def _check_codecs(self) -> None:
        """A codec that nobody supplies is an error before anything runs."""
        for task in self.graph.tasks.values():
            codec = task.options.codec
            if codec == "pickle":
                continue
            known = self._codecs = self.plugins.supplied("codecs")
            if codec not in known:
                raise CollectionError(
                    f"{task.place} {task.name}: no plugin supplies the codec {codec!r}. "
                    f"{suggestion(codec, sorted(known))}"
                )

    def _check_compression(self) -> None:
        """So is a package that is missing for a task's `compress`."""
        for task in self.graph.tasks.values():
            if task.options.compress is None:
                continue
            from taskdisc.compression import missing_package

            package = missing_package(task.options.compress)
            if package is not None:
                raise CollectionError(
                    f"{task.place} {task.name}: compress={task.options.compress!r} needs a package: "
                    f"pip install {package}"
                )

    def _tasks(self) -> list[Task]:
        tasks = [configured(task, self.config) for task in self.collection.tasks]
        if self.is_whole:
            self.misspelt = misspelt_tables(tasks, self.config)
        self.plugins.hook.taskdisc_modify_tasks(tasks=tasks, config=self.config)
        return tasks

    def _unfit(self, graph: TaskGraph) -> list[str]:
        """Warnings of options for slices that tasks do not have. Raises UsageError."""
        tables = [table for table in self.config.tasks if table.brackets] if self.is_whole else []
        if not tables:
            return []
        from taskdisc.slices import checked

        return checked(graph, tables)

    def _add_hooks(self) -> None:
        """A project's own modules are plugins too, where they have functions called `taskdisc_*`."""
        import sys
        from types import ModuleType

        for name, _ in self.collection.modules:
            module = sys.modules[name]
            found = [value for key, value in vars(module).items() if key.startswith("taskdisc_")]
            if not all(isinstance(value, ModuleType) for value in found):  # plugins that it imports are called so, too
                self.plugins.add(module, name, Distribution("", ""))
                self.hooked.append(name)

    # The store

    @property
    def index(self) -> Index | None:
        """The index, or None while there is no store yet."""
        path = os.path.join(self.config.store, INDEX)
        if self._index is None and os.path.exists(path):
            self._index = self._opened(path)
        return self._index

    def open_index(self) -> Index:
        """Return the index to write to; the store is made if there is none. Raises StoreError where it is read-only."""
        if self._index is None:
            make_folder(self.config.store)
            path = os.path.join(self.config.store, INDEX)
            self._index = self._opened(path) or Index(path)
            self.files.index = self._index
        if self._index.is_readonly:
            raise StoreError(f"the store {self.config.store} can only be read. Use another one: --store DIR")
        return self._index

    def _opened(self, path: str) -> Index | None:
        """The index; None where it could not be used and was moved aside."""
        if not self.config.trust_store:
            check_owner(self.config.store)
        try:
            return Index(path)
        except UnusableIndex as error:
            self.remarks.append(set_aside(error))
            return None

    @property
    def objects(self) -> Objects:
        """Where large values are kept."""
        if self._objects is None:
            store: ObjectStore = self.plugins.make("stores", self.config.storage, path=self.config.store)
            self._objects = Objects(store, self.team)
        return self._objects

    @property
    def team(self) -> Team | None:
        """The store that a team shares, behind this one; None without it, or where nothing can be kept here."""
        if self.config.shared != OFF and self._team is None and not (self.index is not None and self.index.is_readonly):
            from taskdisc.shared.connect import connected

            self._team = connected(self)
        return self._team

    def broom(self) -> Broom:
        """Return what takes results out of the store."""
        from taskdisc.store.sweep import Broom

        return Broom(self.open_index(), self.objects, self.config.root, self.config.store)

    def decode(self, stored: Stored, codec: str) -> Any:
        """Return the value of a stored result. Raises DamagedResult."""
        from taskdisc.paths import set_bases

        make = self._codecs.get(codec) or self.plugins.factory("codecs", codec)
        decoder: Codec = make()
        set_bases(self.config.root, self.config.store)
        return load(stored, decoder, self.objects)

    def save_caches(self) -> None:
        """Keep what spares reading modules and input files again; only where there is a store."""
        if self._index is None or self._index.is_readonly:
            return
        if self.summaries.fresh:
            self._index.keep_sources(self.summaries.fresh)
            self.summaries.fresh = {}
        if self.files.fresh:
            self._index.keep_file_stamps(self.files.fresh)
            self.files.fresh = {}

    def close(self) -> None:
        """Give everything back that was opened."""
        for name in self.hooked:
            self.plugins.remove(name)
        self.hooked.clear()
        self.plugins.hook.taskdisc_unconfigure(config=self.config)
        self.close_index()

    def close_index(self) -> None:
        """Close the index; whoever asks for it opens it again."""
        if self._team is not None:
            self._team.close()
            self._team = self._objects = None
        if self._index is not None:
            self._index.close()
            self._index = None


def with_plugin_options(config: Config, plugins: PluginManager) -> Config:
    """Return the configuration with the values of plugins' options. Raises ConfigError for what nobody knows."""
    if not config.unknown and not plugins.hook.taskdisc_add_options.get_hookimpls():
        return config
    from taskdisc.pluginoptions import settled

    return settled(config, plugins)


def plugin_names(config: Config) -> tuple[str, ...]:
    """Return what `plugin_manager` takes for this configuration."""
    return config.plugins if config.autoload else ("no:*", *config.plugins)


def configured(task: Task, config: Config) -> Task:
    """Return the task with what `[tool.taskdisc.tasks]` says of it; the last table that matches wins."""
    options, slices = task.options, list[Slice]()
    if not config.tasks:
        return task
    from taskdisc.taskoptions import task_options

    for table in config.tasks:
        if not _matches(table.name, task):
            continue
        if table.brackets:
            slices.append(Slice(table.brackets, table.options, table.origin))
            continue
        options = task_options(table.options, table.origin, options)
        slices = [each._replace(options=_without(each.options, table.options)) for each in slices]
    return task if options is task.options and not slices else task._replace(options=options, slices=tuple(slices))


def _without(options: Mapping[str, Any], others: Container[str]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in others}


def _matches(pattern: str, task: Task) -> bool:
    from fnmatch import fnmatchcase

    if pattern.startswith("tag:"):
        return any(fnmatchcase(tag, pattern[4:]) for tag in task.options.tags)
    return fnmatchcase(task.name, pattern) or fnmatchcase(task.id, pattern)


def misspelt_tables(tasks: Sequence[Task], config: Config) -> tuple[str, ...]:
    """Return a warning for each table of options that names a task which is not there.

    Patterns and tags may be meant for tasks to come, or for other projects with the same configuration.
    """
    if not config.tasks:
        return ()
    from taskdisc.errors import closest

    warnings = []
    for table in config.tasks:
        if table.is_plain and not any(_matches(table.name, task) for task in tasks):
            near = closest(table.name, [task.name for task in tasks])
            meant = f"Did you mean {near}?" if near else "`taskdisc list` shows the tasks."
            warnings.append(f"{table.origin}: there is no task {table.name!r}. {meant}")
    return tuple(warnings)


def no_tasks(project: Project) -> str:
    """Say that there is nothing to run, and what to do."""
    config = project.config
    if not project.collection.modules:
        above = _tasks_above(config.root)
        remedy = (
            f"There are some in {above}: use -C {above}, or make it the root of all that is below it "
            f"by [tool.taskdisc] in its pyproject.toml."
            if above
            else "Make a tasks_hello.py with a function in it, or choose a folder with -C."
        )
        return f"no task modules in {config.root}: nothing matches {', '.join(config.files)}. {remedy}"
    files = ", ".join(path for _, path in project.collection.modules[:3])
    return (
        f"no tasks in {files}{', ...' if len(project.collection.modules) > 3 else ''}. Every public function is a task."
    )


def _tasks_above(root: str) -> str | None:
    """The nearest folder above that has modules of tasks: a command given too deep in a project."""
    from glob import escape, glob

    above = os.path.dirname(root)
    while above != os.path.dirname(above):
        if glob(os.path.join(escape(above), "tasks_*.py")):
            return above
        above = os.path.dirname(above)
    return None


class Summaries(MutableMapping[str, object]):
    """Summaries of modules' texts, kept in the index between runs (by marshal: it needs no import and no time)."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.fresh: dict[str, bytes] = {}
        self.used: set[str] = set()
        """The digests that were asked for: of the project's modules as they are now."""

    def __getitem__(self, digest: str) -> object:
        self.used.add(digest)
        index = self._project.index
        kept = self.fresh.get(digest) or (index.source(digest) if index is not None else None)
        if kept is None:
            raise KeyError(digest)
        try:
            return marshal.loads(kept)
        except (ValueError, EOFError, TypeError):
            raise KeyError(digest) from None

    def __setitem__(self, digest: str, summary: object) -> None:
        self.fresh[digest] = marshal.dumps(cast("Any", summary), 4)

    def __delitem__(self, digest: str) -> None:
        del self.fresh[digest]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fresh)

    def __len__(self) -> int:
        return len(self.fresh)
