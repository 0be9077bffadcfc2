"""Claims between runs: who holds what, and what is left of a run that is gone."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from taskdisc import descriptors
from taskdisc.store import claims as module
from taskdisc.store.claims import Claims

KEYS = [bytes([number]) * 32 for number in range(10)]


Begin = Callable[[int], Claims]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    begun: list[Claims] = []

    def start(run: int) -> Claims:
        begun.append(Claims(str(tmp_path), run))
        return begun[-1]

    yield start
    for claims in begun:
        claims.close()


def names(store: Path) -> set[str]:
    return set(os.listdir(store / "runs"))


def forked(act: Callable[[], object]) -> int:
    """Do something in a process that ends without any clearing up, as if it were killed; return its exit code."""
    child = os.fork()
    if not child:
        try:
            act()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_run_alone_gets_all_it_asks_for(begin: Begin) -> None:
    one = begin(1)
    assert not one.take(KEYS[:3])
    assert one.in_company  # others may have written before it looked for the first time
    assert not one.take(KEYS[3:])
    assert not one.in_company


def test_what_another_run_holds_is_refused(begin: Begin) -> None:
    one, two = begin(1), begin(2)
    assert not one.take(KEYS[:3])
    assert two.take(KEYS[2:5]) == {KEYS[2]}
    assert one.take(KEYS[3:6]) == {KEYS[3], KEYS[4]}
    assert one.in_company
    assert two.in_company
    assert two.held(KEYS) == {KEYS[0], KEYS[1], KEYS[2], KEYS[5]}


def test_what_is_refused_is_not_claimed(begin: Begin) -> None:
    one, two, three = (begin(number) for number in (1, 2, 3))
    one.take(KEYS[:1])
    two.take(KEYS[:1])
    one.keep([])
    assert not three.take(KEYS[:1])


def test_a_run_that_comes_later_sees_what_was_claimed_before(begin: Begin) -> None:
    one = begin(1)
    one.take(KEYS[:2])
    one.take(KEYS[2:4])
    assert begin(2).take(KEYS) == set(KEYS[:4])


def test_what_is_given_up_is_free(begin: Begin) -> None:
    one, two = begin(1), begin(2)
    one.take(KEYS[:4])
    assert two.held(KEYS) == set(KEYS[:4])
    one.keep([KEYS[1]])
    assert two.held(KEYS) == {KEYS[1]}
    one.take(KEYS[5:6])
    assert two.held(KEYS) == {KEYS[1], KEYS[5]}
    one.keep(KEYS[6:8])  # as many as before, and others
    assert two.held(KEYS) == set(KEYS[6:8])
    one.close()
    assert not two.take(KEYS)


def test_claims_of_a_dead_run_are_void_and_its_file_goes(tmp_path: Path, begin: Begin) -> None:
    one = begin(1)
    assert forked(lambda: begin(2).take(KEYS)) == 0
    assert names(tmp_path) == {"mutex", "1.lock", "2.lock"}
    assert not one.take(KEYS)
    assert one.in_company  # it may have written
    assert names(tmp_path) == {"mutex", "1.lock"}
    one.close()
    assert names(tmp_path) == {"mutex"}


def test_a_child_holds_nothing_for_its_dead_run(begin: Begin) -> None:
    """The run ends only when its child has begun: until then, the child's copy of the lock counts, for microseconds."""
    end, keep_open = os.pipe()

    def run() -> None:
        begin(2).take(KEYS)
        begun, say = os.pipe()
        if not os.fork():
            os.close(keep_open)
            os.write(say, b"!")  # whatever a task does first comes after the hooks of the fork, as this does
            os.read(end, 1)
            os._exit(0)
        os.close(say)
        assert os.read(begun, 1) == b"!"

    one = begin(1)
    assert forked(run) == 0
    assert not one.take(KEYS)
    os.close(keep_open)
    os.close(end)


def test_a_number_can_be_taken_by_a_run_of_a_lost_index(tmp_path: Path, begin: Begin) -> None:
    one, two = begin(1), begin(1)
    assert names(tmp_path) == {"mutex", "1.lock", "1-1.lock"}
    one.take(KEYS[:1])
    assert two.take(KEYS) == {KEYS[0]}


def test_a_file_that_was_left_behind_is_used_again(tmp_path: Path, begin: Begin) -> None:
    assert forked(lambda: begin(1).take(KEYS)) == 0
    one, two = begin(1), begin(2)
    assert two.take(KEYS) == set()
    assert names(tmp_path) == {"mutex", "1.lock", "2.lock"}
    assert one.held(KEYS) == set(KEYS)


def test_files_are_private(tmp_path: Path, begin: Begin) -> None:
    claims = begin(1)
    assert (tmp_path / "runs").stat().st_mode & 0o777 == 0o700
    assert {(tmp_path / "runs" / name).stat().st_mode & 0o777 for name in names(tmp_path)} == {0o600}
    claims.close()


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS])
def test_without_locks_there_are_no_claims(
    tmp_path: Path, begin: Begin, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(file: int, kind: int) -> None:
        raise OSError(number, os.strerror(number))

    for each in (module, descriptors):
        monkeypatch.setattr(each, "flock", refuse)
    one, two = begin(1), begin(2)
    assert not one.take(KEYS)
    assert not two.take(KEYS)
    assert not two.held(KEYS)
    two.keep(KEYS)
    two.close()
    one.close()
    assert names(tmp_path) == set()


def test_where_claims_cannot_be_written_the_run_goes_on(
    tmp_path: Path, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = begin(1), begin(2)
    one.take(KEYS[:2])
    assert two.held(KEYS) == set(KEYS[:2])

    def full(file: int, data: bytes, place: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        assert not one.take(KEYS[2:4])
    assert not one.take(KEYS[4:6])
    assert two.held(KEYS) == set()  # nobody waits for what would never be given up
    assert "1.lock" in names(tmp_path)  # it lives
    one.close()
    assert "1.lock" not in names(tmp_path)


def test_a_run_stopped_with_the_mutex_holds_nobody_up_for_long(
    tmp_path: Path, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    one = begin(1)
    with open(tmp_path / "runs" / "mutex") as mutex:
        module.flock(mutex.fileno(), module.LOCK_EX)
        assert not one.take(KEYS[:1])
        assert not one.take(KEYS[1:2])
    assert begin(2).take(KEYS) == set(KEYS[:2])


def test_closing_twice_does_no_harm(begin: Begin) -> None:
    one = begin(1)
    one.close()
    one.close()
    assert not one.take(KEYS)
