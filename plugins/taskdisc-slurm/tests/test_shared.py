"""A store that a team shares, on S3: what runs on Slurm and what runs here have the same keys."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SERVERS = Path(__file__).parents[2] / "taskdisc-s3" / "tests" / "servers.py"


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """An S3 server with the bucket `team`."""
    spec = importlib.util.spec_from_file_location("s3_servers", SERVERS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.moto(tmp_path_factory.mktemp("moto")) as server:
        server.client().create_bucket(Bucket="team")
        yield server


@pytest.mark.parametrize(
    ("first", "second", "option"),
    [
        (["--executor", "slurm"], [], ""),
        ([], ["--executor", "slurm"], ""),
        ([], [], 'prefix = "srun -n1 --quiet"'),
    ],
    ids=["from Slurm", "to Slurm", "behind srun"],
)
def test_the_example_with_a_shared_store(slurm, example, s3, monkeypatch, request, first, second, option):
    monkeypatch.setenv("TASKDISC_SHARED", s3.url("team").replace("project", request.node.callspec.id.replace(" ", "-")))
    for name, value in s3.variables().items():
        monkeypatch.setenv(name, value)
    said = []
    for name, arguments, more in (("one", first, option), ("other", second, "")):
        root = example(name, f'\n[tool.taskdisc.tasks."*"]\nbatch = 20\n{more}\n')
        command = [sys.executable, "-m", "taskdisc", "run", *arguments]
        ended = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=240, check=False)
        assert ended.returncode == 0, ended.stderr
        said.append(ended)
    assert "71 succeeded" in said[0].stderr
    assert "up to date: 71 cached" in said[1].stderr
    pages = [Path(ended.stdout.strip()).read_text() for ended in said]
    assert pages[0] == pages[1]
