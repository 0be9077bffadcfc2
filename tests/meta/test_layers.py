"""The house: which module may know which, and what may be imported when."""

import subprocess
import sys

import pytest

from tests.meta.sources import REPOSITORY, imports, modules

LAYERS = (
    {"taskdisc", "aside", "errors", "garbage", "hashing", "descriptors", "durations", "fields", "interrupts"},
    {"limits", "loader", "parameters", "supply"},
    {"model"},
    {
        "commons",
        "compression",
        "coroutines",
        "expressions",
        "endings",
        "gathered",
        "generators",
        "lots",
        "ready",
        "resources",
        "session",
        "protocols",
        "paths",
        "placeholders",
        "capture",
        "convert",
        "wire",
    },
    {"calling", "jobfolder", "taskoptions"},
    {"fileresults", "marks", "options", "pyproject", "reuse", "shapes", "signatures", "skips", "warned"},
    {"outputs", "private", "references"},
    {"inner"},
    {"fingerprint"},
    {"labels"},
    {"graph", "lanes", "ranges", "config", "tracebacks", "hookspecs", "plainhooks"},
    {"pluggyhooks", "fixtures", "fixturekeys"},
    {"pluginmanager"},
    {"pluginoptions"},
    {"calls", "circles", "edges", "forgotten", "inputs", "requirements", "search", "spread"},
    {"nodes"},
    {"hookrecords"},
    {"collect", "resolve", "bind", "expand", "narrow", "schedule", "select", "plan", "store", "fixturevalues"},
    {"storedvalues"},
    {
        "allotment",
        "attempts",
        "jobs",
        "lists",
        "narrow",
        "order",
        "record",
        "remake",
        "returned",
        "shared",
        "sharing",
        "slices",
        "unkept",
        "unchanged",
    },
    {"around", "discover", "execution"},
    {"worker", "overrides"},
    {"refer", "waves"},
    {"grow"},
    {"travel"},
    {"outpost"},
    {"builtin", "policy"},
    {"agent", "executors", "project"},
    {"demands", "sweeps"},
    {"aims", "introduction"},
    {"chains", "intake"},
    {"execute", "growing", "instances", "outlook", "preview", "results", "usable"},
    {"run"},
    {"explain", "kept", "drawing"},
    {"api", "cli"},
    {"testing", "__main__"},
)
"""From below to above. A package stands for its modules, which may import one another; a module imports only from
layers below its own. The stages of the line are one layer, so none of them knows another."""

PUBLIC = {
    "taskdisc",
    "errors",
    "model",
    "protocols",
    "hookspecs",
    "hookrecords",
    "paths",
    "capture",
    "descriptors",
    "durations",
    "endings",
    "jobfolder",
    "outpost",
    "placeholders",
    "travel",
    "wire",
    "worker",
}
"""What a plugin may import, and all that `builtin` imports: the names of `taskdisc` itself, errors to raise, records
and protocols, `hookimpl`, places of files, and what an executor needs to serve jobs: `worker.Runner`,
`capture.Capture`, descriptors that no task inherits, how jobs travel (`wire`, `jobfolder`; `travel` and `outpost` to
where neither the project nor the store is seen), what the end of a process means (`endings`), and how durations and
prefixes are read."""

PUBLIC_TYPES = {"config", "execution", "run"}
"""What comes to a plugin, which names it for type checkers alone: `Config` and `Run` to hooks, `Execution` to what
makes injected arguments."""

NAMES = sorted(modules())


def unit(module):
    """Return the name of a module in the tables above."""
    return module.removeprefix("taskdisc.").partition(".")[0]


LAYER_OF = {name: number for number, names in enumerate(LAYERS) for name in names}


def test_every_module_has_a_layer():
    assert {unit(name) for name in NAMES} == set(LAYER_OF)


@pytest.mark.parametrize("name", NAMES)
def test_imports_only_from_layers_below(name):
    found = imports()[name]
    wrong = [
        other
        for other in found.early | found.late
        if unit(other) != unit(name) and LAYER_OF[unit(other)] >= LAYER_OF[unit(name)] and other != "taskdisc"
    ]
    if name == "taskdisc":
        wrong = sorted(found.early)  # its public names are imported when they are used
    assert sorted(wrong) == []


@pytest.mark.parametrize("name", [name for name in NAMES if unit(name) == "builtin"])
def test_builtins_import_public_names_alone(name):
    found = imports()[name]
    assert {unit(other) for other in found.early | found.late} <= PUBLIC | {"builtin"}
    assert {unit(other) for other in found.for_types} <= PUBLIC | PUBLIC_TYPES | {"builtin"}


