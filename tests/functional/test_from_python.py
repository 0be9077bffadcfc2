"""The Python face: real programs, in processes of their own, on real projects."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

STUDY = """
from taskdisc import Gather, axis

k = axis(1, 3)
seed = axis(range(2))

def model(k: int, seed: int, fraction: float = 0.5) -> float:
    return k * 10 + seed + fraction

def accuracy(model: float) -> float:
    return model / 2

def best(accuracy: Gather[float]) -> float:
    return max(accuracy.values())
"""

RATIOS = """
from taskdisc import axis

divisor = axis(0, 2)

def ratio(divisor: int) -> float:
    print("dividing by", divisor)
    return 6 / divisor

def double(ratio: float) -> float:
    return 2 * ratio
"""


def program(folder: Path, text: str, *arguments: str, timeout: float = 60) -> str:
    """Run a program in a folder; it must succeed, and what it prints is returned."""
    path = folder / "program.py"
    path.write_text(dedent(text))
    return outcome(folder, str(path), *arguments, timeout=timeout)


def outcome(folder: Path, *arguments: str, stdin: str | None = None, timeout: float = 60) -> str:
    command = [sys.executable, "-W", "error", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, input=stdin, timeout=timeout)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def study(project):
    project.write(tasks_study=STUDY)
    return project


# Values


def test_values_by_instance_slice_and_task(study):
    printed = program(
        study.path,
        """
        from taskdisc import Project

        run = Project.discover(".").run("best", params={"fraction": 0.25}, workers=2)
        print(run.value, run["best"], run["accuracy[k=3,seed=0]"])
        print(dict(run["accuracy[k=3]"].items()))
        print(list(run["accuracy"]), run["accuracy"][3, 1], len(run["model"]))
        """,
    )
    assert printed.splitlines() == [
        "15.625 15.625 15.125",
        "{0: 15.125, 1: 15.625}",
        "[Coordinate(k=1, seed=0), Coordinate(k=1, seed=1), Coordinate(k=3, seed=0), Coordinate(k=3, seed=1)] 15.625 4",
    ]


def test_python_and_the_command_share_results(study):
    study.run("best").assert_ok()
    printed = program(
        study.path,
        """
        import taskdisc

        run = taskdisc.run("best")
        print(run.value, run.report.counts, run.report.timeline)
        run = taskdisc.run("best", params={"k": [5], "seed": range(2), "model.fraction": 0})
        print(run.value, run.report.outcomes, [step.id for step in run.report.timeline][-1])
        """,
    )
    assert printed.splitlines() == [
        "15.75 {'cached': 9} ()",
        "25.5 {'model[k=5,seed=0]': 'succeeded', 'model[k=5,seed=1]': 'succeeded', "
        "'accuracy[k=5,seed=0]': 'succeeded', 'accuracy[k=5,seed=1]': 'succeeded', 'best': 'succeeded'} best",
    ]


MISTAKES = {
    'project.run("accuracy").value': "run.value takes exactly one instance, and there are 4: accuracy[k=1,seed=0], "
    'accuracy[k=1,seed=1], accuracy[k=3,seed=0], accuracy[k=3,seed=1]. Use run["id"].',
    'project.run("model")["best"]': "run['best']: the targets of this run do not need it. Run it: project.run('best')",
    'project.run("best[k=1]")': "best[k=1]: best has no axis k (it gathers it). It has none. "
    "For part of k: 'accuracy[k=1]' or -p k=1.",
    'project.run("modle")': "target modle: there is no task 'modle'. Did you mean model (tasks_study.py:6)?",
    'project.run("model", params={"fractoin": 1})': "params: fractoin: nothing has a setting fractoin. "
    "Did you mean fraction?",
    'project.run("model", params={"fraction": "much"})': "params: model.fraction (tasks_study.py:6): takes float, "
    "not 'much'",
    'project.run("model", params={1: 2})': "params: 1 is no name of a setting, such as 'fraction' or 'model.metric'.",
    "project.run(7)": "a target is a name, an id, or the function of a task, not 7.",
    'project.run("best")[3]': 'run[3]: give a name or an id, such as run["task[axis=label]"].',
    'project.run("best")["*"]': "run['*']: this is more than one task: model, accuracy, best.",
    'project.run("best", executor="proces")': "no plugin supplies the executor 'proces'. Did you mean process?",
    'project.run("best", executor=4)': "executor takes a name or an executor of concurrent.futures, not 4.",
    'project.artifact("model[k=1,seed=0]")': "model[k=1,seed=0]: no result that is up to date. "
    "Run it: project.run('model[k=1,seed=0]')",
    'project.artifact("model")': "artifact('model') takes exactly one instance, and there are 4: model[k=1,seed=0], "
    "model[k=1,seed=1], model[k=3,seed=0], model[k=3,seed=1].",
    "project.clear()": "project.clear: name targets.",
    'Project.discover("nowhere")': "Project.discover('nowhere'): there is no such folder.",
    "Project.from_functions()": "Project.from_functions: give it functions.",
    "Project.from_functions(3)": "from_functions takes functions that have names, not 3.",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_name_cause_and_remedy(mistake, study):
    printed = program(
        study.path,
        f"""
        from taskdisc import Project, TaskdiscError

        project = Project.discover(".")
        try:
            {mistake}
        except TaskdiscError as error:
            print(error)
        """,
    )
    assert printed == f"{MISTAKES[mistake]}\n"


def test_a_function_of_a_task_is_a_target(study):
    printed = program(
        study.path,
        """
        from taskdisc import Project
        from tasks_study import best

        print(Project.discover().run(best).value)
        """,
    )
    assert printed == "15.75\n"


# Failures


def test_a_failure_is_raised_with_all_that_is_known(project):
    project.write(tasks_ratios=RATIOS)
    printed = program(
        project.path,
        """
        import os, pickle
        from taskdisc import Project, TaskFailed

        try:
            Project.discover(".").run("double")
        except TaskFailed as error:
            print(error.id, "|", error.error, "|", error.logs["stdout"].read_text().strip())
            print(error.traceback)
            print(error.run.report.outcomes)
            print(error.run["double[divisor=2]"])
            for asked in ("ratio[divisor=0]", "double[divisor=0]"):
                try:
                    error.run[asked]
                except TaskFailed as second:
                    print(str(second).splitlines()[0], "|", second.id)
            again = pickle.loads(pickle.dumps(error))
            print(type(again).__name__, again.id, str(again) == str(error))
        """,
    )
    assert printed.splitlines() == [
        "ratio[divisor=0] | ZeroDivisionError: division by zero | dividing by 0",
        "tasks_ratios.py:7: in ratio",
        "    return 6 / divisor",
        "E   ZeroDivisionError: division by zero",
        "{'ratio[divisor=0]': 'failed', 'ratio[divisor=2]': 'succeeded', "
        "'double[divisor=0]': 'blocked', 'double[divisor=2]': 'succeeded'}",
        "6.0",
        "ratio[divisor=0] failed: ZeroDivisionError: division by zero (tasks_ratios.py:7) | ratio[divisor=0]",
        "double[divisor=0] is out of reach: ratio[divisor=0] failed: ZeroDivisionError: division by zero "
        "(tasks_ratios.py:7) | ratio[divisor=0]",
        "TaskFailed ratio[divisor=0] True",
    ]


def test_without_check_the_caller_decides(project):
    project.write(tasks_ratios=RATIOS)
    printed = program(
        project.path,
        """
        from taskdisc import Project, TaskFailed

        run = Project.discover(".").run("double", check=False)
        print(run["double"][2])
        for ask in (run.raise_for_failures, lambda: run["double"][0], lambda: run["ratio[divisor=0]"]):
            try:
                ask()
            except TaskFailed as error:
                print(error.id)
        Project.discover(".").run("double[divisor=2]").raise_for_failures()
        """,
    )
    assert printed.splitlines() == ["6.0", *["ratio[divisor=0]"] * 3]


def test_what_blocks_an_instance_is_named_and_not_another_failure(project):
    project.write(
        tasks_two="""
        from taskdisc import axis

        k = axis(1, 2)

        def first(k):
            raise ValueError(k)

        def second(first, k):
            return first
        """
    )
    printed = program(
        project.path,
        """
        from taskdisc import Project, TaskFailed

        run = Project.discover(".").run("second", check=False)
        for k in (1, 2):
            try:
                run[f"second[k={k}]"]
            except TaskFailed as error:
                print(error.id, error.error)
        """,
    )
    assert printed.splitlines() == ["first[k=1] ValueError: 1", "first[k=2] ValueError: 2"]


# Artifacts, clearing, graph


def test_artifacts_tell_what_is_known_of_a_result(project):
    project.write(
        tasks_page="""
        from pathlib import Path

        def page(task_dir: Path) -> Path:
            print("writing")
            (task_dir / "page.txt").write_text("Hello")
            return task_dir / "page.txt"
        """
    )
    before = project.run("page").assert_ok()
    printed = program(
        project.path,
        """
        import datetime
        from taskdisc import Project

        project = Project.discover(".")
        artifact = project.artifact("page")
        print(artifact.load().read_text(), artifact.paths == (artifact.load(),), artifact.run, len(artifact.key))
        age = datetime.datetime.now(datetime.timezone.utc) - artifact.made
        print(0 <= age.total_seconds() < 3600, artifact.seconds > 0, artifact.logs["stdout"].read_text().strip())
        print(artifact.id)
        """,
    )
    assert before.stdout.endswith("page.txt\n")
    assert printed.splitlines() == ["Hello True 1 64", "True True writing", "page"]


def test_clearing_forgets_what_it_names(study):
    printed = program(
        study.path,
        """
        from taskdisc import Project

        project = Project.discover(".")
        print(project.clear("best"))
        project.run("best")
        print(project.clear("model[k=3]"), project.run("best").report.counts)
        print(project.clear("accuracy", downstream=True), project.run("best").report.counts)
        """,
    )
    assert printed.splitlines() == [
        "0",
        "2 {'cached': 7, 'succeeded': 2}",
        "5 {'cached': 4, 'succeeded': 5}",
    ]


def test_the_graph_is_one_of_networkx(study):
    printed = program(
        study.path,
        """
        from taskdisc import Project

        graph = Project.discover(".").graph()
        print(type(graph).__name__, list(graph.edges), graph.nodes["model"]["axes"], graph.nodes["best"]["place"])
        """,
    )
    assert printed == "DiGraph [('model', 'accuracy'), ('accuracy', 'best')] ('k', 'seed') tasks_study.py:12\n"


def test_the_command_draws_the_graph(study):
    assert study.taskdisc("graph").assert_ok().stdout == "best\n    accuracy[k,seed]\n        model[k,seed]\n"
    assert study.taskdisc("graph", "accuracy", "--format", "dot").assert_ok().stdout.splitlines() == [
        "digraph tasks {",
        "    rankdir=LR; node [shape=box];",
        '    "model" [label="model[k,seed]"];',
        '    "accuracy" [label="accuracy[k,seed]"];',
        '    "model" -> "accuracy";',
        "}",
    ]
    assert study.taskdisc("graph", "accuracy", "--format", "mermaid").assert_ok().stdout.splitlines() == [
        "flowchart LR",
        '    t0["model[k,seed]"]',
        '    t1["accuracy[k,seed]"]',
        "    t0 --> t1",
    ]
    assert study.taskdisc("graph", "modle").exit_code == 5


# A guest in somebody's process


def test_nothing_is_left_behind_in_the_process(study):
    study.write({".env": "FLAVOUR=mint\n"})
    study.write(
        tasks_env="""
        import os, random

        def flavour():
            return os.environ["FLAVOUR"], os.path.basename(os.getcwd()), random.random() < 2
        """
    )
    printed = program(
        study.path.parent,
        """
        import gc, os, random, signal, sys

        def state():
            handlers = [signal.getsignal(number) for number in signal.valid_signals()]
            files = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
            return os.getcwd(), list(sys.path), dict(os.environ), handlers, list(sys.meta_path), files, gc.isenabled()

        from taskdisc import Project
        before, numbers = state(), random.getstate()
        project = Project.discover("project")
        print(project.run("flavour", "best")["flavour"])
        print(project.run("flavour", executor="inline", params={}).value)
        project.clear("flavour")
        print(project.run("flavour", executor="inline").value)
        assert state() == before, (state(), before)
        assert random.getstate() == numbers
        """,
    )
    assert printed.splitlines() == ["('mint', 'project', True)"] * 3


def test_projects_with_modules_of_the_same_names_live_together(project):
    for name in ("one", "two"):
        project.write(
            {
                f"{name}/pyproject.toml": "[tool.taskdisc]\n",
                f"{name}/helpers.py": f"NAME = {name!r}\n",
                f"{name}/tasks_all.py": "import helpers\n\ndef name():\n    return helpers.NAME\n",
            }
        )
    printed = program(
        project.path,
        """
        from taskdisc import Project

        one, two = Project.discover("one"), Project.discover("two")
        for project in (one, two, one, two):
            print(project.run("name", executor="inline").value, project.run("name").report.counts)
        """,
    )
    assert printed.splitlines() == [f"{name} {{'cached': 1}}" for name in ("one", "two", "one", "two")]


@pytest.mark.parametrize("executor", ["inline", "process"])
def test_an_edit_counts_in_the_next_run(executor, project):
    project.write(
        helpers="NUMBER = 1\n",
        tasks_a="import helpers\n\ndef a():\n    return helpers.NUMBER\n\ndef b():\n    return 5\n",
    )
    printed = program(
        project.path,
        f"""
        from pathlib import Path
        import helpers, tasks_a
        from taskdisc import Project

        project = Project.discover(".")
        for number in (1, 20, 300, 1):
            Path("helpers.py").write_text(f"NUMBER = {{number}}\\n")
            run = project.run("a", "b", executor={executor!r})
            print(run["a"], run.report.counts)
        """,
    )
    assert printed.splitlines() == [
        "1 {'succeeded': 2}",
        "20 {'cached': 1, 'succeeded': 1}",
        "300 {'cached': 1, 'succeeded': 1}",
        "1 {'cached': 2}",
    ]


def test_runs_in_other_threads_and_in_an_event_loop(study):
    study.write(tasks_async="async def slow():\n    import asyncio\n    await asyncio.sleep(0)\n    return 'awaited'\n")
    printed = program(
        study.path,
        """
        import asyncio
        from concurrent.futures import ThreadPoolExecutor
        from taskdisc import Project

        project = Project.discover(".")

        async def main():
            return [project.run("slow", executor=name).value for name in ("inline", "process")]

        with ThreadPoolExecutor(2) as threads:
            print([future.result().value for future in [threads.submit(project.run, "best") for _ in range(2)]])
        print(asyncio.run(main()))
        project.clear("slow")
        print(asyncio.run(main()))
        """,
    )
    assert printed.splitlines() == ["[15.75, 15.75]", "['awaited', 'awaited']", "['awaited', 'awaited']"]


def test_an_interrupted_run_leaves_a_usable_session(project):
    project.write(
        tasks_slow="""
        import os, signal, threading
        from pathlib import Path

        def first():
            return 1

        def second(first):
            if not Path("mended").exists():
                os.kill(os.getppid(), signal.SIGINT)
                threading.Event().wait()
            return 2
        """
    )
    printed = program(
        project.path,
        """
        import signal
        from pathlib import Path
        from taskdisc import Project

        project = Project.discover(".")
        for _ in range(2):
            try:
                project.run("second")
            except KeyboardInterrupt:
                print("interrupted", signal.getsignal(signal.SIGINT) is signal.default_int_handler)
        Path("mended").touch()
        run = project.run("second")
        print(run.value, run.report.counts)
        """,
    )
    assert printed.splitlines() == ["interrupted True", "interrupted True", "2 {'cached': 1, 'succeeded': 1}"]


def test_progress_prints_what_the_command_prints(study):
    text = "import taskdisc\nprint(taskdisc.run('best', progress=True).value)\n"
    done = subprocess.run([sys.executable, "-c", text], cwd=study.path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout == "15.75\n"
    assert done.stderr.startswith("9 succeeded in ")


def test_the_module_called_run_does_not_hide_the_function(study):
    printed = program(
        study.path,
        """
        import taskdisc.run
        from taskdisc.run import Run

        print(taskdisc.run("best").value, Run.__module__)
        """,
    )
    assert printed == "15.75 taskdisc.run\n"


# Programs without a guard


@pytest.mark.parametrize("threads", [False, True])
def test_a_program_without_a_guard_is_run_once(threads, project):
    printed = program(
        project.path,
        f"""
        import threading
        from taskdisc import Gather, Project, axis

        print("begins")
        number = axis(range(20))
        if {threads}:
            threading.Thread(target=threading.Event().wait, daemon=True).start()

        class Box:
            def __init__(self, content):
                self.content = content

        def box(number: int) -> Box:
            return Box(number)

        def total(box: Gather[Box]) -> Box:
            return Box(sum(each.content for each in box.values()))

        value = Project.from_functions(box, total).run("total", workers=2).value
        print(isinstance(value, Box), value.content)
        """,
    )
    assert printed.splitlines() == ["begins", "True 190"]


def test_a_module_of_tasks_that_runs_them_on_import_is_told_so(project):
    project.write(
        tasks_script="""
        import taskdisc

        def number():
            return 7

        print(taskdisc.run("number").value)
        """
    )
    done = project.run("number")
    assert done.exit_code == 4
    assert 'Put the call below: if __name__ == "__main__":' in done.stderr
    done = subprocess.run(
        [sys.executable, "tasks_script.py"], cwd=project.path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert 'Put the call below: if __name__ == "__main__":' in done.stderr


# Modules and functions


def test_a_module_of_any_name_is_a_project(project):
    project.write(
        {
            "study/__init__.py": "",
            "study/steps.py": "from study.helpers import LIMIT\n\ndef number() -> int:\n    return LIMIT\n\n"
            "def _helper():\n    pass\n\ndef double(number: int) -> int:\n    return 2 * number\n",
            "study/helpers.py": "LIMIT = 4\n",
            "tasks_other.py": "def number():\n    return 0\n",
        }
    )
    printed = program(
        project.path,
        """
        from pathlib import Path
        from taskdisc import Project
        import study.steps

        project = Project.from_module(study.steps)
        print(project.run("double").value, list(project.graph()), project.root == str(Path.cwd()))
        Path("study/helpers.py").write_text("LIMIT = 50\\n")
        run = project.run("double")
        print(run.value, run.report.counts)
        """,
    )
    assert printed.splitlines() == ["8 ['number', 'double'] True", "100 {'succeeded': 2}"]


def test_the_program_itself_is_a_module(project):
    printed = program(
        project.path,
        """
        import sys
        from taskdisc import Project

        def number() -> int:
            return 3

        def double(number: int) -> int:
            return 2 * number

        print(Project.from_module(sys.modules["__main__"]).run("double").value)
        """,
    )
    assert printed == "6\n"


SHIFT = "def shift(x):\n    return x + 10\n"

LIVE = """
import sys, datetime
from taskdisc import Project
sys.path.append(".")
import helpers
import late as imported_early

