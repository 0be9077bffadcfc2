"""The store's folder: made on first use, private, and marked as something that backups may leave out."""

from __future__ import annotations

import os
import stat

from taskdisc.errors import StoreError

INDEX = "index.sqlite"

IGNORE = "# Made by taskdisc: results can be computed again.\n*\n"
TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This file marks a cache directory, made by taskdisc: see https://bford.info/cachedir/\n"
)


def make_inside(store: str, folder: str) -> None:
    """Make a folder of the store, given relative to it. Raises StoreError."""
    try:
        os.makedirs(os.path.join(store, folder), mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the store {store} cannot be used: {error.strerror}: {os.path.join(store, folder)}. "
            f"Move away what is there, or use another store: --store DIR"
        ) from None


def free_run(store: str) -> int:
    """Return the first number of a run that no folder has; there may be more of them than a new index knows."""
    taken = [0]
    for folder in ("logs", "dirs"):
        try:
            runs = [name.partition("-")[0] for name in os.listdir(os.path.join(store, folder))]
            taken += [int(run) for run in runs if run.isdecimal()]
        except OSError:
            continue
    return max(taken) + 1


def check_owner(path: str) -> None:
    """Refuse a store into which others can put what loading it would run: unpickling runs code. Raises StoreError."""
    try:
        status = os.stat(path)
    except OSError:  # what cannot be looked at cannot be used either, which is told elsewhere
        return
    if status.st_uid != os.geteuid():
        problem, remedy = "belongs to somebody else", f"chown -R {os.geteuid()} {path}"
    elif stat.S_IMODE(status.st_mode) & (stat.S_IWGRP | stat.S_IWOTH):
        problem, remedy = "can be written by others", f"chmod go-w {path}"
    else:
        return
    raise StoreError(
        f"the store {path} {problem}, and what is kept there could run their code. If you trust them: "
        f"trust_store = true in [tool.taskdisc], or TASKDISC_TRUST_STORE=true. Otherwise: {remedy}"
    )


def make_folder(path: str) -> None:
    """Make the folder with mode 0700, `.gitignore` and `CACHEDIR.TAG`; an existing one is left as it is.

    Raises StoreError where that cannot be done.
    """
    if os.path.isdir(path):
        return
    try:
        os.makedirs(path, mode=0o700)
        for name, text in ((".gitignore", IGNORE), ("CACHEDIR.TAG", TAG)):
            with open(os.path.join(path, name), "x", encoding="utf-8") as stream:
                stream.write(text)
    except FileExistsError:
        if not os.path.isdir(path):
            raise StoreError(f"the store {path} is a file. Move it away, or use another store: --store DIR") from None
    except OSError as error:
        raise StoreError(f"the store {path} cannot be made: {error.strerror}. Use another one: --store DIR") from None
