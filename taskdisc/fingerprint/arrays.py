"""How numpy's arrays, scalars and dtypes come apart, without importing numpy."""

from __future__ import annotations

import sys
from typing import Any

from .kinds import Kind, Raw

_BIG = ">=" if sys.byteorder == "big" else ">"
_X87_BYTES = 10  # of the 16 that a long double takes on x86; the others are undefined


def numpy_kind(cls: type) -> Kind | None:
    """Return how the instances of one of numpy's own classes come apart, or None for one that is not data."""
    numpy: Any = sys.modules["numpy"]
    if cls is numpy.ndarray:
        return Kind("ndarray", _array_parts)
    if cls is numpy.memmap:
        return Kind("numpy.memmap", lambda value: _array_parts(value.view(numpy.ndarray)))
    if cls.__qualname__ == "MaskedArray":
        return Kind("numpy.MaskedArray", lambda value: (value.data, value.mask, value.fill_value))
    if issubclass(cls, numpy.generic):
        return Kind("numpy scalar", lambda value: _array_parts(numpy.asarray(value)))
    if issubclass(cls, numpy.dtype):
        return Kind("numpy.dtype", lambda value: (numpy.empty(0, value),))
    return None


def joined_scalars(cls: type, items: Any) -> object | None:
    """Return numpy scalars of one class as an array, or None where their class alone does not give the dtype."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is None or not issubclass(cls, numpy.generic) or numpy.dtype(cls).kind not in "biufc":
        return None
    joined: object = numpy.array(items, dtype=cls)
    return joined


def _array_parts(array: Any) -> tuple[object, ...]:
    dtype = array.dtype
    if dtype.names is not None:
        return _structured_parts(array)
    if dtype.hasobject or dtype.kind == "T":  # "T": numpy 2's strings of any length, whose bytes are pointers
        return _dtype_name(dtype), array.shape, array.ravel().tolist()
    return _dtype_name(dtype), array.shape, Raw(_content(array))


def _structured_parts(array: Any) -> tuple[object, ...]:
    dtype = array.dtype
    offsets = tuple(dtype.fields[name][1] for name in dtype.names)
    # Field by field: the gaps between fields are undefined, and a field may hold objects.
    return "struct", dtype.itemsize, offsets, array.shape, {name: array[name] for name in dtype.names}


def _dtype_name(dtype: Any) -> str:
    """Return the dtype's code, with "=" for this machine's byte order and "!" for the other."""
    code: str = dtype.str
    if code[0] in "<>":
        code = ("=" if dtype.isnative else "!") + code[1:]
    return code if dtype.type.__module__ == "numpy" else f"{code} {dtype.name}"


def _content(array: Any) -> bytes | memoryview:
    """Return the bytes of an array in C order, little-endian; a view wherever the memory holds just that."""
    numpy: Any = sys.modules["numpy"]
    if not array.nbytes:
        return b""
    dtype = array.dtype
    if dtype.byteorder in _BIG:
        array = array.astype(dtype.newbyteorder("<"))
    flat = numpy.ascontiguousarray(array).reshape(-1)
    if dtype.char in "gG" and numpy.finfo(dtype).nmant == 63:
        flat = flat.view(numpy.uint8).reshape(-1, 16)[:, :_X87_BYTES].copy().reshape(-1)
    content: memoryview = flat.view(numpy.uint8).data
    return content
