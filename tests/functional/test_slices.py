"""Options of slices: what some instances of a task have instead, and what is refused. Real projects and processes."""

from __future__ import annotations

import pytest

from taskdisc.testing import Project

TOLD = """
    import os
    from taskdisc import Gather, axis
    sample = axis("small", "big", "1", 1, "a b")
    seed = axis(0, 1)
    def align(sample: str | int, seed: int):
        return os.environ.get("A", "-") + os.environ.get("B", "-")
    def all(align: Gather[str]):
        return " ".join(align.values())
"""


def table(pattern: str, options: str, path: str = "tool.taskdisc.tasks") -> str:
    return f"[{path}.'{pattern}']\n{options}\n"


def configure(project: Project, *tables: str, head: str = "") -> None:
    (project.path / "pyproject.toml").write_text(f"[tool.taskdisc]\n{head}\n" + "".join(tables))


def env(name: str, value: object) -> str:
    return f'env = {{ {name} = "{value}" }}'


def test_options_hold_for_the_instances_of_a_slice_alone(project: Project) -> None:
    project.write(tasks_x=TOLD)
    for label, expected in (
        ("big", "-- -- x- x- -- -- -- -- -- --"),
        ('"big"', "-- -- x- x- -- -- -- -- -- --"),
        ("a b", "-- -- -- -- -- -- -- -- x- x-"),
        ('"a b"', "-- -- -- -- -- -- -- -- x- x-"),
        ('"1"', "-- -- -- -- x- x- -- -- -- --"),
        ("1", "-- -- -- -- x- x- x- x- -- --"),
        ("big, seed=1", "-- -- -- x- -- -- -- -- -- --"),
    ):
        configure(project, table(f"align[sample={label}]", env("A", "x")))
        assert project.run("all", "--force-all").assert_ok().stdout == f"{expected}\n", label


def test_tables_apply_in_the_order_of_the_file(project: Project) -> None:
    project.write(
        tasks_x=TOLD.replace("def align", "from taskdisc import task\n    @task(env={'A': 'd'})\n    def align")
    )
    tables = [
        table("align[seed=1]", env("A", "seed")),
        table("al*[sample=big]", env("A", "big")),
        table("align[sample=small]", env("B", "lost")),
        table("align", env("A", "whole")),
        table("align[sample=small,seed=0]", env("A", "both")),
        table("align[seed=0]", env("B", "last")),
    ]
    told = [
        (tables[:0], "d-", "d-", "d-", "d-"),
        (tables[:1], "d-", "seed-", "d-", "seed-"),
        (tables[:2], "d-", "seed-", "big-", "big-"),
        (tables[1::-1], "d-", "seed-", "big-", "seed-"),
        (tables[:4], "whole-", "whole-", "whole-", "whole-"),
        (tables[:5], "both-", "whole-", "whole-", "whole-"),
        (tables[:6], "-last", "whole-", "-last", "whole-"),
    ]
    for chosen, *expected in told:
        configure(project, *chosen)
        lines = project.run("align", "-p", "sample=small,big", "--force").assert_ok().stdout.splitlines()
        assert [line.rpartition(" ")[2] for line in lines] == expected


def test_a_table_may_name_a_tag_and_a_slice(project: Project) -> None:
    project.write(tasks_x=TOLD.replace("def align", "from taskdisc import task\n    @task(tags=('t',))\n    def align"))
    configure(project, table("tag:t[seed=1]", env("A", "x")))
    assert project.run("align[sample=big]").assert_ok().stdout == (
        "align[sample=big,seed=0]: --\nalign[sample=big,seed=1]: x-\n"
    )


def test_a_profile_has_slices_too(project: Project) -> None:
    project.write(tasks_x=TOLD)
    of_profile = table("align[seed=0]", env("A", "p"), "tool.taskdisc.profiles.cluster.tasks")
    configure(project, table("align[sample=big]", env("A", "b")), of_profile)
    small = ["all", "-p", "sample=small,big", "--force-all"]
    assert project.run(*small).assert_ok().stdout == "-- -- b- b-\n"
    assert project.run(*small, "--profile", "cluster").assert_ok().stdout == "p- -- p- b-\n"
    shown = project.taskdisc("config").assert_ok().stdout
    assert 'tasks."align[sample=big]".env' in shown


