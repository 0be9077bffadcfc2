"""`--sweep`: the union of several runs; settings in the brackets of a target; both share what is equal."""

from __future__ import annotations

import pytest

from taskdisc import Project as Face
from taskdisc.errors import UsageError
from taskdisc.testing import Project

STUDY = """
    import random
    from datetime import date
    from taskdisc import Gather, axis, task

    seed = axis(1, 2)

    def data(seed: int) -> int: return seed * 100
    def model(data: int, lr: float = 0.5) -> float: return data * lr
    def score(model: float, data: int) -> float: return model + data
    def best(score: Gather[float]) -> float: return max(score.values())
    def other() -> int: return random.randrange(10**9)
    def noise(seed: int, lr: float = 0.5) -> float: return random.random() * lr
    def summary(best: float, other: int, unit: str = "m") -> str: return f"{best} {unit}"

    @task
    def weekday(day: date, style: str = "%d") -> str: return day.strftime(style)
    def month(weekday: str) -> str: return weekday * 2
    """


@pytest.fixture
def study(project: Project) -> Project:
    project.write(tasks_a=STUDY)
    return project


def lines(project: Project, *arguments: str) -> list[str]:
    return project.run(*arguments).assert_ok().stdout.splitlines()


def test_every_instance_that_it_reaches_exists_once_per_value(study: Project) -> None:
    result = study.run("score", "--sweep", "lr=0.1,0.3").assert_ok()
    assert result.stdout.splitlines() == [
        "score[seed=1,lr=0.1]: 110.0",
        "score[seed=2,lr=0.1]: 220.0",
        "score[seed=1,lr=0.3]: 130.0",
        "score[seed=2,lr=0.3]: 260.0",
    ]
    assert [step for step in result.ran if step.startswith("data")] == ["data[seed=1]", "data[seed=2]"]
    assert len(result.ran) == 2 + 4 + 4


def test_gathers_keep_swept_values_apart(study: Project) -> None:
    result = study.run("summary", "--sweep", "lr=0.1,0.3").assert_ok()
    assert result.stdout == "summary[lr=0.1]: 220.0 m\nsummary[lr=0.3]: 260.0 m\n"
    assert result.ran.count("other") == 1


def test_a_sweep_is_the_union_of_its_runs(study: Project) -> None:
    expected = {}
    for value in ("0.1", "0.3"):
        expected[value] = lines(study, "noise", "-p", f"lr={value}")
    swept = study.run("noise", "summary", "--sweep", "lr=0.1,0.3").assert_ok()
    assert not [step for step in swept.ran if step.startswith("noise")]
    values = [line.rpartition(" ")[2] for line in swept.stdout.splitlines() if line.startswith("noise")]
    assert values == [line.rpartition(" ")[2] for value in expected.values() for line in value]
    assert study.run("summary", "-p", "lr=0.3").assert_ok().ran == []
    study.taskdisc("clear", "--all").assert_ok()
    again = lines(study, "noise", "--sweep", "lr=0.1,0.3")  # seeds too are those of the single runs
    assert [line.rpartition(" ")[2] for line in again] == values


def test_several_sweeps_cross(study: Project) -> None:
    assert lines(study, "summary", "--sweep", "unit=m,km", "--sweep", "lr=0.1,0.3") == [
        "summary[unit=m,lr=0.1]: 220.0 m",
        "summary[unit=m,lr=0.3]: 260.0 m",
        "summary[unit=km,lr=0.1]: 220.0 km",
        "summary[unit=km,lr=0.3]: 260.0 km",
    ]
    assert study.run("best", "--sweep", "unit=m,km", "--sweep", "lr=0.1,0.3").assert_ok().ran == []


def test_one_tasks_setting_alone(study: Project) -> None:
    result = study.run("noise[seed=1]", "model[seed=1]", "--sweep", "model.lr=1,2").assert_ok()
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == [
        "noise[seed=1]",
        "model[seed=1,model.lr=1]",
        "model[seed=1,model.lr=2]",
    ]


def test_p_for_one_task_goes_before_a_sweep_for_all(study: Project) -> None:
    result = study.run("noise[seed=1]", "model[seed=1]", "-p", "noise.lr=1", "--sweep", "lr=1,2").assert_ok()
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == [
        "noise[seed=1]",
        "model[seed=1,lr=1]",
        "model[seed=1,lr=2]",
    ]


def test_a_sweep_over_dates_of_an_open_parameter(study: Project) -> None:
    result = study.run("month", "--sweep", "day=2026-01-30..2026-02-02").assert_ok()
    assert result.stdout.splitlines() == [
        "month[day=2026-01-30]: 3030",
        "month[day=2026-01-31]: 3131",
        "month[day=2026-02-01]: 0101",
        "month[day=2026-02-02]: 0202",
    ]
    assert study.run("month", "-p", "day=2026-01-31").assert_ok().ran == []
    assert len(study.run("month", "--sweep", "day=2026-03-01..2026-03-29").assert_ok().ran) == 56


