"""What plugins are told of a run, and what they do around tasks."""

from __future__ import annotations

import subprocess
import sys

import pytest

from taskdisc.testing import Project

CONFIGURED = {"pyproject.toml": '[tool.taskdisc]\nplugins = ["plug"]\n'}

TASKS = """
    import os
    from taskdisc import axis, skip, task

    k = axis(1, 2)

    def part(k: int):
        return k

    def whole(part):
        return part

    @task(retries=1, retry_delay="0s")
    def flaky():
        with open("flaky", "a") as file:
            file.write("!")
        if os.path.getsize("flaky") == 1:
            raise OSError("once")

    def skipped():
        skip("not today")

    def failing():
        raise ValueError("its own")

    def nothing(): ...
    """

AROUND = """
    def note(*words):
        with open("calls", "a") as file:
            print(*words, file=file)

    def taskdisc_around_task(job):
        note("before", *job[:3])
        try:
            yield
        except BaseException as error:
            note("raised", type(error).__name__)
            raise
        note("after", job.id)
    """


def calls(project: Project) -> list[str]:
    return project.read("calls").splitlines()


EXECUTORS = ["process", "thread", "inline", "command"]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_around_each_task_whatever_runs_it(project: Project, executor: str) -> None:
    project.write(CONFIGURED, plug=AROUND, tasks_x=TASKS)
    assert project.run("whole[k=1]", "--executor", executor).assert_ok().stdout == "1\n"
    assert calls(project) == [
        "before part[k=1] tasks_x.py::part 1",
        "after part[k=1]",
        "before whole[k=1] tasks_x.py::whole 1",
        "after whole[k=1]",
    ]
    project.run("whole[k=1]", "--executor", executor).assert_ok()
    assert len(calls(project)) == 4


def test_around_tasks_in_somebodys_pools(project: Project) -> None:
    project.write(
        CONFIGURED,
        plug=AROUND,
        tasks_x=TASKS,
        look="""
            from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
            from taskdisc import Project
            if __name__ == "__main__":
                for pool, k in (ThreadPoolExecutor(1), 1), (ProcessPoolExecutor(1), 2):
                    with pool:
                        assert Project.discover().run(f"part[k={k}]", executor=pool).value == k
        """,
    )
    python(project, "look.py")
    assert [line for line in calls(project) if line.startswith("after")] == ["after part[k=1]", "after part[k=2]"]


def test_around_attempts_that_end_in_other_ways(project: Project) -> None:
    project.write(CONFIGURED, plug=AROUND, tasks_x=TASKS)
    result = project.run("flaky", "skipped", "failing", "-j", "1")
    assert result.outcomes == {"flaky": "succeeded", "skipped": "skipped", "failing": "failed"}
    assert "ValueError: its own" in result.stderr
    assert "plug" not in result.stderr
    assert sorted(calls(project)) == [
        "after flaky",
        "before failing tasks_x.py::failing 1",
        "before flaky tasks_x.py::flaky 1",
        "before flaky tasks_x.py::flaky 2",
        "before skipped tasks_x.py::skipped 1",
        "raised OSError",
        "raised Skipped",
        "raised ValueError",
    ]


def test_what_plugins_make_of_a_result_or_a_failure_does_not_count(project: Project) -> None:
    plug = """
        def taskdisc_around_task():
            try:
                yield
            except ValueError:
                pass
            return "another"
        """
    project.write(CONFIGURED, plug=plug, tasks_x=TASKS)
    result = project.run("nothing", "failing")
    assert result.outcomes == {"nothing": "succeeded", "failing": "failed"}
    assert "ValueError: its own" in result.stderr
    assert project.taskdisc("show", "nothing").assert_ok().stdout == "None\n"


RAISED = "plugin plug: taskdisc_around_task raised RuntimeError("
FAILING = {
    "raise RuntimeError('before')\n    yield": RAISED,
    "yield\n    raise RuntimeError('after')": RAISED,
    "yield\n    yield": "plugin plug: taskdisc_around_task yields twice. Put one yield where the task runs.",
    "return\n    yield": "plugin plug: taskdisc_around_task has ended without a yield. Put one yield",
}


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("body", FAILING)
def test_a_plugin_that_fails_around_a_task_is_named(project: Project, executor: str, body: str) -> None:
    project.write(CONFIGURED, plug=f"def taskdisc_around_task():\n    {body}\n", tasks_x=TASKS)
    result = project.run("nothing", "--executor", executor)
    assert result.outcomes == {"nothing": "failed"}
    assert FAILING[body] in result.stderr


def test_around_without_a_yield_is_refused(project: Project) -> None:
    project.write(CONFIGURED, plug="def taskdisc_around_task(): ...", tasks_x=TASKS)
    result = project.run("nothing")
    assert result.exit_code == 4
    assert result.stderr == (
        "error: plugin plug: taskdisc_around_task is called before and after a task. Put a yield where the task runs.\n"
    )


def test_the_outer_of_two_is_that_which_was_registered_later(project: Project) -> None:
    source = "def taskdisc_around_task():\n    print({0!r}, 'before')\n    yield\n    print({0!r}, 'after')\n"
    project.write(one=source.format("one"), two=source.format("two"), tasks_x=TASKS)
    printed = project.run("nothing", "-s", "--plugin", "one", "--plugin", "two").assert_ok().stdout
    assert printed == "two before\none before\none after\ntwo after\nNone\n"


