"""`@requires`: refs, structures, planners, recursion. Real projects, the real command line."""

from __future__ import annotations

import pytest

from taskdisc.testing import Project


def lines(project: Project, *arguments: str) -> list[str]:
    return project.run(*arguments).assert_ok().stdout.splitlines()


CHOOSE = """
    from taskdisc import ref, requires
    def _prev(n: int, k: int):
        return [ref(choose, n=n - 1, k=k - 1), ref(choose, n=n - 1, k=k)] if 0 < k < n else []
    @requires(prev=_prev)
    def choose(n: int, k: int, prev: list[int]) -> int:
        return sum(prev) if prev else 1
"""


def test_binomial_coefficients_by_recursion(project: Project) -> None:
    project.write(tasks_x=CHOOSE)
    first = project.run("choose", "-p", "n=6", "-p", "k=3").assert_ok()
    assert first.stdout == "20\n"
    assert len(first.ran) == 15
    assert project.run("choose[k=3,n=6]").assert_ok().ran == []
    assert project.run("choose[n=5,k=2]").assert_ok().ran == []
    assert lines(project, "choose[n=7,k=3]") == ["35"]


def test_a_chain_of_ten_thousand(project: Project) -> None:
    project.write(
        tasks_x="""
            from taskdisc import ref, requires
            @requires(before=lambda n: ref(chain, n=n - 1) if n else None)
            def chain(n: int, before): return 0 if before is None else before + 1
        """
    )
    assert lines(project, "chain", "-p", "n=10000") == ["10000"]
    assert project.run("chain", "-p", "n=10000").assert_ok().ran == []


def test_two_tasks_that_need_each_other_by_turns(project: Project) -> None:
    project.write(
        tasks_x="""
            from taskdisc import ref, requires
            @requires(odd=lambda n: ref("odd", n=n - 1) if n else None)
            def even(n: int, odd): return True if odd is None else odd
            @requires(even=lambda n: ref(even, n=n - 1) if n else None)
            def odd(n: int, even): return False if even is None else even
        """
    )
    assert lines(project, "even", "odd", "-p", "n=9") == ["even[n=9]: False", "odd[n=9]: True"]


STRUCTURES = """
    from pathlib import Path
    from taskdisc import Gather, axis, file, files, gather, ref, requires, task
    k = axis(1, 2, 3)
    beta = axis("lo", "hi")
    @task(outputs=("train", "test"))
    def split(k): return [k], {"rows": [k * 10, k * 20]}
    def score(k, beta, scale: int = 1): return k * scale * (2 if beta == "hi" else 1)
    @requires(
        mixed={
            "one": ref(score, k=1, beta="hi"),
            "two": [ref("score", k=2, beta="lo"), (ref(split, k=3)["test"]["rows"][1], "constant")],
            "all": gather(score, over="k", beta="hi"),
            "file": file("a.txt"),
            "files": files("*.txt"),
            "whole": ref(split, k=2),
            "n": None,
        }
    )
    def report(mixed):
        mixed["all"] = dict(mixed["all"])
        mixed["file"] = mixed["file"].read_text()
        mixed["files"] = [path.name for path in mixed["files"]]
        return mixed
    @requires(part=ref(split)["train"], renamed=ref(score, beta="lo"))
    def inherits(part, renamed): return part, renamed
    @requires(plain=ref("test"))
    def output(plain): return plain
"""


def test_structures(project: Project) -> None:
    project.write({"a.txt": "A", "b.txt": "B"}, tasks_x=STRUCTURES)
    (printed,) = [" ".join(lines(project, "report"))]
    assert printed == (
        "{'all': {1: 2, 2: 4, 3: 6},  'file': 'A',  'files': ['a.txt', 'b.txt'],  'n': None,  'one': 2,"
        "  'two': [2, (60, 'constant')],  'whole': {'test': {'rows': [20, 40]}, 'train': [2]}}"
    )
    assert project.run("report").assert_ok().ran == []
    project.write({"a.txt": "C"})
    assert project.run("report").assert_ok().ran == ["report"]
    project.write({"c.txt": "D"})
    assert project.run("report").assert_ok().ran == ["report"]


def test_a_ref_inherits_the_axes_that_it_does_not_bind(project: Project) -> None:
    project.write({"a.txt": "A"}, tasks_x=STRUCTURES)
    assert lines(project, "inherits") == [f"inherits[k={k}]: ([{k}], {k})" for k in (1, 2, 3)]
    assert lines(project, "output[k=1]") == ["{'rows': [10, 20]}"]


