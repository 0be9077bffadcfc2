import servers
import pytest


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A scheduler and two workers, each with a thread; for tests that leave them as they were."""
    with servers.Cluster(tmp_path_factory.mktemp("dask")) as cluster:
        cluster.scale(2)
        yield cluster
