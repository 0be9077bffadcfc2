"""Overrides: values that one run has in the place of a task, an output, a fixture or a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from taskdisc.convert import ConversionError, convert, inner_annotation
from taskdisc.errors import Place, TaskdiscError, UsageError, closest
from taskdisc.execution import PLAIN
from taskdisc.fingerprint.encoding import digest
from taskdisc.graph import (
    FromAxis,
    FromFile,
    FromFixture,
    FromGather,
    FromSetting,
    FromStructure,
    FromTask,
    FromValue,
    Source,
    TaskGraph,
)
from taskdisc.marks import Axis, File, innermost
from taskdisc.model import DEFAULTS, MISSING, Fixture, Part, Task
from taskdisc.outputs import name_outputs
from taskdisc.paths import ResultPaths, replace_paths

if TYPE_CHECKING:
    from taskdisc.config import ParamLayer
    from taskdisc.project import Project


class Output(NamedTuple):
    """A named output of a task."""

    task: Task
    name: str

    @property
    def place(self) -> Place:
        return self.task.place


Node = Task | Output | Fixture | File


def replaced(project: Project) -> TaskGraph:
    """Return the project's graph with what its configuration puts in the place of nodes.

    Ids and axes stay as they are; what only the replaced nodes need is needed no longer. Raises UsageError for a name
    that no node has, and for a value that does not fit.
    """
    layer = project.config.replaced
    graph = project.graph
    for name, value in layer.values.items():
        node = _node(project, name, layer)
        replace: Callable[..., TaskGraph] = _REPLACE[type(node)]
        graph = replace(graph, node, value, _Maker(project, layer, name))
    return graph


class _Maker:
    """Makes the stored form of one value."""

    def __init__(self, project: Project, layer: ParamLayer, name: str) -> None:
        self.project = project
        self.texts = layer.texts
        self.where = f"{layer.origin} {name}"

    def typed(self, value: Any, annotation: Any, owner: Task | Fixture) -> Any:
        """Return text as the annotation asks; a value that is no text is taken as it is."""
        if not self.texts:
            return value
        try:
            return convert(value, annotation, text=True, globals=_globals(owner))
        except ConversionError as error:
            raise UsageError(f"{self.where}: {owner.name} ({owner.place}) returns what this is not: {error}") from None

    def part(self, value: Any, codec: str = "pickle") -> Part:
        """Return the value as a result of it would be kept and counted."""
        project, config = self.project, self.project.config
        paths = ResultPaths(config.root, config.store, None)
        try:
            kept = replace_paths(value, paths.keep)
            pieces = project.plugins.make("codecs", codec).encode(kept)
            identity = digest(value) if type(value) in PLAIN else project.values.digest(value, paths.place, pieces)
        except TaskdiscError:
            raise
        except FileNotFoundError as error:
            raise UsageError(f"{self.where}: {error}") from None
        except Exception as error:
            raise UsageError(f"{self.where}: {type(value).__name__} cannot be sent to a worker: {error}") from None
        payload = b"".join(pieces)
        return Part(identity, payload, None, len(payload))

    def outputs(self, value: Any, task: Task) -> dict[str, Any]:
        """Return the value as the task's named outputs."""
        try:
            return name_outputs(value, task.options.outputs)
        except TypeError as error:
            raise UsageError(f"{self.where}: {error}") from None

    def path(self, value: Any) -> str:
        """Return the path of a file; on a command line it is meant from the folder where that was given."""
        config = self.project.config
        if not isinstance(value, str) and not hasattr(value, "__fspath__"):
            raise UsageError(f"{self.where} takes a path, not {value!r}.")
        absolute = os.path.normpath(os.path.join(config.folder if self.texts else config.root, os.fspath(value)))
        if not os.path.exists(absolute):
            raise UsageError(f"{self.where}: there is no file {os.fspath(value)}.")
        return os.path.relpath(absolute, config.root) if absolute.startswith(config.root + os.sep) else absolute


def _globals(owner: Task | Fixture) -> dict[str, Any]:
    function = innermost(owner.function)
    return function.__globals__ if function is not None else {}


def _annotation(owner: Task | Fixture) -> Any:
    function = innermost(owner.function)
    return function.__annotations__.get("return", MISSING) if function is not None else MISSING


def _replace_task(graph: TaskGraph, task: Task, value: Any, make: _Maker) -> TaskGraph:
    value = make.typed(value, _annotation(task), task)
    codec = task.options.codec
    if task.options.outputs:
        named = make.outputs(value, task)
        parts = tuple(make.part(named[name], codec) for name in task.options.outputs)
    else:
        parts = (make.part(value, codec),)
    left: dict[str, Source] = {  # they are still settings and axes of the project
        name: source for name, source in graph.sources[task.id].items() if isinstance(source, FromSetting | FromAxis)
    }
    return graph._replace(sources={**graph.sources, task.id: left}, given={**graph.given, task.id: parts})


