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

    def test_it_is_busy_until_the_results_are_there_of_what_slurm_says_is_over(self, monkeypatch):
        for pause in ("LOOK", "SLOWEST"):
            monkeypatch.setattr(f"taskdisc_slurm.executor.{pause}", 4.0)
        stage, executor = self.stage, self.stage.start(1)
        here, gate = stage.root / "here", stage.root / "gate"
        executor.submit([stage.job("waiting", str(here), str(gate))])
        stage.until_there(here, executor)
        executor.dismiss()
        gate.touch()
        (result,) = self._drained(executor)
        assert stage.value(result) == "over"


@pytest.mark.long
class TestLauncher(LauncherContract):
    words = ("--quiet",)

    def make_launcher(self):
        return Srun()
