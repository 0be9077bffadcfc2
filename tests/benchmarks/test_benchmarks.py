import subprocess
import sys

from tests.benchmarks.goals import GOALS
from tests.benchmarks.measuring import REPOSITORY


def test_every_goal_can_be_measured():
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--quick"], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    measured = {int(line[:4]) for line in done.stdout.splitlines()[2:]}
    assert measured == set(GOALS)
