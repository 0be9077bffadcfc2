"""What users are told of their mistakes: place, cause, remedy and exit code, each through the command itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from taskdisc.testing import Project

USAGE, NOTHING_MATCHED = 4, 5


class Case(NamedTuple):
    """A project with a mistake, the command that meets it, and what it says; `{root}` stands for the root."""

    files: Mapping[str, str]
    command: str
    message: str
    exit_code: int = USAGE


def one(text: str) -> dict[str, str]:
    """A project of one module."""
    return {"tasks_x.py": text}


KINDS = """
def f(*args): return 1
def g(**more): return 1
def h(a, /): return 1
def i():
    yield 1
async def j():
    yield 1
@task
def k(a, *, b=1, **more): return 1
"""

NAMES = {
    "unknown parameter": Case(
        one("def split(pengiuns): ...\ndef penguins(): ..."),
        "list",
        "tasks_x.py:1 split: nothing fills 'pengiuns'. Did you mean penguins (tasks_x.py:2)? "
        "A helper? Call it _split.\n"
        "    A value? Annotate it, add @task, and pass -p pengiuns=... With a usual value: give it a default.",
    ),
    "unknown parameter of a decorated task": Case(
        one("from taskdisc import task\n@task\ndef split(zzz): ..."),
        "list",
        "tasks_x.py:3 split: nothing fills 'zzz'. A helper? Call it _split.\n"
        "    A value? Annotate it, and pass -p zzz=... With a usual value: give it a default.",
    ),
    "all unknown parameters are told at once": Case(
        one("def f(zzz): ...\ndef g(qqq): ..."),
        "run",
        "tasks_x.py:1 f: nothing fills 'zzz'. A helper? Call it _f.\n"
        "    A value? Annotate it, add @task, and pass -p zzz=... With a usual value: give it a default.\n"
        "tasks_x.py:2 g: nothing fills 'qqq'. A helper? Call it _g.\n"
        "    A value? Annotate it, add @task, and pass -p qqq=... With a usual value: give it a default.",
    ),
    "a task never finds itself": Case(
        one("def f(f): ..."),
        "list",
        "tasks_x.py:1 f: nothing fills 'f'. A task is not its own input. A helper? Call it _f.\n"
        "    A value? Annotate it, add @task, and pass -p f=... With a usual value: give it a default.",
    ),
    "circle": Case(
        one("def a(c): ...\ndef b(a): ...\ndef c(b): ...\ndef free(): ..."),
        "run free",
        "circle of tasks: a -> c -> b -> a\n"
        "    tasks_x.py:1 a depends on c\n"
        "    tasks_x.py:3 c depends on b\n"
        "    tasks_x.py:2 b depends on a\n"
        "    One of them must do without the other: rename a parameter, or split a task.",
    ),
    "two tasks of the name": Case(
        {"tasks_a.py": "def f(): ...", "tasks_b.py": "def f(): ...", "tasks_c.py": "def g(f): ..."},
        "run",
        "tasks_c.py:1 g: 'f' is ambiguous: the task in tasks_a.py:1 and the task in tasks_b.py:1. "
        "To choose: from tasks_a import f.",
    ),
    "two files of the name": Case(
        {
            "tasks_a.py": "from taskdisc import file\nraw = file('x')",
            "tasks_b.py": "from taskdisc import file\nraw = file('y')",
            "tasks_c.py": "def g(raw): ...",
        },
        "run",
        "tasks_c.py:1 g: 'raw' is ambiguous: the file in tasks_a.py:2 and the file in tasks_b.py:2. Rename one.",
    ),
    "parameters that cannot be filled, and generators": Case(
        one("from taskdisc import task" + KINDS),
        "run",
        "tasks_x.py:2 f: a task's parameters are its dependencies, and *args names none. Spell them out. "
        "A helper? Call it _f.\n"
        "tasks_x.py:3 g: a task's parameters are its dependencies, and **kwargs names none. Spell them out. "
        "A helper? Call it _g.\n"
        "tasks_x.py:4 h: positional-only parameters cannot be filled by name. Take the / out. A helper? Call it _h.\n"
        "tasks_x.py:5 i: a task returns its result, and this is a generator function. Return a list. "
        "A helper? Call it _i.\n"
        "tasks_x.py:7 j: a task returns its result, and this is a generator function. Return a list. "
        "A helper? Call it _j.\n"
        "tasks_x.py:10 k: a task's parameters are its dependencies, and **kwargs names none. Spell them out. "
        "A helper? Call it _k.",
    ),
    "defined twice": Case(
        one("def a(): ...\n\ndef f(): ...\n\n\ndef f(): ...\ndef _g(): ...\ndef _g(): ..."),
        "list",
        "tasks_x.py:6 f: defined twice, first in line 3. Rename one, or delete it.\n"
        "tasks_x.py:8 _g: defined twice, first in line 7. Rename one, or delete it.",
    ),
    "two tasks called alike by name=": Case(
        one("from taskdisc import task\n@task(name='g')\ndef f(): ...\ndef g(): ..."),
        "list",
        "tasks_x.py:4 and tasks_x.py:3 are both called tasks_x.py::g. Give one another name=.",
    ),
    "an early hook in a task module": Case(
        one("def taskdisc_configure(config): ...\ndef f(): ..."),
        "list",
        "tasks_x.py:1 taskdisc_configure: too late for this hook here. "
        'Put it into a module of its own and name that in pyproject.toml: plugins = ["..."].',
    ),
    "a misspelt hook in a task module": Case(
        one("def taskdisc_modfy_tasks(tasks): ...\ndef f(): ..."),
        "list",
        "plugin tasks_x: there is no hook taskdisc_modfy_tasks. Did you mean taskdisc_modify_tasks?",
    ),
}

AXES = {
    "two axes of one name": Case(
        {
            "tasks_a.py": "from taskdisc import axis\nseed = axis(1, 2)\ndef model_a(seed): ...",
            "tasks_b.py": "from taskdisc import axis\nseed = axis(1, 2)\ndef model_b(seed): ...",
            "tasks_c.py": "def compare(model_a, model_b): ...",
        },
        "run",
        "compare would have two axes called seed: tasks_a.py:2 (via model_a) and tasks_b.py:2 (via model_b). "
        "Same thing: import one. Otherwise rename one.",
    ),
    "an axis elsewhere must be imported": Case(
        {"tasks_a.py": "from taskdisc import axis\nk = axis(1, 2)", "tasks_b.py": "def choose(k): ..."},
        "run",
        "tasks_b.py:1 choose: 'k' is an axis in tasks_a.py:2. To use it: from tasks_a import k. "
        "A value of its own: add @task and annotate it.",
    ),
    "duplicates": Case(
        one("from taskdisc import axis\nk = axis(1, 3, 1)\ndef f(k): ..."),
        "run",
        "axis at tasks_x.py:2: elements 1 and 3 are both 1. Leave one out.",
    ),
    "NaN equals itself": Case(
        one("from taskdisc import axis\nk = axis(float('nan'), float('nan'))\ndef f(k): ..."),
        "run",
        "axis at tasks_x.py:2: elements 1 and 2 are both nan. Leave one out.",
    ),
    "a set": Case(
        one("from taskdisc import axis\nk = axis({1, 3})\ndef f(k): ..."),
        "run",
        "axis at tasks_x.py:2: a set has no order. Use axis(sorted(...)).",
    ),
    "unhashable": Case(
        one("from taskdisc import axis\ncfg = axis(1, {'lr': 0.1})\ndef f(cfg): ..."),
        "run",
        "axis at tasks_x.py:2: element 2, {'lr': 0.1}, is not hashable. Label it: axis({\"name\": {'lr': 0.1}}).",
    ),
    "one axis, two names": Case(
        one("from taskdisc import axis\na = b = axis(1, 2)\ndef f(a): ..."),
        "run",
        "tasks_x.py:2: one axis with two names, a and b. Two axes: call axis(...) twice. One: delete a name.",
    ),
    "gather of a task without axes": Case(
        one("from taskdisc import Gather\ndef f(): ...\ndef g(f: Gather[int]): ..."),
        "run",
        "tasks_x.py:3 g: Gather of f: f (tasks_x.py:2) has no axes to gather over. "
        "Leave Gather[...] out of the annotation.",
    ),
    "gather of an axis": Case(
        one("from taskdisc import Gather, axis\nk = axis(1, 2)\ndef g(k: Gather[int]): ..."),
        "run",
        "tasks_x.py:3 g: Gather collects the results of a task, and 'k' is an axis (tasks_x.py:2). "
        "Annotate it with the type of its value.",
    ),
}

GRID = """
from taskdisc import Gather, axis
k, beta = axis(1, 3), axis("x", "y")
def f(k, beta): ...
def mean(beta, f: Gather[int]): ...
def plain(size=3): ...
"""

TARGETS = {
    "a misspelt task": Case(
        one("def report(): ..."),
        "run reprot",
        "target reprot: there is no task 'reprot'. Did you mean report (tasks_x.py:1)?",
        NOTHING_MATCHED,
    ),
    "no such task": Case(
        one("def report(): ..."),
        "status xyz",
        "target xyz: there is no task 'xyz'. `taskdisc list` shows the tasks.",
        NOTHING_MATCHED,
    ),
    "no modules": Case(
        {},
        "run",
        "no task modules in {root}: nothing matches tasks_*.py. "
        "Make a tasks_hello.py with a function in it, or choose a folder with -C.",
        NOTHING_MATCHED,
    ),
    "no tasks": Case(
        one("def _helper(): ..."), "list", "no tasks in tasks_x.py. Every public function is a task.", NOTHING_MATCHED
    ),
    "a slice without instances": Case(
        one(GRID), "run f[k=2]", "f[k=2]: f has no k=2. There are 1, 3.", NOTHING_MATCHED
    ),
    "an axis that the target lacks": Case(one(GRID), "run f[l=2]", "f[l=2]: f has no axis l. It has beta, k."),
    "an axis of a task without axes": Case(
        one(GRID), "run plain[l=2]", "plain[l=2]: plain has no axis l. It has none."
    ),
    "an axis that the target gathers": Case(
        one(GRID),
        "run mean[k=1]",
        "mean[k=1]: mean has no axis k (it gathers it). It has beta. For part of k: 'f[k=1]' or -p k=1.",
    ),
    "one name twice in brackets": Case(one(GRID), "run f[k=1,k=3]", "target f[k=1,k=3]: k is given twice."),
    "unreadable brackets": Case(
        one(GRID),
        "run f[k=1,,]",
        "target f[k=1,,]: cannot read ','. Write name[axis=label,...], odd labels in \"quotes\".",
    ),
    "a name that two tasks have": Case(
        {"a/tasks_io.py": "def load(): ...", "b/tasks_io.py": "def load(): ..."},
        "run load",
        "target load: there are a/tasks_io.py::load and b/tasks_io.py::load. Write the long form.",
    ),
}

SETTINGS = """
from taskdisc import axis, file, task
raw = file("x.csv")
k, size = axis(1, 3), axis({"small": 1, "big": 100})
@task(outputs=("train", "test"))
def split(raw, fraction: int = 1): ...
def model(train, k, size, rate=0.5): ...
"""
OPEN = "from taskdisc import task\n@task\ndef day(date: str): ...\ndef week(day): ...\n@task\ndef year(n: int): ...\n"

PARAMETERS = {
    "a misspelt setting": Case(
        one(SETTINGS), "run -p fractoin=2", "-p fractoin: nothing has a setting fractoin. Did you mean fraction?"
    ),
    "no such setting": Case(
        one(SETTINGS), "run -p zzz=2", "-p zzz: nothing has a setting zzz. There are fraction, k, rate, size."
    ),
    "no such setting of this task": Case(
        one(SETTINGS), "run -p model.fraction=2", "-p model.fraction: model has no setting fraction. It has rate."
    ),
    "a task without settings": Case(
        one("def f(): ...\ndef g(n=1): ..."),
        "run -p f.n=2",
        "-p f.n: f has no settings. Settings are parameters with a default.",
    ),
    "a task that there is not": Case(
        one("def f(n=1): ..."), "run -p zzz.n=2", "-p zzz.n: there is no task zzz that has settings."
    ),
    "a misspelt task": Case(
        one(SETTINGS), "run -p modle.rate=2", "-p modle.rate: there is no task modle. Did you mean model?"
    ),
    "a task": Case(
        one(SETTINGS),
        "run -p model=2",
        "-p model: model is a task (tasks_x.py:6): its value is what it computes. "
        "Settings are parameters with a default.",
    ),
    "an output": Case(
        one(SETTINGS),
        "run -p train=2",
        "-p train: train is an output of split (tasks_x.py:5): its value is what it computes.",
    ),
    "an output as a task's parameter": Case(
        one(SETTINGS),
        "run -p model.train=2",
        "-p model.train: train is an output of split (tasks_x.py:5): its value is what it computes.",
    ),
    "an input file": Case(
        one(SETTINGS), "run -p raw=2", "-p raw: raw is an input file, x.csv (tasks_x.py:2). Change the file."
    ),
    "an axis of one task": Case(
        one(SETTINGS), "run -p model.k=1", "-p model.k: k is an axis of the whole project. Leave the task out: k=..."
    ),
    "a wrong type": Case(
        one(SETTINGS), "run -p fraction=two", "-p: split.fraction (tasks_x.py:5): takes int, not 'two'"
    ),
    "a wrong type by the default": Case(
        one(SETTINGS),
        "run -p model.rate=two",
        "-p: model.rate (tasks_x.py:6): takes float, not 'two' (as its default, 0.5; an annotation can say otherwise)",
    ),
    "a wrong type of element": Case(one(SETTINGS), "run -p k=two", "-p: axis k (tasks_x.py:3): takes int, not 'two'"),
    "a label that is none": Case(
        one(SETTINGS),
        "run -p size=smal",
        "-p: axis size (tasks_x.py:3) has no element smal. Did you mean small? It has small, big.",
    ),
    "an element twice": Case(
        one(SETTINGS), "run -p k=1,1", "-p: axis k (tasks_x.py:3) is given 1 twice. Leave one out."
    ),
    "no value": Case(one(SETTINGS), "run -p k", "-p k: -p takes name=value or task.name=value."),
    "in pyproject.toml": Case(
        {"pyproject.toml": "[tool.taskdisc.params]\nfractoin = 2", **one(SETTINGS)},
        "run",
        "pyproject.toml [tool.taskdisc.params]: fractoin: nothing has a setting fractoin. Did you mean fraction?",
    ),
    "open, and not given": Case(
        one(OPEN), "run week", "week: date is open. Give it: -p date=..., or 'week[date=...]'."
    ),
    "open, of a wrong type": Case(one(OPEN), "run year[n=x]", "n=x: year.n (tasks_x.py:6): takes int, not 'x'"),
    "open, with two values, one of them written otherwise": Case(
        one(OPEN), "run year[n=1] year[n=02]", "year[n=02]: year has no n=02. Did you mean 2? There are 1, 2.", 5
    ),
    "open, of two types": Case(
        one("from taskdisc import task\n@task\ndef f(n: int): ...\n@task\ndef g(n: 'str'): ..."),
        "list",
        "n is int in tasks_x.py:3 f and str in tasks_x.py:5 g. "
        "An open parameter is one value for all: annotate it alike, or rename one.",
    ),
    "a missing input file": Case(
        one(SETTINGS),
        "run model",
        "tasks_x.py:2: the input file x.csv does not exist. Paths are relative to the root, {root}.",
    ),
}

OPTIONS = {
    "@task": Case(
        one("from taskdisc import task\n@task(ouputs=('a',))\ndef f(): ..."),
        "run",
        "tasks_x.py:2: @task has no option 'ouputs'. Did you mean outputs?",
    ),
    "@task, of a wrong type": Case(
        one("from taskdisc import task\n@task(outputs='a')\ndef f(): ..."),
        "run",
        "tasks_x.py:2: @task: outputs takes a tuple of str, such as (\"a\",), not 'a'.",
    ),
    "@task on a class": Case(
        one("from taskdisc import task\nF = task(int)"),
        "run",
        "tasks_x.py:2: @task decorates functions, not classes.",
    ),
    "pyproject.toml": Case(
        {"pyproject.toml": "[tool.taskdisc]\nworker = 2"},
        "run",
        "pyproject.toml [tool.taskdisc]: unknown key 'worker'. Did you mean workers?",
    ),
    "pyproject.toml, of a task": Case(
        {"pyproject.toml": "[tool.taskdisc.tasks.f]\nprefx = '2'"},
        "run",
        "pyproject.toml [tool.taskdisc.tasks.f]: unknown key 'prefx'. Did you mean prefix?",
    ),
    "the environment": Case(
        {".env": "TASKDISC_WORKRS=2"}, "run", ".env: unknown variable TASKDISC_WORKRS. Did you mean TASKDISC_WORKERS?"
    ),
    "workers": Case(
        one("def f(): ..."),
        "run -j 0",
        "command line: workers takes a whole number other than 0 (-1: all CPUs, -2: all but one), not 0. "
        "Such as: workers = 8",
    ),
    "a folder": Case({}, "run -C nowhere", "-C nowhere: there is no such folder."),
    "a profile": Case(
        {},
        "run --profile nowhere",
        "--profile: pyproject.toml has no profile 'nowhere'. Write [tool.taskdisc.profiles.nowhere].",
    ),
    "a plugin": Case(
        one("def f(): ..."),
        "run --plugin nonesuch",
        "plugin nonesuch cannot be imported: ModuleNotFoundError: No module named 'nonesuch'. "
        "Leave it out: --plugin no:nonesuch",
    ),
    "an executor": Case(
        one("def f(): ..."),
        "run --executor inlne",
        "no plugin supplies the executor 'inlne'. Did you mean inline?",
    ),
    "a codec": Case(
        one("from taskdisc import task\n@task(codec='pickel')\ndef f(): ...\ndef g(): ..."),
        "run g",
        "tasks_x.py:3 f: no plugin supplies the codec 'pickel'. Did you mean pickle?",
    ),
}

IMPORTS = {
    "a missing module": Case(
        one("import missing_thing.inner"),
        "run",
        "tasks_x.py cannot be imported:\n"
        "tasks_x.py:1: in <module>\n"
        "    import missing_thing.inner\n"
        "E   ModuleNotFoundError: No module named 'missing_thing'\n"
        "Install missing_thing, or put missing_thing.py into the root ({root}), which is importable.",
    ),
    "a forgotten import of ours": Case(
        one("def f(x: Gather[int]): ..."),
        "run",
        "tasks_x.py cannot be imported:\n"
        "tasks_x.py:1: in <module>\n"
        "    def f(x: Gather[int]): ...\n"
        "E   NameError: name 'Gather' is not defined\n"
        "Add: from taskdisc import Gather",
    ),
    "an exception in a helper": Case(
        {"helpers.py": "def f():\n    return 1 / 0\nf()", **one("import helpers")},
        "run",
        "tasks_x.py cannot be imported:\n"
        "tasks_x.py:1: in <module>\n"
        "    import helpers\n"
        "helpers.py:3: in <module>\n"
        "    f()\n"
        "helpers.py:2: in f\n"
        "    return 1 / 0\n"
        "E   ZeroDivisionError: division by zero",
    ),
    "sys.exit()": Case(
        one("import sys\nsys.exit(3)"),
        "run",
        "tasks_x.py cannot be imported:\ntasks_x.py:2: in <module>\n    sys.exit(3)\nE   SystemExit: 3",
    ),
    "a syntax error": Case(
        one("a = 1\ndef f(:\n    return 1"),
        "run",
        "tasks_x.py:2: syntax error: invalid syntax\n    def f(:\n          ^\nMend it, and run again.",
    ),
    "a syntax error in a helper": Case(
        {"helpers.py": "x = = 3", **one("import helpers")},
        "run",
        "helpers.py:1: syntax error: invalid syntax\n    x = = 3\n        ^\nMend it, and run again.",
    ),
    "all modules that are broken": Case(
        {"tasks_a.py": "a = = 1", "tasks_b.py": "raise ValueError", "tasks_c.py": "def f(): ..."},
        "list",
        "tasks_a.py:1: syntax error: invalid syntax\n    a = = 1\n        ^\nMend it, and run again.\n\n"
        "tasks_b.py cannot be imported:\ntasks_b.py:1: in <module>\n    raise ValueError\nE   ValueError",
    ),
}


def check(project: Project, case: Case) -> None:
    project.write(case.files)
    result = project.taskdisc(*case.command.split())
    message = case.message.replace("{root}", str(project.path))
    assert result.stderr == f"error: {message}\n", result
    assert (result.exit_code, result.stdout) == (case.exit_code, ""), result


@pytest.mark.parametrize("case", NAMES.values(), ids=NAMES)
def test_names(project: Project, case: Case) -> None:
    check(project, case)


@pytest.mark.parametrize("case", AXES.values(), ids=AXES)
def test_axes(project: Project, case: Case) -> None:
    check(project, case)


@pytest.mark.parametrize("case", TARGETS.values(), ids=TARGETS)
def test_targets(project: Project, case: Case) -> None:
    check(project, case)


@pytest.mark.parametrize("case", PARAMETERS.values(), ids=PARAMETERS)
def test_parameters(project: Project, case: Case) -> None:
    check(project, case)


@pytest.mark.parametrize("case", OPTIONS.values(), ids=OPTIONS)
def test_options(project: Project, case: Case) -> None:
    check(project, case)


@pytest.mark.parametrize("case", IMPORTS.values(), ids=IMPORTS)
def test_imports(project: Project, case: Case) -> None:
    check(project, case)


def test_an_axis_element_that_cannot_be_encoded(project: Project) -> None:
    project.write(tasks_x="from taskdisc import axis\na = axis({'x': object()})\ndef f(a): ...")
    result = project.run()
    assert result.exit_code == USAGE
    assert result.stderr.startswith("error: axis a (tasks_x.py:2): element 1: cannot encode a object")
    assert result.stderr.endswith("Make it plain data, and the object in the task.\n")


def test_a_label_that_cannot_be_encoded(project: Project) -> None:
    project.write(tasks_x="from taskdisc import axis\na = axis(object())\ndef f(a): ...")
    result = project.run()
    assert result.exit_code == USAGE
    assert result.stderr.startswith("error: axis a (tasks_x.py:2): cannot encode a object")
    assert result.stderr.endswith('Label it: axis({"name": ...}).\n')


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("run --worker 2", "No such option '--worker'"),
        ("rum", "No such command 'rum'"),
        ("run -j two", "Invalid value for '-j' / '--workers': 'two' is not a valid integer"),
        ("list -p a=1", "No such option '-p'"),
        ("", "Usage: taskdisc"),
    ],
)
def test_the_command_line(project: Project, command: str, words: str) -> None:
    project.write(tasks_x="def f(): ...")
    result = project.taskdisc(*command.split())
    assert result.exit_code == USAGE
    assert words in result.stderr
    assert not result.stdout


def test_broken_toml_names_the_file_and_the_line(project: Project) -> None:
    project.write({"pyproject.toml": "[tool.taskdisc]\nworkers = = 2\n"})
    result = project.run()
    assert result.exit_code == USAGE
    assert result.stderr.startswith(f"error: {project.path}/pyproject.toml: not valid TOML: ")
    assert "line 2" in result.stderr


def test_nothing_runs_where_an_input_is_missing(project: Project) -> None:
    project.write(tasks_x="from taskdisc import file\nraw = file('x.csv')\ndef f(raw): ...\ndef g(): return 1")
    result = project.run()
    assert (result.exit_code, result.ran) == (USAGE, [])
    assert project.run("g").assert_ok().stdout == "1\n"


def test_overloads_and_branches_are_no_second_definitions(project: Project) -> None:
    project.write(
        tasks_x="""
            from typing import overload
            if True:
                def h(): return "if"
            else:
                def h(): return "else"
            try:
                def k(): return "try"
            except ValueError:
                def k(): return "except"
            @overload
            def o(a: int = 1) -> int: ...
            @overload
            def o(a: str = "") -> str: ...
            def o(a=1): return a
        """
    )
    assert project.run("h", "k", "o").assert_ok().stdout == "h: if\nk: try\no: 1\n"


def test_warnings_of_open_parameters_that_look_like_mistakes(project: Project) -> None:
    project.write(
        tasks_a="from taskdisc import axis\nk = axis(1, 2)",
        tasks_x="""
            from taskdisc import task
            def penguins(): return 1
            @task
            def f(pengiuns: int): ...
            @task
            def g(k: int): ...
            @task(open=("k",))
            def meant(k: int): ...
        """,
    )
    assert project.run("penguins").assert_ok().stderr.splitlines()[:-1] == [
        "warning: tasks_x.py:4 f: pengiuns is an open parameter, to be given with -p pengiuns=...; "
        'did you mean penguins? Meant so: @task(open=("pengiuns",)).',
        "warning: tasks_x.py:6 g: k is an open parameter, to be given with -p k=...; there is an axis k in "
        'tasks_a.py:2. To use it: from tasks_a import k. Meant so: @task(open=("k",)).',
    ]
