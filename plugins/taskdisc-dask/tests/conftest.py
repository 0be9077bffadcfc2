import itertools

import commands
import pytest
import servers

from taskdisc.testing import Project

_numbers = itertools.count()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A scheduler and two workers, each with a thread; for tests that leave them as they were."""
    with servers.Cluster(tmp_path_factory.mktemp("dask")) as cluster:
        cluster.scale(2)
        yield cluster


@pytest.fixture(scope="session")
def here(tmp_path_factory):
    """A folder that workers elsewhere do not see."""
    return tmp_path_factory.mktemp("here")


@pytest.fixture(scope="session")
def far(tmp_path_factory, here):
    """A scheduler and two workers that do not see the projects, nor their stores."""
    with servers.Cluster(tmp_path_factory.mktemp("far")) as cluster:
        cluster.scale(2, hidden=here)
        yield cluster


@pytest.fixture(autouse=True)
def _no_runs():
    yield
    commands.end_all()


@pytest.fixture
def make_project(here):
    """Return what makes projects that workers elsewhere do not see."""

    def make(address=""):
        number = next(_numbers)
        made = Project(here / f"project-{number}", here / f"outcomes-{number}.jsonl")
        made.path.mkdir()
        made.write({"pyproject.toml": "[tool.taskdisc]\nworkers = 2\n"})
        if address:
            made.environment["TASKDISC_DASK_ADDRESS"] = address
            made.environment["TASKDISC_EXECUTOR"] = "dask"
        return made

    return make