def test_kept_results_stay_when_options_of_a_slice_change(project: Project) -> None:
    project.write(tasks_x=TOLD)
    assert project.run("all").assert_ok().ran != []
    options = 'prefix = "env C=1"\ntimeout = "5m"\nretries = 2\npriority = 3\nchannel = "disk"\n'
    configure(project, table("align[sample=big]", options + env("A", "x")))
    assert project.run("all").assert_ok().ran == []


# What each option does


CHILD = """
    import os, time
    from pathlib import Path
    from taskdisc import Gather, axis, task
    k = axis(range(4))
    def job(k: int, task_info):
        {body}
    def all(job: Gather[object]):
        return list(job.values())
"""


def write(project: Project, body: str, *tables: str, head: str = "") -> None:
    project.write(tasks_x=CHILD.format(body=body))
    configure(project, *tables, head=head)


def test_a_prefix_by_slice(project: Project) -> None:
    """Others run in workers, which have no such parent."""
    write(
        project,
        "return os.environ.get('LAUNCHED')",
        table("job[k=2]", 'prefix = "env LAUNCHED={id}"'),
        table("job[k=3]", 'prefix = ["env", "LAUNCHED={task}"]'),
    )
    assert project.run("all").assert_ok().stdout == "[None, None, 'job[k=2]', 'job']\n"


def test_a_launcher_and_an_executor_by_slice(project: Project) -> None:
    project.write(
        launch="""
        class Quiet:
            def prefix(self, words, values):
                return ["env", f"LAUNCHED={values['id']}", *words]
        def taskdisc_launchers():
            return {"quiet": Quiet}
    """
    )
    body = "return os.environ.get('LAUNCHED'), os.getpid() == int(Path('pid').read_text())"
    write(
        project,
        body,
        table("job[k=1]", 'launcher = "quiet"'),
        table("job[k=2]", 'executor = "inline"'),
        head='plugins = ["launch"]',
    )
    project.write(
        plug="""
        import os
        from pathlib import Path
        def taskdisc_run_started(run):
            Path("pid").write_text(str(os.getpid()))
    """
    )
    configure(
        project,
        table("job[k=1]", 'launcher = "quiet"'),
        table("job[k=2]", 'executor = "inline"'),
        head='plugins = ["launch", "plug"]',
    )
    result = project.run("all").assert_ok()
    assert result.stdout == "[(None, False), ('job[k=1]', False), (None, True), (None, False)]\n"


def test_a_timeout_by_slice(project: Project) -> None:
    write(project, "time.sleep({1: 1.5, 2: 600}.get(k, 0))\n        return k", table("job[k=2]", 'timeout = "0.3s"'))
    result = project.run("job")
    assert result.exit_code == 1
    assert result.stdout == "job[k=0]: 0\njob[k=1]: 1\njob[k=3]: 3\n"
    assert "TIMED OUT job[k=2] - still running after 0.3 s" in result.stderr


def test_retries_by_slice(project: Project) -> None:
    body = """
        tried = Path(f"tried-{k}")
        before = tried.read_text() if tried.exists() else ""
        tried.write_text(before + "x")
        if k and len(before) < 2: raise OSError(k)
        return task_info.attempt
    """.strip()
    write(
        project,
        body.replace("\n    ", "\n    "),
        table("job[k=1]", 'retries = 2\nretry_delay = "0s"'),
        table("job[k=2]", 'retries = 1\nretry_delay = "0s"'),
        table("job[k=3]", 'retries = 5\nretry_delay = "0s"\nretry_on = "ValueError"'),
    )
    result = project.run("job")
    assert result.exit_code == 1
    assert [(project.path / f"tried-{k}").read_text() for k in range(4)] == ["x", "xxx", "xx", "x"]


