"""The contracts of taskdisc, on a real Slurm."""

import pytest
from taskdisc_slurm.executor import SlurmExecutor
from taskdisc_slurm.settings import Settings
from taskdisc_slurm.srun import Srun

from taskdisc.testing import ExecutorContract, LauncherContract

pytestmark = pytest.mark.usefixtures("cluster")


class TestExecutor(ExecutorContract):
    def make(self, workers):
        return SlurmExecutor(Settings(workers, poll=1.0, latency=5.0))


@pytest.mark.long
class TestLauncher(LauncherContract):
    words = ("--quiet",)

    def make_launcher(self):
        return Srun()
