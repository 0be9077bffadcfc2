"""The built-in stores for large objects, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskdisc.protocols import ObjectStore


def taskdisc_stores() -> dict[str, Callable[..., ObjectStore]]:
    """`disk`: files below the store's folder."""
    return {"disk": _disk}


def _disk(path: str) -> ObjectStore:
    from taskdisc.builtin.disk import DiskStore

    return DiskStore(path)