SPAN = """
        began = time.time()
        time.sleep(0.3)
        return began, time.time(), task_info.resources
""".strip()


Span = tuple[float, float, dict[str, object]]


def overlap(first: Span, second: Span) -> bool:
    return first[0] < second[1] and second[0] < first[1]


def test_resources_by_slice(project: Project) -> None:
    gpus = '[tool.taskdisc.resources]\ngpu = ["0", "1"]\n'
    two, one = "resources = { gpu = 2 }", "resources = { gpu = 1 }"
    tables = (table("job[k=0]", two), table("job[k=1]", one), table("job[k=2]", one))
    write(project, SPAN, *tables, gpus, head="workers = 4")
    spans: list[Span] = eval(project.run("all").assert_ok().stdout)
    assert [dict(span[2]).get("gpu") for span in spans] == [["0", "1"], ["0"], ["1"], None]
    assert not overlap(spans[0], spans[1]) and not overlap(spans[0], spans[2])


def test_a_channel_by_slice(project: Project) -> None:
    write(
        project, SPAN, table("job[k=0]", 'channel = "api"'), table("job[k=2]", 'channel = ["api"]'), head="workers = 4"
    )
    spans: list[Span] = eval(project.run("all", "--limit", "api=1").assert_ok().stdout)
    assert not overlap(spans[0], spans[2])
    unknown = project.run("all", "--limit", "aip=1")
    assert (unknown.exit_code, "Did you mean api?" in unknown.stderr) == (4, True)


def test_priorities_by_slice(project: Project) -> None:
    write(
        project,
        "open('order', 'a').write(str(k))",
        table("job[k=3]", "priority = 2"),
        table("job[k=1]", "priority = 1"),
        table("job[k=0]", "priority = -1"),
    )
    project.run("job", "-j", "1").assert_ok()
    assert project.read("order") == "3120"


def test_batches_by_slice(project: Project) -> None:
    project.write(tasks_x=CHILD.format(body="return os.getpid()"))
    configure(
        project,
        table("job", 'prefix = "env"'),
        table("job[k=0]", "batch = 2"),
        head="max_jobs = 1",
    )
    pids = eval(project.run("all").assert_ok().stdout)
    assert len(set(pids)) == 4, "there is one instance of the slice"


def test_steps_of_slices_in_chains(project: Project) -> None:
    """What follows in another lane is no part of a chain; what does has the options of its own slice."""
    project.write(
        eager="""
            from taskdisc.builtin.process import ProcessExecutor
            class Eager(ProcessExecutor):
                def longest_chain(self):
                    return 16
                def submit_chain(self, jobs):
                    with open("chains", "a") as file:
                        file.write(" ".join(job.instance for job in jobs) + "\\n")
                    super().submit_chain(jobs)
            def taskdisc_executors():
                return {"eager": Eager}
        """,
        tasks_x="""
            import os
            from taskdisc import axis
            k = axis(0, 1)
            def a(k: int): return "-"
            def b(a: str): return a + os.environ.get("A", "-")
            def c(b: str): return b + os.environ.get("A", "-")
            def d(c: str): return c + os.environ.get("A", "-")
            def e(d: str): return d + os.environ.get("A", "-")
            def f(e: str): return e + os.environ.get("A", "-")
        """,
    )
    configure(
        project,
        table("b[k=0]", env("A", "b")),
        table("e[k=1]", 'prefix = "env A=e"'),
        table("f[k=1]", env("A", "f")),
        head='plugins = ["eager"]\nexecutor = "eager"',
    )
    assert project.run("f", "-j", "1").assert_ok().stdout == "f[k=0]: -b----\nf[k=1]: ----ef\n"
    chains = project.read("chains").splitlines()
    assert chains == ["a[k=0] b[k=0] c[k=0] d[k=0] e[k=0] f[k=0]", "a[k=1] b[k=1] c[k=1] d[k=1]"]


