"""What a project can say: axes, gathers, settings, outputs, files, names; each by running it."""

from __future__ import annotations

from taskdisc.testing import Project

GRID = """
    from taskdisc import Gather, axis
    k = axis(1, 3)
    seed = axis(range(2))
    def data(seed): return seed * 10
    def model(data, k): return data + k
    def score(model, data): return model - data
    def total(score: Gather[int]): return sum(score.values())
    def crossed(k, seed): return (k, seed)
"""


def lines(project: Project, *arguments: str) -> list[str]:
    return project.run(*arguments).assert_ok().stdout.splitlines()


def test_shared_axes_join(project: Project) -> None:
    project.write(tasks_x=GRID)
    assert lines(project, "score") == [
        "score[k=1,seed=0]: 1",
        "score[k=1,seed=1]: 1",
        "score[k=3,seed=0]: 3",
        "score[k=3,seed=1]: 3",
    ]
    assert lines(project, "total") == ["8"]


def test_different_axes_cross(project: Project) -> None:
    project.write(tasks_x=GRID)
    assert lines(project, "crossed") == [
        "crossed[k=1,seed=0]: (1, 0)",
        "crossed[k=1,seed=1]: (1, 1)",
        "crossed[k=3,seed=0]: (3, 0)",
        "crossed[k=3,seed=1]: (3, 1)",
    ]


def test_a_slice_runs_what_it_needs(project: Project) -> None:
    project.write(tasks_x=GRID)
    result = project.run("score[k=3]").assert_ok()
    assert result.stdout.splitlines() == ["score[k=3,seed=0]: 3", "score[k=3,seed=1]: 3"]
    assert len(result.ran) == 6
    assert project.run("score[seed=1,k=3]").assert_ok().stdout == "3\n"
    assert project.run("score[k=1,seed=1]").assert_ok().ran == ["model[k=1,seed=1]", "score[k=1,seed=1]"]


def test_elements_of_an_axis_from_the_command_line(project: Project) -> None:
    project.write(tasks_x=GRID)
    assert lines(project, "crossed", "-p", "k=3,7", "-p", "seed=1") == [
        "crossed[k=3,seed=1]: (3, 1)",
        "crossed[k=7,seed=1]: (7, 1)",
    ]
    assert lines(project, "total", "-p", "seed=5") == ["4"]


def test_gather_over_one_axis_is_keyed_by_label(project: Project) -> None:
    project.write(
        tasks_x="""
            from taskdisc import Gather, axis
            size = axis({"small": 1, "big": [10]})
            def value(size): return size
            def both(value: Gather[object]): return dict(value), value["big"], len(value)
            def quoted(value: "Gather[object]"): return list(value)
        """
    )
    assert lines(project, "both") == ["({'small': 1, 'big': [10]}, [10], 2)"]
    assert lines(project, "quoted", "-p", "size=big,small") == ["['big', 'small']"]
    assert lines(project, "value[size=big]") == ["[10]"]


def test_gather_over_several_axes_is_keyed_by_coordinate(project: Project) -> None:
    project.write(
        tasks_x="""
            import pickle
            import taskdisc
            b = taskdisc.axis("x", "y")
            a = taskdisc.axis(1, 2)
            def cell(a, b): return f"{a}{b}"
            def fields(cell: taskdisc.Gather[str]):
                return [(key.a, key.b, value) for key, value in cell.items()]
            def lookup(cell: taskdisc.Gather[str]): return cell[2, "y"]
            def keys(cell: taskdisc.Gather[str]): return list(cell)
            def kept(keys): return keys[0] == pickle.loads(pickle.dumps(keys[0])) and keys[3].b
        """
    )
    assert lines(project, "fields") == ["[(1, 'x', '1x'), (1, 'y', '1y'), (2, 'x', '2x'), (2, 'y', '2y')]"]
    assert lines(project, "lookup", "kept") == ["lookup: 2y", "kept: y"]
    assert lines(project, "keys")[0].startswith("[Coordinate(a=1, b='x'), ")


