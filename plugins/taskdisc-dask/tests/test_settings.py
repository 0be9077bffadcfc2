"""Where the cluster is, how one is started, and what is refused, with the remedy."""

import socket
import time

import pytest
from servers import Cluster

TASKS = """
import os, time
from pathlib import Path
from taskdisc import axis, Gather

n = axis(range(8))

def whose(n: int) -> int:
    return os.getppid()

def whose_beside(n: int) -> int:
    # The first waits for one of another agent.
    Path(f"agent-{os.getppid()}").touch()
    deadline = time.monotonic() + 60
    while n == 0 and len(list(Path(".").glob("agent-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    return os.getppid()

def two_agents(whose_beside: Gather[int]) -> int:
    return len(set(whose_beside.values()))

def agents(whose: Gather[int]) -> int:
    return len(set(whose.values()))

def greeting() -> str:
    return os.environ["GREETING"]
"""


@pytest.fixture
def project(make_project):
    made = make_project()
    made.write({".env": "GREETING=hello\n"}, tasks_a=TASKS)
    made.environment["TASKDISC_EXECUTOR"] = "dask"
    return made


def test_a_cluster_is_started_where_there_is_none(project):
    done = project.run("two_agents", "greeting", "-j", "2").assert_ok()
    assert done.stdout == "two_agents: 2\ngreeting: hello\n"
    assert done.stderr.startswith("10 succeeded in "), done.stderr


def test_the_environment_knows_the_cluster(project, cluster):
    project.environment["DASK_SCHEDULER_ADDRESS"] = cluster.address
    assert project.run("greeting").assert_ok().stdout == "hello\n"


def test_variables_reach_workers_elsewhere(project, far):
    project.write({"pyproject.toml": f'[tool.taskdisc]\nexecutor = "dask"\ndask_address = "{far.address}"\n'})
    assert project.run("greeting").assert_ok().stdout == "hello\n"


def test_any_class_of_clusters(project):
    project.write({
        "pyproject.toml": """
        [tool.taskdisc]
        workers = 1
        dask_cluster = "distributed.LocalCluster"
        dask_cluster_options = ["threads_per_worker=2", "n_workers=1", "dashboard_address=:0", "memory_limit=0"]
        """
    })  # fmt: skip
    assert project.run("agents").assert_ok().stdout == "1\n"


def test_workers_may_come_later(project, tmp_path):
    """The run waits for them, and says so."""
    from commands import begin

    with Cluster(tmp_path) as cluster:
        project.environment["TASKDISC_DASK_ADDRESS"] = cluster.address
        run = begin(project, "greeting")
        while b"has no workers: waiting for one" not in (project.path / "stderr").read_bytes():
            assert run.poll() is None
            time.sleep(0.05)
        cluster.scale(1)
        assert run.wait(60) == 0


def test_nobody_waits_for_a_scheduler_that_has_gone(project, tmp_path):
    from commands import begin

    with Cluster(tmp_path) as cluster:
        project.environment["TASKDISC_DASK_ADDRESS"] = cluster.address
        run = begin(project, "greeting")
        while b"has no workers: waiting for one" not in (project.path / "stderr").read_bytes():
            assert run.poll() is None
            time.sleep(0.05)
        cluster.scheduler.kill()
        assert run.wait(60) == 1
    assert "has gone away" in (project.path / "stderr").read_text()


ADDRESS = "no Dask scheduler answers at"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--dask-address", "tcp://nobody.invalid:8786"), ADDRESS),
        (("--dask-address", "nonsense"), "missing port number"),
        (("--dask-address", "foo://host:1"), "unknown address scheme"),
        (("--dask-address", "a:1", "--dask-cluster", "a.B"), "Leave one of them out"),
        (("--dask-cluster", "SLURMCluster"), 'dask_cluster = "dask_jobqueue.SLURMCluster"'),
        (("--dask-cluster", "distributed.Nonsense"), "Is it installed, and spelt so?"),
        (("--dask-cluster", "nonsense.Cluster"), "pip install taskdisc-dask[jobqueue]"),
        (("--dask-cluster", "distributed.LocalCluster", "--dask-cluster-options", "n"), '["cores=1", "memory=4GB"]'),
        (
            ("--dask-cluster", "distributed.SpecCluster", "--dask-cluster-options", "nonsense=1"),
            "Check dask_cluster_options",
        ),
    ],
)
def test_what_cannot_be_is_told_at_once(project, options, message):
    refuses(project, options, message)


def test_nobody_listens(project):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        refuses(project, ("--dask-address", address), "Connection refused. Is it running")


def refuses(project, options, message):
    done = project.run("greeting", *options, in_process=True)
    assert done.exit_code == 4, done
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("raise ImportError('No module named taskdisc_dask')", "Install the same taskdisc-dask where its scheduler"),
        ("import taskdisc; taskdisc.__version__ = '0.0.1'", "it has taskdisc 0.0.1, the run has"),
    ],
)
def test_workers_that_cannot_work_are_refused(project, tmp_path, module, message):
    """Nothing is installed there, or another version: a module that Python imports at its start sees to that."""
    name = "taskdisc_dask.py" if "raise" in module else "sitecustomize.py"
    (tmp_path / name).write_text(module)
    with Cluster(tmp_path, {"PYTHONPATH": str(tmp_path)}) as cluster:
        cluster.scale(1)
        done = project.run("greeting", "--dask-address", cluster.address)
    assert done.exit_code == 4, done
    assert message in done.stderr
    assert "Traceback" not in done.stderr
