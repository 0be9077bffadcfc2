"""Collection: import the modules of a project, and take out tasks, axes and files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from types import FunctionType, ModuleType
from typing import Any

from taskdisc.errors import CollectionError, Place, UsageError
from taskdisc.loader import ProjectLoader, load_carefully
from taskdisc.marks import FIXTURE, MARK, PARAMETRIZE, REQUIRES, Axis, File, Files, innermost
from taskdisc.model import DEFAULTS, Collection, Fixture, Namespace, Task
from taskdisc.signatures import parameters_of

EARLY_HOOKS = (
    "taskdisc_add_options",
    "taskdisc_configure",
    "taskdisc_unconfigure",
    "taskdisc_ignore_path",
    "taskdisc_collect_file",
)

VARIADIC, KEYWORDS, GENERATOR, COROUTINE, ASYNC_GENERATOR = 0x04, 0x08, 0x20, 0x80, 0x200


def make_importable(root: str) -> None:
    """Let `import helpers` find what lies in the root, and load it with care."""
    if root not in sys.path:
        sys.path.insert(0, root)
    load_carefully(root)


_imports: list[None] = []
"""As long as imports are nested."""


def is_importing() -> bool:
    """Say whether modules of a project are being imported: none of its tasks can run in the course of that."""
    return bool(_imports)


@contextmanager
def _importing() -> Iterator[None]:
    _imports.append(None)
    try:
        yield
    finally:
        _imports.pop()


def import_modules(root: str, modules: Sequence[tuple[str, str]]) -> dict[str, ModuleType]:
    """Import the modules in order. Raises CollectionError that tells of every module that cannot be imported.

    What they print goes to stderr: stdout is for results.
    """
    make_importable(root)
    imported: dict[str, ModuleType] = {}
    problems: list[str] = []
    with redirect_stdout(sys.stderr), _importing():
        for name, path in modules:
            try:
                imported[name] = _import(name, os.path.join(root, path))
            except (KeyboardInterrupt, MemoryError):
                raise
            except UsageError as error:
                problems.append(_relative(str(error), root))
            except BaseException as error:
                problems.append(_import_problem(error, path, root))
    if problems:
        raise CollectionError("\n\n".join(problems))
    return imported


def _import(name: str, path: str) -> ModuleType:
    """Import by the dotted name, or by location where that name leads elsewhere (or is no name at all)."""
    from importlib import import_module
    from importlib.machinery import PathFinder

    loaded = sys.modules.get(name)
    if loaded is not None and _same_file(getattr(loaded, "__file__", None), path):
        return loaded
    parent, _, last = name.rpartition(".")
    if all(part.isidentifier() for part in name.split(".")):
        try:
            search = import_module(parent).__path__ if parent else None
            spec = PathFinder.find_spec(name if parent else last, search)
        except (ImportError, AttributeError):
            spec = None
        if spec is not None and _same_file(spec.origin, path) and loaded is None:
            return import_module(name)
    return _import_file(name, path)


def _import_file(name: str, path: str) -> ModuleType:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(name, path, loader=ProjectLoader(name, path) if path.endswith(".py") else None)
    if spec is None or spec.loader is None:
        raise CollectionError(f"{path} is no Python file. Give modules names that end in .py.")
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _same_file(one: str | None, other: str) -> bool:
    return one is not None and os.path.realpath(one) == os.path.realpath(other)


def _relative(text: str, root: str) -> str:
    return text.replace(root.rstrip(os.sep) + os.sep, "")


def _import_problem(error: BaseException, path: str, root: str) -> str:
    from taskdisc.tracebacks import describe_error

    if isinstance(error, SyntaxError) and error.filename:
        where = _relative(error.filename, root)
        lines = [f"{where}:{error.lineno}: syntax error: {error.msg}"]
        if error.text:
            lines.append(f"    {error.text.rstrip()}")
            lines.append("    " + " " * ((error.offset or 1) - 1) + "^")
        return "\n".join([*lines, "Mend it, and run again."])
    text = describe_error(error, root).traceback
    hint = ""
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.partition(".")[0]
        hint = f"\nInstall {top}, or put {top}.py into the root ({root}), which is importable."
    if isinstance(error, NameError) and error.name in sys.modules["taskdisc"].__all__:
        hint = f"\nAdd: from taskdisc import {error.name}"
    return f"{path} cannot be imported:\n{text}{hint}"


def take(imported: dict[str, ModuleType], modules: tuple[tuple[str, str], ...], root: str) -> Collection:
    """Return what the imported modules define. Raises CollectionError that tells of every function it refuses."""
    problems: list[str] = []
    namespaces = [_namespace(imported[name], name, path, root, problems) for name, path in modules]
    if problems:
        raise CollectionError("\n".join(problems))
    return Collection(tuple(namespaces), modules)


def _namespace(module: ModuleType, name: str, path: str, root: str, problems: list[str]) -> Namespace:
    tasks: list[Task] = []
    fixtures: list[Fixture] = []
    names: dict[str, Any] = {}
    lines = _lines_of(module)
    for key, value in list(vars(module).items()):
        kind = type(value)  # not isinstance: what stands for something else may fail when it is asked what it is
        if issubclass(kind, Axis):
            _name_axis(value, key, module, root)
            names[key] = value
        elif issubclass(kind, File | Files):
            value.place = Place(_relative(value.place.path, root), value.place.line)
            names[key] = value
        elif kind is FunctionType or _wraps(value):
            function = innermost(value)
            is_fixture = function is not None and getattr(value, FIXTURE, False) is True
            if function is None or (key.startswith("_") and not is_fixture):
                continue
            names[key] = value
            if function.__module__ != name or function.__name__ != key:
                continue
            place = Place(path, _def_line(function, lines))
            if is_fixture:
                _take_fixture(value, function, name, place, key, fixtures, problems)
            else:
                _take_function(value, function, name, place, key, tasks, problems)
    tasks.sort(key=lambda task: task.place.line)
    fixtures.sort(key=lambda fixture: fixture.place.line)
    return Namespace(name, path, tuple(tasks), names, tuple(fixtures))


def take_functions(functions: Sequence[Any], root: str) -> Collection:
    """Return a collection of these functions alone, with the axes and files that their modules' names mean.

    No file is read for them: functions of a notebook will do. Raises CollectionError, UsageError.
    """
    by_module: dict[str, list[tuple[Any, FunctionType]]] = {}
    for value in functions:
        function = innermost(value)
        if function is None or not function.__name__.isidentifier():
            raise UsageError(f"from_functions takes functions that have names, not {value!r}.")
        by_module.setdefault(function.__module__, []).append((value, function))
    problems: list[str] = []
    namespaces = [_given_namespace(name, members, root, problems) for name, members in by_module.items()]
    if problems:
        raise CollectionError("\n".join(problems))
    return Collection(tuple(namespaces), ())


def _given_namespace(module: str, members: list[tuple[Any, FunctionType]], root: str, problems: list[str]) -> Namespace:
    names: dict[str, Any] = {}
    tasks: list[Task] = []
    fixtures: list[Fixture] = []
    path = _path_of(members[0][1], root)
    scope = members[0][1].__globals__
    for key, value in list(scope.items()):
        if type(value) is Axis and scope.get(value.name) is not value:
            value.name = key
        if type(value) in (Axis, File):
            names[key] = value
        elif type(value) is FunctionType and getattr(value, FIXTURE, False) is True:
            names[key] = value
            place = Place(path, _def_line(value, _cell_lines(value)))
            _take_fixture(value, value, module, place, key, fixtures, problems)
    for value, function in members:
        key, place = function.__name__, Place(path, _def_line(function, _cell_lines(function)))
        if names.setdefault(key, value) is not value:
            problems.append(f"{place} {key}: two things of this name were given. Rename one.")
        else:
            _take_function(value, function, module, place, key, tasks, problems)
    return Namespace(module, path, tuple(tasks), names, tuple(fixtures))


def is_collectable(value: Any) -> bool:
    """Say whether a value is a function, or wraps one."""
    return type(value) is FunctionType or _wraps(value)


def taken_function(
    value: Any, name: str, place: Place, tasks: list[Task], fixtures: list[Fixture], problems: list[str]
) -> None:
    """Add the task or fixture that a function from no module is, as if it stood at this place under this name."""
    function = innermost(value)
    if function is None:
        problems.append(f"{place} {name}: {value!r} wraps no function.")
    elif getattr(value, FIXTURE, False) is True:
        _take_fixture(value, function, place.path, place, name, fixtures, problems)
    else:
        _take_function(value, function, place.path, place, name, tasks, problems)
        tasks[-1:] = [_all_at(place, task) for task in tasks[-1:]]


def _all_at(place: Place, task: Task) -> Task:
    """The task, with its decorators at a place too: that where they stand in the plugin tells its users nothing."""
    requires = {name: each._replace(place=place) for name, each in task.requires.items()}
    return task._replace(requires=requires, private=tuple(each._replace(place=place) for each in task.private))


def _path_of(function: FunctionType, root: str) -> str:
    """Where a function is, for people; a cell of a notebook has another name in every session."""
    file = os.path.realpath(function.__code__.co_filename)
    inside = os.path.join(os.path.realpath(root), "")
    return file[len(inside) :] if file.startswith(inside) and os.path.isfile(file) else function.__module__


def _wraps(value: Any) -> bool:
    try:
        return hasattr(value, "__wrapped__")
    except Exception:
        return False


def _name_axis(axis: Axis, key: str, module: ModuleType, root: str) -> None:
    axis.place = Place(_relative(axis.place.path, root), axis.place.line)
    if axis.name == key:
        return
    home = sys.modules.get(axis.module)
    names = [name for name, value in vars(home).items() if value is axis] if home is not None else []
    if len(names) > 1:
        raise CollectionError(
            f"{axis.place}: one axis with two names, {names[0]} and {names[1]}. "
            f"Two axes: call axis(...) twice. One: delete a name."
        )
    axis.name = names[0] if names else axis.name or key


def _take_function(
    value: Any,
    function: FunctionType,
    module: str,
    place: Place,
    key: str,
    tasks: list[Task],
    problems: list[str],
) -> None:
    if key.startswith("taskdisc_"):
        if key in EARLY_HOOKS:
            problems.append(
                f"{place} {key}: too late for this hook here. "
                f'Put it into a module of its own and name that in pyproject.toml: plugins = ["..."].'
            )
        return
    options = getattr(value, MARK, None) or getattr(function, MARK, None) or DEFAULTS
    problem = _refusal(function, key)
    if problem:
        problems.append(f"{place} {key}: {problem}")
        return
    path, name = place.path, options.name or key
    parameters = parameters_of(value, function)
    requires, private = _marked(value, function, REQUIRES) or {}, _marked(value, function, PARAMETRIZE) or ()
    requires = {name: each._replace(place=_placed(each.place, path)) for name, each in requires.items()}
    private = tuple(each._replace(place=_placed(each.place, path)) for each in private)
    for each in private:
        each.axis.place = each.place
    tasks.append(Task(f"{path}::{name}", name, module, place, value, parameters, options, requires, private))


def _marked(value: Any, function: FunctionType, mark: str) -> Any:
    return getattr(value, mark, None) or getattr(function, mark, None)


def _placed(place: Place, path: str) -> Place:
    """The place of a decorator, relative to the root: it stands in the task's own module."""
    return Place(path, place.line) if place.path.endswith(path) else place