def test_ids_can_be_pasted_back(study: Project) -> None:
    study.run("summary", "score", "--sweep", "lr=0.1,0.3", "--sweep", "unit=a b,c").assert_ok()
    for pasted in ("score[seed=1,lr=0.1]", 'summary[unit="a b",lr=0.3]', "summary[lr=0.3,unit=c]"):
        assert study.run(pasted).assert_ok().ran == []
    assert study.taskdisc("show", 'summary[unit="a b",lr=0.3]').assert_ok().stdout == "260.0 a b\n"


def test_settings_in_brackets_hold_for_that_target(study: Project) -> None:
    result = study.run("best[lr=2]", "best", "summary[unit=km,model.lr=2]").assert_ok()
    assert result.stdout.splitlines() == [
        "best[lr=2]: 600.0",
        "best: 300.0",
        "summary[unit=km,model.lr=2]: 600.0 km",
    ]
    assert "model[seed=1,lr=2]" in result.ran
    assert "data[seed=1]" in result.ran
    assert lines(study, "best", "-p", "lr=2") == ["600.0"]


def test_brackets_go_before_a_sweep(study: Project) -> None:
    assert lines(study, "best[lr=2]", "noise[seed=1]", "--sweep", "lr=3,4")[0] == "best[lr=2]: 600.0"


def test_commands_take_sweeps(study: Project) -> None:
    study.run("best[lr=0.1]").assert_ok()
    given = ("--sweep", "lr=0.1,0.3")
    planned = study.run("-n", "best", *given).assert_ok().stdout.splitlines()
    assert planned == [
        "run: model[seed=1,lr=0.3]",
        "run: model[seed=2,lr=0.3]",
        "may run: score[seed=1,lr=0.3]",
        "may run: score[seed=2,lr=0.3]",
        "may run: best[lr=0.3]",
    ]
    status = study.taskdisc("status", "best", *given).assert_ok().stdout.splitlines()
    assert [line.split() for line in status if line.startswith("best")] == [
        ["best[lr=0.1]", "1", "cached"],
        ["best[lr=0.3]", "1", "may", "run"],
    ]
    assert study.taskdisc("explain", "model[seed=1]", *given).assert_ok().stdout.splitlines()[0] == (
        "model[seed=1,lr=0.1]: cached"
    )


def test_results_are_cleared_and_logged_by_their_ids(study: Project) -> None:
    study.write(tasks_b="def loud(volume: int = 1):\n    print('volume', volume)\n    return volume\n")
    study.run("loud", "--sweep", "volume=3..5").assert_ok()
    assert study.taskdisc("logs", "--stdout", "loud[volume=4]").assert_ok().stdout == "volume 4\n"
    assert study.taskdisc("clear", "loud[volume=4]").assert_ok().stdout == "cleared loud[volume=4]\n"
    assert study.run("loud", "--sweep", "volume=3..5").assert_ok().ran == ["loud[volume=4]"]


def test_a_failure_blocks_its_own_value_alone(study: Project) -> None:
    study.write(tasks_b="def root(x: float = 1): return 1 / x\n\ndef end(root): return root\n")
    result = study.run("end", "--sweep", "x=0,2")
    assert result.exit_code == 1
    assert result.outcomes == {
        "root[x=0]": "failed",
        "end[x=0]": "blocked",
        "root[x=2]": "succeeded",
        "end[x=2]": "succeeded",
    }
    assert result.stdout == "0.5\n"


def test_settings_of_fixtures_are_swept_too(study: Project) -> None:
    study.write(
        tasks_b="""
            from taskdisc import fixture
            @fixture
            def host(port: int = 1): return f"host:{port}"
            @fixture
            def client(host): return host + "!"
            def page(client): return client
            def plain(): return 1
            """
    )
    result = study.run("page", "plain", "--sweep", "port=7,8").assert_ok()
    assert sorted(result.stdout.splitlines()) == ["page[port=7]: host:7!", "page[port=8]: host:8!", "plain: 1"]
    assert study.run("page", "-p", "host.port=8").assert_ok().ran == []
    assert study.run("page[host.port=7]").assert_ok().ran == []


def test_all_tasks_are_swept_without_targets(study: Project) -> None:
    study.write(tasks_a="def a(x: int = 1): return x\n\ndef b(a): return a\n\ndef c(): return 1\n")
    assert study.run("--sweep", "x=1,2").assert_ok().ran == ["a[x=1]", "a[x=2]", "b[x=1]", "b[x=2]", "c"]


def test_overrides_hold_in_all_runs_of_a_sweep(study: Project) -> None:
    assert lines(study, "score[seed=1]", "--override", "data=10", "--sweep", "lr=1,2") == [
        "score[seed=1,lr=1]: 20.0",
        "score[seed=1,lr=2]: 30.0",
    ]