LIMIT = 3
WORDS = ["a", "b"]
DAY = datetime.date(2026, 1, 1)

def _helped(x):
    return x + LIMIT

def first():
    return _helped(1)

def second(first):
    return first + len(WORDS), DAY.isoformat(), helpers.shift(1)

def third():
    from late import shift
    return shift(3)

def run():
    counts = Project.from_functions(first, second, third, root=".").run().report.outcomes
    return sorted(name for name, outcome in counts.items() if outcome == "succeeded")

assert run() == ["first", "second", "third"]
assert run() == []
"""

CHANGES = {
    "def _helped(x):\n    '''Another text.'''\n    # and a comment\n    return x + LIMIT\n": [],
    "def _helped(x):\n    return x + LIMIT + 1\n": ["first", "second"],
    "LIMIT = 4": ["first", "second"],
    "WORDS.append('c')": ["second"],
    "WORDS = WORDS + ['c']": ["second"],
    "DAY = datetime.date(2026, 1, 2)": ["second"],
    "def first():\n    return _helped(0) + 1\n": ["first"],
    "def third():\n    return 3\n": ["third"],
    "OTHER = 1": [],
    "helpers.shift = lambda x: x\n": ["second"],
    "imported_early.shift = lambda x: x\n": ["third"],
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", ["program", "prompt"])
def test_what_counts_as_code_of_functions_in_memory(change, kind, project):
    project.write(helpers=SHIFT, late=SHIFT)
    text = f"{LIVE}\n{change}\nfound = run()\nassert found == {CHANGES[change]!r}, found\nassert run() == []\n"
    if kind == "program":
        program(project.path, text)
    else:
        outcome(project.path, "-", stdin=text)


def test_functions_in_memory_are_known_again_in_the_next_session(project):
    project.write(helpers=SHIFT, late=SHIFT)
    assert outcome(project.path, "-", stdin=LIVE) == ""
    text = LIVE.replace('assert run() == ["first", "second", "third"]\n', "\n\n")
    assert outcome(project.path, "-", stdin=text) == ""


NOTEBOOK = '''
import linecache, sys, threading, asyncio
from types import ModuleType

del sys.modules["__main__"].__file__
number = 0

def cell(text):
    """As a notebook does: each cell is a file of its own, which exists in linecache alone."""
    global number
    number += 1
    name = f"/somewhere/ipykernel_1/{number}.py"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    exec(compile(text, name, "exec"), vars(sys.modules["__main__"]))

threading.Thread(target=threading.Event().wait, daemon=True).start()

async def notebook():
    cell("from taskdisc import Project, TaskFailed, axis, Gather\\nk = axis(1, 2)")
    cell("def part(k: int):\\n    return 10 * k")
    cell("async def whole(part: Gather[int]):\\n    return sum(part.values())")
    cell("project = Project.from_functions(part, whole)\\nrun = project.run('whole')\\nprint(run.value)")
    cell("def whole(part: Gather[int]):\\n    return 1 / 0")
    cell("""
