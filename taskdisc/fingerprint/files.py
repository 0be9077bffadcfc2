"""Input files count by their content; size and times only spare reading them again."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from taskdisc.errors import UsageError
from taskdisc.hashing import sha256
from taskdisc.marks import File, Files
from taskdisc.paths import content_digest, matching
from taskdisc.paths import stamp as last_change

if TYPE_CHECKING:
    from taskdisc.store.index import Index

RACY_NS = 2_000_000_000
"""A file changed within this time (ns) before it was read may change again without a new time stamp."""


class InputFiles:
    """The digests of input files in this run: each is looked at once."""

    def __init__(self, root: str, index: Index | None) -> None:
        self.root = root
        self.index = index
        self.fresh: dict[str, tuple[str, str]] = {}
        """(stamp, digest) of the files that were read, for the index to keep."""
        self._digests: dict[str, bytes] = {}
        self._listed: dict[Files, tuple[File, ...]] = {}
        self._read: dict[str, tuple[int, bytes]] = {}
        """When the files had last been changed as they were read, and their digests, as the run goes by them."""

    def digest(self, file: File) -> bytes:
        """Return 32 bytes that stand for the file's place and content. Raises UsageError where it cannot be read."""
        if file.path not in self._digests:
            changed, digest = self._last_change(file), self._place_and_content(file)
            self._digests[file.path], self._read[file.path] = digest, (changed, digest)
        return self._digests[file.path]

    def listed(self, files: Files) -> tuple[File, ...]:
        """Return the files of a pattern, sorted; looked for once a run."""
        if files not in self._listed:
            self._listed[files] = tuple(File(path, files.place) for path in matching(files.pattern, self.root))
        return self._listed[files]

    def has_changed(self, file: File) -> bool:
        """Say whether the file is another than the one that `digest` told of, so that what was made of it is void."""
        changed, digest = self._read[file.path]
        now = self._last_change(file)
        if now == changed:
            return False
        if not now or self._place_and_content(file) != digest:
            return True
        self._read[file.path] = now, digest
        return False

    def _last_change(self, file: File) -> int:
        """When the file was changed last (ns); 0 where there is none."""
        try:
            return last_change(os.path.join(self.root, file.path))
        except OSError:
            return 0

    def _place_and_content(self, file: File) -> bytes:
        return sha256(f"{file.path}\0{self._content(file)}".encode()).digest()

    def _content(self, file: File) -> str:
        path = os.path.join(self.root, file.path)
        try:
            stamp = _stamp(path)
            known = self.index.file_stamp(file.path) if self.index is not None and stamp else None
            if known is not None and known[0] == stamp:
                return known[1]
            digest, _ = content_digest(path)
        except FileNotFoundError:
            raise UsageError(
                f"{file.place}: the input file {file.path} does not exist. Paths are relative to the root, {self.root}."
            ) from None
        except OSError as error:
            raise UsageError(f"{file.place}: the input file {file.path} cannot be read: {error.strerror}.") from None
        if stamp and stamp == _stamp(path):
            self.fresh[file.path] = (stamp, digest)
        return digest


def is_current(root: str, path: str, stamp: str) -> bool:
    """Say whether the file that an index knows by this stamp is still the same."""
    try:
        return _stamp(os.path.join(root, path)) == stamp
    except OSError:
        return False


def _stamp(path: str) -> str:
    """What must be unchanged for a digest to be believed; empty for a folder, and for what changed just now."""
    status = os.stat(path)
    newest = max(status.st_mtime_ns, status.st_ctime_ns)
    if os.path.isdir(path) or time.time_ns() - newest < RACY_NS:
        return ""
    return f"{status.st_dev}-{status.st_ino}-{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}"
