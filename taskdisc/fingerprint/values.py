"""Values as keys see them: encoded with the project's classes by their code, and with what plugins know of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from taskdisc.fingerprint.encoding import digest, encode

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

    def digest(self, value: Any, place: Callable[[PurePath], tuple[str, str]]) -> bytes:
        """Return the value digest of a result; `place` says how its paths count. Raises EncodingError."""
        return digest(value, extend=self._extend, class_code=self._class_code, place=place)