def test_a_gathered_axis_can_be_named_besides(project: Project) -> None:
    project.write(tasks_x=GRID + "    def share(score: Gather[int], score_of, k): return sum(score.values())\n"
                                 "    def score_of(score): return score\n")  # fmt: skip
    assert len(lines(project, "share")) == 4
    assert lines(project, "share[k=1,seed=0]") == ["8"]


def test_an_empty_axis(project: Project) -> None:
    project.write(
        tasks_x="""
            from taskdisc import Gather, axis
            k = axis([])
            def one(k): return k
            def all_(one: Gather[int]): return dict(one)
        """
    )
    assert lines(project, "all_") == ["{}"]
    result = project.run("one").assert_ok()
    assert result.stdout == ""
    assert result.stderr.startswith("nothing to do: no instances")
    none = project.run("one[k=1]")
    assert (none.exit_code, none.stderr) == (5, "error: one[k=1]: one has no k=1. It has no elements in this run.\n")


def test_labels_of_all_types_are_told_apart_and_can_be_pasted_back(project: Project) -> None:
    project.write(
        tasks_x="""
            import datetime, enum
            from taskdisc import axis
            class Colour(enum.Enum):
                RED = 1
            v = axis(1, True, 1.0, None, "1", "a b", 'q"u', "", (1, "x"), datetime.date(2026, 1, 2), Colour.RED)
            def f(v): return type(v).__name__
        """
    )
    printed = lines(project, "f")
    assert printed == [
        "f[v=1]: int",
        "f[v=True]: bool",
        "f[v=1.0]: float",
        "f[v=None]: NoneType",
        'f[v="1"]: str',
        'f[v="a b"]: str',
        'f[v="q\\"u"]: str',
        'f[v=""]: str',
        'f[v="(1,x)"]: tuple',
        "f[v=2026-01-02]: date",
        "f[v=Colour.RED]: Colour",
    ]
    names = [line.rpartition(": ")[0] for line in printed]
    again = project.run(*names).assert_ok()
    assert again.stdout.splitlines() == printed
    assert again.ran == []


def test_a_tuple_and_a_str_are_one_element(project: Project) -> None:
    project.write(tasks_x="from taskdisc import axis\na, b = axis((1, 2)), axis('xy')\ndef f(a, b): return a, b")
    assert lines(project, "f") == ["((1, 2), 'xy')"]


SETTINGS = """
    def f(s: int = 1, names: tuple[str, ...] = ()): return s, names
    def g(s: int = 1): return s
"""


def test_settings_the_nearest_wins(project: Project) -> None:
    table = "[tool.taskdisc.params]\ns = 2\n[tool.taskdisc.params.f]\ns = 3\n[tool.taskdisc.profiles.p.params]\ns = 4\n"
    project.write(tasks_x=SETTINGS)
    assert lines(project, "f", "g") == ["f: (1, ())", "g: 1"]
    project.write({"pyproject.toml": table})
    assert lines(project, "f", "g") == ["f: (3, ())", "g: 2"]
    assert lines(project, "f", "g", "--profile", "p") == ["f: (4, ())", "g: 4"]
    assert lines(project, "f", "g", "--profile", "p", "-p", "s=5") == ["f: (5, ())", "g: 5"]
    assert lines(project, "f", "g", "-p", "s=5", "-p", "f.s=6") == ["f: (6, ())", "g: 5"]
    assert lines(project, "f", "-p", "names=a,b") == ["(3, ('a', 'b'))"]


def test_results_of_other_settings_stay(project: Project) -> None:
    project.write(tasks_x=SETTINGS)
    assert project.run("g").ran == ["g"]
    assert project.run("g", "-p", "s=2").ran == ["g"]
    assert project.run("g").ran == []
    assert project.run("g", "-p", "g.s=2").ran == []