def _replace_output(graph: TaskGraph, output: Output, value: Any, make: _Maker) -> TaskGraph:
    """The output becomes a task of its own, whose users do not need the other any more."""
    task, name = output
    annotation = inner_annotation(_annotation(task), task.options.outputs.index(name), globals=_globals(task))
    part = make.part(make.typed(value, annotation, task), task.options.codec)
    id = _alone(task.id, name)
    alone = task._replace(id=id, name=name, parameters=(), options=DEFAULTS._replace(codec=task.options.codec))

    def moved(source: Source) -> Source:
        if isinstance(source, FromTask | FromGather) and (source.task, source.output) == (task.id, name):
            return source._replace(task=id)
        if isinstance(source, FromStructure):
            return source._replace(
                targets=tuple((id, name) if target == (task.id, name) else target for target in source.targets)
            )
        return source

    return graph._replace(
        tasks={id: alone, **graph.tasks},
        sources={id: {}, **_mapped(graph.sources, moved)},
        axes={id: graph.axes[task.id], **graph.axes},
        names={**graph.names, id: name},
        given={**graph.given, id: (part,)},
    )


def _replace_fixture(graph: TaskGraph, fixture: Fixture, value: Any, make: _Maker) -> TaskGraph:
    given = FromValue(make.part(make.typed(value, _annotation(fixture), fixture)))
    return graph._replace(sources=_mapped(graph.sources, lambda s: given if s == FromFixture(fixture.id) else s))


def _replace_file(graph: TaskGraph, file: File, value: Any, make: _Maker) -> TaskGraph:
    given = FromFile(File(make.path(value), file.place))

    def moved(source: Source) -> Source:
        return given if isinstance(source, FromFile) and source.file is file else source

    return graph._replace(sources=_mapped(graph.sources, moved))


_REPLACE: dict[type, Callable[..., TaskGraph]] = {
    Task: _replace_task,
    Output: _replace_output,
    Fixture: _replace_fixture,
    File: _replace_file,
}


def _mapped(sources: dict[str, dict[str, Source]], moved: Callable[[Source], Source]) -> dict[str, dict[str, Source]]:
    return {
        owner: {name: moved(source) for name, source in filled.items()} if filled else filled
        for owner, filled in sources.items()
    }


def check_outputs(graph: TaskGraph, tasks: Iterable[str]) -> None:
    """Raise UsageError where one of the tasks takes all outputs of a task of which one is replaced."""
    for owner in tasks:
        for source in graph.sources[owner].values():
            if isinstance(source, FromTask | FromGather):
                in_place_of(
                    graph, source.task, source.output, f"{graph.tasks[owner].name} ({graph.tasks[owner].place})"
                )


def in_place_of(graph: TaskGraph, task: str, output: str | None, where: str) -> str:
    """Return the task that a run has in the place of an output, else the task itself.

    Raises UsageError, which tells where, for what takes all outputs of a task of which one is replaced.
    """
    if output is not None:
        alone = _alone(task, output)
        return alone if alone in graph.given else task
    for name in graph.tasks[task].options.outputs:
        if _alone(task, name) in graph.given:
            maker = graph.tasks[task].name
            raise UsageError(
                f"--override {name}: {where} takes all outputs of {maker}. "
                f"Replace them together: --override {maker}=..."
            )
    return task


def _alone(task: str, output: str) -> str:
    """The id of what stands in the place of one output."""
    return f"{task}.{output}"


# Names


def _node(project: Project, name: str, layer: ParamLayer) -> Node:
    """The node of that name, or of the long form `path::name`."""
    found = [node for path, known, node in _nodes(project) if name in (known, f"{path}::{known}")]
    different = list({id(node.task) if isinstance(node, Output) else id(node): node for node in found}.values())
    where = f"{layer.origin} {name}"
    if len(different) > 1:
        places = " and ".join(str(node.place) for node in different)
        raise UsageError(f"{where}: {name} is in {places}. Write the long form: path::{name}=...")
    if different:
        return different[0]
    raise UsageError(f"{where}: {_nothing(project, name)}")


def _nodes(project: Project) -> Iterable[tuple[str, str, Node]]:
    graph = project.graph
    for task in graph.written():
        yield task.place.path, task.name, task
        yield from ((task.place.path, output, Output(task, output)) for output in task.options.outputs)
    for fixture in graph.fixtures.values():
        yield fixture.place.path, fixture.name, fixture
    for namespace in project.collection.namespaces:
        for name, value in namespace.names.items():
            if isinstance(value, File):
                yield namespace.path, name, value


def _nothing(project: Project, name: str) -> str:
    graph = project.graph
    for namespace in project.collection.namespaces:
        axis = namespace.names.get(name)
        if isinstance(axis, Axis):
            return f"{name} is an axis ({axis.place}). Replace its elements: -p {name}=..."
    for owner in graph.owners:
        if isinstance(graph.sources[owner.id].get(name), FromSetting):
            return f"{name} is a setting of {owner.name} ({owner.place}). Use -p {name}=..."
    known = {known: node for _, known, node in _nodes(project)}
    near = closest(name, sorted(known))
    if near is not None:
        return f"there is no task, output, fixture or file {name}. Did you mean {near} ({known[near].place})?"
    return f"there is no task, output, fixture or file {name}. `taskdisc list` shows what there is."