def test_no_circle_of_imports():
    graph = {name: sorted(found.early) for name, found in imports().items()}
    assert circle_in(graph) is None


def circle_in(graph):
    """Return a circle of the graph, or None; depth first."""
    finished = set()
    for start in graph:
        path, todo = [], [(start, 0)]
        while todo:
            node, depth = todo.pop()
            finished.update(path[depth:])
            del path[depth:]
            if node in path:
                return [*path[path.index(node) :], node]
            if node not in finished:
                path.append(node)
                todo += [(other, depth + 1) for other in graph[node]]
        finished.update(path)
    return None


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, ["b", "c", "b"]),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, None),
        ({"a": ["a"]}, ["a", "a"]),
        ({"a": ["b", "c"], "b": [], "c": ["d"], "d": ["a"]}, ["a", "c", "d", "a"]),
    ],
)
def test_circles_are_found(graph, expected):
    assert circle_in(graph) == expected


def python(program, folder=REPOSITORY):
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_each_module_imports_alone(name):
    python(f"import {name}")


# What may be imported when

PROJECT = """
from taskdisc import Gather, axis, file

numbers = file("numbers.txt")
k = axis(1, 2)

def text(numbers):
    return numbers.read_text()

def part(text, k: int, factor: float = 2.0):
    return len(text) * k * factor

def total(part: Gather[float]):
    return sum(part.values())
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.taskdisc]\n")
    (tmp_path / "numbers.txt").write_text("1 2 3")
    (tmp_path / "tasks_sum.py").write_text(PROJECT)
    return tmp_path


COMPILED = """
import builtins, sys
compiled, compile = [], builtins.compile
builtins.compile = lambda source, *others, **named: compiled.append(source) or compile(source, *others, **named)
from taskdisc.cli import invoke
assert invoke(["run", "total"]) == 0
builtins.compile = compile
print("compiled:", [source for source in compiled if isinstance(source, str)])  # modules are bytes
"""


def imported_by(arguments, folder):
    """Return (what a command imports in its main process, what it prints)."""
    program = (
        "import sys; before = set(sys.modules)\n"
        "from taskdisc.cli import invoke\n"
        f"code = invoke({arguments!r}); assert code == 0, code\n"
        "print('imported:', *sorted(set(sys.modules) - before))"
    )
    printed, _, names = python(f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n{program}", folder).rpartition(
        "imported:"
    )
    return set(names.split()), printed


def test_version_imports_next_to_nothing(project):
    imported, printed = imported_by(["--version"], project)
    assert printed.startswith("taskdisc ")
    assert {name for name in imported if name.startswith("taskdisc")} == {"taskdisc", "taskdisc.cli"}
    heavy = {"networkx", "multiprocessing", "sqlite3", "click", "pluggy", "typing", "inspect", "tasks_sum"}
    assert imported & heavy == set()


def test_a_new_run_does_without_graph_algorithms(project):
    imported, printed = imported_by(["run", "total"], project)
    assert printed == "30.0\n"
    assert "taskdisc.builtin.process" in imported
    assert imported & {"networkx", "click", "multiprocessing", "importlib.metadata"} == set()


UNNEEDED = (
    "networkx click pluggy inspect ast linecache tokenize multiprocessing cloudpickle filelock importlib.metadata "
    "concurrent.futures ssl dataclasses asyncio subprocess tempfile random numpy taskdisc.builtin.process "
    "taskdisc.worker taskdisc.hookspecs taskdisc.pluggyhooks taskdisc.record taskdisc.sharing taskdisc.store.claims "
    "taskdisc.explain taskdisc.session taskdisc.cli.commands taskdisc.attempts taskdisc.demands "
    "taskdisc.taskoptions taskdisc.reuse taskdisc.durations taskdisc.unkept taskdisc.fileresults taskdisc.compression"
)


def test_a_warm_run_imports_nothing_that_only_work_needs(project):
    imported_by(["run", "total"], project)
    imported, printed = imported_by(["run", "total"], project)
    assert printed == "30.0\n"
    assert imported & set(UNNEEDED.split()) == set()


def test_a_warm_run_compiles_nothing(project):
    """The first call of `compile` takes a millisecond; annotations of records that are text call it for each field."""
    for _ in range(2):  # pyproject.toml is parsed until there is a store to keep it in
        imported_by(["run", "total"], project)
    printed = python(f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n{COMPILED}", project)
    assert printed == "30.0\ncompiled: []\n"