def test_one_instance_of_a_slice_is_run_again_as_it_was(project: Project) -> None:
    write(project, "return os.environ.get('A')", table("job[k=2]", env("A", "x")))
    project.run("all").assert_ok()
    assert project.taskdisc("debug", "job[k=2]").assert_ok().stdout == "x\n"


# Instances that are known only on the way, and sweeps


def test_slices_of_nested_and_dynamic_axes(project: Project) -> None:
    project.write(
        tasks_x="""
        import os
        from taskdisc import Gather, axis
        book = axis({"short": 1, "long": 3})
        def contents(book: int): return list(range(book))
        @axis
        def chapter(contents): return [f"c{n}" for n in contents]
        def text(chapter: str, book: int): return os.environ.get("A", "-") + os.environ.get("B", "-")
        def texts(text: Gather[str]): return " ".join(text.values())
    """
    )
    configure(
        project,
        table("text[chapter=c0]", env("A", "first")),
        table("text[book=long]", 'prefix = "env B=1"'),
        table("text[book=long,chapter=c2]", env("A", "c2")),
        table("contents[book=long]", 'prefix = "env C=1"'),
    )
    assert project.run("texts").assert_ok().stdout == "first- first1 -1 c21\n"


GROWN = """
    from taskdisc import axis
    def source():
        open("asked", "a").write("x")
        return ["a", "b"]
    @axis
    def item(source): return source
    def use(item: str, task_info): return f"{item} {dict(task_info.resources)}"
"""


def test_demands_of_slices_of_a_dynamic_axis(project: Project) -> None:
    """What only may be there is refused when it is; what nothing can honour at once."""
    project.write(tasks_x=GROWN)
    there = "[tool.taskdisc.resources]\ngpu = 2\n"
    configure(
        project, table("use[item=c]", "resources = { gpu = 3 }"), table("use[item=b]", "resources.gpu = 2"), there
    )
    assert project.run("use").assert_ok().stdout == "use[item=a]: a {}\nuse[item=b]: b {'gpu': 2}\n"
    configure(project, table("use[item=b]", "resources = { gpu = 3 }"), there)
    result = project.run("use", "--force-all")
    assert (result.exit_code, project.read("asked")) == (4, "xx")
    assert "tasks_x.py:7 use[item=b]: needs gpu=3, and there is gpu=2" in result.stderr
    configure(project, table("use[item=b]", 'executor = "thread"\ntimeout = "1h"'))
    result = project.run("use", "--force-all")
    assert (result.exit_code, project.read("asked")) == (4, "xx")
    assert 'use[item=b]: timeout="1h" needs an executor that' in result.stderr


def test_slices_where_something_is_swept(project: Project) -> None:
    project.write(
        tasks_x="""
        import os
        from taskdisc import axis
        seed = axis(0, 1)
        def fit(seed: int, lr: float = 0.1): return os.environ.get("A", "-") + os.environ.get("B", "-")
    """
    )
    configure(project, table("fit[seed=1]", env("A", "seed")), table("fit[lr=0.5]", env("B", "lr")))
    assert project.run("fit").assert_ok().stdout == "fit[seed=0]: --\nfit[seed=1]: seed-\n"
    # env is one option: the last table that gives one wins
    assert project.run("fit", "--sweep", "lr=0.2,0.5").assert_ok().stdout == (
        "fit[seed=0,lr=0.2]: --\nfit[seed=1,lr=0.2]: seed-\nfit[seed=0,lr=0.5]: -lr\nfit[seed=1,lr=0.5]: -lr\n"
    )


def test_slices_along_open_parameters(project: Project) -> None:
    project.write(
        tasks_x="""
        import os
        from taskdisc import task
        @task
        def fetch(day: str): return os.environ.get("A", "-")
    """
    )
    configure(project, table("fetch[day=monday]", env("A", "x")))
    assert project.run("fetch", "-p", "day=monday").assert_ok().stdout == "x\n"
    tuesday = project.run("fetch[day=tuesday]").assert_ok()
    assert (tuesday.stdout, "warning" in tuesday.stderr) == ("-\n", False)


