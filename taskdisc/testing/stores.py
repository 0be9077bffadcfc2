"""The contract of object stores as tests: subclass it, say how yours is made, and pytest runs them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from taskdisc.store.objects import Objects

if TYPE_CHECKING:
    from taskdisc.protocols import ObjectStore

DATA = bytes(range(256)) * 40
LARGE = 9_000_000
"""Bytes of a large object."""
ODD_NAMES = ["0" * 64, "f" * 64, "0" * 63 + "1", "0" * 62 + "10", "00" + "f" * 62, "abcdef0123456789" * 4]
"""Names are 64 hexadecimal digits, and not always random ones."""
AT_ONCE = 8
"""Threads that use a store at the same time."""


class Broken(Sequence[bytes]):
    """Pieces of which only the first ones come."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces

    def __len__(self) -> int:
        return len(self._pieces) + 1

    def __getitem__(self, index: Any) -> Any:
        if index == len(self._pieces):
            raise OSError("no more of it comes")
        return self._pieces[index]


def name_of(data: bytes | memoryview) -> str:
    """Return the name that the core gives to an object."""
    return sha256(data).hexdigest()


class StoreContract:
    """What every store of objects promises.

    `class TestMine(StoreContract)` needs `make`, called several times in a test with the same path, as the run and its
    workers do.
    """

    def make(self, path: str) -> ObjectStore:
        """Return the store of this folder, as the factory of a plugin does."""
        raise NotImplementedError("a contract needs to know how to make what it is about: define make(self, path)")

    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path: Path) -> Iterator[None]:
        self.path = str(tmp_path / "store")
        Path(self.path).mkdir(mode=0o700)
        self.store = self.make(self.path)
        yield

    def _put(self, *pieces: bytes | memoryview) -> str:
        name = name_of(b"".join(pieces))
        self.store.put(name, list(pieces))
        return name

    # Objects

    @pytest.mark.parametrize("cut", [0, 1, 5000, len(DATA)])
    def test_pieces_are_joined(self, cut: int) -> None:
        name = self._put(DATA[:cut], memoryview(DATA)[cut:])
        assert bytes(self.store.open(name)) == DATA

    def test_pieces_may_be_views_of_numbers(self) -> None:
        from array import array

        numbers = array("d", [1.5, 2.5, 3.5])
        self.store.put(name_of(numbers.tobytes()), [memoryview(numbers)])
        assert bytes(self.store.open(name_of(numbers.tobytes()))) == numbers.tobytes()

    def test_an_empty_object(self) -> None:
        for pieces in ([], [b""]):
            self.store.put(name_of(b""), pieces)
            assert bytes(self.store.open(name_of(b""))) == b""
            assert self.store.has(name_of(b""))

    def test_a_large_object(self) -> None:
        data = DATA * (LARGE // len(DATA))
        name = self._put(data)
        assert self.store.open(name) == data
        assert self.store.stat(name) is not None

    def test_others_see_it(self) -> None:
        name = self._put(DATA)
        other = self.make(self.path)
        assert other.has(name)
        assert bytes(other.open(name)) == DATA
        assert list(other.names()) == [name]

    def test_what_is_opened_is_the_callers_alone(self) -> None:
        name = self._put(DATA)
        first = self.store.open(name)
        assert not first.readonly
        first[:5] = b"12345"
        assert bytes(self.store.open(name)) == DATA
        self.store.delete(name)
        assert bytes(first[:6]) == b"12345" + DATA[5:6]

    def test_odd_names(self) -> None:
        for number, name in enumerate(ODD_NAMES):
            self.store.put(name, [b"%d" % number])
        assert sorted(self.store.names()) == sorted(ODD_NAMES)
        for number, name in enumerate(ODD_NAMES):
            assert bytes(self.store.open(name)) == b"%d" % number
            self.store.delete(name)
            assert not self.store.has(name)
        assert list(self.store.names()) == []

    # What is not there

    def test_an_object_that_is_missing(self) -> None:
        name = name_of(b"missing")
        self._put(DATA)
        for _ in range(2):
            assert not self.store.has(name)
            assert self.store.stat(name) is None
            assert not self.store.trusted(name)
            with pytest.raises(KeyError):
                self.store.open(name)
            self.store.delete(name)

    def test_a_deleted_object_can_be_put_again(self) -> None:
        for _ in range(2):
            name = self._put(DATA)
            self.store.delete(name)
            assert not self.store.has(name)
            assert list(self.store.names()) == []
            with pytest.raises(KeyError):
                self.store.open(name)
        assert bytes(self.store.open(self._put(DATA))) == DATA

    def test_a_quarantined_object_is_read_by_nobody(self) -> None:
        name = self._put(DATA)
        assert isinstance(self.store.quarantine(name), str)
        assert not self.store.has(name)
        assert list(self.store.names()) == []
        with pytest.raises(KeyError):
            self.store.open(name)
        assert bytes(self.store.open(self._put(DATA))) == DATA

    # All or nothing

    def test_a_put_that_is_cut_off_leaves_nothing(self) -> None:
        name = name_of(DATA)
        with pytest.raises(OSError, match="no more of it comes"):
            self.store.put(name, Broken([DATA[:5000]]))
        for store in (self.store, self.make(self.path)):
            assert not store.has(name)
            assert list(store.names()) == []
            assert store.stat(name) is None
        assert bytes(self.store.open(self._put(DATA))) == DATA

    def test_a_put_that_is_cut_off_leaves_the_object_alone(self) -> None:
        name = self._put(DATA)
        try:
            self.store.put(name, Broken([b"other"]))
        except OSError:  # a store that looks first needs no pieces
            pass
        assert bytes(self.store.open(name)) == DATA

    def test_puts_at_once(self) -> None:
        values = [b"%d" % n * 3000 for n in range(6)]

        def work(number: int) -> list[bytes]:
            store = self.make(self.path) if number % 2 else self.store
            for value in values:
                store.put(name_of(value), [value[:10], value[10:]])
            return [bytes(store.open(name_of(value))) for value in values]

        with ThreadPoolExecutor(AT_ONCE) as threads:
            assert list(threads.map(work, range(AT_ONCE))) == [values] * AT_ONCE
        assert sorted(self.store.names()) == sorted(map(name_of, values))

    def test_puts_and_deletions_at_once(self) -> None:
        name = name_of(DATA)

        def work(number: int) -> None:
            for _ in range(20):
                if number % 2:
                    self.store.delete(name)
                else:
                    self.store.put(name, [DATA])
                try:
                    assert bytes(self.store.open(name)) == DATA
                except KeyError:
                    pass

        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(work, range(AT_ONCE)))

    def test_tidying_takes_no_object(self) -> None:
        name = self._put(DATA)
        with pytest.raises(OSError, match="no more of it comes"):
            self.store.put(name_of(b"other"), Broken([DATA]))
        later = time.time() + 60
        found = self.store.tidy(later, remove=False)
        assert self.store.tidy(later, remove=True) == found
        assert self.store.tidy(later, remove=True) == 0
        assert bytes(self.store.open(name)) == DATA

    # What is known of them

    def test_size_and_age(self) -> None:
        before = time.time()
        stat = self.store.stat(self._put(DATA))
        assert stat is not None
        assert stat[0] == len(DATA)
        assert before - 2 <= stat[1] <= time.time() + 2

    def test_putting_again_makes_it_young(self) -> None:
        name = self._put(DATA)
        first = self.store.stat(name)
        second = self.store.stat(self._put(DATA))
        assert first is not None
        assert second is not None
        assert second[1] >= first[1] - 0.02  # as exact as a store may keep it

    def test_trust_changes_no_object(self) -> None:
        name = self._put(DATA)
        state = self.store.state(name)
        assert self.store.state(name) == state
        self.store.trust(name, state)
        assert self.store.trusted(name) in (True, False)
        assert bytes(self.store.open(name)) == DATA

    def test_the_core_can_use_it(self) -> None:
        objects = Objects(self.store)
        for data in (DATA, DATA * 200):  # a large one is drafted, where the store can
            assert bytes(objects.open(objects.save([data[:9], data[9:]]))) == data

    def test_drafts_are_kept_or_dropped(self) -> None:
        draft = getattr(self.store, "draft", None)
        if draft is not None:
            name = name_of(DATA)
            draft([DATA]).drop()
            assert list(self.store.names()) == []
            written = draft([DATA[:9], DATA[9:]])
            assert not self.store.has(name)
            written.keep(name)
            assert bytes(self.store.open(name)) == DATA

    def test_files_come_and_go(self, tmp_path: Path) -> None:
        put_file, take_file = getattr(self.store, "put_file", None), getattr(self.store, "take_file", None)
        if put_file is not None and take_file is not None:
            given, back = tmp_path / "given", tmp_path / "back"
            given.write_bytes(DATA)
            name = name_of(DATA)
            if put_file(name, str(given)):
                assert bytes(self.store.open(name)) == DATA
            if take_file(name, str(back)):
                assert back.read_bytes() == DATA
