"""Which runs are at work: each holds a lock on a file of its own, which the system gives back when the process ends."""

from __future__ import annotations

import os

RUNS = "runs"
ENDING = ".lock"


def live_runs(store: str) -> set[int]:
    """Return the numbers of the runs that hold their locks."""
    return {run for run in with_locks(store) if _is_held(_path(store, f"{run}{ENDING}"))}


def with_locks(store: str) -> set[int]:
    """Return the numbers of the runs that have a lock file, dead ones too."""
    try:
        names = os.listdir(os.path.join(store, RUNS))
    except FileNotFoundError:
        return set()
    stems = [name.removesuffix(ENDING) for name in names if name.endswith(ENDING)]
    return {int(stem) for stem in stems if stem.isdigit()}


def _path(store: str, name: str) -> str:
    return os.path.join(store, RUNS, name)


def _is_held(path: str) -> bool:
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except OSError:  # held, or nobody can tell
        return True
    finally:
        os.close(descriptor)
