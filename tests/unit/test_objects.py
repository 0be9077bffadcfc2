"""Objects are believed when they are what their names say, and not before."""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from taskdisc.builtin.disk import DiskStore
from taskdisc.store.inline import checked, unchecked
from taskdisc.store.objects import DamagedResult, Objects, is_name

DATA = bytes(range(256)) * 400
NAME = sha256(DATA).hexdigest()


@pytest.fixture(autouse=True)
def lag(monkeypatch: pytest.MonkeyPatch) -> float:
    """In seconds: a machine that pauses between two steps of a sealing costs a verification, and no test."""
    monkeypatch.setattr("taskdisc.builtin.disk.LAG", 60 * 10**9)
    return 60.0


@pytest.fixture
def disk(tmp_path: Path) -> DiskStore:
    store = DiskStore(str(tmp_path))
    store.put(NAME, [DATA[:1000], memoryview(DATA)[1000:]])
    return store


def file_of(disk: DiskStore) -> Path:
    return Path(disk.folder, NAME[:2], NAME[2:])


def age(path: Path, seconds: float) -> None:
    """Give the file other times, as if it had been there for long; nothing can set the inode's own time back."""
    then = os.stat(path).st_mtime_ns - int(seconds * 1e9)
    os.utime(path, ns=(then, then))


