"""One Slurm for all tests, and tests that start what they break."""

import pytest
import servers


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A Slurm that no test breaks."""
    with servers.slurm(tmp_path_factory.mktemp("slurm")) as started:
        yield started


@pytest.fixture
def slurm(cluster, monkeypatch):
    """The same, for clients of this process and of what it starts."""
    monkeypatch.setenv("SLURM_CONF", str(cluster.conf))
    yield cluster
    cluster.do("scancel", "--user=root", "--quiet", check=False)


@pytest.fixture
def own_slurm(tmp_path, monkeypatch):
    """A Slurm that the test may break."""
    folder = tmp_path / "own"
    folder.mkdir()
    with servers.slurm(folder) as started:
        monkeypatch.setenv("SLURM_CONF", str(started.conf))
        yield started
