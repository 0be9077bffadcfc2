"""The encoding is the same on every supported Python, in every process, whatever the hash seed."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.pythons import VERSIONS, interpreters

TESTS = Path(__file__).parent.parent
SAMPLES = TESTS / "unit" / "encoding_samples.py"
VECTORS = json.loads((TESTS / "unit" / "encoding_vectors.json").read_text())


def _encoded_by(python: str, hash_seed: str) -> dict[str, str]:
    environment = {**os.environ, "PYTHONPATH": str(TESTS.parent), "PYTHONHASHSEED": hash_seed}
    finished = subprocess.run(
        [python, str(SAMPLES)],
        input=json.dumps(list(VECTORS)),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    encoded: dict[str, str] = json.loads(finished.stdout)
    return {expression: _as_vector(found) for expression, found in encoded.items()}


def _as_vector(encoding: str) -> str:
    return encoding if len(encoding) <= 400 else "sha256:" + hashlib.sha256(bytes.fromhex(encoding)).hexdigest()


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
@pytest.mark.parametrize("version", VERSIONS)
def test_every_python_encodes_the_vectors_alike(version: str, hash_seed: str) -> None:
    assert _encoded_by(interpreters()[version], hash_seed) == VECTORS


def test_interpreters_are_the_versions_they_claim_to_be() -> None:
    for version, python in interpreters().items():
        report = "import sys; print('%d.%d' % sys.version_info[:2])"
        assert subprocess.check_output([python, "-c", report], text=True).strip() == version
