"""Resources, channels, limits and priorities: what runs at the same time, what in which order, and what is refused."""

from __future__ import annotations

import json

import pytest

from taskdisc.store.index import Index
from taskdisc.testing import Project
from tests.functional.test_from_python import program

SPANS = """
    import time
    from taskdisc import Gather, axis, task
    k = axis(range(6))
    {options}
    def job(k: int, task_info):
        began = time.time()
        time.sleep(0.1)
        return began, time.time(), task_info.resources
    def most(job: Gather[tuple]) -> int:
        times = [(began, 1) for began, _, _ in job.values()] + [(ended, -1) for _, ended, _ in job.values()]
        at_once = highest = 0
        for _, step in sorted(times):
            at_once += step
            highest = max(highest, at_once)
        return highest
"""
GPUS = '[tool.taskdisc]\nworkers = 4\n[tool.taskdisc.resources]\ngpu = ["0", "1"]\nmemory_gb = 3\n'


def write(project: Project, options: str = "", config: str = GPUS) -> None:
    project.write({"pyproject.toml": config}, tasks_x=SPANS.format(options=options))


@pytest.mark.parametrize(
    ("options", "arguments", "most"),
    [
        ('@task(resources={"gpu": 1})', [], 2),
        ('@task(resources={"gpu": 2})', [], 1),
        ('@task(resources={"gpu": 1})', ["--limit", "gpu=1"], 1),
        ('@task(resources={"memory_gb": 1.5})', [], 2),
        ('@task(resources={"cpus": 3})', [], 1),
        ('@task(resources={"cpus": 2})', ["-j", "5"], 2),
        ('@task(channel="api")', ["--limit", "api=2"], 2),
        ('@task(channel=("api", "disk"))', ["--limit", "disk=1", "--limit", "api=2"], 1),
        ("", ["--limit", "job=1"], 1),
        ('@task(resources={"gpu": 1}, executor="thread")', [], 2),
        ('@task(resources={"gpu": 1}, prefix="env")', [], 2),
    ],
)
def test_no_more_runs_at_once_than_there_is(project: Project, options: str, arguments: list[str], most: int) -> None:
    write(project, options)
    assert int(project.run("most", *arguments).assert_ok().stdout) <= most


def test_jobs_hold_units_that_nobody_else_has(project: Project) -> None:
    write(project, '@task(resources={"gpu": 1, "memory_gb": 0.5})')
    spans = project.run("job").assert_ok().stdout.splitlines()
    held = [eval(line.partition(": ")[2]) for line in spans]
    assert {json.dumps(resources) for _, _, resources in held} == {
        json.dumps({"gpu": [unit], "memory_gb": 0.5}) for unit in "01"
    }
    for unit in "01":
        times = sorted((began, ended) for began, ended, resources in held if resources["gpu"] == [unit])
        assert all(first[1] <= second[0] for first, second in zip(times, times[1:], strict=False))


@pytest.mark.parametrize(
    ("options", "expected"), [("", "1"), (', executor="inline"', "0"), (', env={"CUDA_VISIBLE_DEVICES": "7"}', "7")]
)
def test_programs_see_the_units_of_their_job(project: Project, options: str, expected: str) -> None:
    tasks = f"""
        import os
        from taskdisc import task
        def _seen(): return os.environ.get("CUDA_VISIBLE_DEVICES")
        @task(resources={{"gpu": 1}}, priority=1{options})
        def first(): return _seen()
        def after(first): return first, _seen()
    """
    units = '["0", "1"]' if expected == "0" else '["1", "2"]'
    config = f"[tool.taskdisc]\nworkers = 1\n[tool.taskdisc.resources]\ngpu = {units}\n"
    project.write({"pyproject.toml": config}, tasks_x=tasks)
    assert project.run("after").assert_ok().stdout == f"({expected!r}, None)\n"


def test_commands_are_told_what_their_job_holds(project: Project) -> None:
    tasks = """
        import os
        from taskdisc import task
        @task(resources={"gpu": 2, "cpus": 3, "nodes": 4}, prefix="env A={gpu} B={gpu.ids} C={cpus} D={nodes}")
        def launched():
            return [os.environ[name] for name in ("A", "B", "C", "D", "CUDA_VISIBLE_DEVICES")]
    """
    project.write({"pyproject.toml": GPUS}, tasks_x=tasks)
    assert project.run("launched").assert_ok().stdout == "['2', '0,1', '3', '4', '0,1']\n"


def test_an_attempt_can_demand_more_than_the_one_before(project: Project) -> None:
    tasks = """
        from taskdisc import task
        @task(resources=lambda attempt: {"memory_gb": attempt}, retries=2, retry_delay="0s")
        def hungry(task_info):
            if task_info.attempt < 3:
                raise MemoryError
            return task_info.resources
    """
    project.write({"pyproject.toml": GPUS}, tasks_x=tasks)
    assert project.run("hungry").assert_ok().stdout == "{'memory_gb': 3}\n"
    project.write(tasks_x=tasks.replace("retries=2", "retries=3"))
    assert "needs memory_gb=4 for attempt 4, and there is memory_gb=3" in project.run("hungry").stderr


