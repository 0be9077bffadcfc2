"""SHA-256 for small things, from the interpreter itself: loading OpenSSL's for `hashlib` takes 3 ms.

What hashes megabytes, or hashes many thousand times, imports `hashlib`, which is two to six times as fast.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import sha256
    from typing import Any
else:
    try:
        from _sha2 import sha256  # Python 3.12 and later
    except ImportError:
        try:
            from _sha256 import sha256
        except ImportError:  # a build without the interpreter's own hashes
            from hashlib import sha256

__all__ = ["sha256", "sha256_for"]


def sha256_for(count: int) -> Any:
    """Return the hash that is quicker for so many small things, its import included."""
    if count < 5000:
        return sha256
    import hashlib

    return hashlib.sha256
