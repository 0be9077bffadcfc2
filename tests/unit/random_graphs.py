"""Random graphs of static axes and tasks, and the two worlds that are built from one description of them."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

from hypothesis import strategies as st

from taskdisc.bind import bind
from taskdisc.collect import take
from taskdisc.config import Config
from taskdisc.expand import Expansion, expand
from taskdisc.graph import TaskGraph
from taskdisc.resolve import link
from tests.reference import Axis, AxisOf, GatherOf, Project, ResultOf, Setting, Task

AXES = ("a", "k", "seed", "z")
OPEN_VALUE = 7
LABELS = st.one_of(
    st.sampled_from([0, 1, True, False, 1.0, 2.5, None, "1", "", "x", "x y", 'say "x"', "é", "a,b=[c]", "True"]),
    st.tuples(st.integers(0, 2), st.sampled_from(["x", "(1,2)"])),
)


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


def _axis(name: str, draw: Any) -> AxisText:
    if draw(st.integers(0, 5)) == 0:
        return AxisText(name, open=True)
    labelled = draw(st.booleans())
    # A dict display would make one label of equal ones of different types.
    unique = (lambda label: label) if labelled else (lambda label: (type(label), repr(label)))
    return AxisText(name, tuple(draw(st.lists(LABELS, max_size=3, unique_by=unique))), labelled)


def _task(name: str, axes: tuple[AxisText, ...], before: dict[str, tuple[TaskText, set[str]]], draw: Any) -> Any:
    has_elements = {axis.name: not axis.open for axis in axes}
    filled: dict[str, Filled] = {}
    reached: set[str] = set()
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["axis", "task", "task", "gather", "gather", "setting"]))
        if kind == "setting":
            filled.setdefault("setting", Filled("setting", kind))
        elif kind == "axis":
            axis = draw(st.sampled_from(axes))
            filled.setdefault(axis.name, Filled(axis.name, "open" if axis.open else kind, axis.name))
            reached.add(axis.name)
        elif before:
            target, of_target = before[draw(st.sampled_from(sorted(before)))]
            output = draw(st.sampled_from([None, *target.outputs]))
            parameter = output or target.name
            over = {name for name in of_target if has_elements[name]}
            if parameter in filled or (kind == "gather" and not over):
                continue
            filled[parameter] = Filled(parameter, kind, target.name, output)
            reached |= of_target - over if kind == "gather" else of_target
    outputs = (f"{name}_x", f"{name}_y") if draw(st.integers(0, 3)) == 0 else ()
    module = draw(st.integers(0, 1))
    return TaskText(name, tuple(filled.values()), outputs, module), reached


@st.composite
def descriptions(draw: Any) -> Description:
    """Draw up to four axes and seven tasks that join, gather, and take outputs."""
    names = draw(st.lists(st.sampled_from(AXES), min_size=1, max_size=4, unique=True))
    axes = tuple(_axis(name, draw) for name in names)
    tasks: dict[str, tuple[TaskText, set[str]]] = {}
    for number in draw(st.permutations(range(draw(st.integers(1, 7))))):
        tasks[f"t{number}"] = _task(f"t{number}", axes, tasks, draw)
    return Description(axes, tuple(task for task, _ in tasks.values()))


class World(NamedTuple):
    """The package's side."""

    graph: TaskGraph
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
    return World(graph, expand(graph, graph.tasks, bindings.elements))


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
    axes = {axis.name: _reference_axis(axis) for axis in description.axes}
    return Project(
        *(
            Task(
                task.name,
                lambda outputs=task.outputs, **arguments: (0,) * len(outputs),
                {filled.name: _source(filled, axes) for filled in task.parameters},
                task.outputs,
            )
            for task in description.tasks
        )
    )


def _reference_axis(axis: AxisText) -> Axis:
    if axis.open:
        return Axis(axis.name, open=True)
    return Axis(axis.name, {label: [n] for n, label in enumerate(axis.labels)} if axis.labelled else axis.labels)


def _source(filled: Filled, axes: dict[str, Axis]) -> Any:
    if filled.kind == "gather":
        return GatherOf(filled.of, output=filled.output)
    if filled.kind == "task":
        return ResultOf(filled.of, filled.output)
    return Setting(3) if filled.kind == "setting" else AxisOf(axes[filled.of])
