"""Axes of files and of objects, parametrized tasks, gathers over some axes: through the real command line."""

from __future__ import annotations

import re

import pytest

from taskdisc.testing import Project


def lines(project: Project, *arguments: str) -> list[str]:
    return project.run(*arguments).assert_ok().stdout.splitlines()


FILES = """
    from pathlib import Path
    from taskdisc import Gather, axis, files
    doc = axis(files("data/*.txt"))
    table = files("data/**/*.csv")
    def size(doc: Path): return len(doc.read_text())
    def sizes(size: Gather[int]): return dict(size)
    def tables(table): return [path.name for path in table]
"""


def test_an_axis_of_files(project: Project) -> None:
    project.write({"data/a.txt": "12", "data/b.txt": "123", "data/c.md": ""}, tasks_x=FILES)
    assert lines(project, "sizes") == ["{'data/a.txt': 2, 'data/b.txt': 3}"]
    assert lines(project, "size[doc=data/b.txt]") == ["3"]
    assert lines(project, "size", "-p", "doc=data/a.txt") == ["2"]
    project.write({"data/b.txt": "4"})
    assert project.run("sizes").assert_ok().ran == ["size[doc=data/b.txt]", "sizes"]
    project.write({"data/d.txt": "12"})
    again = project.run("sizes").assert_ok()
    assert again.ran == ["size[doc=data/d.txt]", "sizes"]
    (project.path / "data/a.txt").unlink()
    assert lines(project, "sizes") == ["{'data/b.txt': 1, 'data/d.txt': 2}"]


def test_an_axis_of_files_without_files(project: Project) -> None:
    project.write(tasks_x=FILES)
    assert lines(project, "sizes", "tables") == ["sizes: {}", "tables: []"]


def test_a_list_of_files_counts_by_names_and_contents(project: Project) -> None:
    project.write({"data/x/b.csv": "1", "data/a.csv": "2"}, tasks_x=FILES)
    assert lines(project, "tables") == ["['a.csv', 'b.csv']"]
    assert project.run("tables").ran == []
    project.write({"data/x/b.csv": "3"})
    assert project.run("tables").assert_ok().ran == ["tables"]
    project.write({"data/z.csv": "3"})
    assert lines(project, "tables") == ["['a.csv', 'b.csv', 'z.csv']"]


def test_elements_that_are_objects(project: Project) -> None:
    project.write(
        tasks_x="""
            from dataclasses import dataclass
            from taskdisc import Gather, axis
            @dataclass(frozen=True)
            class Config:
                lr: float
                depth: int = 1
            config = axis(Config(0.1), Config(0.2, 3))
            named = axis({"small": Config(1.0), "big": Config(2.0)})
            def fit(config: Config): return config.lr * config.depth
            def fits(fit: Gather[float]): return {key.lr: value for key, value in fit.items()}
            def other(named): return named.lr
        """
    )
    assert lines(project, "fits") == ["{0.1: 0.1, 0.2: 0.6000000000000001}"]
    assert lines(project, "other[named=big]") == ["2.0"]
    names = [line.partition(":")[0] for line in lines(project, "fit")]
    assert lines(project, *names)[0].startswith(names[0])
    project.write(tasks_x=(project.path / "tasks_x.py").read_text().replace("Config(0.2, 3)", "Config(0.2, 4)"))
    assert project.run("fit").assert_ok().stdout.endswith(": 0.8\n")


PARAMETRIZED = """
    from taskdisc import Gather, axis, parametrize
    seed = axis(range(2))
    @parametrize("lr", [0.1, 0.2])
    def fit(lr: float, seed: int): return lr + seed
    def fits(fit: Gather[float]): return {(at.lr, at.seed): value for at, value in fit.items()}
    def double(fit): return 2 * fit
    @parametrize("a,b", [(1, 2), (3, 4)])
    @parametrize("c", ["x", "y"])
    def several(a, b, c="default"): return f"{a}{b}{c}"
    def all_(several: Gather[str]): return {tuple(at): value for at, value in several.items()}
    @parametrize("model", [{"depth": 1}, {"depth": 2}], ids=["shallow", "deep"])
    def named(model): return model["depth"]
    @parametrize("n", [1, 2], ids=lambda n: f"n{n}")
    def computed(n): return n
"""


