"""Which files an execution has made, and which it was only given."""

import time

import pytest

from taskdisc.paths import ResultPaths, received, restore_path, set_bases, texts_in


@pytest.fixture
def root(tmp_path):
    set_bases(str(tmp_path), str(tmp_path / "store"))
    (tmp_path / "store").mkdir()
    received().clear()
    yield tmp_path
    received().clear()


def made(root, path, started):
    return ResultPaths(str(root), str(root / "store"), None, started).note(path).made


def test_what_is_written_after_the_start_is_made(root):
    started = time.time()
    path = root / "x.txt"
    path.write_text("x")
    assert made(root, path, started)
    assert not made(root, path, started + 60)


def test_what_came_with_the_inputs_is_not_made_unless_it_was_changed(root):
    """Also where it was written in the same tick of the clock."""
    path = root / "x.txt"
    path.write_text("x")
    assert restore_path("root", "x.txt") == path
    assert not made(root, path, time.time() - 60)
    received()[str(path)] -= 1  # as if it had been changed since
    assert made(root, path, time.time() - 60)


def test_files_of_the_store_are_nobodys(root):
    path = root / "store" / "x.txt"
    path.write_text("x")
    assert not made(root, path, time.time() - 60)


def test_texts_in_a_value_that_holds_itself():
    value = ["a", {"b": ("c", 1)}]
    value.append(value)
    assert sorted(texts_in(value)) == ["a", "b", "c"]
