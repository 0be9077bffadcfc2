"""Binding: the values that settings have in this run, and the elements of axes and open parameters."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from taskdisc.errors import ConfigError, EncodingError, UsageError, closest
from taskdisc.graph import (
    FromAxis,
    FromFile,
    FromFiles,
    FromFixture,
    FromGather,
    FromInjectable,
    FromPlanner,
    FromSetting,
    FromStructure,
    FromTask,
    TaskGraph,
)
from taskdisc.labels import label_texts, unquoted
from taskdisc.marks import Axis, Element, Files, innermost
from taskdisc.model import MISSING, Fixture, Swept, Task
from taskdisc.paths import matching
from taskdisc.ranges import swept_values

if TYPE_CHECKING:
    from taskdisc.config import Config, ParamLayer


class Replaced(NamedTuple):
    """Elements given for an axis of which only its function knows the labels."""

    items: list[Any]
    layer: Any
    """A `config.ParamLayer`; untyped, since a text here would be compiled at every start."""

    def applied(self, axis: Axis, elements: tuple[Element, ...]) -> tuple[Element, ...]:
        """Return the elements that the axis has instead of these. Raises UsageError for a label that it has not."""
        found = tuple(_element(axis, elements, item, self.layer) for item in self.items)
        _refuse_duplicates(axis, found, self.layer)
        return found


class Bindings(NamedTuple):
    """What this run gives to the graph."""

    settings: dict[str, dict[str, Any]]
    """By id of a task or fixture."""
    elements: dict[Axis, tuple[Element, ...]]
    """Of every axis with a list of elements, and of every open parameter that was given."""
    replaced: dict[Axis, Replaced]
    """By axis whose elements a function returns: those that this run has instead, or chooses from them."""

    def open_parameters(self, graph: TaskGraph, task: str) -> list[str]:
        """Return the names of the task's open parameters that this run does not give."""
        return [axis.name for axis in graph.axes[task] if axis.open and axis not in self.elements]


Texts = Mapping[str, Sequence[str]]
"""By open parameter, what the brackets of targets say: several texts where they differ."""


def bind(graph: TaskGraph, config: "Config", given: Texts | None = None) -> Bindings:
    """Return the values of this run; `given` are texts for open parameters, from the brackets of targets.

    Raises UsageError or ConfigError for a name that nothing has, and for a value that does not fit.
    """
    axes = {axis.name: axis for task_axes in graph.axes.values() for axis in task_axes}
    _check_names(graph, config, axes)
    settings = {
        owner.id: {
            source.name: _setting(owner_of(graph, owner), source, config, owner.swept)
            for source in graph.sources[owner.id].values()
            if isinstance(source, FromSetting)
        }
        for owner in graph.owners
    }
    elements: dict[Axis, tuple[Element, ...]] = {}
    replaced: dict[Axis, Replaced] = {}
    for task in graph.tasks.values():
        for source in graph.sources[task.id].values():
            if not isinstance(source, FromAxis) or source.axis in elements:
                continue
            axis = source.axis
            if axis.function is None:
                found = _elements(axis, graph, config, given or {})
                if found is not None:
                    elements[axis] = found
            elif (of_run := config.setting("", axis.name)) is not None:
                replaced[axis] = Replaced(_items(*of_run), of_run[1])
    return Bindings(settings, elements, replaced)


def owner_of(graph: TaskGraph, task: Task | Fixture) -> Task | Fixture:
    """Return the task whose settings these are: of a planner, that which has it."""
    inner = graph.inner.get(task.id)
    return graph.tasks[inner.owner] if inner is not None and inner.owner else task


def decides(swept: str, owner: Task | Fixture, name: str, config: "Config") -> bool:
    """Say whether what is swept under this name gives a setting its value."""
    return swept == f"{owner.name}.{name}" or (swept == name and not config.is_pinned(owner.name, name))


def _setting(owner: Task | Fixture, source: FromSetting, config: "Config", swept: tuple[Swept, ...]) -> Any:
    for each in swept:
        if decides(each.name, owner, source.name, config):
            return _converted(
                each.value, source.annotation, source.default, owner, source.name, each.origin, each.texts
            )
    given = config.setting(owner.name, source.name)
    if given is None:
        return source.default
    value, layer = given
    return _converted(value, source.annotation, source.default, owner, source.name, layer.origin, layer.texts)


