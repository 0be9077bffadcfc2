"""What the encoding needs to know of a class: how its instances come apart."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """How the instances of one class come apart."""

    name: str
    """The name the encoding gives to a class it knows; empty for a user's class, which goes by its own."""
    take: Callable[[Any], Sequence[object]]
    """Returns the parts of one instance."""
    labels: tuple[str, ...] = ()
    """How a path into the instance names each part; the name of a field begins with a dot."""


class Raw:
    """Plain bytes, written without a copy."""

    __slots__ = ("buffer",)

    def __init__(self, buffer: bytes | memoryview) -> None:
        self.buffer = buffer