OPEN = """
    from taskdisc import Gather, axis, task
    k = axis(1, 2)
    @task
    def day(date: str, k): return date, k
    def week(day): return day
    def total(day: Gather[tuple]): return dict(day)
    @task
    def number(n: int): return n
    def free(): return "free"
"""


def test_open_parameters_are_given_by_the_run(project: Project) -> None:
    project.write(tasks_x=OPEN)
    assert lines(project, "week[date=2026-01-02]") == [
        "week[date=2026-01-02,k=1]: ('2026-01-02', 1)",
        "week[date=2026-01-02,k=2]: ('2026-01-02', 2)",
    ]
    assert lines(project, "total", "-p", "date=x") == ["{1: ('x', 1), 2: ('x', 2)}"]
    assert lines(project, "number[n=3]") == ["3"]
    assert project.run("number", "-p", "n=3").assert_ok().ran == []


def test_a_run_of_everything_tells_what_it_leaves_out(project: Project) -> None:
    project.write(tasks_x=OPEN)
    result = project.run().assert_ok()
    assert result.ran == ["free"]
    assert result.stderr.splitlines()[:-1] == [
        f"left out: {name}, until somebody gives -p {open_}=..."
        for name, open_ in (("day", "date"), ("week", "date"), ("total", "date"), ("number", "n"))
    ]


def test_named_outputs(project: Project) -> None:
    project.write(
        tasks_x="""
            from taskdisc import task
            import helpers
            @task(outputs=("train", "test"))
            def split(): return helpers.split()
            @task(outputs=("u", "v"))
            def mapped(): return {"v": 1, "u": 2}
            def trained(train): return train
            def tested(test): return test
            def whole(split, u): return split, u
        """,
        helpers="def split(): return [1], [2, 3]",
    )
    assert lines(project, "trained", "tested", "whole") == [
        "trained: [1]",
        "tested: [2, 3]",
        "whole: ({'train': [1], 'test': [2, 3]}, 2)",
    ]
    assert lines(project, "test") == ["[2, 3]"]
    assert lines(project, "mapped") == ["{'u': 2, 'v': 1}"]
    project.write(helpers="def split(): return [1], [2, 3, 4]")
    assert project.run("trained", "tested", "whole").assert_ok().ran == ["split", "tested", "whole"]


def test_a_single_named_output(project: Project) -> None:
    project.write(
        tasks_x="""
            from taskdisc import task
            @task(outputs=("only",))
            def made(): return {"only": list(range(30_000))}
            def length(only): return len(only)
            def whole(made): return list(made)
        """
    )
    assert lines(project, "length", "whole") == ["length: 30000", "whole: ['only']"]
    project.taskdisc("clear", "length", "whole").assert_ok()
    assert project.run("length", "whole").assert_ok().ran == ["length", "whole"]
    assert project.taskdisc("show", "only").assert_ok().stdout.startswith("[0,")
    assert project.taskdisc("verify").exit_code == 0


def test_an_input_file_counts_by_its_content(project: Project) -> None:
    project.write(
        {"data/words.txt": "one two"},
        tasks_x="""
            from pathlib import Path
            from taskdisc import file
            raw = file("data/words.txt")
            folder = file("data")
            def words(raw: Path): return raw.read_text().split()
            def count(words): return len(words)
            def names(folder): return sorted(path.name for path in folder.iterdir())
        """,
    )
    assert lines(project, "count", "names") == ["count: 2", "names: ['words.txt']"]
    assert project.run("count").ran == []
    project.write({"data/words.txt": "one  two"})
    assert project.run("count").assert_ok().ran == ["words"]
    project.write({"data/words.txt": "one two three"})
    assert project.run("count").assert_ok().ran == ["count", "words"]
    project.write({"data/words.txt": "one two"})
    assert project.run("count").assert_ok().ran == []
    project.write({"data/more.txt": ""})
    assert lines(project, "names") == ["['more.txt', 'words.txt']"]