def _converted(
    value: Any, annotation: Any, default: Any, task: Task | Fixture, name: str, origin: str, text: bool
) -> Any:
    from taskdisc.convert import ConversionError, convert

    function = innermost(task.function)
    try:
        return convert(value, annotation, default, text=text, globals=function.__globals__ if function else {})
    except ConversionError as error:
        raise UsageError(f"{origin}: {task.name}.{name} ({task.place}): {error}") from None


def _elements(axis: Axis, graph: TaskGraph, config: "Config", given: Texts) -> tuple[Element, ...] | None:
    found = config.setting("", axis.name)
    if axis.open:
        if axis.name in config.sweeps.values:
            return _swept_elements(axis, graph, config.sweeps, given)
        return _open_element(axis, graph, found, given)
    elements = axis.elements if axis.files is None else _files(axis.files, config.root)
    if found is None:
        return elements
    return Replaced(_items(*found), found[1]).applied(axis, elements)


def _files(files: Files, root: str) -> tuple[Element, ...]:
    from pathlib import Path

    return tuple(Element(path, Path(path)) for path in matching(files.pattern, root))


def _items(value: Any, layer: "ParamLayer") -> list[Any]:
    if isinstance(value, str) and layer.texts:
        return [item for item in value.split(",") if item]
    return list(value) if isinstance(value, list | tuple) else [value]


def _refuse_duplicates(axis: Axis, elements: tuple[Element, ...], layer: "ParamLayer") -> None:
    seen = set()
    for text in label_texts([element.label for element in elements]) if len(elements) > 1 else ():
        if text in seen:
            raise UsageError(f"{layer.origin}: axis {axis.name} ({axis.place}) is given {text} twice. Leave one out.")
        seen.add(text)


def _open_element(
    axis: Axis, graph: TaskGraph, found: "tuple[Any, ParamLayer] | None", given: Texts
) -> tuple[Element, ...] | None:
    if axis.name not in given and found is None:
        return None
    task, annotation = _annotated(axis, graph)
    if axis.name in given:
        texts = [unquoted(text) for text in given[axis.name]]
        values = [_converted(t, annotation, MISSING, task, axis.name, f"{axis.name}={t}", True) for t in texts]
    else:
        assert found is not None
        values = [_converted(found[0], annotation, MISSING, task, axis.name, found[1].origin, found[1].texts)]
    for value in values:
        _check_encodable(value, f"{axis.name}")
    labels = label_texts(values)
    return tuple({label: Element(value, value) for label, value in zip(labels, values, strict=True)}.values())


def _swept_elements(axis: Axis, graph: TaskGraph, layer: "ParamLayer", given: Texts) -> tuple[Element, ...]:
    if axis.name in given:
        raise UsageError(f"{layer.origin} {axis.name}: a target has {axis.name}={given[axis.name][0]}. Leave one out.")
    task, annotation = _annotated(axis, graph)
    values = [
        _converted(value, annotation, MISSING, task, axis.name, layer.origin, layer.texts)
        for value in swept_values(layer, axis.name)
    ]
    for value in values:
        _check_encodable(value, axis.name)
    elements = tuple(Element(value, value) for value in values)
    _refuse_duplicates(axis, elements, layer)
    return elements


def _annotated(axis: Axis, graph: TaskGraph) -> tuple[Task, Any]:
    """The first task that annotates an open parameter, and its annotation; planners need not."""
    having = [
        (task, parameter.annotation)
        for task in graph.tasks.values()
        for parameter in task.parameters
        if parameter.name == axis.name and graph.sources[task.id].get(axis.name) == FromAxis(axis)
    ]
    return next((each for each in having if each[1] is not MISSING), having[0])


def _element(axis: Axis, elements: tuple[Element, ...], item: Any, layer: "ParamLayer") -> Element:
    """The element that a label means; an axis without labels takes new values of its elements' type."""
    texts = label_texts([element.label for element in elements])
    wanted = str(item).strip()
    for text, element in zip(texts, elements, strict=True):
        if wanted in (text, unquoted(text)) if layer.texts else element.label == item:
            return element
    labelled = any(element.label is not element.value for element in elements)
    kinds = {type(element.label) for element in elements}
    if not labelled and len(kinds) == 1 and (kind := kinds.pop()) in (int, float, str, bool):
        from taskdisc.convert import ConversionError, convert

        try:
            value = convert(item if not layer.texts else wanted, kind, text=layer.texts, globals={})
        except ConversionError as error:
            raise UsageError(f"{layer.origin}: axis {axis.name} ({axis.place}): {error}") from None
        return Element(value, value)
    near = closest(wanted, texts)
    meant = f" Did you mean {near}?" if near else ""
    raise UsageError(
        f"{layer.origin}: axis {axis.name} ({axis.place}) has no element {wanted}.{meant} "
        f"It has {', '.join(texts[:8])}{', ...' if len(texts) > 8 else ''}."
    )


