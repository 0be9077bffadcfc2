"""Random graphs of static axes and tasks, and the two worlds that are built from one description of them."""

from __future__ import annotations

from random import Random
from types import ModuleType
from typing import Any, NamedTuple

from hypothesis import strategies as st

from taskdisc.bind import Bindings, bind
from taskdisc.collect import take
from taskdisc.config import Config
from taskdisc.expand import Expansion, expand
from taskdisc.graph import TaskGraph
from taskdisc.resolve import link
from tests.reference import Axis, AxisOf, GatherOf, Project, ResultOf, Setting, Task

AXES = ("a", "k", "seed", "z")
OPEN_VALUE = 7
SIZE = 8
LABELS = [
    0,
    1,
    True,
    False,
    1.0,
    2.5,
    None,
    "1",
    "",
    "x",
    "x y",
    'say "x"',
    "é",
    "a,b=[c]",
    "True",
    (1, "x"),
    (True, "x"),
]


class AxisText(NamedTuple):
    """An axis as its module spells it; without elements where it is open."""

    name: str
    labels: tuple[Any, ...] = ()
    labelled: bool = False
    open: bool = False

    @property
    def source(self) -> str:
        if self.labelled:
            return f"{self.name} = axis({{{', '.join(f'{label!r}: [{n}]' for n, label in enumerate(self.labels))}}})"
        return f"{self.name} = axis([{', '.join(map(repr, self.labels))}])"


class Filled(NamedTuple):
    """A parameter: its name, and which axis or task fills it (None: it has a default)."""

    name: str
    kind: str
    of: str = ""
    output: str | None = None

    @property
    def source(self) -> str:
        return self.name + {"gather": ": Gather[int]", "open": ": int", "setting": "=3"}.get(self.kind, "")


class TaskText(NamedTuple):
    """A task as its module spells it."""

    name: str
    parameters: tuple[Filled, ...]
    outputs: tuple[str, ...]
    module: int

    @property
    def source(self) -> str:
        parameters = sorted(self.parameters, key=lambda each: each.kind == "setting")
        options = f"outputs={self.outputs!r}" if self.outputs else ""
        return f"@task({options})\ndef {self.name}({', '.join(p.source for p in parameters)}): ...\n"


class Description(NamedTuple):
    """A project of one or two modules; the axes stand in the first."""

    axes: tuple[AxisText, ...]
    tasks: tuple[TaskText, ...]

    def modules(self) -> list[str]:
        """Return the texts of the modules."""
        head = "from taskdisc import Gather, axis, task\n"
        axes = [axis.source for axis in self.axes if not axis.open]
        imports = "".join(f"from tasks_0 import {axis.name}\n" for axis in self.axes if not axis.open)
        texts = ["\n".join([head, *axes, *(task.source for task in self.tasks if task.module == 0)])]
        return [*texts, "\n".join([head + imports, *(task.source for task in self.tasks if task.module == 1)])]


def _axis(name: str, rng: Random) -> AxisText:
    if rng.random() < 0.15:
        return AxisText(name, open=True)
    labelled = rng.random() < 0.4
    # A dict display would make one label of equal ones of different types.
    found = {label if labelled else (type(label), repr(label)): label for label in rng.sample(LABELS, 5)}
    return AxisText(name, tuple(found.values())[: rng.choice((0, 1, 2, 2, 3, 3))], labelled)