FILES = """
    from pathlib import Path
    def made(task_dir: Path):
        (task_dir / "sub").mkdir()
        (task_dir / "sub" / "x.txt").write_text("hello")
        return {"file": task_dir / "sub" / "x.txt"}
    def user(made): return made["file"].read_text()
    def tracked():
        Path("y.txt").write_text("y")
        return Path("y.txt")
    def reader(tracked): return tracked.read_text()
    def nothing(task_dir): return 3
"""


def test_files_are_results(project: Project) -> None:
    project.write(tasks_x=FILES)
    assert lines(project, "user", "reader", "nothing") == ["user: hello", "reader: y", "nothing: 3"]
    assert project.run("user", "reader", "nothing").ran == []
    assert lines(project, "tracked") == [str(project.path / "y.txt")]
    (path,) = project.taskdisc("show", "made", "--path").stdout.splitlines()
    with open(path) as stream:
        assert stream.read() == "hello"


def test_a_tracked_file_that_is_gone_or_changed_is_made_again(project: Project) -> None:
    project.write(tasks_x=FILES)
    project.run("user", "reader").assert_ok()
    (project.path / "y.txt").unlink()
    assert project.taskdisc("explain", "tracked").stdout == (
        "tracked: run\n    a file or object of its result is gone or changed\n"
    )
    assert project.run("reader").assert_ok().ran == ["tracked"]
    project.write({"y.txt": "other"})
    assert project.run("reader").assert_ok().ran == ["tracked"]


def test_a_task_cannot_change_what_another_sees(project: Project) -> None:
    project.write(
        tasks_x="""
            def a(): return [1]
            def b(a):
                a.append(2)
                return a
            def c(a, b): return a, b
        """
    )
    assert lines(project, "c", "-j", "1") == ["([1], [1, 2])"]


def test_functions_of_all_kinds(project: Project) -> None:
    project.write(
        tasks_x="""
            from __future__ import annotations
            import asyncio
            from helpers import logged, imported
            from taskdisc import task

            def base() -> int: return 2
            def keyword(*, base: int, s: int = 4): return base, s
            @logged
            def wrapped(base, *, s: int = 3): return base + s
            @task
            @logged
            def outside(wrapped): return wrapped
            @logged
            @task(name="renamed")
            def inside(outside): return outside
            async def waits(base):
                await asyncio.sleep(0)
                return base
            @logged
            async def waits_wrapped(waits): return waits
            def _helper(nothing): ...
            class Kind: ...
            value = lambda x: x
        """,
        helpers="""
            import functools
            def logged(function):
                @functools.wraps(function)
                def wrapper(*args, **kwargs):
                    print("called")
                    return function(*args, **kwargs)
                return wrapper
            @logged
            def imported(nothing): ...
        """,
    )
    names = [line.split()[0] for line in project.taskdisc("list").stdout.splitlines()]
    assert names == ["base", "keyword", "wrapped", "outside", "renamed", "waits", "waits_wrapped"]
    assert lines(project, "keyword", "renamed", "waits_wrapped", "-p", "s=5") == [
        "keyword: (2, 5)",
        "renamed: 7",
        "waits_wrapped: 2",
    ]


def test_a_version_makes_a_result_stale(project: Project) -> None:
    project.write(tasks_x="from taskdisc import task\n@task(version=1)\ndef a(): return 1")
    assert project.run("a").ran == ["a"]
    project.write(tasks_x="from taskdisc import task\n@task(version=2)\ndef a(): return 1")
    assert project.taskdisc("explain", "a").stdout == "a: run\n    version: 1 -> 2\n"
    assert project.run("a").ran == ["a"]


