"""Random graphs of nested and dynamic axes, gathers over some axes, refs and planners, in both worlds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from random import Random
from types import ModuleType
from typing import Any, NamedTuple

from taskdisc.bind import bind
from taskdisc.calls import Calls
from taskdisc.collect import take
from taskdisc.config import Config
from taskdisc.expand import Block, Expansion, expand
from taskdisc.fingerprint.encoding import encode
from taskdisc.gathered import Gather, coordinate_type
from taskdisc.graph import FromAxis, FromGather, FromPlanner, FromStructure, FromTask, TaskGraph
from taskdisc.grow import Growth, Seeker
from taskdisc.lists import Lists
from taskdisc.refer import Referrer
from taskdisc.resolve import link
from taskdisc.shapes import in_place, picked
from tests.reference import Axis, AxisOf, GatherOf, Planned, Project, Ref, ResultOf, Task

OPEN_VALUE = 7


def value_of(name: str, **arguments: Any) -> str:
    """What every task returns: a digest of its name and of all that it has received, in order."""
    plain = {key: _plain(each) for key, each in sorted(arguments.items())}
    return hashlib.sha256(repr((name, plain)).encode()).hexdigest()[:12]


def _plain(item: Any) -> Any:
    if isinstance(item, list):
        return [_plain(each) for each in item]
    if isinstance(item, dict):
        return {key: _plain(each) for key, each in item.items()}
    if hasattr(item, "items"):
        return [(tuple(key) if isinstance(key, tuple) else key, value) for key, value in item.items()]
    return item


def elements_by(text: str) -> list[str]:
    """What every axis function returns: none to three elements, by what it has received."""
    return ["p", "q", "r"][: int(text, 16) % 4]


class Parameter(NamedTuple):
    """A parameter in both languages: what the module writes, and the reference's source."""

    name: str
    source: Any
    requires: str = ""


class Made(NamedTuple):
    """A task or an axis that was described."""

    name: str
    parameters: tuple[Parameter, ...]
    axes: tuple[str, ...]
    is_axis: bool = False