def _task(name: str, axes: tuple[AxisText, ...], before: dict[str, tuple[TaskText, set[str]]], rng: Random) -> Any:
    has_elements = {axis.name: not axis.open for axis in axes}
    filled: dict[str, Filled] = {}
    reached: set[str] = set()
    for kind in rng.choices(["axis", "task", "gather", "setting"], [3, 4, 3, 1], k=rng.randrange(5)):
        if kind == "setting":
            filled.setdefault("setting", Filled("setting", kind))
        elif kind == "axis":
            axis = rng.choice(axes)
            filled.setdefault(axis.name, Filled(axis.name, "open" if axis.open else kind, axis.name))
            reached.add(axis.name)
        elif before:
            target, of_target = before[rng.choice(sorted(before))]
            output = rng.choice([None, *target.outputs])
            parameter = output or target.name
            over = {name for name in of_target if has_elements[name]}
            if parameter in filled or (kind == "gather" and not over):
                continue
            filled[parameter] = Filled(parameter, kind, target.name, output)
            reached |= of_target - over if kind == "gather" else of_target
    outputs = (f"{name}_x", f"{name}_y") if rng.random() < 0.25 else ()
    return TaskText(name, tuple(filled.values()), outputs, rng.randrange(2)), reached


def described(seed: int, size: int) -> Description:
    """Return a project of so many tasks that join, gather, and take outputs; a smaller one is a part of a larger."""
    rng = Random(seed)
    axes = tuple(_axis(name, rng) for name in rng.sample(AXES, rng.randint(1, 4)))
    tasks: dict[str, tuple[TaskText, set[str]]] = {}
    for number in rng.sample(range(SIZE), SIZE)[:size]:
        tasks[f"t{number}"] = _task(f"t{number}", axes, tasks, rng)
    return Description(axes, tuple(task for task, _ in tasks.values()))


def descriptions() -> st.SearchStrategy[Description]:
    """Choices are the generator's, not Hypothesis's, which seldom chooses much; what shrinks is the size."""
    return st.builds(described, st.integers(0, 2**32), st.sampled_from([*range(1, SIZE), *[SIZE] * SIZE]))


class World(NamedTuple):
    """The package's side."""

    graph: TaskGraph
    bindings: Bindings
    expansion: Expansion


def world_of(description: Description) -> World:
    """Take the modules in as a run does, and expand all tasks."""
    imported: dict[str, ModuleType] = {}
    for number, text in enumerate(description.modules()):
        imported[f"tasks_{number}"] = _imported(f"tasks_{number}", text, imported)
    paths = tuple((name, f"{name}.py") for name in imported)
    graph = link(take(imported, paths, "/"), ())
    given = {axis.name: str(OPEN_VALUE) for axis in description.axes if axis.open}
    bindings = bind(graph, Config("/", "/", 1), given)
    return World(graph, bindings, expand(graph, graph.tasks, bindings.elements))


def _imported(name: str, text: str, others: dict[str, ModuleType]) -> ModuleType:
    module = ModuleType(name)
    if others:  # as the import statements would, without a place in sys.modules
        text = "\n".join(line for line in text.splitlines() if not line.startswith("from tasks_0"))
        axes = {key: value for key, value in vars(others["tasks_0"]).items() if key in AXES}
        vars(module).update(axes)
    exec(compile(text, f"/{name}.py", "exec", dont_inherit=True), vars(module))
    return module


def reference_of(description: Description) -> Project:
    """Say the same in the vocabulary of the reference."""
    axes = {axis.name: reference_axis(axis) for axis in description.axes}
    return Project(
        *(
            Task(
                task.name,
                lambda outputs=task.outputs, **arguments: (0,) * len(outputs),
                {filled.name: reference_source(filled, axes) for filled in task.parameters},
                task.outputs,
            )
            for task in description.tasks
        )
    )


def reference_axis(axis: AxisText) -> Axis:
    if axis.open:
        return Axis(axis.name, open=True)
    return Axis(axis.name, {label: [n] for n, label in enumerate(axis.labels)} if axis.labelled else axis.labels)


def reference_source(filled: Filled, axes: dict[str, Axis]) -> Any:
    if filled.kind == "gather":
        return GatherOf(filled.of, output=filled.output)
    if filled.kind == "task":
        return ResultOf(filled.of, filled.output)
    return Setting(3) if filled.kind == "setting" else AxisOf(axes[filled.of])
