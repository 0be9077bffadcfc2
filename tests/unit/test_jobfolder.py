"""Folders of jobs: what a command does with one, and what it leaves there."""

from __future__ import annotations

import os
import pickle
import subprocess
from pathlib import Path

import pytest

from taskdisc.jobfolder import (
    CONTEXT,
    begun,
    command,
    dismiss,
    last_begun,
    read_jobs,
    read_result,
    read_results,
    write_context,
    write_jobs,
    write_result,
)
from taskdisc.model import Job, Outcome
from taskdisc.testing.stage import NUMBERS, context_at


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty folder beside what all commands must know."""
    root = tmp_path / "project"
    root.mkdir()
    write_context(str(tmp_path / CONTEXT), context_at(root))
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def square(number: int, task_value: int) -> Job:
    return Job(number, NUMBERS["square"], f"square[{number}]", 1, (pickle.dumps(task_value),))


def fill(place: Path, jobs: list[Job]) -> None:
    write_jobs(str(place), str(place.parent / CONTEXT), jobs)


def run(place: Path) -> int:
    return subprocess.run(command(str(place)), check=False, cwd=place.parent).returncode


def test_jobs_come_as_they_were_given(place: Path) -> None:
    jobs = [square(7, 2), square(9, 3)]
    fill(place, jobs)
    given = read_jobs(str(place))
    assert list(given.jobs) == jobs
    assert given.context.modules == (("tasks_contract", "tasks_contract.py"),)
    assert given.life is None


def test_results_come_in_their_places(place: Path) -> None:
    jobs = [square(7, 2), square(9, 3)]
    fill(place, jobs)
    assert begun(str(place)) is None
    assert read_results(str(place), jobs) == []
    assert run(place) == 0
    assert [result.number for result in read_results(str(place), jobs)] == [7, 9]
    assert [result.number for result in read_results(str(place), jobs, 1)] == [9]
    assert last_begun(str(place)) == 1


def test_what_has_a_result_is_not_run_again(place: Path) -> None:
    """A batch system may start a command anew that it had ended."""
    jobs = [square(1, 2), square(2, 3)]
    fill(place, jobs)
    assert run(place) == 0
    first = read_result(str(place), 0)
    os.unlink(place / "result-1")
    assert run(place) == 0
    assert read_result(str(place), 0) == first
    second = read_result(str(place), 1)
    assert second is not None
    assert second.outcome == Outcome.SUCCEEDED


def test_half_a_result_is_none(place: Path) -> None:
    jobs = [square(1, 2)]
    fill(place, jobs)
    run(place)
    whole = (place / "result-0").read_bytes()
    for size in range(len(whole)):
        (place / "result-0").write_bytes(whole[:size])
        assert read_results(str(place), jobs) == []


def test_the_result_of_another_job_is_none(place: Path) -> None:
    jobs = [square(1, 2)]
    fill(place, jobs)
    run(place)
    found = read_result(str(place), 0)
    assert found is not None
    write_result(str(place), 0, found._replace(number=5))
    assert read_results(str(place), jobs) == []


def test_nothing_else_begins_after_a_dismissal(place: Path) -> None:
    jobs = [square(1, 2), square(2, 3)]
    fill(place, jobs)
    dismiss(str(place))
    assert run(place) == 0
    assert [result.number for result in read_results(str(place), jobs)] == [1]
