"""Workers, schedulers and runs that die, and interruptions: what was done stays done, and nothing is left running."""

import os
import signal

import pytest
from commands import begin, begun, descendants, open_gates, until_begun, until_gone, until_kept, write_tasks
from servers import Cluster, wait_for


@pytest.fixture
def own(tmp_path):
    """A cluster that the test may do anything to: two workers."""
    with Cluster(tmp_path) as cluster:
        cluster.scale(2)
        yield cluster


def stderr(project):
    return (project.path / "stderr").read_text()


def kill_worker_of(cluster, process):
    """Kill the worker of Dask that has an agent with this process."""
    (worker,) = [worker for worker in cluster.workers if process in descendants(worker.pid)]
    worker.kill()
    worker.wait()


def test_a_dead_worker_costs_the_job_that_it_had(make_project, own):
    project = make_project(own.address)
    write_tasks(project)
    run = begin(project, "total")
    one, _ = until_begun(project, 2)
    (process,) = begun(project)[one]
    kill_worker_of(own, process)
    until_gone(process)
    open_gates(project)
    assert run.wait(60) == 1
    assert f"KILLED work[n={one}] - its worker died while this ran (tasks_a.py:" in stderr(project)
    assert "@task(retries=...)" in stderr(project)
    again = project.run("total").assert_ok()
    assert (again.ran, again.stdout) == (["total", f"work[n={one}]"], "6\n")


def test_a_lost_attempt_is_followed_by_another(make_project, own):
    project = make_project(own.address)
    write_tasks(project, retries=1, retry_delay="0s", retry_on="killed")
    run = begin(project, "total")
    one = next(iter(until_begun(project, 2)))
    kill_worker_of(own, begun(project)[one][0])
    open_gates(project)
    assert run.wait(60) == 0, stderr(project)
    assert len(begun(project)[one]) == 2
    assert [len(processes) for number, processes in begun(project).items() if number != one] == [1, 1, 1]


def test_of_a_batch_that_is_lost_all_run_again_and_none_is_blamed(make_project, own):
    """One of twenty kills its worker, the first time; who it was, nobody knows then."""
    project = make_project(own.address)
    project.write(
        tasks_a="""
        import os, signal, time
        from taskdisc import axis, task, Gather
        n = axis(range(20))

        @task(batch=20)
        def tiny(n: int):
            if n == 7 and not os.path.exists("once"):
                open("once", "w").close()
                agent = os.getppid()
                with open(f"/proc/{agent}/stat") as file:
                    worker = int(file.read().rpartition(")")[2].split()[1])
                time.sleep(0.1)
                os.kill(worker, signal.SIGKILL)
                time.sleep(60)
            return n

        def total(tiny: Gather[int]) -> int:
            return sum(tiny.values())
        """
    )
    assert project.run("total").assert_ok().stdout == "190\n"


def test_a_killed_agent_is_replaced(make_project, own):
    project = make_project(own.address)
    write_tasks(project, retries=1, retry_delay="0s")
    run = begin(project, "total")
    one = next(iter(until_begun(project, 2)))
    with open(f"/proc/{begun(project)[one][0]}/stat") as file:
        agent = int(file.read().rpartition(")")[2].split()[1])
    os.kill(agent, signal.SIGKILL)
    open_gates(project)
    assert run.wait(60) == 0, stderr(project)
    assert len(begun(project)[one]) == 2


def test_a_scheduler_that_goes_away_ends_the_run(make_project, own):
    project = make_project(own.address)
    write_tasks(project)
    run = begin(project, "total")
    until_begun(project, 2)
    done, _ = begun(project)
    open_gates(project, done)
    until_begun(project, 3)
    until_kept(project, 1)
    own.scheduler.kill()
    own.scheduler.wait()
    assert run.wait(60) == 1
    assert f"the Dask scheduler {own.address} has gone away" in stderr(project)
    open_gates(project)
    del project.environment["TASKDISC_DASK_ADDRESS"], project.environment["TASKDISC_EXECUTOR"]
    again = project.run("total").assert_ok()
    assert f"work[n={done}]" not in again.ran
    assert again.stdout == "6\n"


@pytest.mark.parametrize("kind", ["cluster", "local"])
def test_a_run_that_is_killed_leaves_nothing(make_project, request, kind):
    address = request.getfixturevalue("cluster").address if kind == "cluster" else ""
    project = make_project(address)
    project.environment["TASKDISC_EXECUTOR"] = "dask"
    write_tasks(project)
    run = begin(project, "total")
    until_begun(project, 2)
    done = next(iter(begun(project)))
    open_gates(project, done)
    until_begun(project, 3)
    until_kept(project, 1)
    running = [process for processes in begun(project).values() for process in processes]
    family = descendants(run.pid)
    run.kill()
    run.wait()
    if kind == "cluster":  # somebody else's cluster: what runs there comes to its end
        open_gates(project)
    until_gone(*running, *family)
    open_gates(project)
    again = project.run("total").assert_ok()
    assert f"work[n={done}]" not in again.ran
    assert again.stdout == "6\n"


@pytest.mark.parametrize("kind", ["cluster", "local"])
def test_an_interruption_leaves_nothing(make_project, request, kind):
    cluster = request.getfixturevalue("cluster") if kind == "cluster" else None
    project = make_project(cluster.address if cluster else "")
    project.environment |= {"TASKDISC_EXECUTOR": "dask", "TASKDISC_GRACE": "1s"}
    write_tasks(project)
    run = begin(project, "total")
    until_begun(project, 2)
    done = next(iter(begun(project)))
    open_gates(project, done)
    until_begun(project, 3)
    until_kept(project, 1)
    running = [process for processes in begun(project).values() for process in processes]
    family = descendants(run.pid)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does, which tells the workers, too
    assert run.wait(60) == 2
    until_gone(*running, *family)
    assert "what was finished is kept" in stderr(project)
    assert "Traceback" not in stderr(project)
    assert len(begun(project)) == 3
    if cluster:
        from distributed import Client

        with Client(cluster.address, set_as_default=False) as client:
            assert not any(client.processing().values())
            assert not client.who_has()
    open_gates(project)
    again = project.run("total").assert_ok()
    assert f"work[n={done}]" not in again.ran


def test_an_interruption_lets_what_is_nearly_done_end(make_project, cluster):
    project = make_project(cluster.address)
    project.environment["TASKDISC_GRACE"] = "60s"
    write_tasks(project)
    run = begin(project, "total")
    begun_before = set(until_begun(project, 2))
    os.kill(run.pid, signal.SIGINT)
    wait_for(lambda: "interrupt" in stderr(project).lower())
    open_gates(project)
    assert run.wait(60) == 2
    assert set(begun(project)) == begun_before
    again = project.run("total").assert_ok()
    assert len(again.ran) == 3