try:
    Project.from_functions(part, whole).run("whole", executor="inline")
except TaskFailed as error:
    print(error.run.report.counts)
    print(error.traceback)
""")
    cell("def whole(part: Gather[int]):\\n    return -sum(part.values())")
    cell("run = Project.from_functions(part, whole).run()\\nprint(run['whole'], run.report.counts)")
    cell("""
def lost(prat):
    return 1
try:
    Project.from_functions(part, lost)
except Exception as error:
    print(str(error).splitlines()[0])
""")

asyncio.run(notebook())
'''


def test_a_notebook(project):
    printed = program(project.path, NOTEBOOK)
    assert printed.splitlines() == [
        "30",
        "{'cached': 2, 'failed': 1}",
        "__main__:1: in whole",
        "/somewhere/ipykernel_1/5.py:2: in whole",
        "    return 1 / 0",
        "E   ZeroDivisionError: division by zero",
        "-30 {'cached': 2, 'succeeded': 1}",
        "__main__:2 lost: nothing fills 'prat'. Did you mean part (__main__:1)? A helper? Call it _lost.",
    ]


# Damage


def test_a_result_that_is_damaged_after_the_run_is_made_again(project):
    project.write(tasks_noise="def noise() -> bytes:\n    return bytes(100_000)\n")
    printed = program(
        project.path,
        """
        from pathlib import Path
        from taskdisc import Project

        run = Project.discover(".").run("noise")
        (large,) = Path(".taskdisc/objects").glob("*/*")
        large.chmod(0o600)
        large.write_bytes(b"damage")
        print(len(run.value), len(run.value))
        """,
    )
    assert printed == "100000 100000\n"


def test_an_index_that_is_no_database_is_moved_aside(project):
    project.write(tasks_one="def one():\n    return 1\n")
    project.run("one").assert_ok()
    (project.path / ".taskdisc" / "index.sqlite").write_bytes(b"no database" * 1000)
    printed = program(
        project.path,
        """
        import warnings
        from taskdisc import Project

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            run = Project.discover(".").run("one")
        print(run.value, run.report.counts, len(caught), "made again" in str(caught[0].message))
        """,
    )
    assert printed == "1 {'succeeded': 1} 1 True\n"


# Options of tasks


def test_values_that_are_not_kept_are_there_for_those_who_name_them(project):
    project.write(
        tasks_large="""
        from taskdisc import task

        @task(keep=False)
        def large() -> list[int]:
            return [1, 2]

        def size(large: list[int]) -> int:
            return len(large)
        """
    )
    printed = program(
        project.path,
        """
        from taskdisc import Project, TaskdiscError

        project = Project.discover(".")
        run = project.run("size")
        try:
            run["large"]
        except TaskdiscError as error:
            print(error)
        run = project.run("size", "large")
        print(run["large"], run["size"])
        """,
    )
    assert printed.splitlines() == [
        "large: its value was not kept (keep=False). Name it: project.run('large')",
        "[1, 2] 2",
    ]


def test_an_artifact_is_there_however_old_it_may_get(project):
    project.write(
        tasks_clock="""
        from taskdisc import task

        @task(cache=False)
        def clock() -> int:
            return 12
        """
    )
    project.run("clock").assert_ok()
    assert (
        program(project.path, "from taskdisc import Project\nprint(Project.discover().artifact('clock').load())")
        == "12\n"
    )
