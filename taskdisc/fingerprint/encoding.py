"""The canonical encoding of values: equal bytes for equal values, in every process, on every platform.

Every encoding says by itself where it ends, so that none is the beginning of another and different values never get
the same bytes. Values of different types differ, even where Python calls them equal: 1, 1.0 and True are three.

    value                        bytes
    None, True, False            N  T  F
    Ellipsis, NotImplemented     E  I
    int                          i<decimal>;   beyond 64 bits  h<hexadecimal>;
    float                        f<8 bytes>    IEEE 754, little-endian; every NaN is the same one
    complex                      c<8 bytes><8 bytes>
    str                          s<code points>:<UTF-8, with lone surrogates as if they were characters>
    bytes, bytearray             b<length>:<bytes>   B<length>:<bytes>
    list, tuple                  l<body>  t<body>
    dict                         d<body of the keys><body of the values>, both in the dict's order
    set, frozenset               e<n>:<items>  z<n>:<items>, sorted by the members' encodings
    a class                      k<str: module><str: qualified name><bytes: digest of its code>
    an object of a known class   o<str: name><body of its parts>, see `parts.py` and `arrays.py`
    an object of a user's class  O<class><tuple of the parts' names><body of the parts>
    an object that a plugin
      replaces by a simpler one  x<str: module><str: qualified name><body of the replacement>

A body is a number of items in one of several layouts, which the items alone decide:

    <n>:<items>                  the items' encodings, one after the other
    <n>f<8n bytes>               8 or more floats
    <n>i<8n bytes>               8 or more ints of 64 bits
    <n>s<8n bytes><UTF-8>        8 or more str: their lengths, then all the text
    <n>b<8n bytes><bytes>        8 or more short bytes: their lengths, then all the content
    <n>a<array>                  8 or more numpy scalars of one type
    <n>r<body><bodies>           8 or more dicts with the same str keys: the keys, then a body for each key's values
    <n>wt<width>:<bodies>        8 or more tuples of one width, at most n: a body for each column
    <n>wl<width>:<bodies>        the same of lists; a column is not divided into columns again

What is shared is written wherever it stands; what contains itself, or is nested absurdly deep, is an error. The walk
is iterative, so nesting never meets Python's recursion limit.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from taskdisc.errors import EncodingError

from .arrays import joined_scalars
from .frames import Body, Column, Frame, Label, Member, column_of, frame_of, index_label, no_label, short
from .kinds import Kind, Raw
from .parts import is_path, kind_of, user_kind_of
from .scalars import LARGE, PACKERS, SCALARS, common_names, common_width, encode_str

if TYPE_CHECKING:
    from pathlib import PurePath

    Extend = Callable[[object], object | None]
    ClassCode = Callable[[type], bytes]
    PlacePath = Callable[[PurePath], tuple[str, str]]

FORMAT = 1
"""Version of the encoding: two versions may give one value different bytes."""

MAX_DEPTH = 100_000
"""Containers inside one another before the nesting counts as endless."""

_REMEDY = "a plugin can, with the hook taskdisc_fingerprint_value"
_PACKED = 8  # items from which a body is worth a look at whether they are all of one type
_FLUSH = 4096  # chunks after which they go into the hash


def encode(
    value: object,
    *,
    extend: Extend | None = None,
    class_code: ClassCode | None = None,
    place: PlacePath | None = None,
) -> bytes:
    """Return the canonical encoding of `value`.

    `extend` may return a simpler value that stands for an object of a class the encoding does not know, or None.
    `class_code` returns a digest of a class's source, which then counts wherever the class does. `place` returns
    what a path is relative to and the rest of it; without it a path counts as it is written.

    Raises EncodingError, which names the type and the place inside the value, where something has no encoding.
    """
    scalar = SCALARS.get(type(value))
    if scalar is not None:
        return scalar(value)
    walk = _Walk(extend, class_code, place, None)
    walk.write(value)
    return b"".join(walk.chunks)


def digest(
    value: object,
    *,
    extend: Extend | None = None,
    class_code: ClassCode | None = None,
    place: PlacePath | None = None,
    most: int = sys.maxsize,
) -> bytes:
    """Return the SHA-256 (32 bytes) of the encoding of `value`, without ever holding a copy of a large buffer.

    `most` is how many containers and objects it may have: shared ones count, and are written, wherever they stand.
    """
    import hashlib

    scalar = SCALARS.get(type(value))
    if scalar is not None:
        return hashlib.sha256(scalar(value)).digest()
    hasher = hashlib.sha256()
    walk = _Walk(extend, class_code, place, hasher, most)
    walk.write(value)
    walk.flush()
    return hasher.digest()


class _Hasher(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...


class _Walk:
    """One walk through a value; what is written is in `chunks`, or already in the hash."""

    def __init__(
        self,
        extend: Extend | None,
        class_code: ClassCode | None,
        place: PlacePath | None,
        hasher: _Hasher | None,
        most: int = sys.maxsize,
    ) -> None:
        self.left = most
        self.chunks: list[bytes | memoryview] = []
        self.extend = extend
        self.class_code = class_code
        self.place = place
        self.hasher = hasher
        self.limit = _FLUSH if hasher else sys.maxsize
        self.held = 0
        self.stack: list[Frame] = []
        self.classes: dict[type, bytes] = {}
        self.known: dict[type, tuple[bytes, Kind] | None] = {}
        self.users: dict[type, tuple[bytes, Kind] | None] = {}

    def write(self, value: object) -> None:
        """Write the encoding of `value`."""
        first = self._open(value)
        if first is not None:
            self._write_items(first)

    def _write_items(self, first: Frame) -> None:
        stack = self.stack
        stack.append(first)
        active = {id(first.owner)}
        while stack:
            frame = stack[-1]
            for item in frame.pending:
                scalar = SCALARS.get(type(item))
                if scalar is not None:
                    self.chunks.append(scalar(item))
                    continue
                inner = self._open(item)
                if inner is not None:
                    self._check_nesting(item, active)
                    active.add(id(item))
                    stack.append(inner)
                    break
            else:
                self._close(frame)
                active.discard(id(frame.owner))
                stack.pop()

    def _check_nesting(self, item: object, active: set[int]) -> None:
        if id(item) in active:
            raise self._error(item, f"the {_type_name(item)} contains itself")
        if len(self.stack) >= MAX_DEPTH:
            raise self._error(item, f"nested deeper than {MAX_DEPTH:,} containers")

    def _open(self, value: Any) -> Frame | None:
        """Write what comes before the items of `value`; return a frame if there are items left to write."""
        if len(self.chunks) >= self.limit:
            self.flush()
        self.left -= 1
        if self.left < 0:
            raise self._error(value, "too much of it is shared")
        opener = _OPENERS.get(type(value))
        return opener(self, value) if opener is not None else self._open_object(value)

    def _close(self, frame: Frame) -> None:
        if frame.finish is not None:
            written = self.chunks[frame.mark :]
            frame.finish(written)
            self.chunks[frame.mark :] = written
            self.held -= 1

    # Output.

    def flush(self) -> None:
        """Move the chunks into the hash, if there is one and nothing waits to be sorted."""
        if self.hasher is not None and not self.held:
            self.hasher.update(b"".join(self.chunks))
            self.chunks.clear()

    def _write_buffer(self, tag: bytes, buffer: bytes | memoryview) -> None:
        self.chunks.append(b"%b%d:" % (tag, len(buffer)))
        if len(buffer) >= LARGE and self.hasher is not None and not self.held:
            self.flush()
            self.hasher.update(buffer)
        else:
            self.chunks.append(buffer)

    # Bodies.

    def open_body(self, owner: object, items: Sequence[Any], label: Label) -> Frame | None:
        """Write as much of a body as goes without a frame; return the frame if that is not all."""
        kind = _common_type(items) if len(items) >= _PACKED else None
        if kind is not None and kind in PACKERS and self._pack(kind, items):
            return None
        columns = self._columns(kind, items) if kind is not None else None
        return frame_of(owner, columns, no_label) if columns else self._open_items(owner, items, label)

    def open_column(self, column: Column) -> Frame | None:
        # Never divided again: only what is opened as an item is checked for containing itself.
        items = column.items
        kind = _common_type(items)
        if kind is not None and kind in PACKERS and self._pack(kind, items):
            return None
        joined = self._joined(kind, items) if kind is not None else None
        return frame_of(column, joined, no_label) if joined else self._open_items(column, items, column.label)

    def _pack(self, kind: type, items: Sequence[Any]) -> bool:
        packed = PACKERS[kind](items)
        if packed is None:
            return False
        self.chunks.append(b"%d" % len(items))
        self.chunks.extend(packed)
        return True

    def _columns(self, kind: type, items: Sequence[Any]) -> Sequence[object] | None:
        """Write the head of a layout by columns and return the columns, or None where the items make none."""
        if kind is dict:
            names = common_names(items)
            if not names:
                return None
            self.chunks.append(b"%dr" % len(items))
            return Body(names, no_label), *(column_of(items, name) for name in names)
        if kind is tuple or kind is list:
            width = common_width(items)
            if not width:
                return None
            self.chunks.append(b"%dw%b%d:" % (len(items), b"t" if kind is tuple else b"l", width))
            return [column_of(items, index) for index in range(width)]
        return self._joined(kind, items)

    def _joined(self, kind: type, items: Sequence[Any]) -> tuple[object] | None:
        joined = joined_scalars(kind, items) if kind.__module__ == "numpy" else None
        if joined is None:
            return None
        self.chunks.append(b"%da" % len(items))
        return (joined,)

    def _open_items(self, owner: object, items: Sequence[Any], label: Label) -> Frame | None:
        self.chunks.append(b"%d:" % len(items))
        try:
            self.chunks.append(b"".join([SCALARS[type(item)](item) for item in items]))
        except KeyError:
            return frame_of(owner, items, label)
        return None

    # Containers: write the tag, open the body.

    def open_list(self, value: list[object]) -> Frame | None:
        self.chunks.append(b"l")
        return self.open_body(value, value, index_label)

    def open_tuple(self, value: tuple[object, ...]) -> Frame | None:
        self.chunks.append(b"t")
        return self.open_body(value, value, index_label)

    def open_dict(self, value: dict[object, object]) -> Frame | None:
        self.chunks.append(b"d")
        keys = list(value)
        values = list(value.values())
        if SCALARS.keys() >= set(map(type, keys)):
            self.open_body(value, keys, no_label)
            return self.open_body(value, values, lambda i: f"[{short(keys[i])}]")
        bodies = Body(keys, lambda i: f".keys()[{i}]"), Body(values, lambda i: f"[{short(keys[i])}]")
        return frame_of(value, bodies, no_label)

    def open_set(self, value: set[object]) -> Frame | None:
        return self._open_members(b"e", value)

    def open_frozenset(self, value: frozenset[object]) -> Frame | None:
        return self._open_members(b"z", value)

    def _open_members(self, tag: bytes, value: set[object] | frozenset[object]) -> Frame | None:
        self.chunks.append(b"%b%d:" % (tag, len(value)))
        try:
            self.chunks.extend(sorted([SCALARS[type(member)](member) for member in value]))
        except KeyError:
            return self._held_frame(value, [Member(member) for member in value], lambda _: "{...}", list.sort)
        return None

    def open_member(self, member: Member) -> Frame | None:
        return self._held_frame(member, (member.item,), no_label, _join)

    def _held_frame(
        self, owner: object, items: Sequence[object], label: Label, finish: Callable[[list[Any]], None]
    ) -> Frame:
        self.held += 1
        return Frame(owner, items, iter(items), label, finish, len(self.chunks))

    def open_inner_body(self, body: Body) -> Frame | None:
        return self.open_body(body, body.items, body.label)

    def write_bytes(self, value: bytes) -> None:
        self._write_buffer(b"b", value)

    def write_bytearray(self, value: bytearray) -> None:
        self._write_buffer(b"B", memoryview(value))

    def write_raw(self, value: Raw) -> None:
        self._write_buffer(b"b", value.buffer)

    # Objects.

    def _open_object(self, value: object) -> Frame | None:
        cls = type(value)
        if issubclass(cls, type):
            self.chunks.append(self._class(value))  # type: ignore[arg-type]
            return None
        known = self._known(cls)
        if known is None and self.extend is not None:
            simpler = self.extend(value)
            if simpler is not None:
                self.chunks.append(b"x" + encode_str(cls.__module__) + encode_str(cls.__qualname__))
                return self.open_body(value, (simpler,), no_label)
        known = known or self._user(cls)
        if known is None:
            raise self._error(value, f"cannot encode a {_type_name(value)}; {_REMEDY}")
        return self._open_parts(value, *known)

    def _open_parts(self, value: object, tag: bytes, kind: Kind) -> Frame | None:
        try:
            parts = self._path_parts(value) if is_path(kind) else kind.take(value)
        except (AttributeError, ValueError) as problem:  # a field that was never set, a buffer that was released
            raise self._error(value, f"cannot encode a {_type_name(value)}: {problem}") from problem
        self.chunks.append(tag)
        labels = kind.labels
        return self.open_body(value, parts, labels.__getitem__ if labels else no_label)

    def _path_parts(self, path: Any) -> tuple[str, str]:
        return self.place(path) if self.place is not None else ("", str(path))

    def _known(self, cls: type) -> tuple[bytes, Kind] | None:
        if cls not in self.known:
            kind = kind_of(cls)
            self.known[cls] = None if kind is None else (b"o" + encode_str(kind.name), kind)
        return self.known[cls]

    def _user(self, cls: type) -> tuple[bytes, Kind] | None:
        if cls not in self.users:
            kind = user_kind_of(cls)
            self.users[cls] = None if kind is None else (b"O" + self._class(cls) + encode(kind.labels), kind)
        return self.users[cls]

    def _class(self, cls: type) -> bytes:
        if cls not in self.classes:
            code = self.class_code(cls) if self.class_code is not None else b""
            name = encode_str(cls.__module__) + encode_str(cls.__qualname__)
            self.classes[cls] = b"k%bb%d:%b" % (name, len(code), code)
        return self.classes[cls]

    # Errors.

    def _error(self, culprit: object, problem: str) -> EncodingError:
        place = _shortened_path(self._path(culprit))
        return EncodingError(f"{place}: {problem}" if place else problem)

    def _path(self, culprit: object) -> list[str]:
        """Return how to reach the culprit, one label for each container that is open."""
        labels = []
        inner = [frame.owner for frame in self.stack[1:]] + [culprit]
        for frame, child in zip(self.stack, inner, strict=False):
            index = next(i for i, item in enumerate(frame.items) if item is child)
            labels.append(frame.label(index))
        return [label for label in labels if label]


_Opener = Callable[[_Walk, Any], "Frame | None"]

_OPENERS: dict[type, _Opener] = {
    list: _Walk.open_list,
    tuple: _Walk.open_tuple,
    dict: _Walk.open_dict,
    set: _Walk.open_set,
    frozenset: _Walk.open_frozenset,
    bytes: _Walk.write_bytes,
    bytearray: _Walk.write_bytearray,
    Raw: _Walk.write_raw,
    Body: _Walk.open_inner_body,
    Column: _Walk.open_column,
    Member: _Walk.open_member,
}


def _common_type(items: Sequence[object]) -> type | None:
    kinds = set(map(type, items))
    return kinds.pop() if len(kinds) == 1 else None


def _join(chunks: list[Any]) -> None:
    chunks[:] = [b"".join(chunks)]


def _shortened_path(labels: list[str]) -> str:
    if len(labels) > 12:
        labels = [*labels[:6], "...", *labels[-6:]]
    return "".join(labels)


def _type_name(value: object) -> str:
    cls = type(value)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
