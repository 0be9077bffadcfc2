"""A process that outlives its runs, as a notebook does: what it has imported of a project, and which of it is stale.

The command imports a project once and ends. Here its modules stay, while their files may be edited, and while another
project may have modules of the same names.
"""

from __future__ import annotations

import os
import sys
import time
from types import ModuleType

from taskdisc.loader import ProjectLoader, source_stamp

COARSE = 2.0
"""Seconds by which the beginning of the process, or the time of a file, may be wrong."""


def _began() -> float:
    """When this process began (seconds since the epoch); where nobody tells, a time soon after that."""
    try:
        with open("/proc/self/stat", "rb") as stream:
            ticks = int(stream.read().rpartition(b")")[2].split()[19])
        with open("/proc/stat", "rb") as stream:
            boot = next(int(line.split()[1]) for line in stream if line.startswith(b"btime"))
        return boot + ticks / os.sysconf("SC_CLK_TCK") - COARSE
    except (OSError, ValueError, IndexError, StopIteration):
        return time.time() - COARSE


BEGAN = _began()
"""Taken when this is imported, so that forked workers, which have what this process has imported, know it too."""

_shelves: dict[str, dict[str, ModuleType]] = {}
"""By root: the modules of projects that are not in use now."""
_in_use: list[str] = []


def use_modules_of(root: str) -> None:
    """Let imports find this project's modules, none of another project, and none whose text has been edited."""
    before = _in_use[-1] if _in_use else root
    if before != root:
        _shelves[before] = _take_out(before)
        for name, module in _shelves.pop(root, {}).items():
            sys.modules.setdefault(name, module)
    _in_use[:] = [root]
    forget_stale(root)


def _take_out(root: str) -> dict[str, ModuleType]:
    ours = {name: module for name, module in own_modules(root).items() if isinstance(_loader(module), ProjectLoader)}
    for name in ours:
        del sys.modules[name]
    return ours


def forget_stale(root: str) -> None:
    """Have the project's modules imported anew if one of them is not what its file says now.

    All of them, since each may hold what another had defined. What does not come from a file stays.
    """
    own = own_modules(root)
    if any(_is_stale(module) for module in own.values()):
        for name in own:
            del sys.modules[name]


def own_modules(root: str) -> dict[str, ModuleType]:
    """Return the loaded modules that lie below the root and are not installed there, the program itself apart."""
    tops = tuple({os.path.join(top, "") for top in (root, os.path.realpath(root))})
    found = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if type(file) is not str or not file.startswith(tops) or name == "__main__":
            continue
        folders = next(file[len(top) :] for top in tops if file.startswith(top)).split(os.sep)
        if name.partition(".")[0] != "taskdisc" and not any(map(_is_foreign, folders)):
            found[name] = module
    return found


def _is_foreign(folder: str) -> bool:
    return folder in ("site-packages", "dist-packages") or folder.startswith(".")


def _is_stale(module: ModuleType) -> bool:
    assert module.__file__ is not None
    try:
        status = os.stat(module.__file__)
    except OSError:
        return True
    loader = _loader(module)
    if isinstance(loader, ProjectLoader) and loader.stamp is not None:
        return loader.stamp != source_stamp(status)
    return max(status.st_mtime, status.st_ctime) > BEGAN  # nobody knows when it was imported


def _loader(module: ModuleType) -> object:
    return getattr(getattr(module, "__spec__", None), "loader", None)