def test_parametrize(project: Project) -> None:
    project.write(tasks_x=PARAMETRIZED)
    assert lines(project, "fits") == ["{(0.1, 0): 0.1, (0.1, 1): 1.1, (0.2, 0): 0.2, (0.2, 1): 1.2}"]
    assert lines(project, "double[lr=0.2,seed=1]") == ["2.4"]
    assert lines(project, "fit[lr=0.1]") == ["fit[lr=0.1,seed=0]: 0.1", "fit[lr=0.1,seed=1]: 1.1"]
    assert lines(project, "fit", "-p", "lr=0.2", "-p", "seed=1") == ["1.2"]


def test_parametrize_of_several_parameters_and_ids(project: Project) -> None:
    project.write(tasks_x=PARAMETRIZED)
    assert lines(project, "all_") == [
        "{((1, 2), 'x'): '12x', ((1, 2), 'y'): '12y', ((3, 4), 'x'): '34x', ((3, 4), 'y'): '34y'}"
    ]
    assert lines(project, 'several[a_b="(3,4)",c=y]') == ["34y"]
    assert lines(project, "named") == ["named[model=shallow]: 1", "named[model=deep]: 2"]
    assert lines(project, "computed[n=n2]") == ["2"]
    assert project.run("several").ran == []
    text = (project.path / "tasks_x.py").read_text()
    project.write(tasks_x=text.replace("def several(a, b, c", "def several(b, a, c").replace('("a,b"', '("b,a"'))
    assert lines(project, "several[c=x]")[0].endswith(": 21x")


GATHERED = """
    from taskdisc import Gather, axis, gather, requires
    seed = axis(range(3))
    beta = axis("lo", "hi")
    def sim(beta: str, seed: int): return len(beta) * 10 + seed
    @requires(runs=gather(sim, over="seed"))
    def mean(runs: Gather[int]): return sum(runs.values()) / len(runs), list(runs)
    @requires(runs=gather("sim", over=("seed", "beta")))
    def total(runs): return sum(runs.values())
    @requires(runs=gather("sim", over="seed"))
    def share(runs, sim): return sim / sum(runs.values())
    @requires(one=gather(sim))
    def renamed(one): return len(one)
"""


def test_a_gather_over_some_axes_keeps_the_others(project: Project) -> None:
    project.write(tasks_x=GATHERED)
    assert lines(project, "mean") == ["mean[beta=lo]: (21.0, [0, 1, 2])", "mean[beta=hi]: (21.0, [0, 1, 2])"]
    assert lines(project, "total", "renamed") == ["total: 126", "renamed: 6"]
    assert len(lines(project, "share")) == 6
    assert project.run("mean", "total", "share", "renamed").ran == []


def test_a_slice_of_what_gathers_runs_only_what_it_gathers(project: Project) -> None:
    project.write(tasks_x=GATHERED)
    assert project.run("mean[beta=hi]").assert_ok().ran == [
        "mean[beta=hi]", "sim[beta=hi,seed=0]", "sim[beta=hi,seed=1]", "sim[beta=hi,seed=2]",
    ]  # fmt: skip


def error(project: Project, text: str, code: int = 4) -> str:
    project.write(tasks_x="from taskdisc import *\nimport taskdisc\n" + text)
    result = project.taskdisc("list")
    assert (result.exit_code, result.stdout) == (code, "")
    return result.stderr


