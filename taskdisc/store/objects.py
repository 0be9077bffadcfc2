"""Large stored values: read from a store of objects, and never believed before they have been verified.

An object is called by the SHA-256 of its bytes. What does not fit its name is moved to quarantine and counts as
missing; who needs it learns so by `DamagedResult`, and makes it again.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from taskdisc.aside import Aside
from taskdisc.errors import ExitCode, TaskdiscError
from taskdisc.model import COMPRESSED

if TYPE_CHECKING:
    from typing import Protocol

    from taskdisc.protocols import Codec, ObjectStore

    class Beyond(Protocol):
        """Where objects may be that are not in the store."""

        def has(self, name: str) -> bool:
            """Say whether an object is known to be there, without looking."""

        def fetch(self, name: str) -> bytes | None:
            """Return the bytes of an object, verified, or None."""


SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})
"""Errors of a machine that has run out of something, for which no object is to blame."""
DIGITS = frozenset("0123456789abcdef")
LARGE = 1 << 20
"""Bytes from which it is worth a thread to write them while they are hashed."""


class DamagedResult(TaskdiscError):
    """A stored value is gone, is not what it was when it was stored, or cannot be loaded any more."""

    exit_code = ExitCode.FAILED

    def __init__(self, stored: str, reason: str, *, intact: bool = False) -> None:
        """`stored` identifies the value (see `identity`); `intact`: its bytes are right, yet give no value."""
        super().__init__(reason)
        self.stored = stored
        self.reason = reason
        self.intact = intact


def identity(stored: bytes | str) -> str:
    """Return by what name a stored value is told from others: its object's, or the digest of its bytes."""
    if isinstance(stored, str):
        return stored
    from hashlib import sha256

    return sha256(stored).hexdigest()


def is_name(name: object) -> bool:
    """Say whether this can be the name of an object: nothing else ever becomes part of a path."""
    return isinstance(name, str) and len(name) == 64 and DIGITS.issuperset(name)


class Objects:
    """The objects of a store, verified; what is not there may lie beyond, and comes here when it is opened."""

    def __init__(self, store: ObjectStore, beyond: Beyond | None = None) -> None:
        self.store = store
        self._beyond = beyond

    def open(self, name: str) -> memoryview:
        """Return the bytes of an object, writable for the caller alone. Raises DamagedResult."""
        if not is_name(name):
            raise DamagedResult(name, "its value was damaged in the store's index")
        seen = self.store.state(name)
        try:
            try:
                data = self.store.open(name)
            except KeyError:
                self.bring(name)
                seen = self.store.state(name)
                data = self.store.open(name)
        except KeyError:
            raise DamagedResult(name, f"its object {name[:12]} is gone from the store") from None
        except OSError as error:
            if error.errno in SHORTAGES:
                raise
            self.quarantine(name)
            raise DamagedResult(name, f"its object {name[:12]} cannot be read: {error.strerror}") from None
        if not self.store.trusted(name):
            self._verify(name, data, seen)
        return data

    def bring(self, name: str) -> None:
        """Have an object here that lies beyond, if it does."""
        data = None if self._beyond is None else self._beyond.fetch(name)
        if data is not None:
            self.store.put(name, [data])

    def _verify(self, name: str, data: memoryview, seen: object) -> None:
        if not fits(name, data):
            place = self.quarantine(name)
            raise DamagedResult(name, f"its object {name[:12]} was damaged in the store{place and f', see {place}'}")
        self.store.trust(name, seen)

    def quarantine(self, name: str) -> str:
        """Move a bad object to where nobody reads it; return where that is, "" where it could not be moved."""
        if not is_name(name):
            return ""
        try:
            return self.store.quarantine(name)
        except OSError:  # a store that is read-only, or lost
            return ""

    def put(self, name: str, pieces: Sequence[bytes | memoryview]) -> None:
        """Keep the joined pieces. Raises OSError."""
        self.store.put(name, pieces)

    def save(self, pieces: Sequence[bytes | memoryview]) -> str:
        """Keep the joined pieces and return their name. Raises OSError.

        A store that can write them before it knows their name does so while they are hashed.
        """
        draft = getattr(self.store, "draft", None)
        if draft is None or sum(memoryview(piece).nbytes for piece in pieces) < LARGE:
            name = _name_of(pieces)
            self.store.put(name, pieces)
            return name
        with Aside(lambda: _name_of(pieces)) as naming:
            try:
                written = draft(pieces)
            except OSError:  # on a full disk, say; but the object may be there already
                written = None
        if written is None:
            self.store.put(naming.result, pieces)
        else:
            written.keep(naming.result)
        return naming.result

    def put_file(self, name: str, path: str) -> None:
        """Keep a file's content; a store that can give the file a second name spares the disk. Raises OSError."""
        put_file = getattr(self.store, "put_file", None)
        if put_file is not None and put_file(name, path):
            return
        with open(path, "rb") as stream:
            self.put(name, [_mapped(stream.fileno())])

    def take_file(self, name: str, path: str) -> None:
        """Put a file with the object's content where none is. Raises DamagedResult and OSError."""
        data = self.open(name)
        take_file = getattr(self.store, "take_file", None)
        if take_file is not None and take_file(name, path):
            return
        temporary = f"{path}.{os.getpid()}.tmp"  # half a file must never bear its name
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o400), "wb") as stream:
            stream.write(data)
        os.rename(temporary, path)

    def has(self, name: str) -> bool:
        """Say whether there is an object of this name, here or beyond."""
        return is_name(name) and (self.store.has(name) or self.is_beyond(name))

    def is_beyond(self, name: str) -> bool:
        """Say whether an object is known to lie beyond the store."""
        return self._beyond is not None and self._beyond.has(name)

    def delete(self, name: str) -> None:
        """Remove the object if it is there."""
        if is_name(name):
            self.store.delete(name)

    def names(self) -> Iterator[str]:
        """Yield the names of all objects."""
        return filter(is_name, self.store.names())


def _name_of(pieces: Sequence[bytes | memoryview]) -> str:
    from hashlib import sha256

    content = sha256()
    for piece in pieces:
        content.update(piece)
    return content.hexdigest()


def _mapped(descriptor: int) -> memoryview:
    import mmap

    if os.fstat(descriptor).st_size == 0:
        return memoryview(b"")
    return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))


def fits(name: str, data: memoryview) -> bool:
    """Say whether these bytes are the object of that name."""
    from hashlib import sha256

    return sha256(data).hexdigest() == name


def load(stored: bytes | str, codec: Codec, objects: Objects) -> object:
    """Return a new value from its stored form. Raises DamagedResult."""
    data = memoryview(stored) if isinstance(stored, bytes) else objects.open(stored)
    try:
        if data and data[0] == COMPRESSED[0] and data[: len(COMPRESSED)] == COMPRESSED:  # in steps: slices are slow
            from taskdisc.compression import expanded

            data = expanded(data)
        return codec.decode(data)
    except (MemoryError, OSError):
        raise
    except Exception as error:
        reason = f"it cannot be loaded: {type(error).__name__}: {error}"
        raise DamagedResult(identity(stored), reason, intact=True) from error
