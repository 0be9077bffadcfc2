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


class ValueFingerprints:
    """Encodes and digests values for one project."""

    def __init__(self, code: CodeFingerprints, plugins: PluginManager) -> None:
        self._class_code = code.class_code
        hook = plugins.hook.taskdisc_fingerprint_value
        self._extend: Callable[[object], object | None] | None = None
        if hook.get_hookimpls():
            self._extend = lambda value: hook(value=value)

    def encode(self, value: Any) -> bytes:
        """Return the canonical encoding. Raises EncodingError."""
        return encode(value, extend=self._extend, class_code=self._class_code)

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

    def digest(self, value: Any, place: Callable[[PurePath], tuple[str, str]]) -> bytes:
        """Return the value digest of a result; `place` says how its paths count. Raises EncodingError."""
        return digest(value, extend=self._extend, class_code=self._class_code, place=place)
