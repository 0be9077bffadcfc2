"""Targets: which tasks, and which of their instances, the words of a command line mean."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from taskdisc.errors import NothingMatched, UsageError, closest
from taskdisc.graph import FromGather, FromSetting, TaskGraph
from taskdisc.labels import TargetText, parse_target, unquoted
from taskdisc.model import Fixture, Task

if TYPE_CHECKING:
    from taskdisc.bind import Bindings
    from taskdisc.expand import Expansion

GLOB = frozenset("*?")


class Selection(NamedTuple):
    """A task that is wanted: all its instances, or those that the brackets choose."""

    task: str
    output: str | None
    target: TargetText
    only: Callable[[str], bool] | None = None
    """Says, by its bracketed coordinates, whether an instance is wanted; None: all are."""


def select(graph: TaskGraph, targets: Sequence[str]) -> list[Selection]:
    """Return what the targets mean, in their order. Raises NothingMatched, or UsageError for a bad slice."""
    found: list[Selection] = []
    for text in targets:
        target = parse_target(text)
        for selection in _named(graph, target):
            check_brackets(graph, selection)
            if selection not in found:
                found.append(selection)
    return found


def _named(graph: TaskGraph, target: TargetText) -> list[Selection]:
    name = target.name.removeprefix("./")
    by_name = [task.id for task in graph.tasks.values() if name in (task.name, task.id) and _is_step(graph, task.id)]
    if len(by_name) > 1:
        raise UsageError(f"target {target.text}: there are {' and '.join(by_name)}. Write the long form.")
    if by_name:
        return [Selection(by_name[0], None, target)]
    outputs = [task.id for task in graph.written() if name in task.options.outputs]
    if len(outputs) > 1:
        raise UsageError(f"target {target.text}: an output of {' and of '.join(outputs)}. Name the task.")
    if outputs:
        return [Selection(outputs[0], name, target)]
    below = name.rstrip("/") + "/"
    in_path = [t.id for t in graph.written() if t.place.path == name or t.place.path.startswith(below)]
    if in_path:
        return [Selection(task, None, target) for task in in_path]
    if not GLOB.isdisjoint(name):
        from fnmatch import fnmatchcase

        matching = [t.id for t in graph.written() if fnmatchcase(t.name, name) or fnmatchcase(t.id, name)]
        if matching:
            return [Selection(task, None, target) for task in matching]
    if "[" in name:
        raise UsageError(f"target {target.text}: cannot be read. Write 'name[axis=label,...]', in quotes.")
    raise NothingMatched(_nothing(graph, target))


def _is_step(graph: TaskGraph, task: str) -> bool:
    """Axis functions and planners that are called while planning have no results."""
    return task not in graph.inner or graph.inner[task].reaches


def _nothing(graph: TaskGraph, target: TargetText) -> str:
    names = [task.name for task in graph.written()] + [o for t in graph.written() for o in t.options.outputs]
    near = closest(target.name, names)
    if near:
        task = next(t for t in graph.tasks.values() if near == t.name or near in t.options.outputs)
        return f"target {target.text}: there is no task {target.name!r}. Did you mean {near} ({task.place})?"
    fixture = next((fixture for fixture in graph.fixtures.values() if fixture.name == target.name), None)
    if fixture is not None:
        return f"target {target.text}: {target.name} is a fixture ({fixture.place}). Targets are the tasks that use it."
    axis = next((axis for axes in graph.axes.values() for axis in axes if axis.name == target.name), None)
    if axis is not None:
        slice_ = f"'task[{axis.name}=...]'"
        return f"target {target.text}: {target.name} is an axis ({axis.place}). Targets are tasks: {slice_}."
    if target.name.endswith(".py"):
        return (
            f"target {target.text}: there is no file {target.name} with tasks in it. `taskdisc list` shows the tasks."
        )
    return f"target {target.text}: there is no task {target.name!r}. `taskdisc list` shows the tasks."


def check_brackets(graph: TaskGraph, selection: Selection) -> None:
    """Raise UsageError for brackets that name what the task does not have."""
    task = graph.tasks[selection.task]
    axes = {axis.name for axis in graph.axes[task.id]}
    for name in selection.target.brackets or ():
        if name in axes:
            continue
        text = selection.target.text
        has = f"It has {', '.join(sorted(axes))}." if axes else "It has none."
        sources = graph.sources[task.id]
        gathered = [s for s in sources.values() if isinstance(s, FromGather) and name in {a.name for a in s.over}]
        if gathered:
            part = graph.names[gathered[0].task]
            value = selection.target.brackets[name] if selection.target.brackets else ""
            raise UsageError(
                f"{text}: {task.name} has no axis {name} (it gathers it). {has} "
                f"For part of {name}: '{part}[{name}={value}]' or -p {name}={value}."
            )
        if name in (settings := _settings_upstream(graph, task.id)):
            continue
        near = closest(name, sorted({*axes, *settings}))
        raise UsageError(f"{text}: {task.name} has no axis {name}. {f'Did you mean {near}? ' if near else ''}{has}")


def _settings_upstream(graph: TaskGraph, task: str) -> set[str]:
    """The settings of a task and of all that it uses, as "name" and as "task.name"."""
    tasks = graph.reachable([task])
    owners: list[Task | Fixture] = [
        *(graph.tasks[each] for each in tasks),
        *(graph.fixtures[each] for each in graph.fixtures_of(tasks)),
    ]
    names = [
        (owner.name, source.name)
        for owner in owners
        for source in graph.sources[owner.id].values()
        if isinstance(source, FromSetting)
    ]
    return {name for _, name in names} | {f"{owner}.{name}" for owner, name in names}


def runnable(
    graph: TaskGraph, selections: list[Selection], bindings: "Bindings"
) -> tuple[list[Selection], tuple[tuple[str, tuple[str, ...]], ...]]:
    """Return what can run, and (task, open parameters) of what cannot for want of them.

    Without targets, what lacks an open parameter is left out; a named target must have it. Raises UsageError.
    """
    if selections:
        for selection in selections:
            missing = bindings.open_parameters(graph, selection.task)
            if missing:
                name = graph.names[selection.task]
                options = " ".join(f"-p {each}=..." for each in missing)
                said = "is open. Give it" if len(missing) == 1 else "are open. Give them"
                brackets = ",".join(f"{each}=..." for each in missing)
                raise UsageError(f"{name}: {', '.join(missing)} {said}: {options}, or '{name}[{brackets}]'.")
        return selections, ()
    chosen, left_out = [], []
    for task in graph.written():
        missing = bindings.open_parameters(graph, task.id)
        if missing:
            left_out.append((graph.names[task.id], tuple(missing)))
        else:
            chosen += select(graph, [task.id])
    return chosen, tuple(left_out)


def given_open(graph: TaskGraph, selections: Sequence[Selection]) -> dict[str, list[str]]:
    """Return the texts that brackets give to open parameters: several where targets differ."""
    given: dict[str, list[str]] = {}
    for selection in selections:
        open_names = {axis.name for axis in graph.axes[selection.task] if axis.open}
        for name, text in (selection.target.brackets or {}).items():
            if name in open_names and text not in given.setdefault(name, []):
                given[name].append(text)
    return given


def rows_of(graph: TaskGraph, expansion: "Expansion", selection: Selection) -> list[int] | None:
    """Return the rows that a slice chooses, None for all. Raises NothingMatched for a slice without any."""
    rows = _sliced(graph, expansion, selection)
    if selection.only is None:
        return rows
    block = expansion.by_task[selection.task]
    rows = list(range(block.size)) if rows is None else rows
    return [row for row, suffix in zip(rows, expansion.ids(block, "", rows), strict=True) if selection.only(suffix)]


def _sliced(graph: TaskGraph, expansion: "Expansion", selection: Selection) -> list[int] | None:
    brackets = selection.target.brackets
    if not brackets:
        return None
    block = expansion.by_task[selection.task]
    rows: list[int] = list(range(block.size))
    for axis in block.axes:
        if axis.name not in brackets:
            continue
        texts = expansion.elements[axis].texts
        if axis.open and len(texts) == 1:  # what was converted from what is in the brackets
            continue
        number = _position(brackets[axis.name], texts)
        if number is None:
            task = graph.tasks[selection.task]
            near = closest(brackets[axis.name], texts)
            raise NothingMatched(
                f"{selection.target.text}: {task.name} has no {axis.name}={brackets[axis.name]}."
                f"{f' Did you mean {near}?' if near else ''} "
                f"{_choice(texts)}"
            )
        column = block.columns[axis]
        rows = [row for row in rows if column[row] == number]
    return rows


def _choice(texts: Sequence[str]) -> str:
    if not texts:
        return "It has no elements in this run."
    more = f" and {len(texts) - 8:,} more" if len(texts) > 8 else ""
    return f"There {'is' if len(texts) == 1 else 'are'} {', '.join(texts[:8])}{more}."


def _position(wanted: str, texts: Sequence[str]) -> int | None:
    """The element whose printed label this is; else the one whose label it is inside the quotes."""
    if wanted in texts:
        return texts.index(wanted)
    plain = [unquoted(text) for text in texts]
    wanted = unquoted(wanted)
    return plain.index(wanted) if wanted in plain else None