class Graph:
    """A random project, growing while it is made."""

    def __init__(self, seed: int, size: int) -> None:
        self.rng = Random(seed)
        self.lines = ["from taskdisc import Gather, axis, gather, ref, requires, task"]
        self.axes: dict[str, Axis] = {}
        self.parents: dict[str, tuple[str, ...]] = {}
        self.tasks: dict[str, Made] = {}
        self.reference: list[Task] = []
        for name in ("a", "k"):
            labels = tuple(range(self.rng.randint(0 if self.rng.random() < 0.1 else 1, 3)))
            self._add_axis(name, Axis(name, labels), ())
            self.lines.append(f"{name} = axis({list(labels)!r})")
        self._add_axis("n", Axis("n", open=True), ())
        for number in range(size):
            if self.rng.random() < 0.3:
                self._axis_function(f"x{number}")
            else:
                self._task(f"t{number}")

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def _add_axis(self, name: str, axis: Axis, parents: tuple[str, ...]) -> None:
        self.axes[name], self.parents[name] = axis, parents

    def _axis_function(self, name: str) -> None:
        parameters = self._parameters(self.rng.randint(1, 2), planners=False)
        reached = self._reached(parameters)
        arguments = ", ".join(f"{p.name}={p.name}" for p in parameters)
        self.lines.append(f"@axis\ndef {name}({self._signature(parameters)}):")
        self.lines.append(f"    return elements_by(value_of({name!r}, {arguments}))")
        axis = Axis(
            name,
            function=lambda **given: elements_by(value_of(name, **given)),
            sources={p.name: p.source for p in parameters},
        )
        self._add_axis(name, axis, reached)

    def _task(self, name: str) -> None:
        parameters = self._parameters(self.rng.randint(0, 3), planners=True)
        reached = self._reached(parameters)
        for parameter in parameters:
            if parameter.requires:
                self.lines.append(f"@requires({parameter.name}={parameter.requires})")
        arguments = ", ".join(f"{p.name}={p.name}" for p in parameters)
        self.lines.append(f"@task\ndef {name}({self._signature(parameters)}):")
        self.lines.append(f"    return value_of({name!r}, {arguments})")
        self.tasks[name] = Made(name, tuple(parameters), reached)
        sources = {p.name: p.source for p in parameters}
        self.reference.append(Task(name, lambda **given: value_of(name, **given), sources))

    @staticmethod
    def _signature(parameters: list[Parameter]) -> str:
        return ", ".join(f"{p.name}: int" if p.name == "n" else _annotated(p) for p in parameters)

    def _parameters(self, count: int, planners: bool) -> list[Parameter]:
        found: dict[str, Parameter] = {}
        for _ in range(count):
            kind = self.rng.choice(["axis", "task", "task", "gather"] + (["some", "ref", "plan"] if planners else []))
            made = self._parameter(kind, len(found))
            if made is not None:
                found.setdefault(made.name, made)
        return list(found.values())

    def _parameter(self, kind: str, position: int) -> Parameter | None:
        rng = self.rng
        if kind == "axis":
            name = rng.choice(sorted(self.axes))
            return Parameter(name, AxisOf(self.axes[name]))
        if not self.tasks:
            return None
        target = self.tasks[rng.choice(sorted(self.tasks))]
        closed = [name for name in target.axes if name != "n"]
        if kind == "task":
            return Parameter(target.name, ResultOf(target.name))
        if kind == "gather":
            return Parameter(target.name, GatherOf(target.name)) if closed else None
        if kind == "some":
            over = (
                self._closed_under_children(target, rng.sample(closed, rng.randint(1, len(closed)))) if closed else ()
            )
            if not over:
                return None
            return Parameter(f"p{position}", GatherOf(target.name, over), f"gather({target.name!r}, over={over!r})")
        bound = self._bound(target)
        if bound is None:
            return None
        text = "".join(f", {name}={label!r}" for name, label in bound.items())
        ref = f"ref({target.name!r}{text})"
        if kind == "ref":
            return Parameter(f"p{position}", [Ref(target.name, bound)], f"[{ref}]")
        inherited = [name for name in target.axes if name not in bound]
        planner = Planned(
            lambda **given: {"one": Ref(target.name, bound), "said": sorted(given)},
            tuple(inherited),
            {name: AxisOf(self.axes[name]) for name in inherited},
        )
        said = f"{{'one': {ref}, 'said': {sorted(inherited)!r}}}"
        return Parameter(f"p{position}", planner, f"lambda {', '.join(inherited)}: {said}")

    def _closed_under_children(self, target: Made, over: list[str]) -> tuple[str, ...]:
        chosen = set(over)
        while True:
            more = {x for x in target.axes if x not in chosen and chosen & set(self.parents[x])}
            if not more:
                return tuple(sorted(chosen))
            chosen |= more

    def _bound(self, target: Made) -> dict[str, Any] | None:
        """Labels for some axes with lists; what hangs on a bound axis cannot be known to have an element."""
        bound: dict[str, Any] = {}
        for name in target.axes:
            if self.rng.random() < 0.5 or self.axes[name].function is not None:
                continue
            if name == "n":
                bound[name] = self.rng.choice([OPEN_VALUE, 8])
            elif self.axes[name].elements:
                bound[name] = self.rng.choice(self.axes[name].elements)
        nested = [name for name in target.axes if self.axes[name].function is not None]
        return None if nested and bound else bound

    def _reached(self, parameters: list[Parameter]) -> tuple[str, ...]:
        found: set[str] = set()
        for parameter in parameters:
            found.update(self._axes_of(parameter.source))
        return tuple(sorted(found))

    def _axes_of(self, source: Any) -> Iterator[str]:
        if isinstance(source, AxisOf):
            yield from (*self.parents[source.axis.name], source.axis.name)
        elif isinstance(source, ResultOf):
            yield from self.tasks[source.task].axes
        elif isinstance(source, GatherOf):
            axes = self.tasks[source.task].axes
            yield from (x for x in axes if x == "n" or (source.over is not None and x not in source.over))
        elif isinstance(source, Planned):
            for name in source.parameters:
                yield from (*self.parents[name], name)
        else:
            (ref,) = source
            yield from (x for x in self.tasks[ref.task].axes if x not in ref.bound)


def _annotated(parameter: Parameter) -> str:
    whole = isinstance(parameter.source, GatherOf) and parameter.source.over is None
    return f"{parameter.name}: Gather[str]" if whole else parameter.name