def test_what_planners_ask_for_is_of_slices_too(project: Project) -> None:
    project.write(
        tasks_x="""
        import os
        from taskdisc import axis, ref, requires
        n = axis(1, 2)
        def part(n: int, depth: int = 0): return os.environ.get("A", "-")
        @requires(parts=lambda: [ref("part", n=1, depth=5), ref("part", n=2, depth=5), ref("part", n=2, depth=6)])
        def whole(parts): return parts
    """
    )
    configure(project, table("part[n=2,depth=5]", env("A", "x")))
    assert project.run("whole").assert_ok().stdout == "['-', 'x', '-']\n"


# What is refused, and what is warned of


@pytest.mark.parametrize(
    ("pattern", "options", "told"),
    [
        ("align[smaple=big]", "retries = 1", "align has no axis smaple. Did you mean sample? It has sample, seed."),
        ("all[sample=big]", "retries = 1", "all has no axis sample (it gathers it). It has none."),
        ("align[sample=big", "retries = 1", "cannot be read. Write 'name[axis=label,...]'."),
        ("align[sample=big,]x=", "retries = 1", "cannot be read. Write 'name[axis=label,...]'."),
        ("align[sample=big,sample=small]", "retries = 1", "sample is given twice."),
        ("align[sample=big]", "cache = false", "cache holds for all instances of a task. Write it in [tool.taskdisc."),
        ("align[sample=big]", 'tags = ["x"]', "tags holds for all instances of a task. Write it in [tool.taskdisc."),
        ("align[sample=big]", 'timeot = "1h"', "unknown key 'timeot'. Did you mean timeout?"),
        ("align[sample=big]", 'timeout = "soon"', "timeout='soon': a duration is"),
    ],
)
def test_tables_that_are_wrong(project: Project, pattern: str, options: str, told: str) -> None:
    project.write(tasks_x=TOLD)
    configure(project, table(pattern, options))
    result = project.run("all")
    assert result.exit_code == 4, result
    assert f'error: pyproject.toml [tool.taskdisc.tasks."{pattern}"]: {told}' in result.stderr


def test_demands_of_a_slice_are_checked_before_anything_runs(project: Project) -> None:
    project.write(tasks_x=TOLD)
    configure(project, table("align[sample=big]", "resources = { gpu = 3 }"), "[tool.taskdisc.resources]\ngpu = 2\n")
    result = project.run("all")
    assert (result.exit_code, result.ran) == (4, [])
    assert "tasks_x.py:5 align[sample=big]: needs gpu=3, and there is gpu=2" in result.stderr
    assert project.run("all", "-p", "sample=small").assert_ok().ran != [], "what is not there needs nothing"
    assert project.run("align[sample=1]").assert_ok().ran != [], "nor what is not asked for"
    configure(project, table("align[sample=big]", 'executor = "thread"\ntimeout = "1h"'))
    result = project.run("align[sample=big]")
    assert (result.exit_code, result.ran) == (4, [])
    assert 'align[sample=big]: timeout="1h" needs an executor that ends jobs that take too long' in result.stderr


def test_slices_that_are_not_there_are_warned_of(project: Project) -> None:
    project.write(tasks_x=TOLD)
    configure(
        project,
        table("align[sample=bgi]", "retries = 1"),
        table("*[smaple=big]", "retries = 1"),
        table("algin[sample=big]", "retries = 1"),
        table("nothing*[sample=big]", "retries = 1"),
    )
    result = project.run("all").assert_ok()
    warnings = [line for line in result.stderr.splitlines() if "warning" in line]
    at = "warning: pyproject.toml [tool.taskdisc.tasks."
    assert warnings == [
        f"{at}\"algin[sample=big]\"]: there is no task 'algin'. Did you mean align?",
        f'{at}"*[smaple=big]"]: align has no axis smaple. Did you mean sample? It has sample, seed.',
        f'{at}"align[sample=bgi]"]: align has no sample=bgi. Did you mean big?',
    ]
    replaced = project.run("all", "-p", "sample=small")
    assert "sample=bgi" not in replaced.stderr, "this run has other elements"
