"""Projects in folders of their own, without a shared disk, exchange results through real servers."""

import pytest
from proxies import failing_after

from taskdisc.testing import Project

TASKS = """
from pathlib import Path
from taskdisc import Gather, axis, task

k = axis(range(4))

def base():
    return list(range(10))

@task(outputs=("short", "long"))
def part(base, k: int):
    return base[k], [base[k]] * 100_000

def report(long: Gather, short: Gather, task_dir: Path) -> Path:
    path = task_dir / "report.txt"
    path.write_text(f"{sum(map(len, long.values()))} {sum(short.values())}")
    return path
"""
ALL = ["base", "part[k=0]", "part[k=1]", "part[k=2]", "part[k=3]", "report"]
CONTENT = "400000 6"


@pytest.fixture
def member(server, bucket, tmp_path):
    """Return what makes a member of the team: a project of its own with the same tasks."""

    def make(name, **url):
        made = Project(tmp_path / name, tmp_path / f"{name}.outcomes")
        made.path.mkdir()
        address = server.url(bucket, **url)
        made.write({"pyproject.toml": f'[tool.taskdisc]\nworkers = 2\nshared = "{address}"\n'}, tasks_team=TASKS)
        made.environment.update(server.variables())
        return made

    return make


def report(member):
    """Return what a member's report says."""
    path = member.taskdisc("show", "report").assert_ok().stdout.strip()
    return (member.path / path).read_text()


def test_the_second_computes_nothing(member):
    ann, bob = member("ann"), member("bob")
    assert ann.run("report").assert_ok().ran == ALL
    assert bob.run("report").assert_ok().ran == []
    assert report(bob) == report(ann) == CONTENT
    assert len(bob.taskdisc("show", "long[k=1]").assert_ok().stdout) > 100_000


def test_values_come_to_the_workers_that_need_them(member):
    member("ann").run("report").assert_ok()
    bob = member("bob")
    bob.write(tasks_more="from taskdisc import Gather\n\ndef more(long: Gather) -> int:\n    return len(long[3])\n")
    done = bob.run("more").assert_ok()
    assert (done.ran, done.stdout) == (["more"], "100000\n")


def test_workers_are_not_forked_with_the_threads_of_a_connection(member):
    """One manifest alone is fetched, by the main thread; the library's own threads are gone in a fork."""
    ann, bob = member("ann"), member("bob")
    ann.write(tasks_team="def long():\n    return 'x' * 100_000\n")
    bob.write(tasks_team="def long():\n    return 'x' * 100_000\n\ndef size(long):\n    return len(long)\n")
    ann.run("long").assert_ok()
    done = bob.run("size").assert_ok()
    assert (done.ran, done.stdout) == (["size"], "100000\n")


def test_a_server_that_lies_is_not_believed(member, server, bucket):
    member("ann").run("report").assert_ok()
    client = server.client()
    for entry in client.list_objects_v2(Bucket=bucket)["Contents"]:
        client.put_object(Bucket=bucket, Key=entry["Key"], Body=b"not what it was")
    bob = member("bob")
    assert bob.run("report").assert_ok().ran == ALL
    assert report(bob) == CONTENT
    cy = member("cy")
    cy.run("report").assert_ok()  # Bob knew of the bad manifests, and sent his own; Cy meets the bad objects, too
    assert report(cy) == CONTENT
    assert member("dan").run("report").assert_ok().ran == []


def test_a_server_that_loses_objects_costs_time_alone(member, server, bucket):
    member("ann").run("report").assert_ok()
    client = server.client()
    for entry in client.list_objects_v2(Bucket=bucket, Prefix="project/objects/")["Contents"]:
        client.delete_object(Bucket=bucket, Key=entry["Key"])
    bob = member("bob")
    bob.run("report").assert_ok()
    assert report(bob) == CONTENT


@pytest.mark.parametrize("bytes_left", [0, 400, 3000, 20_000])
def test_a_network_that_fails_in_the_middle_of_reading(member, server, bytes_left):
    member("ann").run("report").assert_ok()
    with failing_after(server.port, bytes_left) as network:
        bob = member("bob", port=network.port, patience="0.2")
        bob.run("report", "long").assert_ok()
        assert report(bob) == CONTENT


@pytest.mark.parametrize("bytes_left", [0, 1000])
def test_a_network_that_fails_in_the_middle_of_writing(member, server, bytes_left):
    with failing_after(server.port, bytes_left) as network:
        ann = member("ann", port=network.port, patience="0.2")
        done = ann.run("report").assert_ok()
        assert done.ran == ALL
        assert "not shared, which `taskdisc push` does later" in done.stderr
        network.left = 1 << 40
        assert ann.taskdisc("push").assert_ok().stdout.startswith("sent ")
    assert member("bob").run("report").assert_ok().ran == []


def test_old_results_go(member):
    ann = member("ann")
    ann.run("report").assert_ok()
    assert ann.taskdisc("gc", "--shared", "--older-than", "1d").assert_ok().stdout == "nothing to remove\n"
    assert ann.taskdisc("gc", "--shared", "--older-than", "0s").assert_ok().stdout.startswith("removed 3 manifests, ")
    assert member("bob").run("report").assert_ok().ran == ALL


def test_a_bucket_that_is_not_there_stops_the_run(member, server):
    ann = member("ann")
    ann.write({"pyproject.toml": f'[tool.taskdisc]\nshared = "{server.url("nobodys")}"\n'})
    done = ann.run("report")
    assert (done.exit_code, done.ran) == (4, [])
    assert done.stderr == ("error: s3://nobodys/project: there is no such bucket. Make it, or correct the address.\n")
