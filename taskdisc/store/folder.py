"""The store's folder: made on first use, private, and marked as something that backups may leave out."""

from __future__ import annotations

import os

from taskdisc.errors import StoreError

INDEX = "index.sqlite"

IGNORE = "# Made by taskdisc: results can be computed again.\n*\n"
TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This file marks a cache directory, made by taskdisc: see https://bford.info/cachedir/\n"
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
