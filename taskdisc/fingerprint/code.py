"""Fingerprints of code: what a task's function, and everything of the project that it reaches, will do."""

from bisect import insort
from collections.abc import Iterable, MutableMapping
from types import FunctionType
from typing import TYPE_CHECKING, NamedTuple, cast

from taskdisc.fingerprint.modules import Module, ProjectModules, Target
from taskdisc.fingerprint.objects import ObjectSearch, place_of
from taskdisc.fingerprint.summary import Unit, fold
from taskdisc.hashing import sha256

if TYPE_CHECKING:
    from taskdisc.fingerprint.texts import Texts


class Fingerprint(NamedTuple):
    """What a function's code counts for in keys.

    `parts` are sorted pairs of a label, as `helpers.clean`, and a hex digest; `digest` is the SHA-256 over them.
    """

    digest: bytes
    parts: tuple[tuple[str, str], ...]


class _Node(NamedTuple):
    """One aspect of a top-level name: what it does, the `defaults` of a function, or what is `registered` with it."""

    module: str
    name: str
    aspect: str = ""

    def label(self) -> str:
        """Return how the node is called in `parts`."""
        if not self.name:
            return f"{self.module} (module)"
        return f"{self.module}.{self.name}" + (f" ({self.aspect})" if self.aspect else "")


class _Content(NamedTuple):
    """The digest of a node or unit, and the nodes that it names."""

    digest: str
    targets: tuple[_Node, ...]


