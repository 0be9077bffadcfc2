"""Contracts as plugin authors use them: in a test file of their own, with public names alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import taskdisc.testing

GOOD = """
from concurrent.futures import ThreadPoolExecutor

from taskdisc.testing import CodecContract, ExecutorContract, LauncherContract, StoreContract

class Words:
    def prefix(self, words, values):
        return ["env", f"INSTANCE={values['id']}", *words]

class Text:
    def encode(self, value):
        if type(value) is not str:
            raise TypeError("texts alone")
        return [value.encode()]

    def decode(self, data):
        return bytes(data).decode()

class TestPool(ExecutorContract):
    def make(self, workers):
        return ThreadPoolExecutor(workers)

class TestWords(LauncherContract):
    def make_launcher(self):
        return Words()

class TestText(CodecContract):
    values = ["", "a"]
    refused = [1, None]

    def make(self):
        return Text()
"""

BAD = """
from taskdisc.builtin.disk import DiskStore
from taskdisc.builtin.threads import ThreadExecutor
from taskdisc.protocols import Capabilities
from taskdisc.testing import CodecContract, ExecutorContract, LauncherContract, StoreContract

class Forgetful(ThreadExecutor):
    capabilities = Capabilities(environment=True)

    def dismiss(self):
        pass

class Hasty(DiskStore):
    def put(self, name, pieces):
        path = self._make_room(name)
        with open(path, "wb") as file:
            for piece in pieces:
                file.write(piece)

class Shared:
    values = {}

    def encode(self, value):
        self.values[len(self.values)] = value
        return [b"%d" % (len(self.values) - 1)]

    def decode(self, data):
        return self.values[int(bytes(data))]

class TestForgetful(ExecutorContract):
    def make(self, workers):
        return Forgetful(workers)

class TestHasty(StoreContract):
    def make(self, path):
        return Hasty(path)

class TestSwallowing(LauncherContract):
    words = ("sh", "-c", '"$@"; kill -9 $$', "sh")

    def make_launcher(self):
        from taskdisc.builtin.prefix import PrefixLauncher
        return PrefixLauncher()

class TestShared(CodecContract):
    def make(self):
        return Shared()
"""


def run(tmp_path: Path, text: str, *arguments: str) -> str:
    (tmp_path / "test_plugin.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-rfE", *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}  # ours, not theirs
    done = subprocess.run(
        [*command, "test_plugin.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout


def test_plugins_that_keep_their_contracts(tmp_path: Path) -> None:
    said = run(tmp_path, GOOD, "-W", "error")
    assert " passed" in said, said
    assert "failed" not in said, said
    assert "skipped" not in said


@pytest.mark.parametrize(
    "test",
    [
        "TestForgetful::test_nothing_begins_after_dismiss",
        "TestForgetful::test_variables_are_not_those_of_jobs_beside",
        "TestHasty::test_a_put_that_is_cut_off_leaves_nothing",
        "TestSwallowing::test_each_job_has_its_own_result",
        "TestShared::test_each_decoding_gives_a_new_value",
    ],
)
def test_plugins_that_do_not(tmp_path: Path, test: str) -> None:
    said = run(tmp_path, BAD, "-k", test.replace("::", " and "))
    assert f"FAILED test_plugin.py::{test}" in said, said
    assert "1 failed" in said
    assert "E  " in said


def test_a_contract_needs_to_know_what_it_is_about(tmp_path: Path) -> None:
    said = run(tmp_path, "from taskdisc.testing import CodecContract\nclass TestIt(CodecContract):\n    pass\n")
    assert "NotImplementedError: a contract needs to know how to make what it is about: define make(self)" in said


def test_other_names_are_unknown() -> None:
    with pytest.raises(AttributeError, match=r"module 'taskdisc\.testing' has no attribute 'Contract'"):
        taskdisc.testing.Contract  # noqa: B018
