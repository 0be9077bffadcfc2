"""Projects on Slurm: what they compute, what Slurm is asked for, and what its queue sees."""

import os
import sqlite3
import subprocess
import sys

import pytest

NUMBERS = """
    from taskdisc import Gather, axis, task
    k = axis(range({count}))
    @task({options})
    def square(k: int):
        return k * k
    @task(executor="process")
    def total(square: Gather[int]):
        return sum(square.values())
"""
SHOWN = """
    import os, subprocess
    from taskdisc import task
    @task({options})
    def shown(task_info):
        number = os.environ.get("SLURM_ARRAY_JOB_ID", "")
        element = os.environ.get("SLURM_ARRAY_TASK_ID", "")
        name = f"{{number}}_{{element}}" if number else os.environ["SLURM_JOB_ID"]
        job = subprocess.run(["scontrol", "show", "job", name], capture_output=True, text=True, check=True)
        return job.stdout
"""


def results(root):
    """The keys and the value digests of all that is kept."""
    index = sqlite3.connect(root / ".taskdisc/index.sqlite")
    try:
        return set(index.execute("select task, instance, key, digest from artifact join family on family.id = family"))
    finally:
        index.close()


def run(root, *arguments):
    command = [sys.executable, "-m", "taskdisc", "run", *arguments]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended


def test_the_example_is_the_same_everywhere(slurm, example):
    here = example("here")
    run(here)
    there = example("there", '\n[tool.taskdisc.tasks."*"]\nbatch = 10\n')
    report = run(there, "--executor", "slurm")
    assert "71 succeeded" in report.stderr
    assert results(here) == results(there)
    assert not any((there / ".taskdisc/slurm").iterdir())

    for name, option in (("launched", 'launcher = "srun"'), ("behind", 'prefix = "srun -n1 --quiet"')):
        other = example(name, f'\n[tool.taskdisc.tasks."*"]\nbatch = 10\n{option}\n')
        assert "71 succeeded" in run(other).stderr
        assert results(here) == results(other)


@pytest.mark.parametrize("option", ['prefix = "srun -n1 --quiet"', 'prefix = "srun --job-name={task}"\nbatch = 3'])
def test_a_plain_prefix_needs_no_plugin(slurm, project, option):
    config = f"[tool.taskdisc]\nautoload = false\n[tool.taskdisc.tasks.square]\n{option}\n"
    project.write({"pyproject.toml": config}, tasks_x=NUMBERS.format(count=4, options=""))
    assert project.run("total").assert_ok().stdout == "14\n"


def test_a_thousand_instances(slurm, on_slurm):
    on_slurm.write(tasks_x=NUMBERS.format(count=1000, options="batch=50"))
    result = on_slurm.run("total").assert_ok()
    assert result.stdout == f"{sum(k * k for k in range(1000))}\n"
    assert result.counts == {"succeeded": 1001}
    said = slurm.do("squeue", "--noheader", "--states=all", "--array", "--format=%j %T")
    assert said.splitlines().count("square COMPLETED") >= 20