def _check_encodable(value: Any, what: str) -> None:
    from taskdisc.fingerprint.encoding import encode

    try:
        encode(value)
    except EncodingError as error:
        raise UsageError(f"{what}: {error}") from None


def _check_names(graph: TaskGraph, config: "Config", axes: Mapping[str, Axis]) -> None:
    layers = [layer for layer in (*config.layers, config.sweeps) if layer.values]
    if not layers:
        return
    _refuse_swept_axes(config.sweeps, axes)
    settings = {
        (owner.name, source.name)
        for owner in graph.owners
        for source in graph.sources[owner.id].values()
        if isinstance(source, FromSetting)
    }
    plain = {name for _, name in settings} | set(axes)
    for layer in layers:
        for key in layer.values:
            task, dot, name = key.rpartition(".")
            if (task, name) in settings if dot else key in plain:
                continue
            raise (UsageError if layer.texts else ConfigError)(_unknown_name(key, layer, graph, settings, plain, axes))


def _refuse_swept_axes(sweeps: "ParamLayer", axes: Mapping[str, Axis]) -> None:
    for name, values in sweeps.values.items():
        if name in axes and not axes[name].open:
            text = values if isinstance(values, str) else "..."
            raise UsageError(
                f"{sweeps.origin} {name}: {name} is an axis ({axes[name].place}), and has its elements side by side "
                f"anyway. Other elements: -p {name}={text}"
            )


def _unknown_name(
    key: str,
    layer: "ParamLayer",
    graph: TaskGraph,
    settings: set[tuple[str, str]],
    plain: set[str],
    axes: Mapping[str, Axis],
) -> str:
    task, _, name = key.rpartition(".")
    where = f"{layer.origin} {key}" if layer.texts else f"{layer.origin}: {key}"
    named = [known for known in graph.tasks.values() if known.name == key]
    if named:
        return (
            f"{where}: {key} is a task ({named[0].place}): its value is what it computes. "
            f"Settings are parameters with a default."
        )
    fixtures = [known for known in graph.fixtures.values() if known.name == key]
    if fixtures:
        return f"{where}: {key} is a fixture ({fixtures[0].place}): its value is what it makes."
    filled = _filled(graph, task, name)
    if filled:
        return f"{where}: {filled}"
    if task:
        if name in axes:
            return f"{where}: {name} is an axis of the whole project. Leave the task out: {name}=..."
        known = sorted(setting for owner, setting in settings if owner == task)
        if known:
            return f"{where}: {task} has no setting {name}. It has {', '.join(known)}."
        names = sorted({owner for owner, _ in settings})
        near = closest(task, names)
        if task in (known.name for known in graph.owners):
            return f"{where}: {task} has no settings. Settings are parameters with a default."
        return f"{where}: there is no task {task}{f'. Did you mean {near}?' if near else ' that has settings.'}"
    near = closest(key, sorted(plain))
    known = sorted(plain)
    return f"{where}: nothing has a setting {key}. " + (
        f"Did you mean {near}?" if near else f"There are {', '.join(known)}." if known else "No task has settings."
    )


def _filled(graph: TaskGraph, task: str, name: str) -> str | None:
    """Say what fills a parameter that is no setting and no axis."""
    for known in graph.owners:
        source = graph.sources[known.id].get(name) if task in ("", known.name) else None
        if isinstance(source, FromFiles):
            return f"{name} is input files, {source.files.pattern} ({source.files.place}). Change the files."
        if isinstance(source, FromPlanner | FromStructure):
            return f"{name} is what @requires gives ({known.place})."
        if isinstance(source, FromFile):
            return f"{name} is an input file, {source.file.path} ({source.file.place}). Change the file."
        if isinstance(source, FromTask | FromGather):
            maker = graph.tasks[source.task]
            what = f"an output of {maker.name}" if source.output else "a task"
            return f"{name} is {what} ({maker.place}): its value is what it computes."
        if isinstance(source, FromFixture):
            return f"{name} is a fixture ({graph.fixtures[source.fixture].place}): its value is what it makes."
        if isinstance(source, FromInjectable):
            return f"{name} is made anew for each execution, and no setting."
    for known in graph.tasks.values():
        if not task and name in known.options.outputs:
            return f"{name} is an output of {known.name} ({known.place}): its value is what it computes."
    return None
