"""What an instance costs on Slurm, beside elements of arrays that do next to nothing: `python tests/benchmark.py [N]`.

Each figure is the wall time of a whole command, from a new store to the last result, over the number of instances. The
floor is `sbatch --wait` of an array of the same number of elements with `python -c pass`, polled every 50 ms.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import servers

PROJECT = """
from taskdisc import Gather, axis, task
k = axis(range({count}))
@task(batch={batch})
def step(k: int):
    return k
@task(executor="process")
def total(step: Gather[int]):
    return sum(step.values())
"""


def bare(cluster: servers.Slurm, folder: Path, elements: int, command: str) -> float:
    """Return the seconds that an array takes by itself."""
    script = folder / "bare.sh"
    script.write_text(f"#!/bin/sh\n{command}\n")
    began = time.monotonic()
    cluster.do("sbatch", f"--array=0-{elements - 1}", "--output=/dev/null", str(script))
    while cluster.jobs():
        time.sleep(0.05)
    return time.monotonic() - began


def with_taskdisc(folder: Path, count: int, batch: int) -> float:
    """Return the seconds that a run takes."""
    with tempfile.TemporaryDirectory(dir=folder) as root:
        Path(root, "pyproject.toml").write_text('[tool.taskdisc]\nexecutor = "slurm"\n')
        Path(root, "tasks_x.py").write_text(PROJECT.format(count=count, batch=batch))
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "taskdisc", "run", "total"], cwd=root, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return time.monotonic() - began


def main(count: int) -> None:
    """Print a line a measurement."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        (place := Path(folder) / "slurm").mkdir()
        with servers.slurm(place) as cluster:
            os.environ["SLURM_CONF"] = str(cluster.conf)
            for name, command in (("true", "true"), ("python -c pass", f"{sys.executable} -c pass")):
                seconds = bare(cluster, Path(folder), count, command)
                print(f"{count} elements of {name}: {seconds:.1f} s, {1000 * seconds / count:.1f} ms each", flush=True)
            for instances, batch in ((count, 1), (count * 10, 50), (count * 50, 500)):
                seconds = with_taskdisc(Path(folder), instances, batch)
                what = f"taskdisc, {instances} instances, batch={batch}"
                print(f"{what}: {seconds:.1f} s, {1000 * seconds / instances:.2f} ms each", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
