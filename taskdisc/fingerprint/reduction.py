"""Objects that are no plain data, taken apart as pickle would take them apart, with the code that they will run.

Two objects with equal digests behave alike: a class counts by its code, a function by its own and what it closes over.
"""

from __future__ import annotations

import builtins
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any

from taskdisc.errors import EncodingError
from taskdisc.fingerprint.bytecode import digest_of_code
from taskdisc.fingerprint.parts import user_kind_of

if TYPE_CHECKING:
    from taskdisc.fingerprint.code import CodeFingerprints

MOST_REPEATS = 10_000
"""Objects that may be met again: an object is written wherever it stands, which shared ones make endless."""


class Reduction:
    """Takes the objects of one value apart; `None` for what the encoding knows, or what does not come apart."""

    def __init__(self, code: CodeFingerprints) -> None:
        self._code = code
        self._plain: dict[type, bool] = {}
        self._met: dict[int, object] = {}
        self._repeats = 0

    def __call__(self, value: object) -> object | None:
        """Return what stands for an object. Raises EncodingError where it holds shared objects without end."""
        cls = type(value)
        if cls is FunctionType:
            return self._function(value)  # type: ignore[arg-type]
        if cls not in self._plain:
            self._plain[cls] = user_kind_of(cls) is not None
        if self._plain[cls]:
            return None
        self._count(value)
        return self._parts(value)

    def _count(self, value: object) -> None:
        if id(value) in self._met:
            self._repeats += 1
            if self._repeats > MOST_REPEATS:
                raise EncodingError("too much of it is shared")
        self._met[id(value)] = value  # so that no other object gets its number

    def _parts(self, value: Any) -> object | None:
        try:
            reduced = value.__reduce_ex__(4)
            if isinstance(reduced, str):
                return getattr(value, "__module__", None), reduced, self._code.code_of(value)
            make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
            items, pairs = [None if each is None else list(each) for each in (items, pairs)]
        except Exception:  # it does not pickle like this, or its user's own code failed
            return None
        if type(state) is dict and all(type(name) is str for name in state):
            state = dict(sorted(state.items()))  # the order in which attributes were set is an accident
        return type(value), _maker(make), arguments, state, items, pairs, reduced[5:]

    def _function(self, function: FunctionType) -> object | None:
        name = function.__module__, function.__qualname__, self._code.code_of(function)
        if "<" not in function.__qualname__:
            return name
        try:
            cells = [cell.cell_contents for cell in function.__closure__ or ()]
        except ValueError:  # a name that has no value yet
            return None
        return *name, digest_of_code(function), cells, function.__defaults__, function.__kwdefaults__


def _maker(make: Any) -> object:
    """What builds the object: pickle calls it by its name."""
    if isinstance(make, BuiltinFunctionType) and getattr(make, "__self__", builtins) is builtins:
        return make.__module__, make.__qualname__
    return make


def code_within(value: object, code: CodeFingerprints) -> bytes:
    """Return what the classes and functions count for that pickle or cloudpickle meets in a value."""
    import pickle

    import cloudpickle

    found: dict[str, bytes] = {}

    def note(item: Any) -> Any:
        if type(item) is not FunctionType and not isinstance(item, type):
            item = type(item)
        if (counts := code.code_of(item)) != b"":
            found[f"{item.__module__}.{item.__qualname__}"] = counts
        return NotImplemented

    class Plain(pickle.Pickler):
        def reducer_override(self, item: Any) -> Any:
            return note(item)

    class Cloud(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, item: Any) -> Any:
            note(item)
            return super().reducer_override(item)

    for pickler in (Plain, Cloud):
        try:
            pickler(_Nowhere(), 5, buffer_callback=lambda buffer: None).dump(value)
            break
        except Exception:  # the one takes more than the other; what neither takes was kept by a codec of its own
            continue
    return b"".join(name.encode() + counts for name, counts in sorted(found.items()))


class _Nowhere:
    """A file for bytes that nobody needs."""

    def write(self, data: object) -> None:
        """Drop the bytes."""
