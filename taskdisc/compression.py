"""Compression of stored values; what is stored says itself how, so that readers need not be told.

A compressed value is a head that names the method, and the compressed bytes. The value digest is made before, of the
value, and never sees it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from taskdisc.model import COMPRESSED as HEAD

NOTHING = b"-"
"""Stands for the method where a value happens to begin with `HEAD`."""


class Method(NamedTuple):
    """A way to compress."""

    letter: bytes
    levels: range
    default: int
    package: str
    """What to install, if the module is not there."""
    module: Callable[[], Any]
    """Import what does the work. Raises ImportError."""
    compress: Callable[[Any, int, Iterable[Any]], Iterator[bytes]]
    expand: Callable[[Any, memoryview], bytes]


def parse(text: str) -> tuple[Method, int]:
    """Return the method and the level that "zstd:3", "gzip:9" or "lz4" mean. Raises ValueError."""
    name, colon, level = text.partition(":")
    method = METHODS.get(name)
    if method is None:
        raise ValueError('it is "zstd", "gzip" or "lz4", with or without a level: "zstd:3"')
    if not colon:
        return method, method.default
    first, last = method.levels[0], method.levels[-1]
    if not (level.isascii() and level.isdigit() and int(level) in method.levels):
        raise ValueError(f"the levels of {name} are {first} to {last}")
    return method, int(level)


def missing_package(text: str) -> str | None:
    """Return the package that must be installed before a method can be used, or None."""
    method, _ = parse(text)
    try:
        method.module()
    except ImportError:
        return method.package
    return None


def compressed(pieces: Sequence[bytes | memoryview], text: str) -> list[bytes | memoryview]:
    """Return the joined pieces as they are stored: compressed, or as they were where that saves nothing."""
    method, level = parse(text)
    size, limit = 0, sum(memoryview(piece).nbytes for piece in pieces)
    found: list[bytes | memoryview] = [HEAD + method.letter]
    for block in method.compress(method.module(), level, pieces):
        found.append(block)
        size += len(block)
        if size >= limit:
            return escaped(pieces)
    return found


def escaped(pieces: Sequence[bytes | memoryview]) -> list[bytes | memoryview]:
    """Return the pieces so that `expanded` takes them for what they are: uncompressed."""
    begin = b"".join(bytes(memoryview(piece).cast("B")[: len(HEAD)]) for piece in pieces[: len(HEAD)])
    return [HEAD + NOTHING, *pieces] if begin.startswith(HEAD) else list(pieces)


def expanded(data: memoryview) -> memoryview:
    """Return a stored value as it was encoded. Raises ModuleNotFoundError that says what to install."""
    start = len(HEAD) + 1
    if data[: len(HEAD)] != HEAD:
        return data
    letter = bytes(data[len(HEAD) : start])
    if letter == NOTHING:
        return data[start:]
    name, method = next((name, each) for name, each in METHODS.items() if each.letter == letter)
    try:
        module = method.module()
    except ImportError:
        raise ModuleNotFoundError(f"a stored value is compressed with {name}: pip install {method.package}") from None
    return memoryview(bytearray(method.expand(module, data[start:])))  # whoever decodes it may write to it


def _zlib() -> Any:
    import zlib

    return zlib


def _gzip(module: Any, level: int, pieces: Iterable[Any]) -> Iterator[bytes]:
    working = module.compressobj(level, module.DEFLATED, 16 + module.MAX_WBITS)
    yield from map(working.compress, pieces)
    yield working.flush()


def _from_gzip(module: Any, data: memoryview) -> bytes:
    return bytes(module.decompress(data, 16 + module.MAX_WBITS))


def _zstandard() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd

        return zstd
    import zstandard

    return zstandard


def _zstd(module: Any, level: int, pieces: Iterable[Any]) -> Iterator[bytes]:
    plain = not hasattr(module, "ZstdDecompressionReader")
    working = module.ZstdCompressor(level) if plain else module.ZstdCompressor(level=level).compressobj()
    yield from map(working.compress, pieces)
    yield working.flush()


def _from_zstd(module: Any, data: memoryview) -> bytes:
    if not hasattr(module, "ZstdDecompressionReader"):
        return bytes(module.decompress(data))
    return bytes(module.ZstdDecompressor().decompressobj().decompress(data))


def _frame() -> Any:
    import lz4.frame

    return lz4.frame


def _lz4(module: Any, level: int, pieces: Iterable[Any]) -> Iterator[bytes]:
    working = module.LZ4FrameCompressor(compression_level=level)
    yield working.begin()
    yield from map(working.compress, pieces)
    yield working.flush()


def _from_lz4(module: Any, data: memoryview) -> bytes:
    return bytes(module.decompress(data))


METHODS = {
    "zstd": Method(b"z", range(1, 23), 3, "zstandard", _zstandard, _zstd, _from_zstd),
    "gzip": Method(b"g", range(10), 6, "taskdisc", _zlib, _gzip, _from_gzip),
    "lz4": Method(b"l", range(17), 0, "lz4", _frame, _lz4, _from_lz4),
}
