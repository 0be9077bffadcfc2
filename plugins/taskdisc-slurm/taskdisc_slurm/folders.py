"""What lies in the store: a folder for each run with jobs at Slurm, which another run finds if that one was killed.

    <store>/slurm/<run>/lock        locked for as long as the run lives
                       /context     what all jobs must know
                       /<array>/script, keys, id, dismissed
                               /state/<element>.begun.<restarts>, <element>.ended.<restarts>.<status>.<results>
                               /<element>/     a folder of jobs (see `taskdisc.jobfolder`); what Slurm says, in `words`

State is in the names of files: one look at a folder tells of all elements of an array.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import time
from collections.abc import Iterator, Sequence
from fcntl import LOCK_EX, LOCK_NB, flock
from tempfile import mkdtemp
from typing import NamedTuple

from taskdisc.descriptors import close_private, keep_private
from taskdisc.jobfolder import DISMISSED, command, write_context, write_jobs
from taskdisc.model import Job, WorkerContext

FOLDER = "slurm"
CONTEXT, LOCK, SCRIPT, KEYS, ID, STATE, WORDS = "context", "lock", "script", "keys", "id", "state", "words"
HALF_MADE = 3600.0
"""Seconds after which a folder that nobody has locked yet is taken for one that nobody will."""

BEGAN_NOTHING = -1
"""In the place of the exit status of an element that was told to begin nothing."""

TEXT = """\
#!/bin/sh
# An element of an array that taskdisc has submitted: it runs the jobs in the folder of its number.
folder={folder}
i=$SLURM_ARRAY_TASK_ID
n=${{SLURM_RESTART_COUNT:-0}}
if ! cd "$folder"; then
    echo "the folder $folder is not there on $(hostname): the store must be on a disk that all nodes see"
    exit 98
fi
trap : TERM
: > "state/$i.begun.$n"
if [ -e dismissed ] || [ ! -e "$i/jobs" ]; then
    : > "state/$i.ended.$n.{dismissed}.0"
    exit 0
fi
{command}"/$i"
status=$?
set -- "$i"/result-*[0-9]
[ -e "$1" ] || shift
: > "state/$i.ended.$n.$status.$#"
"""


class Mark(NamedTuple):
    """What the state of an element says."""

    restarts: int
    """How often Slurm had started it anew."""
    status: int | None
    """The exit status of its command, as a shell tells it; None: it has begun."""
    results: int = 0
    """How many results it has left, as its node sees it: some may not be seen here yet."""


Wanted = list[tuple[int, str | None]]
"""Of an element: the number of each of its jobs in the run that has submitted it, and its key (hex)."""


class RunFolder:
    """The folder of a run."""

    def __init__(self, path: str, lock: int) -> None:
        self.path = path
        self._lock = lock
        self._arrays = 0

    @classmethod
    def make(cls, context: WorkerContext) -> RunFolder:
        """Make the folder of this run. Raises OSError."""
        parent = os.path.join(context.store, FOLDER)
        os.makedirs(parent, mode=0o700, exist_ok=True)
        run = os.path.basename(context.logs)
        path = mkdtemp(prefix=f"{run}-", dir=parent)
        name = os.path.join(path, LOCK)
        lock = os.open(f"{name}.new", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        keep_private(lock)
        flock(lock, LOCK_EX)
        write_context(os.path.join(path, CONTEXT), context)
        os.rename(f"{name}.new", name)  # from now on, other runs may ask whether this one lives
        return cls(path, lock)

    @classmethod
    def left_behind(cls, store: str) -> Iterator[RunFolder]:
        """Yield the folders of runs that have ended without removing them; they are this one's from now on."""
        parent = os.path.join(store, FOLDER)
        try:
            names = os.listdir(parent)
        except FileNotFoundError:
            return
        for name in names:
            path = os.path.join(parent, name)
            lock = _taken(path)
            if lock is not None:
                yield cls(path, lock)

    def new_array(self) -> str:
        """Make the folder of an array. Raises OSError."""
        self._arrays += 1
        path = os.path.join(self.path, str(self._arrays))
        os.makedirs(os.path.join(path, STATE), mode=0o700)
        return path

    def arrays(self) -> list[str]:
        """Return the folders of arrays."""
        return [entry.path for entry in os.scandir(self.path) if entry.is_dir()]

    def close(self) -> None:
        """Remove it, and let go of it."""
        shutil.rmtree(self.path, ignore_errors=True)
        close_private(self._lock)


