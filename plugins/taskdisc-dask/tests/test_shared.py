"""A store that a team shares, on S3: workers that see no other store fetch from there what they lack."""

import importlib.util
import shutil
from pathlib import Path

import pytest
import servers

SERVERS = Path(__file__).parents[2] / "taskdisc-s3" / "tests" / "servers.py"
EXAMPLE = Path(__file__).parents[3] / "example_project"
TASKS = """
def large() -> list:
    return list(range(50_000))

def size(large, extra: int = 0) -> list:
    return [len(large) + extra] * 50_000
"""


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """An S3 server, and the workers of a cluster that may use it."""
    spec = importlib.util.spec_from_file_location("s3_servers", SERVERS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.moto(tmp_path_factory.mktemp("moto")) as server:
        server.client().create_bucket(Bucket="team")
        yield server


@pytest.fixture(scope="module")
def far(tmp_path_factory, here, s3):
    with servers.Cluster(tmp_path_factory.mktemp("far"), s3.variables()) as cluster:
        cluster.scale(1, hidden=here)
        yield cluster


@pytest.fixture
def member(make_project, far, s3):
    def make(*, on_dask):
        made = make_project(far.address if on_dask else "")
        made.environment |= s3.variables()
        made.write({"pyproject.toml": f'[tool.taskdisc]\nshared = "{s3.url("team")}"\n'}, tasks_a=TASKS)
        return made

    return make


def objects(project):
    return sum(path.is_file() for path in (project.path / ".taskdisc" / "objects").rglob("*"))


def test_workers_fetch_from_there(member):
    member(on_dask=False).run("large").assert_ok()
    bob = member(on_dask=True)
    assert bob.run("size", "-p", "extra=1").assert_ok().ran == ["size"]
    assert objects(bob) == 1  # the result; what it was made of came to the worker alone


def test_what_workers_make_goes_there(member):
    member(on_dask=True).run("size", "-p", "extra=2").assert_ok()
    carol = member(on_dask=False)
    assert carol.run("size", "-p", "extra=2").assert_ok().ran == []
    carol.taskdisc("show", "size", "-p", "extra=2").assert_ok()


def test_the_example(make_project, far, s3):
    pages = []
    for address in (far.address, ""):
        made = make_project(address)
        shutil.rmtree(made.path)
        shutil.copytree(EXAMPLE, made.path, ignore=shutil.ignore_patterns(".taskdisc", "__pycache__"))
        made.environment |= {**s3.variables(), "TASKDISC_SHARED": s3.url("team").replace("/project?", "/example?")}
        done = made.run().assert_ok()
        assert bool(done.ran) == bool(address)  # the second computes nothing
        pages.append(Path(done.stdout.strip()).read_text())
    assert pages[0] == pages[1]