def test_from_python(study: Project) -> None:
    project = Face.discover(study.path)
    run = project.run("best", sweep={"lr": [0.1, 0.3]})
    assert run["best[lr=0.1]"] == 220.0
    assert run["best[lr=0.3]"] == 260.0
    assert dict(run["score[lr=0.3]"]) == {1: 130.0, 2: 260.0}
    assert dict(run["data"]) == {1: 100, 2: 200}
    with pytest.raises(UsageError, match=r"more than one task: best\[lr=0.1\], best\[lr=0.3\]"):
        run["best"]
    assert study.run("best", "--sweep", "lr=0.1,0.3").assert_ok().ran == []
    assert project.run("best[lr=0.3]").value == 260.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            ["--sweep", "seed=1,2"],
            "--sweep seed: seed is an axis (tasks_a.py:5), and has its elements side by side anyway. "
            "Other elements: -p seed=1,2",
        ),
        (["--sweep", "lrr=1,2"], "--sweep lrr: nothing has a setting lrr. Did you mean lr?"),
        (["--sweep", "lr=0.1,0.1"], "--sweep lr: 0.1 is given twice. Leave one out."),
        (["--sweep", "lr="], "--sweep lr: there is no value. Write lr=a,b or lr=first..last."),
        (["--sweep", "lr=3..1"], "--sweep lr: 3..1 has 0 values. Write first..last, both counted in."),
        (["--sweep", "lr=1,x"], "--sweep: model.lr (tasks_a.py:8): takes float, not 'x'"),
        (["--sweep", "data=1,2"], "--sweep data: data is a task (tasks_a.py:7): its value is what it computes. "
            "Settings are parameters with a default."),
        (["--sweep", "lr"], "--sweep lr: --sweep takes name=value or task.name=value."),
        (["best[lrr=1]"], "best[lrr=1]: best has no axis lrr. Did you mean lr? It has none."),
        (["other[lr=1]"], "other[lr=1]: other has no axis lr. It has none."),
        (["best[lr=x]"], "best[lr=x]: model.lr (tasks_a.py:8): takes float, not 'x'"),
    ],
)  # fmt: skip
def test_what_cannot_be_swept(study: Project, given: list[str], message: str) -> None:
    result = study.run("best", *given)
    assert result.exit_code == 4
    assert result.stderr == f"error: {message}\n"


# Where runs grow

GROWING = """
    from taskdisc import Gather, axis, gather, ref, requires, task

    def sheet(rows: int = 2): return [f"s{n}" for n in range(rows)]

    @axis
    def sample(sheet): return sheet

    @axis
    def count(limit: int = 2): return range(limit)

    def clean(sample, level: int = 1): return f"{sample}:{level}"
    def merged(clean: Gather[str]): return ",".join(clean.values())
    def square(count): return count**2
    def squares(square: Gather[int]): return sum(square.values())

    def _before(n: int): return [ref(fib, n=n - 1), ref(fib, n=n - 2)] if n > 1 else []

    @requires(before=_before)
    def fib(n: int, before: list[int], scale: int = 1) -> int: return sum(before) if before else n * scale

    @requires(both={"low": ref("level_of", base=1), "now": ref("level_of")})
    def levels(both): return both

    def level_of(level: int = 1, base: int = 0): return base + level
    """


@pytest.fixture
def growing(project: Project) -> Project:
    project.write(tasks_a=GROWING)
    return project


def check_union(project: Project, target: str, name: str, values: list[str]) -> None:
    """A sweep prints what its single runs print, which then find everything kept."""
    swept = project.run(target, "--sweep", f"{name}={','.join(values)}").assert_ok()
    single = [project.run(target, "-p", f"{name}={value}").assert_ok() for value in values]
    assert [each.ran for each in single] == [[]] * len(values)
    expected = [line for each in single for line in each.stdout.splitlines()]
    assert [line.rpartition(": ")[2] for line in swept.stdout.splitlines()] == [
        line.rpartition(": ")[2] for line in expected
    ]


@pytest.mark.parametrize(
    ("target", "name", "values"),
    [
        ("merged", "rows", ["1", "3"]),
        ("merged", "level", ["1", "2"]),
        ("squares", "limit", ["2", "4"]),
        ("fib[n=5]", "scale", ["1", "10"]),
        ("levels", "level_of.level", ["4", "5"]),
    ],
)
def test_a_sweep_of_what_grows_is_the_union_of_its_runs(
    growing: Project, target: str, name: str, values: list[str]
) -> None:
    check_union(growing, target, name, values)


def test_what_a_sweep_finds_on_the_way_has_its_own_elements(growing: Project) -> None:
    assert lines(growing, "clean", "--sweep", "rows=1,2") == [
        "clean[sample=s0,rows=1]: s0:1",
        "clean[sample=s0,rows=2]: s0:1",
        "clean[sample=s1,rows=2]: s1:1",
    ]
    assert lines(growing, "clean[sample=s0]", "--sweep", "rows=1,2") == [
        "clean[sample=s0,rows=1]: s0:1",
        "clean[sample=s0,rows=2]: s0:1",
    ]
    assert lines(growing, "fib[n=4,scale=7]") == ["21"]