def _taken(path: str) -> int | None:
    """Lock the folder of a run, unless the run lives."""
    try:
        lock = os.open(os.path.join(path, LOCK), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        _remove_old(path)
        return None
    keep_private(lock)
    try:
        flock(lock, LOCK_EX | LOCK_NB)
        if os.path.exists(os.path.join(path, LOCK)):
            return lock
    except OSError:
        pass
    close_private(lock)
    return None


def _remove_old(path: str) -> None:
    """Remove a folder that a run has made and then did not come to lock."""
    try:
        if time.time() - os.stat(path).st_mtime > HALF_MADE:
            shutil.rmtree(path, ignore_errors=True)
    except OSError:
        pass


def write_array(path: str, run: str, batches: Sequence[Sequence[Job]], keys: Sequence[Sequence[bytes | None]]) -> None:
    """Put into the folder of an array all that its elements need. Raises OSError."""
    context = os.path.join(run, CONTEXT)
    for index, batch in enumerate(batches):
        folder = os.path.join(path, str(index))
        os.mkdir(folder, mode=0o700)
        write_jobs(folder, context, batch)
    wanted = [
        [(job.number, key.hex() if key is not None else None) for job, key in zip(batch, own, strict=True)]
        for batch, own in zip(batches, keys, strict=True)
    ]
    _write(os.path.join(path, KEYS), json.dumps(wanted))
    # The shell adds the number of the element to the last word.
    _write(
        os.path.join(path, SCRIPT),
        TEXT.format(folder=shlex.quote(path), command=shlex.join(command(path)), dismissed=BEGAN_NOTHING),
    )


def read_array(path: str) -> list[Wanted] | None:
    """Return what an array was to do, by element; None where its run had not come to say that."""
    try:
        with open(os.path.join(path, KEYS), encoding="ascii") as file:
            return [[(number, key) for number, key in element] for element in json.load(file)]
    except (OSError, ValueError):
        return None


def write_id(path: str, job_id: str) -> None:
    """Note which job an array is."""
    _write(os.path.join(path, ID), job_id)


def read_id(path: str) -> str | None:
    """Return which job an array is, if its run came to know it."""
    try:
        with open(os.path.join(path, ID), encoding="ascii") as file:
            return file.read()
    except OSError:
        return None


def _write(path: str, text: str) -> None:
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(f"{path}.new", path)


def read_marks(path: str) -> dict[int, Mark]:
    """Return what is known of the elements of an array that have begun: of each, what it said last."""
    marks: dict[int, Mark] = {}
    try:
        names = os.listdir(os.path.join(path, STATE))
    except OSError:
        return marks
    for name in names:
        element, _, rest = name.partition(".")
        word, *numbers = rest.split(".")
        mark = Mark(*map(int, numbers)) if word == "ended" else Mark(int(numbers[0]), None)
        known = marks.get(int(element))
        if known is None or (mark.restarts, mark.status is not None) > (known.restarts, known.status is not None):
            marks[int(element)] = mark
    return marks


def dismiss_array(path: str) -> None:
    """Have no other element of an array begin anything."""
    try:
        with open(os.path.join(path, DISMISSED), "wb"):
            pass
    except OSError:
        pass


def remove(path: str) -> None:
    """Remove the folder of an array or of an element."""
    shutil.rmtree(path, ignore_errors=True)