def _take_fixture(
    value: Any,
    function: FunctionType,
    module: str,
    place: Place,
    key: str,
    fixtures: list[Fixture],
    problems: list[str],
) -> None:
    problem = _fixture_refusal(value, function)
    if problem:
        problems.append(f"{place} {key}: {problem}")
        return
    fixtures.append(Fixture(f"{place.path}::{key}", key, module, place, value, parameters_of(value, function)))


def _fixture_refusal(value: Any, function: FunctionType) -> str | None:
    code = function.__code__
    if getattr(value, MARK, None) is not None:
        return "a task's result is kept, and a fixture's value is not. Take @task or @fixture away."
    if code.co_flags & (VARIADIC | KEYWORDS) or code.co_posonlyargcount:
        return "a fixture's parameters are filled by name. Spell them out, without *, ** and /."
    if code.co_flags & (COROUTINE | ASYNC_GENERATOR):
        return (
            "an async fixture would belong to an event loop that has ended before a task uses it. "
            "Make the value in a plain function."
        )
    return None


def _lines_of(module: ModuleType) -> list[bytes]:
    """The lines of a module; bytes, since `linecache` takes 1.5 ms to import, for encodings that do not matter here."""
    try:
        with open(getattr(module, "__file__", None) or "", "rb") as stream:
            return stream.read().splitlines()
    except OSError:
        return []


