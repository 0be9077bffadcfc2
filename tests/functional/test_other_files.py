"""Files of other formats, of which a plugin makes tasks."""

from __future__ import annotations

import pytest

from taskdisc.testing import Project

CONFIGURED = {"pyproject.toml": '[tool.taskdisc]\nplugins = ["recipes"]\n'}

RECIPES = """
    from taskdisc import axis, ref, requires

    def taskdisc_collect_file(path):
        if not path.endswith(".recipe"):
            return None
        found = {}
        with open(path) as lines:
            for number, line in enumerate(lines, 1):
                name, _, rest = line.partition(":")
                text, _, inputs = rest.partition("<-")
                if name.startswith("axis "):
                    found[name[5:]] = axis(*text.split()), number
                else:
                    found[name] = _step(text.strip(), inputs.split()), number
        return found

    def _step(text, inputs):
        @requires(given=[ref(name) for name in inputs])
        def step(given: list[str], text: str = text) -> str:
            return text.join(given) if given else text

        return step
    """

PIE = "axis fruit: apple pear\ndough: flour\nfilling: + <- dough sugar\npie: / <- filling\n"


def test_tasks_of_another_format_work_as_others_do(project: Project) -> None:
    project.write({**CONFIGURED, "kitchen/pie.recipe": PIE}, recipes=RECIPES, tasks_a="def sugar(): return 'sugar'")
    assert project.taskdisc("list").assert_ok().stdout.splitlines() == [
        "sugar    tasks_a.py:1",
        "dough    kitchen/pie.recipe:2",
        "filling  kitchen/pie.recipe:3",
        "pie      kitchen/pie.recipe:4",
    ]
    assert project.run("pie").assert_ok().stdout == "flour+sugar\n"
    assert project.run("pie").assert_ok().ran == []
    assert project.run("kitchen/pie.recipe::filling").assert_ok().stdout == "flour+sugar\n"
    project.write({"kitchen/pie.recipe": PIE.replace("+", "&")})
    assert project.run("pie").assert_ok().ran == ["filling", "pie"]
    assert project.taskdisc("explain", "dough", "-p", "dough.text=rye").assert_ok().stdout == (
        "dough: run\n    setting text: 'flour' -> 'rye'\n"
    )
    project.write({"kitchen/pie.recipe": PIE})
    assert project.run("pie").assert_ok().ran == []


@pytest.mark.parametrize("executor", ["process", "inline", "command"])
def test_wherever_tasks_run(project: Project, executor: str) -> None:
    project.write({**CONFIGURED, "pie.recipe": PIE}, recipes=RECIPES, tasks_a="def sugar(): return 'sugar'")
    assert project.run("pie", "--executor", executor).assert_ok().stdout == "flour+sugar\n"


def test_a_change_of_the_plugins_own_code_counts_where_it_is_the_projects(project: Project) -> None:
    project.write({**CONFIGURED, "pie.recipe": PIE}, recipes=RECIPES, tasks_a="def sugar(): return 'sugar'")
    project.run("pie").assert_ok()
    project.write(recipes=RECIPES.replace("else text", "else text.upper()"))
    assert project.run("pie").assert_ok().stdout == "FLOUR+sugar\n"


CLOSURES = """
    from taskdisc import fixture, file

    def taskdisc_collect_file(path):
        if path.endswith(".words"):
            with open(path) as lines:
                return dict(_step(*line.split()) for line in lines) | {"oven": _oven(), "notes": file("notes.txt")}

    def _step(name, word):
        def step(oven, notes):
            return f"{word} in {oven}, {notes.read_text()}"
        return name, step

    def _oven():
        @fixture
        def oven():
            return "the oven"
        return oven
    """


