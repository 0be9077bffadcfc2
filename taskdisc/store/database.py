"""The file of the index: opened with care, and told apart from one that is damaged, older, newer, or read-only."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from taskdisc.errors import StoreError, UnusableIndex
from taskdisc.store.mounts import is_shared

MAGIC = b"SQLite format 3\0"
VERSION = slice(60, 64)
"""Where the header of a database has the schema's number, if it is not in the write-ahead log only."""
COMPANIONS = ("-wal", "-shm", "-journal", "")
"""Files of one database, the main one last: what is moved half-way is still found, and moved again."""
DAMAGES = ("no such table", "no such column", "has no column", "malformed", "Could not decode", "columns but")
"""Errors of statements that only a database can cause that is not what it was."""


class Opened(NamedTuple):
    """A database, and whether it can only be read."""

    connection: sqlite3.Connection
    is_readonly: bool


def open_database(path: str, newest: int, make_tables: Callable[[sqlite3.Connection], None]) -> Opened:
    """Open the index, or make an empty one with the tables of schema `newest`.

    Raises UnusableIndex for what is no database, StoreError for one of a schema newer than `newest`, left untouched.
    """
    try:
        with told(path):
            if os.path.isdir(path):
                raise unusable(path, "is a folder")
            _look_at_header(path, newest)
            if not _is_writable(path):
                return Opened(_open_readonly(path), True)
            if not os.path.exists(path):
                _create(path, make_tables)
            return Opened(_open(path), False)
    except OSError as error:
        raise StoreError(
            f"the store's index {path} cannot be used: {error.strerror}. Use another store: --store DIR"
        ) from error


def _open(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    try:
        # Over a network, the shared memory of a write-ahead log is not shared.
        connection.execute(f"pragma journal_mode={'delete' if is_shared(os.path.dirname(path)) else 'wal'}")
        connection.execute("pragma synchronous=full")
        connection.execute("pragma wal_autocheckpoint=16000")
        connection.execute("pragma cache_size=-8192")
    except BaseException:
        connection.close()
        raise
    return connection


def _create(path: str, make_tables: Callable[[sqlite3.Connection], None]) -> None:
    """Make an index beside its place and put it there whole: two runs may do so at once, and the first one wins.

    (Where two connections switch a new database to write-ahead logging, SQLite tells one that it is locked, at once.)
    """
    fresh = f"{path}.{os.getpid()}-{os.urandom(4).hex()}.new"
    os.close(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        database = sqlite3.connect(fresh, isolation_level=None)
        try:
            database.execute("pragma journal_mode=wal")
            database.execute("begin")
            make_tables(database)
            database.execute("commit")
        finally:
            database.close()
        _put_in_place(fresh, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(fresh)


def _put_in_place(fresh: str, path: str) -> None:
    """Give a file its name unless that is taken; a rename would take it away from whoever has it."""
    try:
        os.link(fresh, path)
    except PermissionError:  # a file system without hard links
        import shutil

        with open(path, "xb") as copy, open(fresh, "rb") as original:
            os.chmod(path, 0o600)
            shutil.copyfileobj(original, copy)


def _look_at_header(path: str, newest: int) -> None:
    try:
        with open(path, "rb", buffering=0) as file:
            header = file.read(100)
    except FileNotFoundError:
        return
    if header and not header.startswith(MAGIC):
        raise unusable(path, "is no database")
    refuse_newer(path, int.from_bytes(header[VERSION], "big"), newest)


def refuse_newer(path: str, version: int, newest: int) -> None:
    """Raise StoreError for a schema that this taskdisc does not know."""
    if version > newest:
        raise StoreError(
            f"{path} was written by a newer taskdisc (schema {version}; this one knows {newest}). "
            f"Update taskdisc, or use another store: --store DIR"
        )


def _is_writable(path: str) -> bool:
    """SQLite writes beside its database, too."""
    return os.access(os.path.dirname(path), os.W_OK) and (not os.path.exists(path) or os.access(path, os.W_OK))


def _open_readonly(path: str) -> sqlite3.Connection:
    from urllib.parse import quote

    if os.path.exists(f"{path}-wal") and os.path.getsize(f"{path}-wal"):
        path = _copied(path)
    return sqlite3.connect(f"file:{quote(path)}?immutable=1", uri=True, isolation_level=None, check_same_thread=False)


def _copied(path: str) -> str:
    """A log beside the database must be applied, and that cannot be done in place."""
    import atexit
    import shutil
    import tempfile

    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for ending in ("", "-wal"):
        shutil.copyfile(path + ending, os.path.join(folder, f"copy{ending}"))
    copy = os.path.join(folder, "copy")
    sqlite3.connect(copy).close()  # the last to close a database applies its log
    return copy


@contextmanager
def told(path: str) -> Iterator[None]:
    """Turn what the database raises into StoreError, which says what to do, or UnusableIndex."""
    try:
        yield
    except UnicodeDecodeError as error:  # a name in the schema
        raise unusable(path, f"is damaged ({error.reason})") from error
    except sqlite3.Error as error:
        if _is_damage(error):
            raise unusable(path, f"is damaged ({error})") from error
        raise StoreError(f"the store's index {path} cannot be used: {error}. {_remedy(error, path)}") from error


def _is_damage(error: sqlite3.Error) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        return any(word in str(error) for word in DAMAGES)
    return type(error) in (sqlite3.DatabaseError, sqlite3.IntegrityError)


def unusable(path: str, reason: str, ending: str = "damaged") -> UnusableIndex:
    """Return the error for an index that is to be moved aside."""
    return UnusableIndex(path, reason, _inode(path), ending)


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def set_aside(error: UnusableIndex) -> str:
    """Move an unusable index aside, and return a sentence about it. Raises StoreError where that cannot be done.

    Another run may have been faster: then there is a new one in its place already, which is left alone.
    """
    path = error.path
    target = f"{path}.{error.ending}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    if _inode(path) == error.inode:
        try:
            for ending in COMPANIONS:
                with suppress(FileNotFoundError):
                    os.rename(path + ending, target + ending)
        except OSError as problem:
            raise StoreError(
                f"{error} It cannot be moved away ({problem.strerror}); use another store: --store DIR"
            ) from None
    return f"{error} It is now {os.path.basename(target)}; its results count as missing and are made again"


def _remedy(error: sqlite3.Error, path: str) -> str:
    if "locked" in str(error):
        return "Another run is writing for more than a minute; try again when it is done."
    if "readonly" in str(error):
        return "It can only be read; use another store: --store DIR"
    return f"Check that {os.path.dirname(path)} is a folder that you may write to, on a disk with space."
