"""Keeping the files of a result."""

import os
import time

from taskdisc.builtin import disk
from taskdisc.builtin.disk import DiskStore
from taskdisc.fileresults import keep
from taskdisc.paths import ResultPaths
from taskdisc.store.objects import Objects


def result_in(folder):
    path = folder / "dirs" / "x.txt"
    path.parent.mkdir()
    path.write_text("x")
    return path, ResultPaths(str(folder), str(folder), str(path.parent)).note(path)


def test_a_file_that_belongs_to_somebody_else_is_kept_as_it_is(tmp_path, monkeypatch):
    """A container may have written it as another user."""

    def refuse(path, mode):
        raise PermissionError(path)

    path, file = result_in(tmp_path)
    mode = path.stat().st_mode
    monkeypatch.setattr(os, "chmod", refuse)
    objects = Objects(DiskStore(str(tmp_path)))
    keep(file, str(tmp_path), objects)
    assert objects.has(file.digest)
    assert path.stat().st_mode == mode


def test_what_cannot_have_a_second_name_is_copied(tmp_path, monkeypatch):
    """As on another file system, or one without hard links."""

    def refuse(path, target):
        raise OSError("no links here")

    path, file = result_in(tmp_path)
    monkeypatch.setattr(os, "link", refuse)
    objects = Objects(DiskStore(str(tmp_path)))
    keep(file, str(tmp_path), objects)
    assert bytes(objects.open(file.digest)) == b"x"
    assert path.stat().st_nlink == 1


def test_an_object_that_is_used_again_is_young(tmp_path, monkeypatch):
    """Else whoever cleans up would take it for a left-over while no row refers to it yet."""
    path, file = result_in(tmp_path)
    objects = Objects(DiskStore(str(tmp_path)))
    keep(file, str(tmp_path), objects)
    young = objects.store.stat(file.digest)[1]
    other = path.with_name("y.txt")
    other.write_text("x")
    monkeypatch.setattr(disk, "time_ns", lambda: time.time_ns() + 10_000_000_000)
    objects.put_file(file.digest, str(other))
    assert objects.store.stat(file.digest)[1] > young + 9
