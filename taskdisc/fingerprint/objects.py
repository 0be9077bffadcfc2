"""From live functions and classes to the places in the project's text that define them."""

import sys
from collections.abc import Iterator
from functools import partial
from types import CellType, FunctionType, ModuleType
from typing import NamedTuple

from taskdisc.errors import EncodingError
from taskdisc.fingerprint.bytecode import digest_of_code, globals_of, names_of, spell_plain
from taskdisc.fingerprint.encoding import digest
from taskdisc.fingerprint.modules import Module, ProjectModules, Target
from taskdisc.fingerprint.summary import fold

_MADE_BY_PYTHON = frozenset(
    {"__module__", "__doc__", "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__", "__qualname__"}
)


class Place(NamedTuple):
    """Where a function's text is: top-level names of a module; `own` where it is the definition of just this."""

    module: Module
    names: list[str]
    own: bool


def place_of(modules: ProjectModules, function: FunctionType) -> Place | None:
    """Return where the text of a function is, or None if it is nowhere."""
    code, name = function.__code__, function.__qualname__
    module = modules.get(function.__globals__.get("__name__", ""))
    if module is None or code.co_filename.startswith("<"):
        return None
    line, top = code.co_firstlineno, name.partition(".")[0]
    entries = module.summary["names"].get(top, ())
    for entry in entries:
        if isinstance(entry, int):
            unit = module.unit(entry)
            if unit.first <= line <= unit.last:
                return Place(module, [top], unit.kind == "def" and unit.name == name)
    names = module.names_at(line) or ([top] if entries else [])
    return Place(module, names, False) if names else None


class ObjectSearch:
    """What live objects lead to: `tasks` and `helpers` in the project's text, and digests of what has no text.

    Wrappers made with functools.wraps are looked through and count as helpers; so do objects in closures.
    """

    def __init__(self, modules: ProjectModules) -> None:
        self.tasks: dict[Target, None] = {}
        self.helpers: dict[Target, None] = {}
        self.values: dict[str, str] = {}
        self._modules = modules
        self._seen: dict[int, object] = {}
        self._pending: list[object] = []

    def add_task(self, task: object) -> None:
        """Add a task's function, and whatever it reaches that the text does not show."""
        layers = list(_layers(task))
        for layer in layers[:-1]:
            self._add(layer)
        self._add(layers[-1], as_task=True)
        if not (self.tasks or self.helpers or self.values):
            self._note(layers[-1], "foreign", "")
        self._finish()

    def add(self, item: object) -> None:
        """Add a class or function, unless it is not the project's."""
        self._pending.append(item)
        self._finish()

    def _finish(self) -> None:
        while self._pending:
            for layer in _layers(self._pending.pop()):
                self._add(layer)

    def _add(self, value: object, as_task: bool = False) -> None:
        if id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if isinstance(value, FunctionType):
            self._add_function(value, as_task)
        elif isinstance(value, partial):
            self._pending.append(value.func)
            self._add_values("partial", _numbered(value.args) | value.keywords, value.func)
        elif isinstance(value, ModuleType):
            self._add_module(value)
        else:
            self._add_type(value if isinstance(value, type) else type(value))

    def _add_module(self, module: ModuleType) -> None:
        """Add a module that is used as a value: its text, or else all that it holds."""
        name = module.__name__
        if self._modules.get(name) is not None:
            self.helpers[Target(name, "")] = None
        elif name != "__main__" and not self._modules.is_foreign(name):
            held = {key: value for key, value in vars(module).items() if not key.startswith("__")}
            self._add_values(f"of module {name}", held, module)

    def _add_function(self, function: FunctionType, as_task: bool) -> None:
        place = place_of(self._modules, function)
        if place is not None:
            table = self.tasks if as_task and place.own else self.helpers
            table.update((Target(place.module.name, name), None) for name in place.names)
        elif self._modules.is_foreign(function.__globals__.get("__name__", "")):
            return
        else:
            self._note(function, "bytecode", digest_of_code(function))
            self._add_values("global", globals_of(function), function)
            self._add_late_imports(function)
        if function.__closure__:
            cells = zip(function.__code__.co_freevars, function.__closure__, strict=True)
            self._add_values("closure", {name: _content(cell) for name, cell in cells}, function)
        if not as_task and (place is None or "<locals>" in function.__qualname__):
            self._add_values("default", _numbered(function.__defaults__ or ()), function)
            self._add_values("default", function.__kwdefaults__ or {}, function)

    def _add_late_imports(self, function: FunctionType) -> None:
        """Add the project's modules that a function without text may import when it is called."""
        for name in names_of(function):
            if name not in function.__globals__ and not self._modules.is_foreign(name):
                if (module := sys.modules.get(name)) is not None:
                    self._pending.append(module)
                elif self._modules.get(name) is not None:
                    self.helpers[Target(name, "")] = None

    def _add_values(self, kind: str, values: dict[str, object], holder: object) -> None:
        """Note constants and plain data; objects with code are left for later, everything else is beyond reach."""
        for name, value in values.items():
            spelled = spell_plain(value)
            if spelled is None:
                self._pending.append(value)
                spelled = _spelled_by_value(value)
            if spelled is not None:
                self._note(holder, f"{kind} {name}", fold([spelled]))

    def _add_type(self, cls: type) -> None:
        module = self._modules.get(cls.__module__)
        name = cls.__qualname__.partition(".")[0]
        if module is not None and name in module.summary["names"]:
            self.helpers[Target(module.name, name)] = None
        elif module is not None or not self._modules.is_foreign(cls.__module__):
            attributes = {name: value for name, value in vars(cls).items() if name not in _MADE_BY_PYTHON}
            self._note(cls, "class", fold(attributes))
            self._add_values("attribute", attributes, cls)
            self._pending += cls.__bases__

    def _note(self, holder: object, what: str, digest: str) -> None:
        module, name = getattr(holder, "__module__", ""), getattr(holder, "__qualname__", type(holder).__qualname__)
        label = f"{module}.{name} ({what})"
        # two lambdas may share a label
        self.values[label] = fold([self.values[label], digest]) if label in self.values else digest


def _layers(value: object) -> Iterator[object]:
    """Yield an object and what functools.wraps says that it wraps, from the outside inwards."""
    seen: set[int] = set()
    while id(value) not in seen:
        seen.add(id(value))
        wrapped = getattr(value, "__wrapped__", None)
        if wrapped is None or isinstance(value, (type, ModuleType)):
            yield value
            return
        # what wraps without being a function, as functools.cache does, is no code of the project
        if isinstance(value, FunctionType):
            yield value
        value = wrapped


def _spelled_by_value(value: object) -> str | None:
    """Spell plain data such as an array or a date by its encoding; None for what may hold code."""
    if isinstance(value, (FunctionType, ModuleType, type, partial)) or hasattr(value, "__wrapped__"):
        return None
    try:
        return digest(value).hex()
    except EncodingError:
        return None


def _numbered(values: tuple[object, ...]) -> dict[str, object]:
    return {str(position): value for position, value in enumerate(values)}


def _content(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return None
