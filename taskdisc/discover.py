"""Discovery: what of a project's folder is collected, as plugins will have it; files of their own formats too."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from taskdisc.collect import import_modules, is_collectable, take, taken_function
from taskdisc.errors import CollectionError, Place, PluginError
from taskdisc.marks import Axis, File, Files
from taskdisc.model import Collection, Fixture, Namespace, Task
from taskdisc.search import find_modules

if TYPE_CHECKING:
    from taskdisc.config import Config
    from taskdisc.pluginmanager import PluginManager

Given = Mapping[str, Any]
"""What a plugin makes of a file: objects by name, or (object, line in the file)."""


def collect(config: Config, plugins: PluginManager, extra: Sequence[str] = ()) -> Collection:
    """Find and import the project's modules and take out what they define. Raises CollectionError, UsageError."""
    translated: dict[str, Given] = {}
    modules = find_modules(config, _ignore(config, plugins), extra, _translate(config, plugins, translated))
    collection = take(import_modules(config.root, modules), modules, config.root)
    if not translated:
        return collection
    problems: list[str] = []
    namespaces = [_namespace(translated[path], path, problems) for path in sorted(translated)]
    if problems:
        raise CollectionError("\n".join(problems))
    return collection._replace(namespaces=(*collection.namespaces, *namespaces))


def _ignore(config: Config, plugins: PluginManager) -> Callable[[str], bool]:
    hook = plugins.hook.taskdisc_ignore_path
    if not hook.get_hookimpls():
        return lambda path: False
    return lambda path: bool(hook(path=path, config=config))


def _translate(config: Config, plugins: PluginManager, translated: dict[str, Given]) -> Callable[[str], bool] | None:
    """Return what says whether a plugin takes a file, and notes what it makes of it; None where no plugin would."""
    hook = plugins.hook.taskdisc_collect_file
    if not hook.get_hookimpls():
        return None

    def translate(path: str) -> bool:
        given = hook(path=path, config=config)
        if given is None:
            return False
        relative = os.path.relpath(path, config.root).replace(os.sep, "/")
        if not isinstance(given, Mapping):
            raise PluginError(
                f"taskdisc_collect_file returned {given!r} for {relative}. It returns what the file defines, by name."
            )
        translated[relative] = given
        return True

    return translate


def _namespace(given: Given, path: str, problems: list[str]) -> Namespace:
    """What a translated file defines, as if it were a module of these names."""
    tasks: list[Task] = []
    fixtures: list[Fixture] = []
    names: dict[str, Any] = {}
    for name, found in given.items():
        value, line = found if isinstance(found, tuple) else (found, 1)
        place = Place(path, line)
        if not name.isidentifier():
            problems.append(f"{place}: {name!r} is no name of a task. Letters, digits and _ make one.")
        elif isinstance(value, Axis):
            value.name, value.place = name, place
            names[name] = value
        elif isinstance(value, File | Files):
            value.place = place
            names[name] = value
        elif is_collectable(value):
            names[name] = value
            taken_function(value, name, place, tasks, fixtures, problems)
        else:
            problems.append(f"{place} {name}: {value!r} is neither a function nor an axis, a file or files.")
    return Namespace(path, path, tuple(tasks), names, tuple(fixtures))