def flip(path: Path, position: int = 500) -> None:
    with open(path, "r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 1]))


def test_what_was_just_written_is_trusted(disk: DiskStore) -> None:
    assert disk.trusted(NAME)
    assert Objects(disk).open(NAME) == DATA


def test_what_is_trusted_is_not_read(disk: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskdisc.store.objects.fits", lambda name, data: pytest.fail("it was read"))
    Objects(disk).open(NAME)


@pytest.mark.parametrize("position", [0, 500, len(DATA) - 1])
def test_a_flipped_bit_is_found_and_the_object_quarantined(disk: DiskStore, tmp_path: Path, position: int) -> None:
    flip(file_of(disk), position)
    with pytest.raises(DamagedResult, match="was damaged in the store, see") as raised:
        Objects(disk).open(NAME)
    assert not raised.value.intact
    assert not disk.has(NAME)
    (kept,) = (tmp_path / "quarantine").iterdir()
    assert kept.name.startswith(NAME)
    assert len(kept.read_bytes()) == len(DATA)


def test_a_change_with_its_time_set_back_is_found(disk: DiskStore, lag: float) -> None:
    """The inode's own time tells; it counts by more than `LAG`, so the sealing is made to look older than that."""
    path = file_of(disk)
    age(path, 2 * lag)
    assert not disk.trusted(NAME)


def test_a_copy_of_the_file_is_not_trusted(disk: DiskStore) -> None:
    path = file_of(disk)
    status = os.stat(path)
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.rename(copy, path)
    assert not disk.trusted(NAME)


@pytest.mark.parametrize("size", [0, 1, 99, len(DATA) - 1])
def test_a_truncated_object_is_found(disk: DiskStore, size: int) -> None:
    os.truncate(file_of(disk), size)
    with pytest.raises(DamagedResult, match="damaged"):
        Objects(disk).open(NAME)


def test_a_deleted_object_is_gone(disk: DiskStore) -> None:
    file_of(disk).unlink()
    with pytest.raises(DamagedResult, match="is gone from the store"):
        Objects(disk).open(NAME)


def test_a_folder_in_its_place_is_quarantined(disk: DiskStore, tmp_path: Path) -> None:
    file_of(disk).unlink()
    file_of(disk).mkdir()
    with pytest.raises(DamagedResult, match="cannot be read"):
        Objects(disk).open(NAME)
    assert not file_of(disk).exists()
    disk.put(NAME, [DATA])
    assert Objects(disk).open(NAME) == DATA


def test_a_damaged_object_is_written_anew(disk: DiskStore) -> None:
    flip(file_of(disk))
    disk.put(NAME, [DATA])
    assert Objects(disk).open(NAME) == DATA


def test_what_was_verified_is_trusted_unless_it_is_too_young(disk: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    os.utime(file_of(disk))
    young = os.stat(file_of(disk)).st_mtime_ns
    with monkeypatch.context() as patch:
        patch.setattr("taskdisc.builtin.disk.time_ns", lambda: young)
        Objects(disk).open(NAME)
    assert not disk.trusted(NAME)
    later = young + 3_000_000_000
    with monkeypatch.context() as patch:
        patch.setattr("taskdisc.builtin.disk.time_ns", lambda: later)
        state = disk.state(NAME)
        patch.setattr("taskdisc.builtin.disk._seal", lambda name, file: sealed.append(name))
        sealed: list[str] = []
        disk.trust(NAME, state)
        assert sealed == [NAME]
        disk.trust(NAME, "another state")
        assert sealed == [NAME]


def test_loading_never_changes_the_store(disk: DiskStore) -> None:
    view = Objects(disk).open(NAME)
    view[0] = 77
    assert view[0] == 77
    assert file_of(disk).read_bytes() == DATA
    assert Objects(disk).open(NAME) == DATA


def test_objects_are_private(disk: DiskStore) -> None:
    assert stat.S_IMODE(file_of(disk).stat().st_mode) == 0o600
    assert stat.S_IMODE(file_of(disk).parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["", "../../victim", "/etc/passwd", NAME[:-1], NAME.upper(), NAME + "/", None, 3])
def test_only_names_of_objects_become_paths(disk: DiskStore, name: str, tmp_path: Path) -> None:
    objects = Objects(disk)
    assert not is_name(name)
    assert not objects.has(name)
    assert objects.quarantine(name) == ""
    objects.delete(name)
    with pytest.raises(DamagedResult):
        objects.open(name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["objects"]


@pytest.mark.parametrize("payload", [b"", b"x", bytes(16_384)])
def test_small_values_have_a_checksum(payload: bytes) -> None:
    key = sha256(b"key").digest()
    written = checked(key, payload)
    assert written is not None
    assert unchecked(key, written) == payload
    for position in range(0, len(written), 1 + len(written) // 50):
        damaged = bytearray(written)
        damaged[position] ^= 4
        assert unchecked(key, bytes(damaged)) is None
    assert unchecked(sha256(b"another").digest(), written) is None
    assert unchecked(key, written[:-1]) is None
    assert unchecked(key, "text") is None
    assert unchecked(None, written) is None
    assert checked(key, None) is None


# Large objects are written while they are hashed, before their name is known

LARGE_DATA = DATA * 20
LARGE_NAME = sha256(LARGE_DATA).hexdigest()


def files_of(disk: DiskStore) -> list[str]:
    return sorted(str(path.relative_to(disk.folder)) for path in Path(disk.folder).rglob("*") if path.is_file())


@pytest.fixture
def empty(tmp_path: Path) -> DiskStore:
    return DiskStore(str(tmp_path))


def test_a_large_object_gets_the_name_of_its_bytes(empty: DiskStore) -> None:
    assert Objects(empty).save([LARGE_DATA[:1000], memoryview(LARGE_DATA)[1000:]]) == LARGE_NAME
    assert files_of(empty) == [f"{LARGE_NAME[:2]}/{LARGE_NAME[2:]}"]
    assert empty.trusted(LARGE_NAME)
    assert Objects(empty).open(LARGE_NAME) == LARGE_DATA


def test_a_large_object_that_is_there_is_not_replaced(empty: DiskStore) -> None:
    objects = Objects(empty)
    before, after = [(objects.save([LARGE_DATA]), os.stat(empty._path(LARGE_NAME)).st_ino) for _ in range(2)]
    assert before == after
    assert files_of(empty) == [f"{LARGE_NAME[:2]}/{LARGE_NAME[2:]}"]


def test_a_large_object_that_is_there_needs_no_room(empty: DiskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = Objects(empty)
    objects.save([LARGE_DATA])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("taskdisc.builtin.disk._write", full)
    assert objects.save([LARGE_DATA]) == LARGE_NAME
    with pytest.raises(OSError, match="No space left"):
        objects.save([LARGE_DATA, b"and more"])
    assert files_of(empty) == [f"{LARGE_NAME[:2]}/{LARGE_NAME[2:]}"]


def test_a_store_that_wants_the_name_first_gets_it(empty: DiskStore) -> None:
    class NamesFirst:
        put, has, trusted = empty.put, empty.has, empty.trusted

    assert Objects(NamesFirst()).save([LARGE_DATA]) == LARGE_NAME  # type: ignore[arg-type]
    assert empty.has(LARGE_NAME)