def test_a_hook_in_a_task_module(project: Project) -> None:
    project.write(
        tasks_x="""
            def taskdisc_modify_tasks(tasks, config):
                tasks[:] = [task for task in tasks if task.name != "gone"]
            def a(): return 1
            def gone(a): return 2
        """
    )
    assert project.taskdisc("list").stdout == "a  tasks_x.py:3\n"
    assert project.run("gone").exit_code == 5


TWO_MODULES = {
    "a/tasks_io.py": "def load(): return 'a'\ndef use_a(load): return load",
    "b/tasks_io.py": """
        from taskdisc import axis
        k = axis('x', 'y')
        def load(k): return k
        def use_b(load): return load
    """,
    "tasks_c.py": "from b.tasks_io import load\ndef use_c(load): return load",
    "flow.py": "def extra(): return 9",
}


def test_two_modules_with_one_task_name(project: Project) -> None:
    project.write(TWO_MODULES)
    assert lines(project, "use_a", "use_b[k=x]", "use_c") == [
        "use_a: a",
        "use_b[k=x]: x",
        "use_c[k=x]: x",
        "use_c[k=y]: y",
    ]
    assert lines(project, "*load") == [
        "a/tasks_io.py::load: a",
        "b/tasks_io.py::load[k=x]: x",
        "b/tasks_io.py::load[k=y]: y",
    ]
    assert lines(project, "b/tasks_io.py::load[k=y]") == ["y"]
    assert project.taskdisc("explain", "b/tasks_io.py::load[k=y]").stdout.startswith(
        "b/tasks_io.py::load[k=y]: cached\n"
    )


def test_module_paths_and_globs_as_targets(project: Project) -> None:
    project.write(TWO_MODULES)
    assert lines(project, "a/tasks_io.py") == ["a/tasks_io.py::load: a", "use_a: a"]
    assert lines(project, "a") == lines(project, "a/tasks_io.py") == lines(project, "a/")
    assert lines(project, "use_[ab]*") == ["use_a: a", "use_b[k=x]: x", "use_b[k=y]: y"]
    assert lines(project, "flow.py") == ["9"]
    assert lines(project, "flow.py::extra", "use_a", "use_?", "-p", "k=x") == [
        "extra: 9",
        "use_a: a",
        "use_b[k=x]: x",
        "use_c[k=x]: x",
    ]
    below = project.run("tasks_io.py::load", cwd="a").assert_ok()
    assert below.stdout == "a\n"


def test_random_numbers_repeat_and_differ_between_instances(project: Project) -> None:
    project.write(tasks_x="import random\nfrom taskdisc import axis\nk = axis(1, 2)\ndef r(k): return random.random()")
    first = lines(project, "r")
    project.taskdisc("clear", "r").assert_ok()
    again = project.run("r").assert_ok()
    assert again.ran == ["r[k=1]", "r[k=2]"]
    assert again.stdout.splitlines() == first
    project.write(tasks_y="def r(): return 1")
    project.taskdisc("clear", "--all").assert_ok()
    long = lines(project, "tasks_x.py::r")
    assert [line.removeprefix("tasks_x.py::") for line in long] == first
    assert first[0].partition(": ")[2] != first[1].partition(": ")[2]


def test_a_forgotten_parameter_gets_a_warning(project: Project) -> None:
    project.write(
        tasks_x="""
        from taskdisc import Gather, ref, requires

        def birds():
            return [3, 4]

        def _twice(value):
            return [*value, *value]

        def sure(birds) -> int:
            return len(birds)

        def called() -> int:
            return len(birds())

        @requires(given=lambda: ref(birds))
        def planned(given) -> int:
            return len(_twice(given))

        def forgotten() -> str:
            def inner():
                return repr(birds)[:9]
            return inner()
        """
    )
    result = project.run().assert_ok()
    assert result.stderr.count("the function of a task") == 1
    assert (
        "warning: tasks_x.py:19 forgotten: the body uses birds, the function of a task (tasks_x.py:3), and not its "
        "result. Make birds a parameter; or call it, if the function is meant." in result.stderr
    )
