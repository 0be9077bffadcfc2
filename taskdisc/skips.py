"""`skip`: a task that ends without a result, on purpose."""

from __future__ import annotations

from typing import NoReturn

from taskdisc.errors import UsageError
from taskdisc.hashing import sha256

SKIPPED = sha256(b"taskdisc: skipped").digest()
"""Stands where the value digest of a result stands: the step ended by `skip`."""


class Skipped(BaseException):
    """Raised by `skip`; not caught by `except Exception`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def kept_reason(reason: str) -> bytes:
    """Return a reason as it is kept: whatever the codec, as text that is loaded without running code."""
    return reason.encode("utf-8", "backslashreplace")


def reason_kept(payload: bytes | str) -> str:
    """Return the reason that was kept; what is no text was kept by an older taskdisc."""
    try:
        return payload.decode("utf-8") if isinstance(payload, bytes) else "its reason is gone"
    except UnicodeDecodeError:
        return "its reason is in an older form; clear it, and run it again"


def skip(reason: str) -> NoReturn:
    """End the task that calls this as skipped: what depends on it is skipped too, and gathers leave it out.

    The reason is kept like a result: the task runs again when its code or its inputs change. Raises UsageError for a
    reason that is no text.
    """
    if not isinstance(reason, str) or not reason:
        raise UsageError(f'skip takes a reason, such as skip("no data for this year"), not {reason!r}.')
    raise Skipped(reason)