def _cell_lines(function: FunctionType) -> list[bytes]:
    """The lines where a function is, which may be a cell of a notebook."""
    from linecache import getlines

    return [line.encode(errors="replace") for line in getlines(function.__code__.co_filename)]


def _def_line(function: FunctionType, lines: Sequence[bytes]) -> int:
    """The line of `def`; Python itself only knows that of the first decorator."""
    first = function.__code__.co_firstlineno
    if not lines[first - 1 : first] or not lines[first - 1].lstrip().startswith(b"@"):
        return first
    name = function.__name__.encode()
    starts = (b"def %b(" % name, b"async def %b(" % name)
    return next((n for n, line in enumerate(lines[first:], first + 1) if line.lstrip().startswith(starts)), first)


def _refusal(function: FunctionType, name: str) -> str | None:
    code = function.__code__
    helper = f"A helper? Call it _{name}."
    if code.co_flags & (VARIADIC | KEYWORDS):
        star = "*args" if code.co_flags & VARIADIC else "**kwargs"
        return f"a task's parameters are its dependencies, and {star} names none. Spell them out. {helper}"
    if code.co_posonlyargcount:
        return f"positional-only parameters cannot be filled by name. Take the / out. {helper}"
    if code.co_flags & (GENERATOR | ASYNC_GENERATOR):
        return f"a task returns its result, and this is a generator function. Return a list. {helper}"
    return None
