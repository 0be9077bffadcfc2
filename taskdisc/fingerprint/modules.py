"""The project's modules as text, and which definition a name in one of them leads to; nothing is imported."""

import builtins
import os
import sys
from bisect import bisect_right
from collections.abc import MutableMapping
from typing import NamedTuple, cast

from taskdisc.errors import UsageError
from taskdisc.fingerprint.summary import FORMAT, ModuleSummary, Unit
from taskdisc.hashing import sha256
from taskdisc.loader import ProjectLoader, source_stamp

_NOTHING: ModuleSummary = {"format": FORMAT, "units": [], "names": {}, "registered": {}, "stars": [], "duplicates": []}
_INSTALLED = frozenset({"site-packages", "dist-packages", "node_modules"})


class Target(NamedTuple):
    """What a name leads to: a top-level name of a project's module, or with `name` "" the module as a whole.

    `module` is "" for what is not the project's; `name` then says where it is from.
    """

    module: str
    name: str


class Module:
    """A project's module: its summary, or for what is no Python text the digest of the file."""

    __slots__ = ("_units", "digest", "file", "is_package", "name", "source", "summary")

    def __init__(
        self, name: str, file: str, is_package: bool, summary: ModuleSummary, digest: str, source: str = ""
    ) -> None:
        self.name = name
        self.file = file
        self.is_package = is_package
        self.summary = summary
        self.digest = digest
        self.source = source
        """The digest of the text, for a module that has one."""
        self._units: dict[int, Unit] = {}

    def unit(self, index: int) -> Unit:
        """Return one of the summary's units."""
        unit = self._units.get(index)
        if unit is None:
            unit = self._units[index] = Unit._make(self.summary["units"][index])
        return unit

    def absolute(self, name: str) -> str:
        """Return a module's full name, given as in an import statement here: `..pkg.mod`."""
        relative = name.lstrip(".")
        level = len(name) - len(relative)
        if not level:
            return name
        parts = self.name.split(".")
        base = parts[: len(parts) - level + self.is_package]
        return ".".join([*base, relative] if relative else base)

    def names_at(self, line: int) -> list[str]:
        """Return the names that the innermost statements at a line give a value, or [""] where there are none.

        Units stand in the order of their first lines, the outer ones before the inner ones.
        """
        rows = self.summary["units"]
        index = bisect_right(rows, line, key=lambda row: cast("int", row[2])) - 1
        while index >= 0 and self.unit(index).last < line:
            index = self.unit(index).parent
        if index < 0:
            return []
        first, names = self.unit(index).first, []
        while index >= 0 and self.unit(index).first == first:
            name = self.unit(index).name
            if index in self.summary["names"].get(name, ()):
                names.append(name)
            index -= 1
        return names or [""]


