"""Who is plugged in: built-ins first, then installed plugins, then those named in the configuration."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from taskdisc.errors import Place, PluginError, TaskdiscError, closest
from taskdisc.plainhooks import PlainHooks
from taskdisc.supply import Supply, chosen, find, listed, make

if TYPE_CHECKING:
    from taskdisc.pluggyhooks import PluggyHooks

GROUP = "taskdisc"
BUILTINS = ("supplies", "terminal")
GENERATOR = 0x20
"""The flag of code that yields."""


class Distribution(NamedTuple):
    """Where a plugin comes from."""

    name: str
    version: str


class PluginManager:
    """Registers plugins, calls their hooks, and looks up what they supply."""

    def __init__(self) -> None:
        self.distributions: dict[str, Distribution] = {}
        self._hooks: PlainHooks | PluggyHooks = PlainHooks(self._culprit)
        self._supplied: dict[str, dict[str, Supply]] = {}

    @property
    def hook(self) -> Any:
        """What has the hooks as its methods; look it up again after a plugin was added."""
        return self._hooks.hook

    def add(self, plugin: object, name: str, distribution: Distribution) -> None:
        """Register a plugin. Raises PluginError for a misspelt hook or wrong arguments."""
        self.register(plugin, name)
        self.distributions[name] = distribution
        self._supplied.clear()

    def remove(self, name: str) -> None:
        """Take a plugin out again."""
        self._hooks.unregister(name=name)
        self.distributions.pop(name, None)
        self._supplied.clear()

    def register(self, plugin: object, name: str | None = None) -> None:
        """Have a module or an object called for hooks. Raises PluginError for a misspelt hook or wrong arguments."""
        if _is_builtin(plugin):
            self._hooks.register(plugin, name)
        else:
            self._register_outsider(plugin, name or repr(plugin))

    def unregister(self, plugin: object) -> None:
        """Have it called no longer."""
        self._hooks.unregister(plugin)

    def get_plugin(self, name: str) -> Any:
        """Return the plugin of this name, or None."""
        return self._hooks.get_plugin(name)

    def _register_outsider(self, plugin: object, name: str) -> None:
        from pluggy import PluginValidationError

        _check_names(plugin, name)
        hooks = self._with_pluggy()
        try:
            hooks.register(plugin, name)
        except PluginValidationError as error:
            hooks.unregister(name=name)
            raise PluginError(f"plugin {name}: {error}") from None

    def _with_pluggy(self) -> "PluggyHooks":
        """From now on, pluggy calls the hooks of everybody."""
        if isinstance(self._hooks, PlainHooks):
            from taskdisc.pluggyhooks import PluggyHooks

            builtins = self._hooks.list_name_plugin()
            self._hooks = PluggyHooks(self._culprit)
            for name, plugin in builtins:
                self._hooks.register(plugin, name)
        return self._hooks

    def names(self) -> list[str]:
        """Return the names of the plugins, in the order of their registration."""
        return [name for name, _ in self._hooks.list_name_plugin()]

    def source_of(self, name: str, root: str) -> str:
        """Say where a plugin comes from: its distribution and version, or its file, as seen from the root."""
        distribution = self.distributions.get(name)
        if distribution is not None and distribution.name:
            return f"{distribution.name} {distribution.version}"
        file = getattr(self.get_plugin(name), "__file__", None)
        return os.path.relpath(file, os.path.realpath(root)) if file else "this project"

    def hooks_of(self, name: str) -> list[str]:
        """Return the hooks that a plugin implements, by their names without the prefix."""
        found = (hook for hook in _known_hooks() if name in self._implementers(hook))
        return sorted(hook.removeprefix("taskdisc_") for hook in found)

    def _implementers(self, hook: str) -> list[str]:
        return [implementation.plugin_name for implementation in getattr(self.hook, hook).get_hookimpls()]

    def _culprit(self, error: Exception, hook: str, implementations: Sequence[Any]) -> Exception:
        """What a plugin raised by mistake becomes an error that names the plugin."""
        if isinstance(error, TaskdiscError):
            return error
        names = {getattr(each.function, "__code__", None): each.plugin_name for each in implementations}
        trace, name, place = error.__traceback__, "", None
        while trace is not None:
            code = trace.tb_frame.f_code
            name, place = names.get(code, name), Place(os.path.relpath(code.co_filename), trace.tb_lineno)
            trace = trace.tb_next
        known = self.distributions.get(name)
        remedy = f" Leave it out: --plugin no:{name}" if known is not None and known.name else ""
        return PluginError(f"plugin {name}: {hook} raised {error!r} ({place}).{remedy}")

    def blamed(self, error: Exception, hook: str) -> Exception:
        """Return the error that names the plugin whose implementation of a hook raised this."""
        return self._culprit(error, hook, getattr(self.hook, hook).get_hookimpls())

    def supplied(self, kind: str) -> dict[str, Any]:
        """Return what all plugins supply of a kind (see `supply.KINDS`) by name. Raises PluginError for a duplicate."""
        return {name: supply.factory for name, supply in self._chosen(kind).items()}

    def _chosen(self, kind: str) -> dict[str, Supply]:
        found = self._supplied.get(kind)
        if found is None:
            found = self._supplied[kind] = chosen(kind, self.supplies(kind))
        return found

    def supplier_of(self, kind: str, name: str) -> str:
        """Say which plugin supplies the thing of this kind and name."""
        return f"{name} comes from plugin {self._chosen(kind)[name].owner}."

    def supplies(self, kind: str) -> list[Supply]:
        """Return what plugins supply of this kind, in the order of registration; the last of a name is meant."""
        return listed(self._given(kind))

    def _given(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for implementation in getattr(self.hook, f"taskdisc_{kind}").get_hookimpls():
            try:
                yield implementation.plugin_name, implementation.function() or {}
            except Exception as error:
                raise PluginError(f"plugin {implementation.plugin_name}: taskdisc_{kind} raised {error!r}") from error

    def make(self, kind: str, name: str, **arguments: Any) -> Any:
        """Make the thing of this kind and name. Raises PluginError where there is none, or where that fails."""
        return make(kind, find(kind, name, self._chosen(kind)), arguments)

    def factory(self, kind: str, name: str) -> Any:
        """Return what makes the thing of this kind and name. Raises PluginError where there is none."""
        return find(kind, name, self._chosen(kind)).factory


def _is_builtin(plugin: Any) -> bool:
    """Whether a module, or an object's class, is one of taskdisc's own."""
    home = getattr(plugin, "__module__", None) or getattr(plugin, "__name__", "")
    return str(home).startswith("taskdisc.builtin.")


def _known_hooks() -> list[str]:
    from taskdisc import hookspecs

    return [hook for hook in vars(hookspecs) if hook.startswith(hookspecs.PREFIX)]


def _check_names(plugin: object, name: str) -> None:
    known = _known_hooks()
    for attribute in dir(plugin):
        if attribute.startswith("taskdisc_") and attribute not in known:
            if isinstance(getattr(plugin, attribute), ModuleType):  # another plugin's, imported
                continue
            near = closest(attribute, known)
            meant = f"Did you mean {near}?" if near else f"There are {', '.join(known)}."
            raise PluginError(f"plugin {name}: there is no hook {attribute}. {meant}")
    around = getattr(plugin, "taskdisc_around_task", None)
    if around is not None and not around.__code__.co_flags & GENERATOR:
        raise PluginError(
            f"plugin {name}: taskdisc_around_task is called before and after a task. Put a yield where the task runs."
        )


_managers: dict[tuple[str, ...], PluginManager] = {}


def plugin_manager(names: tuple[str, ...] = ()) -> PluginManager:
    """Return the manager with the built-ins, installed plugins, and those in `names`.

    A name is a module, or an installed plugin's name; `no:NAME` leaves a plugin out, `no:*` all that are merely
    installed; the last word on a plugin counts. The same names give the same manager: a forked worker finds it made.
    """
    manager = _managers.get(names)
    if manager is None:
        manager = _managers[names] = _load(names)
    return manager


def _load(names: tuple[str, ...]) -> PluginManager:
    manager = PluginManager()
    wanted, refused = sorted_out(names)
    ours = Distribution("taskdisc", sys.modules["taskdisc"].__version__)
    for name in BUILTINS:
        if name not in refused:
            manager.add(import_module(f"taskdisc.builtin.{name}"), name, ours)
    installed = {entry.name: entry for entry in installed_plugins()}
    if "*" not in refused:
        wanted = [name for name in installed if name not in refused] + wanted
    for name in dict.fromkeys(wanted):
        if name in manager.names():
            continue
        entry = installed.get(name, EntryPoint(name, name, Distribution("", "")))
        manager.add(_import(entry), name, entry.distribution)
    return manager


def sorted_out(names: tuple[str, ...]) -> tuple[list[str], set[str]]:
    """Return which plugins are named, and which are left out; of a name, what was said last counts."""
    said = {name.removeprefix("no:"): not name.startswith("no:") for name in names}
    return [name for name, is_wanted in said.items() if is_wanted], {
        name for name, is_wanted in said.items() if not is_wanted
    }


class EntryPoint(NamedTuple):
    """An installed plugin: `module:attribute`, and its distribution."""

    name: str
    target: str
    distribution: Distribution


def _import(entry: EntryPoint) -> object:
    module, _, attribute = entry.target.partition(":")
    try:
        plugin: Any = import_module(module)
        for part in filter(None, attribute.split(".")):
            plugin = getattr(plugin, part)
    except Exception as error:
        source = f" (of {entry.distribution.name})" if entry.distribution.name else ""
        raise PluginError(
            f"plugin {entry.name}{source} cannot be imported: {type(error).__name__}: {error}. "
            f"Leave it out: --plugin no:{entry.name}"
        ) from error
    return plugin


def installed_plugins() -> Iterator[EntryPoint]:
    """Yield the entry points of our group.

    Reads the dist-info folders itself: importlib.metadata costs three interpreters to import.
    """
    for folder in dict.fromkeys(sys.path):
        try:
            with os.scandir(folder or ".") as entries:
                found = sorted(entry.path for entry in entries if entry.name.endswith(".dist-info"))
        except OSError:
            continue
        for path in found:
            try:
                with open(os.path.join(path, "entry_points.txt"), encoding="utf-8") as stream:
                    text = stream.read()
            except OSError:
                continue
            if f"[{GROUP}]" in text:
                yield from _entries(text, os.path.basename(path))


def _entries(text: str, folder: str) -> Iterator[EntryPoint]:
    name, _, version = folder.removesuffix(".dist-info").partition("-")
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line.strip("[]")
        elif section == GROUP and "=" in line:
            entry, _, target = line.partition("=")
            yield EntryPoint(entry.strip(), target.strip(), Distribution(name.replace("_", "-"), version))


def report_lines(given: list[str | list[str]]) -> list[str]:
    """Return the lines that plugins gave, each one line or a list of them."""
    return [line for lines in given for line in (lines if isinstance(lines, list) else [lines])]