HEAD = "seed = axis(1, 2)\ndef sim(seed): ...\n"
MISUSE = [
    (
        HEAD + '@requires(a=gather(sim, over="sed"))\ndef f(a): ...',
        'error: tasks_x.py:6 f: gather("sim", over="sed"): sim has no axis sed. It has seed.\n',
    ),
    (
        '@task\ndef sim(day: str): ...\n@requires(a=gather(sim, over="day"))\ndef f(a): ...',
        'error: tasks_x.py:6 f: gather("sim", over="day"): day is an open parameter: there is nothing to gather. '
        "It has none.\n",
    ),
    (
        "def sim(): ...\n@requires(a=gather(sim))\ndef f(a): ...",
        "error: tasks_x.py:5 f: Gather of a: sim (tasks_x.py:3) has no axes to gather over. "
        "Leave Gather[...] out of the annotation.\n",
    ),
    (
        HEAD + '@requires(a=gather(sim, over=""))\ndef f(a): ...',
        "error: tasks_x.py:5: gather(sim, over=''): over takes the name of an axis, or several.\n",
    ),
    (
        HEAD + '@requires(a=gather("sum"))\ndef f(a): ...',
        "error: tasks_x.py:5 f: @requires(a=...): there is no task 'sum'. Did you mean sim?\n",
    ),
    (
        HEAD + "@requires(a=gather(3))\ndef f(a): ...",
        "error: tasks_x.py:5: gather takes a task's function or its name, not 3.\n",
    ),
    (
        HEAD + '@requires(a=gather(sim, failed="skip"))\ndef f(a): ...',
        'error: tasks_x.py:5: gather(sim): failed takes "block" or "drop", not \'skip\'.\n',
    ),
    (
        HEAD + "@requires(b=gather(sim))\ndef f(a): ...",
        "error: tasks_x.py:6 f: nothing fills 'a'. A helper? Call it _f.\n"
        "    A value? Annotate it, and pass -p a=... With a usual value: give it a default.\n"
        "tasks_x.py:5 f: @requires names 'b', which is no parameter. It has a.\n",
    ),
    (
        HEAD + '@parametrize("a", [1])\n@requires(a=gather(sim))\ndef f(a): ...',
        "error: tasks_x.py:5 f: 'a' is filled twice, by decorators. Leave one out.\n",
    ),
    (
        '@parametrize("lr", [1])\ndef f(): ...',
        "error: tasks_x.py:3 f: @parametrize names 'lr', which is no parameter. It has none.\n",
    ),
    (
        '@parametrize("a,b", [1])\ndef f(a, b): ...',
        "error: tasks_x.py:3: @parametrize('a,b'): 1 is not 2 values. Write a tuple of them.\n",
    ),
    (
        '@parametrize("a", [1, 1])\ndef f(a): ...',
        "error: tasks_x.py:3: @parametrize('a'): elements 1 and 2 are both 1. Leave one out.\n",
    ),
    (
        '@parametrize("a", [1, 2], ids=["x"])\ndef f(a): ...',
        "error: tasks_x.py:3: @parametrize('a'): 2 values, and 1 ids. Give one for each.\n",
    ),
    (
        '@parametrize("a", {1, 2})\ndef f(a): ...',
        "error: tasks_x.py:3: @parametrize('a'): a set has no order. Use sorted(...).\n",
    ),
    (
        '@parametrize("a", "xy")\ndef f(a): ...',
        "error: tasks_x.py:3: @parametrize('a') takes a list of values, not 'xy'.\n",
    ),
    (
        '@parametrize("lr", [1])\ndef f(lr): ...\n@parametrize("lr", [2])\ndef g(lr): ...\ndef h(f, g): ...',
        "error: h would have two axes called lr: tasks_x.py:3 (via f) and tasks_x.py:5 (via g). "
        "Same thing: import one. Otherwise rename one.\n",
    ),
    (
        "k = axis(1, {'lr': 0.1})\ndef f(k): ...",
        "error: axis at tasks_x.py:3: element 2, {'lr': 0.1}, is not hashable. "
        "Label it: axis({\"name\": {'lr': 0.1}}).\n",
    ),
    ("k = files(3)", "error: files at tasks_x.py:3 takes a pattern, not 3.\n"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MISUSE)
def test_misuse(project: Project, text: str, expected: str) -> None:
    assert error(project, text) == expected


def test_instances_of_equal_values_keep_what_each_of_them_made(project: Project) -> None:
    """Labels are no part of the key: what depends on the seed or the id differs nevertheless, and stays."""
    project.write(
        tasks_x="""
        import random
        from taskdisc import Gather, axis

        start = axis({"a": {}, "b": {}, "c": {}})

        @axis
        def late(start):
            return {"x": 1, "y": 1}

        def drawn(start):
            return random.random()

        def later(late):
            return random.random()

        def both(drawn: Gather[float], later: Gather[float]):
            return sorted(map(str, drawn.items())), sorted(map(str, later.items()))
        """
    )
    first = project.run("both").assert_ok().stdout
    assert len(set(re.findall(r"0\.\d+", first))) == 3 + 6
    again = project.run("both").assert_ok()
    assert (again.stdout, again.ran) == (first, [])
    one = project.run("drawn[start=b]", "later[start=a,late=y]").assert_ok()
    assert one.ran == []
    assert all(line.split(": ")[1] in first for line in one.stdout.splitlines())
    renamed = project.path / "tasks_x.py"
    renamed.write_text(renamed.read_text().replace('"c":', '"d":'))
    assert [step for step in project.run("drawn").assert_ok().ran if step.startswith("drawn")] == []