def test_a_bound_setting_makes_another_instance_unless_it_is_the_runs(project: Project) -> None:
    project.write(
        tasks_x="""
            from taskdisc import axis, ref, requires
            seed = axis(1, 2)
            def fit(seed, lr: float = 0.1, depth: int = 1): return seed, lr, depth
            def score(fit): return fit
            @requires(fits=lambda: [ref(fit, seed=1, lr=lr) for lr in (0.1, 0.2)] + [ref(fit, seed=1, lr=0.3, depth=2)])
            def compare(fits): return fits
        """
    )
    result = project.run("compare").assert_ok()
    assert result.stdout == "[(1, 0.1, 1), (1, 0.2, 1), (1, 0.3, 2)]\n"
    assert result.ran == ["compare", "fit[seed=1,depth=2,lr=0.3]", "fit[seed=1,lr=0.2]", "fit[seed=1]"]
    assert project.run("fit[seed=1]", "-p", "lr=0.2").assert_ok().ran == []
    again = project.run("compare", "-p", "lr=0.2").assert_ok()
    assert again.ran == []


def test_refs_give_open_parameters_dicts_and_lists(project: Project) -> None:
    project.write(
        tasks_x="""
            from taskdisc import ref, requires, task
            @task
            def fit(options: dict[str, int], rows: list[int]): return sum(options.values()) * sum(rows)
            @requires(fits=[ref(fit, options={"a": 1, "b": 2}, rows=[1, r]) for r in (1, 2, 1)])
            def fits(fits): return fits
        """
    )
    result = project.run("fits").assert_ok()
    assert result.stdout == "[6, 9, 6]\n"
    assert len(result.ran) == 3
    assert lines(project, "fit", "-p", 'options={"b": 2, "a": 1}', "-p", "rows=[1, 2]") == ["9"]
    assert project.run("fit", "-p", 'options={"b": 2, "a": 1}', "-p", "rows=[1, 2]").assert_ok().ran == []


DYNAMIC = """
    from taskdisc import ref, requires, task, file
    source = file("index.txt")
    def index(source): return source.read_text().split()
    @task
    def page(url: str): return url.upper()
    @requires(pages=lambda index: {u: ref(page, url=u) for u in index})
    def site(pages: dict[str, str]) -> str: return pages
    def length(site): return len(site)
"""


def test_a_planner_that_needs_a_task(project: Project) -> None:
    project.write({"index.txt": "u v"}, tasks_x=DYNAMIC)
    plan = project.taskdisc("run", "-n", "length").assert_ok()
    assert plan.stdout.splitlines() == ["run: index", "may run: site.pages", "may run: site", "may run: length"]
    first = project.run("length", "site").assert_ok()
    assert first.stdout == "length: 2\nsite: {'u': 'U', 'v': 'V'}\n"
    assert first.ran == ["index", "length", "page[url=u]", "page[url=v]", "site", "site.pages"]
    assert project.run("length").assert_ok().ran == []
    project.write({"index.txt": "u  w"})
    assert project.run("length").assert_ok().ran == ["index", "length", "page[url=w]", "site", "site.pages"]
    assert project.taskdisc("run", "-n", "--exit-code", "site").exit_code == 0


def test_planners_may_name_tasks_axes_settings_and_other_requirements(project: Project) -> None:
    project.write(
        tasks_x="""
            from taskdisc import Gather, axis, gather, ref, requires, task
            k = axis(1, 2)
            def base(k): return k * 10
            def sums(base: Gather[int]): return base
            @requires(
                first=lambda k, extra: [ref(base, k=k)] * extra,
                second=lambda first, base: [ref(base_of, n=sum(first)), base],
                base=lambda base: ref(base_of, n=7),
            )
            def f(k, first, second, base, extra: int = 2): return k, first, second, base
            @task
            def base_of(n: int): return -n
        """
    )
    assert lines(project, "f[k=2]") == ["(2, [20, 20], [-40, -7], -7)"]
    assert lines(project, "f[k=1]", "-p", "extra=1") == ["(1, [10], [-10, -7], -7)"]
    assert project.run("f[k=1]", "-p", "extra=1").assert_ok().ran == []


def test_the_outcome_of_a_planner_counts_not_its_code(project: Project) -> None:
    text = """
        from taskdisc import ref, requires, task
        @task
        def page(n: int): return n
        @requires(pages=lambda: [ref(page, n=n) for n in {}])
        def f(pages): return pages
    """
    project.write(tasks_x=text.format("(1, 2)"))
    assert project.run("f").assert_ok().ran == ["f", "page[n=1]", "page[n=2]"]
    project.write(tasks_x=text.format("range(1, 3)"))
    assert project.run("f").assert_ok().ran == []
    project.write(tasks_x=text.format("range(2, 4)"))
    assert project.run("f").assert_ok().ran == ["f", "page[n=3]"]


