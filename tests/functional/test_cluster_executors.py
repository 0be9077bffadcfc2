"""What executors on clusters may have besides: flags, keys of jobs, resources that are counted elsewhere."""

from __future__ import annotations

import pytest

from taskdisc.testing import Project

PLUGIN = """
from taskdisc.builtin.inline import InlineExecutor
from taskdisc.builtin.prefix import PrefixLauncher

class Batch(InlineExecutor):
    capabilities = InlineExecutor.capabilities._replace(flags=True)
    resources = {"cpus", "memory_gb"}
    key_of = None

    def know(self, key_of):
        self.key_of = key_of

    def start(self, context):
        self.context = context
        super().start(context)

    def submit(self, jobs):
        with open("told.txt", "a") as file:
            for job in jobs:
                key = self.key_of(job.number)
                spec = self.context.specs[job.task]
                print(job.instance, key is not None and key.hex(), spec.flags, job.resources, file=file)
        super().submit(jobs)

class Asking(PrefixLauncher):
    resources = {"memory_gb"}

    def prefix(self, words, values):
        return ["env", f"MEMORY={values['memory_gb']}", *super().prefix(words, values)]

def taskdisc_executors():
    return {"batch": lambda workers: Batch()}

def taskdisc_launchers():
    return {"asking": Asking}
"""


@pytest.fixture
def cluster(project: Project) -> Project:
    """A project with the plugin."""
    project.write({"pyproject.toml": '[tool.taskdisc]\nplugins = ["batch"]\nexecutor = "batch"\n'}, batch=PLUGIN)
    return project


def told(project: Project) -> list[str]:
    text = project.read("told.txt")
    (project.path / "told.txt").unlink()
    return text.splitlines()


def test_flags_reach_the_executor(cluster: Project) -> None:
    with open(cluster.path / "pyproject.toml", "a") as file:
        file.write('[tool.taskdisc.tasks.b]\nflags = ["--two", "a b"]\n')
    cluster.write(
        tasks_x="""
        from taskdisc import task
        @task(flags="--one='a b' -p gpu")
        def a(): return 1
        def b(a): return 2
        """
    )
    cluster.run().assert_ok()
    first, second = told(cluster)
    assert "('--one=a b', '-p', 'gpu')" in first
    assert "('--two', 'a b')" in second


def test_flags_are_no_part_of_the_key(cluster: Project) -> None:
    module = "from taskdisc import task\n@task(flags={!r})\ndef a(): return 1"
    cluster.write(tasks_x=module.format("--one"))
    cluster.run().assert_ok()
    cluster.write(tasks_x=module.format("--two"))
    assert cluster.run().assert_ok().counts == {"cached": 1}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("3", 'flags takes a tuple of str, such as ("3",), not 3.'),
        ("(1, 2)", "flags takes a tuple of str, not (1, 2)."),
        ('"--a \'b"', 'flags "--a \'b" cannot be split into words: No closing quotation.'),
    ],
)
def test_wrong_flags_are_errors(cluster: Project, flags: str, message: str) -> None:
    cluster.write(tasks_x=f"from taskdisc import task\n@task(flags={flags})\ndef a(): return 1")
    result = cluster.run()
    assert result.exit_code == 4
    assert f"tasks_x.py:2: @task: {message}" in result.stderr


def test_flags_that_nobody_would_heed_are_refused(project: Project) -> None:
    project.write(tasks_x="from taskdisc import task\n@task(flags='--one')\ndef a(): return 1")
    result = project.run()
    assert result.exit_code == 4
    assert "flags='--one' needs an executor that passes them on to a batch system" in result.stderr


def test_keys_of_jobs_are_those_of_their_results(cluster: Project) -> None:
    cluster.write(
        tasks_x="""
        from taskdisc import axis, task
        k = axis(1, 2)
        def a(k: int): return k
        @task(cache=False)
        def always(): return 1
        """
    )
    cluster.run().assert_ok()
    keys = {line.split()[0]: line.split()[1] for line in told(cluster)}
    assert keys["always"] == "False"
    assert len(keys["a[k=1]"]) == 64
    assert len(set(keys.values())) == 3
    cluster.taskdisc("clear", "a").assert_ok()
    cluster.run("a").assert_ok()
    assert {line.split()[0]: line.split()[1] for line in told(cluster)}.items() <= keys.items()
    cluster.run("a", "-f").assert_ok()
    assert {line.split()[1] for line in told(cluster)} == {"False"}


def test_what_is_counted_elsewhere_is_not_counted_here(cluster: Project) -> None:
    with open(cluster.path / "pyproject.toml", "a") as file:
        file.write('workers = 1\n[tool.taskdisc.resources]\nmemory_gb = 2\ngpu = ["0"]\n')
    cluster.write(
        tasks_x="""
        from taskdisc import task
        @task(resources={"memory_gb": 64, "cpus": 16})
        def large(): return 1
        @task(resources={"memory_gb": 64}, executor="process")
        def here(): return 1
        @task(resources={"gpu": 2})
        def other(): return 1
        """
    )
    cluster.run("large").assert_ok()
    assert "('memory_gb', 64, ()), ('cpus', 16, ())" in told(cluster)[0]
    for target, arguments in (("here", []), ("other", []), ("large", ["-f", "--limit", "memory_gb=8"])):
        result = cluster.run(target, *arguments)
        assert result.exit_code == 4
        assert "Ask for less, or raise that." in result.stderr


def test_launchers_may_ask_for_resources(cluster: Project) -> None:
    cluster.write(
        tasks_x="""
        import os
        from taskdisc import task
        @task(launcher="asking", resources={"memory_gb": 3})
        def a(): return os.environ["MEMORY"]
        """
    )
    assert cluster.run("a").assert_ok().stdout == "3\n"


def test_what_an_executor_says_is_heard_at_once(cluster: Project) -> None:
    cluster.write(
        speaking="""
        from taskdisc.builtin.inline import InlineExecutor
        class Speaking(InlineExecutor):
            def speak(self, say):
                self.say = say
            def submit(self, jobs):
                self.say("the queue is full")
                super().submit(jobs)
        def taskdisc_executors():
            return {"speaking": lambda workers: Speaking()}
        """,
        tasks_x="def a():\n    import sys\n    print('it runs', file=sys.stderr, flush=True)",
    )
    result = cluster.run("--plugin", "speaking", "--executor", "speaking").assert_ok()
    before, _, after = result.stderr.partition("it runs")
    assert "warning: the queue is full" in before
    assert "warning: the queue is full" in after
    assert "warning" not in cluster.run("-f", "-q", "--plugin", "speaking", "--executor", "speaking").stderr