@pytest.mark.parametrize("executor", ["process", "command"])
def test_what_closures_hold_counts_and_fixtures_and_files_work(project: Project, executor: str) -> None:
    files = {**CONFIGURED, "a.words": "one bread\ntwo cake\n", "notes.txt": "hot"}
    project.write(files, recipes=CLOSURES)
    executed = project.run("one", "two", "--executor", executor).assert_ok()
    assert executed.stdout == "one: bread in the oven, hot\ntwo: cake in the oven, hot\n"
    project.write({"a.words": "one bread\ntwo rolls\n"})
    assert project.run("one", "two", "--executor", executor).assert_ok().ran == ["two"]
    project.write({"notes.txt": "cold"})
    assert project.run("one", "two", "--executor", executor).assert_ok().ran == ["one", "two"]


def test_axes_of_another_format(project: Project) -> None:
    tasks = "from taskdisc import axis\ndef f(): return 1\n"
    recipes = """
        from taskdisc import axis, Gather

        def taskdisc_collect_file(path):
            if path.endswith(".grid"):
                return {"size": axis(*open(path).read().split()), "area": lambda size: size * 2, "all": _all()}

        def _all():
            def all(area: Gather[str]) -> str:
                return ",".join(area.values())
            return all
        """
    project.write({**CONFIGURED, "x.grid": "a b"}, recipes=recipes, tasks_a=tasks)
    assert project.run("all").assert_ok().stdout == "aa,bb\n"
    assert project.run("area[size=b]").assert_ok().stdout == "bb\n"


def test_a_file_that_would_be_a_module_is_none_then(project: Project) -> None:
    recipes = """
        def taskdisc_collect_file(path):
            return {"other": lambda: 2} if path.endswith("tasks_not.py") else None
        """
    project.write(CONFIGURED, recipes=recipes, tasks_not="1 / 0", tasks_a="def one(): return 1")
    assert project.run("one", "other").assert_ok().stdout == "one: 1\nother: 2\n"


PROBLEMS = {
    "'pie': __import__('taskdisc').requires(given=__import__('taskdisc').ref('aple'))(lambda given: 1)": (
        "x.recipe:1 pie: @requires(given=...): there is no task 'aple'. Did you mean apple?"
    ),
    "'pie': lambda aple: 1": "x.recipe:1 pie: nothing fills 'aple'. Did you mean apple (x.recipe:7)?",
    "'a pie': len": "x.recipe:1: 'a pie' is no name of a task. Letters, digits and _ make one.",
    "'pie': 3": "x.recipe:1 pie: 3 is neither a function nor an axis, a file or files.",
    "'pie': lambda *inputs: 1": "x.recipe:1 pie: a task's parameters are its dependencies, and *args names none.",
}


@pytest.mark.parametrize("pair", PROBLEMS)
def test_mistakes_are_told_where_they_are(project: Project, pair: str) -> None:
    recipes = f"""
        def taskdisc_collect_file(path):
            return {{{pair}, "apple": (lambda: 1, 7)}} if path.endswith(".recipe") else None
        """
    project.write({**CONFIGURED, "x.recipe": ""}, recipes=recipes)
    result = project.run("pie")
    assert result.exit_code == 4
    assert result.stderr.startswith(f"error: {PROBLEMS[pair]}")


def test_what_is_no_mapping_is_refused(project: Project) -> None:
    recipes = "def taskdisc_collect_file(path): return [1] if path.endswith('.recipe') else None"
    project.write({**CONFIGURED, "x.recipe": ""}, recipes=recipes)
    result = project.run("pie")
    assert (result.exit_code, result.stderr) == (
        4,
        "error: taskdisc_collect_file returned [1] for x.recipe. It returns what the file defines, by name.\n",
    )


def test_files_that_are_left_out_are_not_offered(project: Project) -> None:
    recipes = """
        def taskdisc_ignore_path(path):
            return path.endswith("not.recipe") or None

        def taskdisc_collect_file(path):
            return {"pie": lambda: 1} if path.endswith(".recipe") else None
        """
    files = {"a.recipe": "", "not.recipe": "", ".hidden/b.recipe": "", "venv/pyvenv.cfg": "", "venv/c.recipe": ""}
    project.write({**CONFIGURED, **files}, recipes=recipes)
    assert project.taskdisc("list").assert_ok().stdout == "pie  a.recipe:1\n"
