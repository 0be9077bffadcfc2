"""Workers that dask-jobqueue starts on a real Slurm."""

import importlib.util
import os
import signal
from pathlib import Path

import pytest
from commands import begin, begun, open_gates, until_begun, until_kept, write_tasks
from servers import wait_for

SERVERS = Path(__file__).parents[2] / "taskdisc-slurm" / "tests" / "servers.py"
CONFIG = """
[tool.taskdisc]
executor = "dask"
workers = 2
grace = "1s"
dask_cluster = "dask_jobqueue.SLURMCluster"
dask_cluster_options = ["cores=1", "processes=1", "memory=400MB", "walltime=00:10:00", "interface=lo",
    "log_directory=logs"]
"""
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    spec = importlib.util.spec_from_file_location("slurm_servers", SERVERS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.slurm(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture
def project(make_project, slurm):
    made = make_project()
    made.write({"pyproject.toml": CONFIG})
    made.environment["SLURM_CONF"] = str(slurm.conf)
    write_tasks(made)
    return made


def test_jobs_are_there_for_the_run_alone(project, slurm):
    open_gates(project)
    assert project.run("total").assert_ok().stdout == "6\n"
    wait_for(lambda: not slurm.jobs())


def test_an_interruption_leaves_no_job(project, slurm):
    run = begin(project, "total")
    until_begun(project, 2)
    open_gates(project, next(iter(begun(project))))
    until_kept(project, 1)
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait(60) == 2
    wait_for(lambda: not slurm.jobs())


def test_a_cancelled_job_costs_what_it_ran(project, slurm):
    run = begin(project, "total")
    until_begun(project, 2)
    job = slurm.jobs()[0].split()[0]
    slurm.do("scancel", job)
    wait_for(lambda: not any(each.startswith(f"{job} ") for each in slurm.jobs()))  # another comes in its place
    open_gates(project)
    assert run.wait(60) == 1
    assert "its worker died while this ran" in (project.path / "stderr").read_text()
    assert len(project.run("total").assert_ok().ran) == 2