class CodeFingerprints:
    """Fingerprints of the functions and classes of the project below `root`.

    `cache` maps the SHA-256 of a file to a summary of plain lists, dicts, strings and numbers, which may be kept as
    JSON. Files are read once, when first needed; nothing is imported.
    """

    def __init__(self, root: str, cache: MutableMapping[str, object] | None = None, *, live: bool = False) -> None:
        """With `live`, modules that are loaded count by the objects in them, whatever their files say by now."""
        self._modules = ProjectModules(root, {} if cache is None else cache, live)
        self._units: dict[tuple[str, int], _Content] = {}
        self._nodes: dict[_Node, _Content] = {}
        self._items: dict[int, tuple[object, bytes]] = {}
        """By number, which no other object gets while this one is kept here."""
        self._closures: dict[tuple[_Node, ...], tuple[tuple[str, str], ...]] = {}
        self._by_label: dict[str, _Node] = {}
        self._cut: Texts | None = None

    @property
    def sources(self) -> dict[str, str]:
        """SHA-256 (hex) of the files that were read, by their real paths."""
        return self._modules.sources

    def for_workers(self) -> "CodeFingerprints":
        """Return fingerprints of the same texts, whatever becomes of the files, that do without the cache."""
        mine = object.__new__(type(self))
        vars(mine).update(vars(self))
        mine._modules = self._modules.without_cache()
        return mine

    def fingerprint(self, function: object) -> Fingerprint:
        """Return the fingerprint of a task's function: without the defaults of its settings.

        Raises SyntaxError where a module of the project that it reaches cannot be parsed.
        """
        root = self._plain_root(function)
        if root is not None:
            return _fingerprint(self._parts_from(root))
        search = ObjectSearch(self._modules)
        search.add_task(function)
        return _fingerprint(self._parts_of(search))

    def code_of(self, item: object) -> bytes:
        """Return a digest of a class or function of the project, with all that it reaches; b"" for any other."""
        known = self._items.get(id(item))
        if known is None:
            search = ObjectSearch(self._modules)
            search.add(item)
            parts = self._parts_of(search)
            known = self._items[id(item)] = item, _fingerprint(parts).digest if parts else b""
        return known[1]

    def defined_twice(self, module: str) -> list[tuple[str, int, int]]:
        """Return (name, line, later line) of each second `def` of a name in one scope of a module of the project."""
        found = self._modules.get(module)
        rows = found.summary["duplicates"] if found is not None else []
        return [(str(name), cast("int", first), cast("int", later)) for name, first, later in rows]

    def texts(self, parts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return (digest, text) of those parts of fingerprints, made here, that are lines of a module."""
        from taskdisc.fingerprint.texts import Texts

        if len(self._by_label) != len(self._nodes):
            self._by_label = {node.label(): node for node in self._nodes}
        cut = self._cut = self._cut or Texts()
        found = []
        for label, digest in parts:
            node = self._by_label.get(label)
            if node is not None and node.name and (text := self._text(node, cut)):
                found.append((digest, text))
        return found

    def _text(self, node: _Node, cut: "Texts") -> str:
        module = self._modules.get(node.module)
        assert module is not None, node
        table = module.summary["registered" if node.aspect == "registered" else "names"]
        return cut.text(module, _indices(table.get(node.name, ())))

    def _plain_root(self, function: object) -> _Node | None:
        """Return the node of a function that nothing wraps and that closes over nothing: nearly every task."""
        if type(function) is not FunctionType or function.__closure__ or "__wrapped__" in function.__dict__:
            return None
        place = place_of(self._modules, function)
        return _Node(place.module.name, place.names[0]) if place and place.own else None

    def _parts_of(self, search: ObjectSearch) -> tuple[tuple[str, str], ...]:
        parts = dict(search.values)
        nodes = [_Node(*target) for target in search.tasks]
        nodes += [node for target in search.helpers for node in self._aspects(target, reading=False)]
        for node in nodes:
            parts.update(self._parts_from(node))
        return tuple(sorted(parts.items()))

    # -- the graph of nodes -----------------------------------------------------------------------------------------

    def _parts_from(self, root: _Node) -> tuple[tuple[str, str], ...]:
        content = self._content(root)
        own = (root.label(), content.digest)
        if not content.targets:
            return (own,)
        if content.targets not in self._closures:
            self._closures[content.targets] = self._reach(content.targets)
        others = self._closures[content.targets]
        if own in others:
            return others
        parts = list(others)
        insort(parts, own)
        return tuple(parts)

    def _reach(self, targets: tuple[_Node, ...]) -> tuple[tuple[str, str], ...]:
        """Return the parts of all nodes that can be reached; circles end where they began."""
        found = dict.fromkeys(targets)
        pending = list(targets)
        while pending:
            for node in self._content(pending.pop()).targets:
                if node not in found:
                    found[node] = None
                    pending.append(node)
        return tuple(sorted((node.label(), self._content(node).digest) for node in found))

    def _content(self, node: _Node) -> _Content:
        content = self._nodes.get(node)
        if content is None:
            module = self._modules.get(node.module)
            assert module is not None, node
            content = self._nodes[node] = self._content_of(module, node)
        return content

    def _content_of(self, module: Module, node: _Node) -> _Content:
        if not node.name:
            return self._whole(module)
        if node.aspect == "defaults":
            units = [module.unit(index) for index in _indices(module.summary["names"][node.name])]
            return _joined([self._used(module, *unit.defaults) for unit in units if unit.defaults])
        table = module.summary["registered" if node.aspect else "names"]
        return self._entries(module, table[node.name])

    def _whole(self, module: Module) -> _Content:
        """Return the content of a module that is used as a value: all that could be looked up in it."""
        if module.digest:
            return _Content(module.digest, ())
        imported = [
            entry
            for entries in module.summary["names"].values()
            for entry in entries
            if isinstance(entry, str) and not entry.endswith("::")
        ]
        stars = [f"{star}::" for star in module.summary["stars"]]
        return _joined([
            self._used(module, "", imported + stars),
            *(self._unit(module, index) for index in range(len(module.summary["units"]))),
            *(self._named(module, name) for name, entries in module.summary["names"].items() if _indices(entries)),
        ])  # fmt: skip

    def _entries(self, module: Module, entries: Iterable[int | str]) -> _Content:
        """Return the content of what gives a name its value; imports among it are followed where the name is used."""
        contents = []
        for entry in entries:
            if isinstance(entry, int):
                contents.append(self._unit(module, entry))
            elif ":" not in entry:
                contents.append(self._named(module, entry))
        return contents[0] if len(contents) == 1 else _joined(contents)

    def _unit(self, module: Module, index: int) -> _Content:
        """Return the content of a unit, that of the blocks around it first, since an `elif` may be the thousandth."""
        units = self._units
        if (module.name, index) not in units:
            pending = []
            while index >= 0 and (module.name, index) not in units:
                unit = module.unit(index)
                pending.append((index, unit))
                index = unit.parent
            for index, unit in reversed(pending):
                units[module.name, index] = self._read_unit(module, unit)
        return units[module.name, index]

    def _read_unit(self, module: Module, unit: Unit) -> _Content:
        content = self._used(module, unit.digest, unit.uses)
        if not unit.decorators and unit.parent < 0:
            return content
        around = [self._used(module, digest, uses) for chain, digest, uses in unit.decorators
                  if not self._is_taskdisc(module, str(chain))]  # fmt: skip
        if unit.parent >= 0:
            around.append(self._units[module.name, unit.parent])
        return _joined([content, *around]) if around else content

    def _is_taskdisc(self, module: Module, chain: str) -> bool:
        return bool(chain) and any(
            not target.module and target.name.startswith("taskdisc.") for target in self._modules.resolve(module, chain)
        )

    def _used(self, module: Module, digest: object, uses: object) -> _Content:
        """Return a digest together with what its uses mean here."""
        assert isinstance(uses, list)
        meanings: list[str] = []
        nodes: dict[_Node, None] = {}
        for use in uses:
            for target in self._modules.resolve(module, use):
                meanings.append(f"{use} {target.module}:{target.name}")
                if target.module:
                    nodes.update(dict.fromkeys(self._aspects(target, reading=use[0] != "=")))
        return _Content(fold([str(digest), *meanings]) if meanings else str(digest), tuple(nodes))

    def _named(self, module: Module, name: str) -> _Content:
        return _Content(fold([name]), tuple(self._aspects(Target(module.name, name), reading=False)))

    def _aspects(self, target: Target, reading: bool) -> list[_Node]:
        """Return all nodes of what a name leads to."""
        nodes = [_Node(*target)]
        module = self._modules.get(target.module)
        if module is None or not target.name:
            return nodes
        if any(module.unit(index).defaults for index in _indices(module.summary["names"].get(target.name, ()))):
            nodes.append(_Node(*target, "defaults"))
        if reading and target.name in module.summary["registered"]:
            nodes.append(_Node(*target, "registered"))
        return nodes


def joined(fingerprints: Iterable[Fingerprint]) -> Fingerprint:
    """Return the fingerprint of several functions that count together."""
    return _fingerprint(tuple(sorted({part for fingerprint in fingerprints for part in fingerprint.parts})))


def _indices(entries: Iterable[int | str]) -> list[int]:
    return [entry for entry in entries if isinstance(entry, int)]


def _joined(contents: list[_Content]) -> _Content:
    """Return several contents as one."""
    targets = dict.fromkeys(node for content in contents for node in content.targets)
    return _Content(fold([content.digest for content in contents]), tuple(targets))


def _fingerprint(parts: tuple[tuple[str, str], ...]) -> Fingerprint:
    return Fingerprint(sha256("\n".join([f"{label} {digest}" for label, digest in parts]).encode()).digest(), parts)