class World:
    """The package's side: all tasks as targets, each step done as soon as it can be, without processes."""

    def __init__(self, graph: Graph) -> None:
        module = ModuleType("tasks_x")
        vars(module).update(value_of=value_of, elements_by=elements_by)
        exec(compile(graph.text, "/tasks_x.py", "exec", dont_inherit=True), vars(module))
        self.graph: TaskGraph = link(take({"tasks_x": module}, (("tasks_x", "tasks_x.py"),), "/"), ())
        self.bindings = bind(self.graph, Config("/", "/", 1), {"n": str(OPEN_VALUE)})
        known = self.bindings.elements
        grids = [
            task
            for task in self.graph.tasks
            if task not in self.graph.grows and not any(x.open and x not in known for x in self.graph.axes[task])
        ]
        self.expansion: Expansion = expand(self.graph, grids, known)
        calls = Calls(self.graph, self.expansion, self.bindings, lambda files: (), "/")
        lists = Lists(self.graph, self.expansion, calls, {}, encode, lambda files: (), lambda file: b"")
        referrer = Referrer(self.graph, lists, self.bindings, encode)
        self.growth = Growth(self.graph, self.expansion, calls, lists, referrer, lambda variant: variant, 100_000)
        self.seekers: dict[str, Seeker] = {
            task.name: self.growth.seek(task.id, {}) for task in self.graph.written() if task.id in self.graph.grows
        }
        self.values: dict[int, Any] = {}
        self.complete: list[int] = [node for block in self.expansion.blocks for node in _nodes(block)]
        self._run()

    def nodes(self, name: str) -> list[int]:
        """Return the nodes of a task, in order."""
        if name in self.seekers:
            return self.growth.nodes(self.seekers[name])
        block = next(b for task, b in self.expansion.by_task.items() if self.graph.tasks[task].name == name)
        return list(_nodes(block))

    def _run(self) -> None:
        while True:
            wave = self.growth.wave()
            self.complete += wave.complete
            progress = self._do_what_can_be_done()
            if wave.is_empty and not progress:
                return

    def _do_what_can_be_done(self) -> bool:
        progress, waiting = False, self.complete
        while waiting:
            left = []
            for node in waiting:
                if all(needed in self.values for needed in self.expansion.direct(node)):
                    self._do(node)
                else:
                    left.append(node)
            if len(left) == len(waiting):
                break
            progress, waiting = True, left
        self.complete = waiting
        return progress

    def _do(self, node: int) -> None:
        block, row = self.expansion.place(node)
        if block.gather is not None:
            self.values[node] = self._gathered(block, row)
            return
        task = self.graph.tasks[block.task]
        arguments = {name: self._argument(block, row, name) for name in self.graph.sources[task.id]}
        value = self.values[node] = task.function(**arguments)
        inner = self.graph.inner.get(task.id)
        if inner is not None:
            told = value if inner.axis is None else [(each, each, encode(each)) for each in value]
            self.growth.tell(node, told)

    def _argument(self, block: Block, row: int, name: str) -> Any:
        source = self.graph.sources[block.task][name]
        if isinstance(source, FromAxis):
            return self.expansion.elements[source.axis].elements[block.columns[source.axis][row]].value
        if isinstance(source, FromPlanner | FromStructure):
            filled = block.filled[name]
            shape = self.expansion.shapes[filled.shapes[row]]
            nodes = zip(shape.leaves, filled.nodes[row], strict=True)
            return in_place(shape.structure, [picked(self.values[node], leaf.picks) for leaf, node in nodes])
        assert isinstance(source, FromTask | FromGather)
        links = {each.parameter: each for each in block.links}
        return self.values[self.expansion.targets(links[name], [row])[0]]

    def _gathered(self, block: Block, row: int) -> Gather[Any]:
        keys, values = [], []
        assert block.gather is not None
        over = block.gather.over
        for node in self.expansion.members(block, row):
            target, at = self.expansion.place(node)
            labels = [self.expansion.elements[x].elements[target.columns[x][at]].label for x in over]
            keys.append(labels[0] if len(over) == 1 else coordinate_type(tuple(x.name for x in over))(*labels))
            values.append(self.values[node])
        return Gather.lazy(keys, values, lambda value: value)


def _nodes(block: Block) -> range:
    return range(block.offset, block.offset + block.size)


def reference_of(graph: Graph) -> Project:
    """Return the same project in the reference's vocabulary."""
    return Project(*graph.reference)
