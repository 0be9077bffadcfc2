"""The Python interpreters that taskdisc supports, for tests that have to hold on all of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

VERSIONS = ("3.10", "3.11", "3.12", "3.13")


def interpreters() -> dict[str, str]:
    """Return the path of an interpreter for each supported version; a missing one is an error."""
    found = {version: _from_pyenv(version) or shutil.which(f"python{version}") for version in VERSIONS}
    missing = [version for version, path in found.items() if path is None]
    if missing:
        raise LookupError(f"no interpreter for Python {', '.join(missing)}: install them with pyenv, or on PATH")
    return {version: path for version, path in found.items() if path is not None}


def _from_pyenv(version: str) -> str | None:
    candidates = _pyenv_root().glob(f"versions/{version}.*/bin/python")
    working = [path for path in candidates if os.access(path, os.X_OK)]
    return str(max(working, key=_patch_release)) if working else None


def _pyenv_root() -> Path:
    pyenv = shutil.which("pyenv")
    if pyenv is None:
        return Path.home() / ".pyenv"
    return Path(subprocess.run([pyenv, "root"], check=True, capture_output=True, text=True).stdout.strip())


def _patch_release(python: Path) -> int:
    patch = python.parent.parent.name.split(".")[2]
    return int("".join(filter(str.isdigit, patch)) or 0)