class ProjectModules:
    """Finds, reads and summarises the modules below a root, each once; `cache` maps digests of files to summaries."""

    def __init__(self, root: str, cache: MutableMapping[str, object], live: bool = False) -> None:
        self._root = os.path.realpath(root)
        self._live = live
        self._cache = cache
        self._modules: dict[str, Module | None] = {}
        self._own_folders: dict[str, bool] = {self._root: True}
        self.sources: dict[str, str] = {}
        """SHA-256 (hex) of the files that were read, by their real paths."""

    def without_cache(self) -> "ProjectModules":
        """Return the same modules with what is known of them; what is still missing, that makes anew."""
        mine = object.__new__(type(self))  # as the module `copy` does it, which takes a millisecond to import
        vars(mine).update(vars(self))
        mine._cache = {}
        return mine

    def get(self, name: str) -> Module | None:
        """Return a module of the project, loaded or not, or None for any other."""
        if name not in self._modules:
            self._modules[name] = self._find(name)
        return self._modules[name]

    def is_foreign(self, name: str) -> bool:
        """Say whether a loaded module comes from a file, or the interpreter, outside the project."""
        module = sys.modules.get(name)
        if module is None or name == "__main__":
            return False
        file = getattr(module, "__file__", None)
        if self._live and name.partition(".")[0] == "taskdisc":
            return True
        return name in sys.builtin_module_names or (file is not None and not self._is_own(file))

    def _find(self, name: str) -> Module | None:
        if not name or name == "taskdisc" or name.startswith("taskdisc."):
            return None
        loaded = sys.modules.get(name)
        if loaded is not None and self._live:
            return None
        file, folders = _place_of(loaded) if loaded is not None else self._search(name)
        if file:
            return self._read(name, file) if self._is_own(file) else None
        if any(self._is_own(os.path.join(folder, "")) for folder in folders):
            return Module(name, "", True, _NOTHING, "")
        return None

    def _search(self, name: str) -> tuple[str, list[str]]:
        """Look for a module that is not loaded below the root."""
        place = os.path.join(*name.split("."))
        for folder in dict.fromkeys([self._root, *sys.path]):
            path = os.path.join(folder or os.curdir, place)
            for file in (os.path.join(path, "__init__.py"), path + ".py"):
                if self._is_own(file) and os.path.isfile(file):
                    return file, []
        folder = os.path.join(self._root, place)
        return "", [folder] if os.path.isdir(folder) else []

    def _is_own(self, file: str) -> bool:
        return self._is_own_folder(os.path.dirname(os.path.realpath(file)))

    def _is_own_folder(self, folder: str) -> bool:
        """Say whether a folder is the root or below it, and in no hidden folder or virtual environment."""
        known = self._own_folders.get(folder)
        if known is None:
            parent, name = os.path.split(folder)
            known = (
                parent != folder
                and name not in _INSTALLED
                and not name.startswith(".")
                and self._is_own_folder(parent)
                and not os.path.exists(os.path.join(folder, "pyvenv.cfg"))
            )
            self._own_folders[folder] = known
        return known

    def _read(self, name: str, file: str) -> Module:
        with open(file, "rb") as stream:
            data = stream.read()
            self._check_loaded(name, file, stream.fileno())
        digest = self.sources[os.path.realpath(file)] = sha256(data).hexdigest()
        if not file.endswith(".py"):
            return Module(name, file, False, _NOTHING, digest)
        summary = cast("ModuleSummary | None", self._cache.get(digest))
        if summary is None or summary["format"] != FORMAT:
            from taskdisc.fingerprint.source import summarise

            summary = summarise(_decode(data), os.path.relpath(file, self._root))
            self._cache[digest] = summary
        return Module(name, file, os.path.basename(file) == "__init__.py", summary, "", digest)

    def _check_loaded(self, name: str, file: str, descriptor: int) -> None:
        """What was loaded is what will run; its text may have been edited since."""
        loader = getattr(getattr(sys.modules.get(name), "__spec__", None), "loader", None)
        if isinstance(loader, ProjectLoader) and loader.stamp not in (None, source_stamp(os.fstat(descriptor))):
            path = os.path.relpath(file, self._root)
            raise UsageError(f"{path} was changed while it was being read. Run again.")

    # -- names ------------------------------------------------------------------------------------------------------

    def resolve(self, module: Module, use: str) -> list[Target]:
        """Follow a use of a `Unit` through imports, re-exports and star imports to what it means."""
        found: dict[Target, None] = {}
        seen: set[tuple[str, str]] = set()
        pending = [self._start(module, use.lstrip("="))]
        while pending:
            step = pending.pop()
            if step[:2] not in seen:
                seen.add(step[:2])
                targets, further = self._follow(*step)
                found.update(dict.fromkeys(targets))
                pending += reversed(further)
        return list(found)

    def _start(self, module: Module, use: str) -> tuple[str, str, str]:
        if ":" not in use:
            return module.name, use, "inside"
        name, chain = _imported(use)
        return module.absolute(name), chain, "outside"

    def _follow(self, name: str, chain: str, view: str) -> tuple[list[Target], list[tuple[str, str, str]]]:
        """Take one step: return the targets found and the steps to take next."""
        module = self.get(name)
        if module is None:
            return _foreign(name, chain, view), []
        if not chain or module.digest:
            return [Target(name, "")], []
        first, _, rest = chain.partition(".")
        entries = module.summary["names"].get(first)
        if entries is None:
            return self._follow_unbound(module, chain, view)
        steps = []
        for entry in entries:
            if isinstance(entry, str) and ":" in entry:
                source, imported = _imported(entry)
                source = module.absolute(source)
                # `from . import x` in a package binds its own submodule
                if source == name and imported == first:
                    source, imported = f"{name}.{first}", ""
                steps.append((source, ".".join(filter(None, (imported, rest))), "outside"))
        own = [Target(name, first)] if len(steps) < len(entries) else []
        return own, steps

    def _follow_unbound(self, module: Module, chain: str, view: str) -> tuple[list[Target], list[tuple[str, str, str]]]:
        first, _, rest = chain.partition(".")
        if module.is_package and self.get(f"{module.name}.{first}") is not None:
            return [], [(f"{module.name}.{first}", rest, "outside")]
        if module.summary["stars"] and not (first.startswith("_") and view == "star"):
            return [], [(module.absolute(star), chain, "star") for star in module.summary["stars"]]
        if view != "outside" or first.startswith("__"):
            return [], []
        # bound in a way that the text does not show
        return [Target(module.name, "__getattr__" if "__getattr__" in module.summary["names"] else "")], []


def _place_of(module: object) -> tuple[str, list[str]]:
    file = getattr(module, "__file__", None) or ""
    return file, [] if file else list(getattr(module, "__path__", ()))


def _imported(reference: str) -> tuple[str, str]:
    """Split `module:name:rest` into the module and the chain `name.rest` to look up there."""
    module, name, rest = reference.split(":")
    return module, ".".join(filter(None, (name, rest.lstrip("."))))


def _foreign(name: str, chain: str, view: str) -> list[Target]:
    if view == "star" and hasattr(builtins, chain.partition(".")[0]):
        return []
    return [Target("", f"{name}.{chain}" if chain else name)]


def _decode(data: bytes) -> str:
    if b"coding" in data[:400]:
        from importlib.util import decode_source

        return decode_source(data)
    return data.decode("utf-8-sig")
