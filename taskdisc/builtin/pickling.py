"""The codec `pickle`: pickle protocol 5, else cloudpickle; large buffers are kept apart and page-aligned.

A value without large buffers is its pickle alone (the first byte is 0x80). Otherwise: magic, length of the pickle and
number of buffers (two uint64), the buffers' lengths (uint64 each), the pickle, and each buffer at the next multiple of
the page size, so that an array can be used where the file is mapped.
"""

from __future__ import annotations

import pickle
import struct
from typing import Any

MAGIC = b"TDBUF\x001\x00"
PAGE = 4096
LARGE = 1 << 16
HEAD = struct.Struct("<8sQQ")


class PickleCodec:
    """Takes any value that pickle, or else cloudpickle, takes."""

    def encode(self, value: Any) -> list[bytes | memoryview]:
        """Return the pickle, and the large buffers without a copy. Raises what pickling raises."""
        buffers: list[memoryview] = []

        def keep_apart(buffer: pickle.PickleBuffer) -> bool:
            view = _flat(buffer)
            if view is None or view.nbytes < LARGE:
                return True
            buffers.append(view)
            return False

        try:
            text = pickle.dumps(value, 5, buffer_callback=keep_apart)
        except (pickle.PicklingError, TypeError, AttributeError):
            import cloudpickle

            buffers.clear()
            text = cloudpickle.dumps(value, 5, buffer_callback=keep_apart)
        return _framed(text, buffers) if buffers else [text]

    def decode(self, data: memoryview) -> Any:
        """Return the value; arrays keep views of `data`."""
        if not data or data[0] != MAGIC[0] or data[:8] != MAGIC:  # in steps: slices are slow
            return pickle.loads(data)
        _, length, count = HEAD.unpack_from(data)
        lengths = struct.unpack_from(f"<{count}Q", data, HEAD.size)
        start = HEAD.size + 8 * count
        position = start + length
        buffers = []
        for size in lengths:
            position += -position % PAGE
            buffers.append(data[position : position + size])
            position += size
        return pickle.loads(data[start : start + length], buffers=buffers)


def _flat(buffer: pickle.PickleBuffer) -> memoryview | None:
    try:
        return buffer.raw()
    except BufferError:
        return None


def _framed(text: bytes, buffers: list[memoryview]) -> list[bytes | memoryview]:
    head = HEAD.pack(MAGIC, len(text), len(buffers))
    pieces: list[bytes | memoryview] = [head + struct.pack(f"<{len(buffers)}Q", *(b.nbytes for b in buffers)), text]
    position = len(pieces[0]) + len(text)
    for view in buffers:
        padding = -position % PAGE
        pieces += [bytes(padding), view]
        position += padding + view.nbytes
    return pieces