def test_refs_to_tasks_with_nested_and_dynamic_axes(project: Project) -> None:
    project.write(
        tasks_x="""
            from taskdisc import axis, gather, ref, requires
            book = axis("a", "b")
            def parts(book): return [1, 2] if book == "a" else [2, 3]
            @axis
            def chapter(parts): return parts
            def text(chapter, book): return f"{book}{chapter}"
            @requires(one=lambda: ref(text, book="b", chapter=3), others=lambda book: gather(text, over="chapter"))
            def f(book, one, others): return one, list(others)
            @requires(same=lambda chapter: ref(text, book="b") if chapter == 2 else None)
            def other(chapter, same): return same
        """
    )
    assert lines(project, "f") == ["f[book=a]: ('b3', [1, 2])", "f[book=b]: ('b3', [2, 3])"]
    assert lines(project, "other[book=a,chapter=2]") == ["b2"]
    assert project.run("f").assert_ok().ran == []


def test_a_planner_may_gather_what_a_task_has_chosen(project: Project) -> None:
    project.write(
        tasks_x="""
            from taskdisc import Gather, axis, gather, ref, requires
            family = axis("tree", "line")
            lr = axis(1, 2, 3)
            fold = axis(range(2))
            def fit(family, lr, fold): return {"tree": 10, "line": 5}[family] * lr + fold
            @requires(scores=gather(fit, over="fold"))
            def score(scores): return sum(scores.values()) / len(scores)
            def best(score: Gather[float]): return max(score, key=score.__getitem__)
            @requires(folds=lambda best: gather(fit, over="fold", family=best.family, lr=best.lr))
            def refit(best, folds): return tuple(best), list(folds.values())
        """
    )
    assert lines(project, "refit") == ["(('tree', 3), [30, 31])"]
    assert project.run("refit").assert_ok().ran == []


def error(project: Project, text: str, *command: str) -> tuple[int, str]:
    project.write(tasks_x="from taskdisc import *\nimport taskdisc\n" + text)
    result = project.taskdisc(*(command or ("run", "f")))
    assert result.stdout == ""
    return result.exit_code, result.stderr


SIM = "k = axis(1, 2)\nseed = axis(1, 2)\ndef acc(k, seed, lr: int = 1): ...\n"
REFUSED = [
    (
        SIM + "@requires(rel=lambda: ref(acc, k=1))\ndef f(rel): ...",
        "error: rel (tasks_x.py:6 f): ref(acc, k=1) leaves axis seed open. Bind it (seed=...), "
        'name seed in the planner, or gather(acc, over="seed").\n',
    ),
    (
        SIM + "@requires(rel=[ref(acc, k=1, seed=9)])\ndef f(rel): ...",
        "error: rel (tasks_x.py:6 f): ref(acc, k=1, seed=9): axis seed (tasks_x.py:4) has no element 9. It has 1, 2.\n",
    ),
    (
        SIM + "@requires(rel=[ref(acc, k=1, seed=1, lr=2, x=3)])\ndef f(rel): ...",
        "error: rel (tasks_x.py:6 f): ref(acc, k=1, seed=1, lr=2, x=3): acc has no axis and no setting x. "
        "It has k, seed, lr.\n",
    ),
    (
        SIM + "def top(acc): ...\n@requires(rel=[ref(top, k=1, seed=1, lr=2)])\ndef f(rel): ...",
        "error: rel (tasks_x.py:7 f): ref(top, k=1, seed=1, lr=2): lr is a setting of acc, and a ref binds settings of "
        "top itself. Make it an open parameter of acc: no default, an annotation, @task.\n",
    ),
    (
        SIM + "@requires(rel={ref(acc, k=1, seed=1)})\ndef f(rel): ...",
        "error: tasks_x.py:6 f: @requires(rel=...): ref(acc, k=1, seed=1) stands in a set, where nothing looks for it. "
        "Put it into a list, a tuple or a dict.\n",
    ),
    (
        SIM + "@requires(rel=lambda: (ref(acc, k=1, seed=s) for s in (1, 2)))\ndef f(rel): ...",
        "error: rel (tasks_x.py:6 f): a generator cannot be kept. Make it a list.\n",
    ),
    (
        SIM + "@requires(rel=lambda: {ref(acc, k=1, seed=1): 2})\ndef f(rel): ...",
        "error: rel (tasks_x.py:6 f): ref(acc, k=1, seed=1) stands in a dict's keys, where nothing looks for it. "
        "Put it into a list, a tuple or a dict.\n",
    ),
    (
        SIM + "@requires(rel=lambda: ref('accc', k=1))\ndef f(rel): ...",
        "error: rel (tasks_x.py:6 f): there is no task 'accc'. Did you mean acc?\n",
    ),
    (
        "def _helper(): ...\n@requires(rel=lambda: ref(_helper))\ndef f(rel): ...",
        "error: rel (tasks_x.py:4 f): _helper is no task of this project: a public function of a tasks_*.py is one.\n",
    ),
    (
        "@requires(a=lambda b: b, b=lambda a: a)\ndef f(a, b): ...",
        "error: circle of tasks: f.a -> f.b -> f.a\n"
        "    tasks_x.py:3 f.a depends on b\n    tasks_x.py:3 f.b depends on a\n"
        "    One of them must do without the other: rename a parameter, or split a task.\n",
    ),
    (
        "@requires(a=lambda task_dir: [])\ndef f(a): ...",
        "error: tasks_x.py:3 f: its planner of 'a' asks for task_dir, which there is only while a task runs. "
        "Leave it out.\n",
    ),
    (
        "@requires(a=lambda n: ref(f, n=(n + 1) % 3))\ndef f(n: int, a): ...",
        "error: circle of instances: f[n=0] -> f[n=1] -> f[n=2] -> f[n=0] (through @requires(a=...), tasks_x.py:3)\n",
    ),
    (
        "@requires(a=lambda n: ref(f, n=n + 1))\ndef f(n: int, a): ...",
        "error: f: there are more than 500 instances. Is there an end to what its planner asks for? "
        "If there is: max_instances in [tool.taskdisc].\n",
    ),
    (
        "@requires(a=lambda: 1 / 0)\ndef f(a): ...",
        "error: tasks_x.py:3 f.a: raised while planning:\ntasks_x.py:3: in <lambda>\n"
        "    @requires(a=lambda: 1 / 0)\nE   ZeroDivisionError: division by zero\n",
    ),
    (
        "@requires()\ndef f(a): ...",
        "error: tasks_x.py:3: @requires takes parameters by name: @requires(prev=ref(...)).\n",
    ),
    (
        "@requires(a=ref(3))\ndef f(a): ...",
        "error: tasks_x.py:3: ref takes a task's function or its name, not 3.\n",
    ),
    (
        "@requires(a=1)\n@requires(a=2)\ndef f(a): ...",
        "error: tasks_x.py:3: @requires(a=...) is given twice. Leave one out.\n",
    ),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED, ids=range(len(REFUSED)))