@pytest.mark.long
def test_a_thousand_elements(slurm, on_slurm):
    on_slurm.write(tasks_x=NUMBERS.format(count=1000, options=""))
    with open(on_slurm.path / "pyproject.toml", "a") as file:
        file.write("slurm_jobs = 300\n")
    process = subprocess.run(
        [sys.executable, "-m", "taskdisc", "run", "total"], cwd=on_slurm.path, capture_output=True, text=True,
        timeout=1200, check=False,
    )  # fmt: skip
    assert process.stdout == f"{sum(k * k for k in range(1000))}\n", process.stderr


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ('executor="slurm", resources={"cpus": 2, "memory_gb": 0.5, "time_h": 0.5}',
         ["NumCPUs=2", "MinMemoryNode=512M", "TimeLimit=00:30:00", "JobName=shown"]),
        ('executor="slurm", flags="--partition=short --time=4 --job-name=mine", timeout="1h"',
         ["Partition=short", "TimeLimit=00:04:00", "JobName=mine"]),
        ('executor="slurm", timeout="5m", retries=1, resources=lambda attempt: {"cpus": attempt}',
         ["TimeLimit=00:06:00", "NumCPUs=1"]),
        ('launcher="srun", prefix="--partition=short", resources={"cpus": 2, "memory_gb": 0.25}',
         ["Partition=short", "NumCPUs=2", "MinMemoryNode=256M", "JobName=shown"]),
    ],
)  # fmt: skip
def test_what_slurm_is_asked_for(slurm, project, options, expected):
    project.write({"pyproject.toml": "[tool.taskdisc]\nworkers = 1\n"}, tasks_x=SHOWN.format(options=options))
    said = project.run("shown").assert_ok().stdout
    assert [text for text in expected if text not in said.split()] == []


def test_flags_and_resources_from_the_configuration(slurm, on_slurm):
    with open(on_slurm.path / "pyproject.toml", "a") as file:
        file.write('[tool.taskdisc.tasks."sh*"]\nflags = ["--partition=short"]\nresources = {gpu = 2}\n')
    on_slurm.write(
        tasks_x="""
        import os
        def shown():
            return os.environ["SLURM_JOB_PARTITION"], os.environ["CUDA_VISIBLE_DEVICES"]
        """
    )
    assert on_slurm.run("shown").assert_ok().stdout == "('short', '0,1')\n"


def test_what_slurm_has_is_not_what_this_machine_has(slurm, on_slurm):
    with open(on_slurm.path / "pyproject.toml", "a") as file:
        file.write('workers = 1\n[tool.taskdisc.resources]\nmemory_gb = 0.1\ngpu = ["7"]\n')
    on_slurm.write(
        tasks_x="""
        import os
        from taskdisc import task
        @task(resources={"memory_gb": 0.2, "gpu": 2, "cpus": 2})
        def large():
            return os.environ["CUDA_VISIBLE_DEVICES"]
        @task(executor="process", resources={"memory_gb": 0.2})
        def small():
            return 1
        """
    )
    assert on_slurm.run("large").assert_ok().stdout == "0,1\n"
    refused = on_slurm.run("small")
    assert refused.exit_code == 4
    assert "needs memory_gb=0.2, and there is memory_gb=0.1" in refused.stderr
    limited = on_slurm.run("large", "-f", "--limit", "gpu=1")
    assert limited.exit_code == 4


def test_flags_need_an_executor_that_passes_them_on(project):
    project.write(tasks_x="from taskdisc import task\n@task(flags='--partition=gpu')\ndef f(): return 1")
    refused = project.run("f")
    assert refused.exit_code == 4
    assert "tasks_x.py:3 f: flags='--partition=gpu' needs an executor that passes them on to a batch system" in (
        refused.stderr
    )
    assert "slurm" in refused.stderr


def test_logs_are_kept_and_slurm_is_heard(slurm, on_slurm):
    on_slurm.write(tasks_x="import os\ndef loud():\n    print('hello')\n    os.write(2, b'by number\\n')\n    return 1")
    on_slurm.run("loud").assert_ok()
    said = on_slurm.taskdisc("logs", "loud").assert_ok().stdout
    assert "hello" in said
    assert "by number" in said


def test_a_path_that_nobody_would_choose(slurm, project, tmp_path):
    root = tmp_path / "a %j 'b' \"$c\""
    os.rename(project.path, root)
    (root / "pyproject.toml").write_text('[tool.taskdisc]\nexecutor = "slurm"\nslurm_poll = "1s"\n')
    (root / "tasks_x.py").write_text(
        "def f(task_dir):\n    (task_dir / 'x').write_text('y')\n    return task_dir / 'x'\n"
    )
    assert run(root, "f").returncode == 0