def test_the_start_of_each_attempt_is_told(project: Project) -> None:
    project.write(CONFIGURED, plug="def taskdisc_job_started(step): print(*step)", tasks_x=TASKS)
    assert project.run("flaky", "part[k=1]", "-j", "1").assert_ok().stdout.splitlines()[:3] == [
        "part[k=1] tasks_x.py::part 1 ()",
        "flaky tasks_x.py::flaky 1 ()",
        "flaky tasks_x.py::flaky 2 ()",
    ]
    assert project.run("part[k=1]").assert_ok().stdout == "1\n"


FORECAST = """
    from taskdisc.errors import UsageError

    def taskdisc_plan_ready(plan, config):
        print(config.workers, plan.counts, plan.unknown)
        for step in plan:
            print(*step)
        if plan.counts.get("run", 0) > 2:
            raise UsageError("that is too much for one day.")
    """


def test_the_plan_is_told_and_can_be_refused(project: Project) -> None:
    project.write(CONFIGURED, plug=FORECAST, tasks_x=TASKS)
    assert project.run("whole", "-j", "1", "-n").assert_ok().stdout.startswith("run: part[k=1]\n")
    assert project.run("whole[k=1]", "-j", "1").assert_ok().stdout.splitlines() == [
        "1 {'run': 1, 'may run': 1} []",
        "part[k=1] tasks_x.py::part run",
        "whole[k=1] tasks_x.py::whole may run",
        "1",
    ]
    assert project.run("whole", "nothing", "-j", "1").assert_ok().stdout.splitlines()[:6] == [
        "1 {'cached': 2, 'run': 2, 'may run': 1} []",
        "part[k=1] tasks_x.py::part cached",
        "part[k=2] tasks_x.py::part run",
        "whole[k=1] tasks_x.py::whole cached",
        "whole[k=2] tasks_x.py::whole may run",
        "nothing tasks_x.py::nothing run",
    ]
    result = project.run("part", "flaky", "failing", "nothing", "skipped")
    assert (result.exit_code, result.outcomes) == (4, {})
    assert result.stderr == "error: that is too much for one day.\n"


def test_the_plan_tells_of_what_will_grow_and_of_what_is_given(project: Project) -> None:
    tasks = """
        from taskdisc import axis

        def names(): return ["a", "b"]
        @axis
        def name(names): return names
        def long(name: str): return name * 2
        """
    project.write(CONFIGURED, plug=FORECAST, tasks_x=tasks)
    assert project.run("long").assert_ok().stdout.splitlines()[1:4] == [
        "names tasks_x.py::names run",
        "name tasks_x.py::name may run",
        "long[name=a]: aa",
    ]
    assert "tasks_x.py::long" in project.run("long", "-p", "name=c").assert_ok().stdout
    assert "overridden" in project.run("long", "--override", 'names=["c"]').assert_ok().stdout


# Hooks in the project's own modules

OWN = """
    from taskdisc import task

    def taskdisc_around_task(job):
        with open("calls", "a") as file:
            print("around", job.id, file=file)
        yield

    def taskdisc_injectables():
        return {"season": lambda execution: "winter"}

    class Json:
        def encode(self, value):
            import json

            return [json.dumps(value).encode()]

        def decode(self, data):
            import json

            return json.loads(bytes(data))

    def taskdisc_codecs():
        return {"text": Json}

    @task(codec="text")
    def mood(season):
        return [season]
    """


@pytest.mark.parametrize("executor", EXECUTORS)
def test_hooks_of_the_project_work_in_workers_too(project: Project, executor: str) -> None:
    project.write(tasks_own=OWN)
    assert project.run("mood", "--executor", executor).assert_ok().stdout == "['winter']\n"
    assert project.read("calls") == "around mood\n"


def test_pools_that_outlive_an_edit_have_the_new_hooks(project: Project) -> None:
    project.write(
        tasks_own=OWN,
        look="""
            import pathlib
            from concurrent.futures import ProcessPoolExecutor
            from taskdisc import Project

            if __name__ == "__main__":
                with ProcessPoolExecutor(1) as pool:
                    assert Project.discover().run("mood", executor=pool).value == ["winter"]
                    path = pathlib.Path("tasks_own.py")
                    path.write_text(path.read_text().replace("winter", "summer").replace("[season]", "[season] * 2"))
                    assert Project.discover().run("mood", executor=pool).value == ["summer"] * 2
            """,
    )
    python(project, "look.py")


def python(project: Project, program: str) -> None:
    subprocess.run([sys.executable, program], cwd=project.path, check=True, timeout=60)


EARLY = ("add_options", "configure", "unconfigure", "ignore_path", "collect_file")


@pytest.mark.parametrize("hook", EARLY)
def test_hooks_that_come_too_early_for_a_module_of_tasks(project: Project, hook: str) -> None:
    project.write(tasks_own=f"def taskdisc_{hook}(): ...\ndef f(): ...")
    result = project.run("f")
    assert result.exit_code == 4
    assert f"tasks_own.py:1 taskdisc_{hook}: too late for this hook here. " in result.stderr
    assert 'name that in pyproject.toml: plugins = ["..."]' in result.stderr


def test_modules_of_plugins_can_be_imported(project: Project) -> None:
    """They are called like hooks: `import taskdisc_slurm`."""
    project.write(
        taskdisc_mine="SIZE = 3\ndef taskdisc_report_header(): return 'mine'\n",
        yours="import taskdisc_mine\ndef taskdisc_report_summary(): return 'yours'\n",
        tasks_x="import taskdisc_mine\ndef one(): return taskdisc_mine.SIZE\n",
    )
    result = project.run("one", "--plugin", "yours").assert_ok()
    assert result.stdout == "3\n"
    assert "yours" in result.stderr
    assert "mine" not in result.stderr
    assert "tasks_x" not in project.taskdisc("plugins").stdout
