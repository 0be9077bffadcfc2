"""A store that a team shares: objects in S3, Google Cloud Storage, Azure or a folder, reached through obstore."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from taskdisc.errors import StoreError

if TYPE_CHECKING:
    from taskdisc.protocols import RemoteStore

SCHEMES = ("s3", "gs", "az", "file", "memory")
LARGE = 1 << 20
"""Bytes from which it is worth a request to ask whether an object is there before it is sent."""
LARGEST = 4 << 30
"""Bytes that one request can send; more goes in parts, and such requests cannot be conditional."""
PATIENCE = "20"
"""Seconds for which requests that fail are tried again, unless the address says `patience`."""
RETRIES = 8
REFUSALS = {
    "NoSuchBucket": "there is no such bucket. Make it, or correct the address",
    "InvalidAccessKeyId": "nobody has this access key. Check AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "the secret key is wrong. Check AWS_SECRET_ACCESS_KEY",
    "AccessDenied": "permission is denied. Check the credentials and the bucket's policy; who may only read says so by "
    "shared_read_only = true",
}
"""What servers answer, and what is to be done."""
METADATA = ("169.254.169.254", "metadata.google.internal")
"""Whom the libraries ask for credentials when nobody has given any: machines of a cloud know an answer."""


def taskdisc_remotes() -> dict[str, Callable[..., RemoteStore]]:
    """`s3://bucket/project`, `gs://bucket/project`, `az://container/project`, `file:///folder`, `memory://`."""
    return dict.fromkeys(SCHEMES, Bucket)


class Bucket:
    """Named objects below an address. Names are made of contents, so an object that is there is never replaced."""

    def __init__(self, url: str) -> None:
        """`url` may end in options, `?endpoint=http://localhost:9000`; the others come from the environment.

        Raises StoreError for an address or options that cannot be.
        """
        import obstore

        self._obstore = obstore
        self._url, _, query = url.partition("?")
        with self._told():
            self._store = _made(self._url, query)

    def get(self, name: str) -> bytes:
        """Return an object's bytes. Raises KeyError, OSError and StoreError."""
        with self._told():
            return bytes(self._obstore.get(self._store, name).bytes())

    def put(self, name: str, data: bytes | memoryview) -> bool:
        """Keep an object unless it is there. Raises OSError and StoreError."""
        with self._told():
            if len(data) >= LARGE and self._has(name):
                return False
            if len(data) > LARGEST:
                self._obstore.put(self._store, name, data)
                return True
            try:
                self._obstore.put(self._store, name, data, mode="create", use_multipart=False)
            except self._obstore.exceptions.AlreadyExistsError:
                return False
        return True

    def _has(self, name: str) -> bool:
        try:
            self._obstore.head(self._store, name)
        except FileNotFoundError:
            return False
        return True

    def names(self, prefix: str) -> Iterator[tuple[str, float]]:
        """Yield names and times; a request for each thousand. Raises OSError and StoreError."""
        with self._told():
            for page in self._obstore.list(self._store, prefix.rstrip("/"), chunk_size=1000):
                for entry in page:
                    yield entry["path"], entry["last_modified"].timestamp()

    def delete(self, names: Sequence[str]) -> None:
        """Remove objects. Raises OSError and StoreError."""
        for name in names:  # not many at once: some servers refuse a list in which one is missing
            with self._told():
                try:
                    self._obstore.delete(self._store, name)
                except FileNotFoundError:
                    pass

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what obstore raises into what the protocol says."""
        try:
            yield
        except FileNotFoundError as error:
            reason = _refusal(str(error))
            if reason:
                raise StoreError(f"{self._url}: {reason}.") from None
            raise KeyError(str(error)) from None
        except OSError as error:
            raise OSError(f"{self._url}: {_first_line(error)}") from None
        except self._obstore.exceptions.BaseError as error:
            raise self._problem(error) from None

    def _problem(self, error: Exception) -> Exception:
        text, known = str(error), self._obstore.exceptions
        reason = _refusal(text)
        if reason:
            return StoreError(f"{self._url}: {reason}.")
        if any(f"//{host}/" in text for host in METADATA):
            return StoreError(
                f"{self._url}: there are no credentials. For S3, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            )
        if isinstance(error, known.PermissionDeniedError | known.UnauthenticatedError):
            return StoreError(f"{self._url}: {REFUSALS['AccessDenied']}. ({_first_line(error)})")
        if isinstance(error, known.UnknownConfigurationKeyError):
            return StoreError(f"{self._url}: {_first_line(error)}.")
        return OSError(f"{self._url} cannot be reached: {_first_line(error)}")


def _made(url: str, query: str) -> Any:
    """The store of obstore for an address."""
    from urllib.parse import parse_qsl

    from obstore import store

    from_url: Any = store.from_url  # whose overloads want to know the kind of store
    if url.startswith("memory:"):
        return from_url("memory:///")
    if url.startswith("file:"):
        return from_url(url, mkdir=True)
    options: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    retries = _retries(url, options.pop("patience", PATIENCE))
    client: dict[str, Any] = {"connect_timeout": "5s", "timeout": "300s"}
    if str(options.get("endpoint", "")).startswith("http://"):
        client["allow_http"] = True
    return from_url(url, config=options or None, client_options=client, retry_config=retries)


def _retries(url: str, patience: str) -> Any:
    from datetime import timedelta

    try:
        timeout = timedelta(seconds=float(patience))
    except ValueError:
        raise StoreError(f"{url}: patience={patience} is no number of seconds. Such as: ?patience=60") from None
    backoff = {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2}
    return {"max_retries": RETRIES, "retry_timeout": timeout, "backoff": backoff}


def _refusal(text: str) -> str:
    return next((reason for code, reason in REFUSALS.items() if f"<Code>{code}</Code>" in text), "")


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0].rstrip(". ") if lines else type(error).__name__
