"""The built-in codecs, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskdisc.protocols import Codec


def taskdisc_codecs() -> dict[str, Callable[[], Codec]]:
    """`pickle`: any value that pickle or cloudpickle takes."""
    return {"pickle": _pickle}


def _pickle() -> Codec:
    from taskdisc.builtin.pickling import PickleCodec

    return PickleCodec()
