"""The contract of executors, on a cluster that is there, and, in parts, on one that each executor starts."""

from taskdisc_dask.executor import DaskExecutor
from taskdisc_dask.settings import Settings

from taskdisc.testing import ExecutorContract


class TestOnARunningCluster(ExecutorContract):
    def make(self, workers):
        return DaskExecutor(workers, Settings(self.address, limited=True))

    import pytest

    @pytest.fixture(autouse=True)
    def _cluster(self, cluster):
        self.address = cluster.address
