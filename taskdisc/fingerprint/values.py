"""Values as keys see them: encoded with the project's classes by their code, and with what plugins know of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from taskdisc.errors import EncodingError
from taskdisc.fingerprint.encoding import digest, encode
from taskdisc.fingerprint.scalars import SCALARS

if TYPE_CHECKING:
    from pathlib import PurePath

    from taskdisc.fingerprint.code import CodeFingerprints
    from taskdisc.pluginmanager import PluginManager

PICKLED = b"pickle\0"
SHARED, LITTLE = 20, 1_000_000
"""Objects to look at, for each byte that a result takes and for any: more come of endless sharing alone."""


class ValueFingerprints:
    """Encodes and digests values for one project."""

    def __init__(self, code: CodeFingerprints, plugins: PluginManager) -> None:
        self._code = code
        hook = plugins.hook.taskdisc_fingerprint_value
        self._extend: Callable[[object], object | None] | None = None
        if hook.get_hookimpls():
            self._extend = lambda value: hook(value=value)

    def encode(self, value: Any) -> bytes:
        """Return the canonical encoding. Raises EncodingError."""
        return encode(value, extend=self._extend, class_code=self._code.code_of)

    def encode_each(self, values: Sequence[Any]) -> list[bytes]:
        """Return the encodings of many values, quickly where they are numbers or texts of one type.

        Raises EncodingError that counts the elements from 1.
        """
        kinds = set(map(type, values))
        scalar = SCALARS.get(kinds.pop()) if len(kinds) == 1 else None
        if scalar is not None:
            return list(map(scalar, values))
        encodings: list[bytes] = []
        for number, value in enumerate(values, 1):
            try:
                encodings.append(self.encode(value))
            except EncodingError as error:
                raise EncodingError(f"element {number}: {error}") from None
        return encodings

    def digest(
        self, value: Any, place: Callable[[PurePath], tuple[str, str]], stored: Sequence[bytes | memoryview]
    ) -> bytes:
        """Return the value digest of a result; `place` says how its paths count.

        What cannot be taken apart counts by how it is `stored` and by the code that it will run.
        """
        from taskdisc.fingerprint.reduction import Reduction, code_within

        reduction = Reduction(self._code)

        def extend(item: object) -> object | None:
            simpler = self._extend(item) if self._extend is not None else None
            return reduction(item) if simpler is None else simpler

        try:
            most = SHARED * sum(memoryview(piece).nbytes for piece in stored) + LITTLE
            return digest(value, extend=extend, class_code=self._code_of_named, place=place, most=most)
        except EncodingError:
            import hashlib

            whole = hashlib.sha256(PICKLED + code_within(value, self._code))
            for piece in stored:
                whole.update(piece)
            return whole.digest()

    def _code_of_named(self, cls: type) -> bytes:
        """The code of a class. One that a function made may differ from the next that it makes."""
        if "<locals>" in cls.__qualname__:
            raise EncodingError(f"the class {cls.__qualname__} is made by a function")
        return self._code.code_of(cls)
