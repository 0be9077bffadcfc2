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


def skip(reason: str) -> NoReturn:
    """End the task that calls this as skipped: what depends on it is skipped too, and gathers leave it out.

    The reason is kept like a result: the task runs again when its code or its inputs change. Raises UsageError for a
    reason that is no text.
    """
    if not isinstance(reason, str) or not reason:
        raise UsageError(f'skip takes a reason, such as skip("no data for this year"), not {reason!r}.')
    raise Skipped(reason)