@pytest.mark.parametrize(
    ("options", "arguments", "message"),
    [
        (
            '@task(resources={"gpus": 1})',
            [],
            "tasks_x.py:5 job: needs gpus=1, and nothing says how much gpus there is. Did you mean gpu? "
            "Write [tool.taskdisc.resources] gpus = 1, or --limit gpus=1.",
        ),
        (
            '@task(resources={"gpu": 3})',
            [],
            "tasks_x.py:5 job: needs gpu=3, and there is gpu=2 (pyproject.toml [tool.taskdisc.resources]). "
            "Ask for less, or raise that.",
        ),
        (
            '@task(resources={"gpu": 2})',
            ["--limit", "gpu=1"],
            "tasks_x.py:5 job: needs gpu=2, and there is gpu=1 (--limit gpu=1). Ask for less, or raise that.",
        ),
        (
            '@task(resources={"cpus": 5})',
            [],
            "tasks_x.py:5 job: needs cpus=5, and there is cpus=4 (workers). Ask for less, or raise that.",
        ),
        (
            '@task(resources={"gpu": 0.5})',
            [],
            "tasks_x.py:5 job: needs gpu=0.5, and gpu has whole units: 0, 1.",
        ),
        (
            '@task(resources=lambda attempt: {}["x"])',
            [],
            "tasks_x.py:5 job: resources, asked for attempt 1, raised KeyError: 'x'",
        ),
        (
            "@task(resources=lambda attempt: 5)",
            [],
            'tasks_x.py:5 job: resources, asked for attempt 1, takes names and amounts, {"gpu": 1}, not 5.',
        ),
        ('@task(resources={"gpu": -1})', [], "tasks_x.py:4: @task: resources: gpu takes a number, not -1."),
        (
            '@task(resources="gpu")',
            [],
            "tasks_x.py:4: @task: resources takes names and amounts, {\"gpu\": 1}, not 'gpu'.",
        ),
        ('@task(priority="high")', [], "tasks_x.py:4: @task: priority takes a number, not 'high'."),
        ("", ["--limit", "jop=1"], "--limit jop=1: there is no resource, channel or task 'jop'. Did you mean job?"),
        ("", ["--limit", "gpu=3"], "--limit gpu=3: gpu are 0, 1: a limit is a whole number up to 2."),
        ("", ["--limit", "gpu"], "--limit gpu: --limit takes name=number, such as --limit gpu=1."),
        ("", ["--limit", "gpu=0"], "--limit gpu=0.0: a limit is a number above 0, such as --limit gpu=1."),
    ],
)
def test_what_can_never_be_had_is_an_error_before_anything_runs(
    project: Project, options: str, arguments: list[str], message: str
) -> None:
    write(project, options)
    result = project.run("job", *arguments)
    assert (result.exit_code, result.stderr, result.ran) == (4, f"error: {message}\n", [])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("gpu = 0", 'gpu takes a number above 0, or the names of its units such as ["0", "1"], not 0.'),
        ('gpu = ["0", "0"]', "gpu has a unit twice: 0, 0."),
    ],
)
def test_resources_in_pyproject_are_checked(project: Project, line: str, message: str) -> None:
    write(project, config=f"[tool.taskdisc.resources]\n{line}\n")
    result = project.run("job")
    assert (result.exit_code, result.stderr) == (4, f"error: pyproject.toml [tool.taskdisc.resources]: {message}\n")


def test_a_profile_has_resources_of_its_own(project: Project) -> None:
    write(
        project, '@task(resources={"gpu": 3})', GPUS + '[tool.taskdisc.profiles.big.resources]\ngpu = ["a", "b", "c"]\n'
    )
    assert project.run("job[k=0]", "--profile", "big").assert_ok().stdout.endswith("{'gpu': ['a', 'b', 'c']})\n")


def test_limits_from_python(project: Project) -> None:
    write(project, '@task(resources={"gpu": 1})')
    printed = program(
        project.path,
        """
        from taskdisc import Project, TaskdiscError
        project = Project.discover(".")
        print(project.run("most", limits={"gpu": 1}).value)
        try:
            project.run("most", limits={"gpu": 9})
        except TaskdiscError as error:
            print(error)
        """,
    )
    assert printed == "1\n--limit gpu=9: gpu are 0, 1: a limit is a whole number up to 2.\n"


ORDER = """
    from taskdisc import axis, task
    k = axis(range(3))
    def _note(name):
        with open("order", "a") as file:
            file.write(name)
    {first}
    def a(k): _note("a")
    {second}
    def b(k): _note("b")
"""


def order(project: Project, *arguments: str) -> str:
    project.write({"order": ""})
    project.run("-j", "1", *arguments).assert_ok()
    return project.read("order")


def test_what_has_the_highest_priority_starts_first(project: Project) -> None:
    project.write(tasks_x=ORDER.format(first="@task(priority=1)", second="@task(priority=2)"))
    assert order(project) == "bbbaaa"
    project.write(tasks_x=ORDER.format(first="@task(priority=1)", second=""))
    assert order(project, "--force-all") == "aaabbb"


def test_what_took_longest_in_earlier_runs_starts_first(project: Project) -> None:
    project.write(tasks_x=ORDER.format(first="", second=""))
    assert order(project) == "aaabbb"
    index = Index(str(project.path / ".taskdisc/index.sqlite"))
    with index.transaction():
        index.write("update artifact set seconds = (family in (select id from family where task like '%b')) * 60.0")
    index.close()
    assert order(project, "-f") == "bbbaaa"