def test_misuse(project: Project, text: str, expected: str) -> None:
    project.write({"pyproject.toml": "[tool.taskdisc]\nmax_instances = 500\n"})
    command = ("run", "f", "-p", "n=0") if "n: int" in text else ("run", "f")
    assert error(project, text, *command) == (4, expected)


def test_a_circle_that_comes_up_on_the_way(project: Project) -> None:
    project.write(
        tasks_x="""
            from taskdisc import ref, requires, task
            def source(): return 3
            @requires(a=lambda n, source: ref(f, n=(n + 1) % source))
            def f(n: int, a): ...
        """
    )
    result = project.run("f[n=0]")
    assert result.exit_code == 4
    assert "circle of instances: f[n=0] -> f[n=1] -> f[n=2] -> f[n=0] (through @requires(a=...)" in result.stderr


def test_a_planner_that_fails_in_a_worker(project: Project) -> None:
    project.write(
        tasks_x="""
            from taskdisc import ref, requires
            def source(): return 0
            @requires(a=lambda source: 1 / source)
            def f(a): return 1
            def g(f): return 2
        """
    )
    result = project.run("g")
    assert result.exit_code == 1
    assert result.outcomes["f.a"] == "failed"
    assert "2 blocked" in result.stderr


def test_what_a_grown_instance_needs_by_name_is_taken_from_the_store(project: Project) -> None:
    text = """
        from taskdisc import ref, requires, task
        @task
        def size(n: int): return n
        @requires(rest=lambda n: ref(total, n=n - 1) if n else 0)
        def total(n: int, size, rest): return size + rest + {}
    """
    project.write(tasks_x=text.format(0))
    assert lines(project, "total[n=3]") == ["6"]
    project.write(tasks_x=text.format(1))
    again = project.run("total[n=3]").assert_ok()
    assert (again.stdout, again.ran) == ("10\n", [f"total[n={n}]" for n in range(4)])
    assert again.counts == {"succeeded": 4, "cached": 4}


def test_ids_of_grown_instances_can_be_pasted_back(project: Project) -> None:
    project.write(tasks_x=CHOOSE)
    first = project.run("choose", "-p", "n=4", "-p", "k=2").assert_ok()
    for name in first.ran:
        assert project.run(name).assert_ok().ran == []
