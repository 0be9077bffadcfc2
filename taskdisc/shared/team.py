"""The team's store behind the local one: what it has is known here after one look, and what is made here goes there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from taskdisc.errors import StoreError
from taskdisc.shared.ledger import Ledger, Unsent
from taskdisc.shared.manifest import OBJECTS, Manifest, family_of, packed
from taskdisc.shared.remote import Remote, Unreachable
from taskdisc.store.objects import DamagedResult, Objects, is_name

if TYPE_CHECKING:
    from taskdisc.protocols import ObjectStore, RemoteStore
    from taskdisc.store.index import Index


class Delivered(NamedTuple):
    """What a remote has got, and has not."""

    artifacts: tuple[int, ...] = ()
    objects: tuple[str, ...] = ()
    """All that the results need."""
    manifests: tuple[str, ...] = ()
    new: int = 0
    """Objects that were not there before."""
    bytes: int = 0
    unsent: int = 0
    """Results that did not get there."""

    def and_then(self, other: Delivered) -> Delivered:
        """Return both together."""
        lists = (self.artifacts + other.artifacts, self.objects + other.objects, self.manifests + other.manifests)
        return Delivered(*lists, self.new + other.new, self.bytes + other.bytes, self.unsent + other.unsent)


class Team(Remote):
    """A remote, and what the local store knows of it. Used in the main process of a command."""

    def __init__(
        self,
        make: Callable[[], RemoteStore],
        address: str,
        index: Index,
        store: ObjectStore,
        folders: tuple[str, str],
        *,
        read_only: bool,
    ) -> None:
        """`address` tells this remote from others; `folders`: the project's root and its store."""
        super().__init__(make, read_only=read_only)
        self.ledger = Ledger(index, address, *folders)
        self._local = Objects(store)
        self._missed: set[str] = set()
        """Objects that were to be there and were not."""

    def has(self, name: str) -> bool:
        """Say whether an object is known to be there, without asking; while the remote fails, nothing is."""
        return not self.is_failing and name not in self._missed and self.ledger.promises(name)

    def doubt(self, names: Iterable[str]) -> None:
        """Look for objects that a worker has missed, and so learn whether it is the remote that fails."""
        self._missed.update(name for name in names if is_name(name) and self.fetch(name) is None)

    def _connected(self) -> RemoteStore:
        """Connect; a remote's library may have threads that no fork of this process would have.

        As long as there is one of ours that everybody sees, workers are not forked from it.
        """
        self.each(str, ("",))
        return super()._connected()

    # Reading

    def listed(self) -> dict[str, list[str]]:
        """Return the names of all manifests by the hexadecimal prefix of their families."""
        found: dict[str, list[str]] = {}
        for name in sorted(self.manifests()):
            family = family_of(name)
            if family:
                found.setdefault(family, []).append(name)
        return found

    def bring(self, names: Iterable[str]) -> set[str]:
        """Take manifests that are not known yet; return the families that have gained by it."""
        manifests = self.fetched(self.ledger.unseen(names))
        if manifests:
            self.ledger.take(manifests)
        return {manifest.prefix.hex() for manifest in manifests.values()}

    def fetched(self, names: Sequence[str]) -> dict[str, Manifest]:
        """Return manifests by their names, without bad ones."""
        found = self.each(self.manifest, names) if len(names) != 1 else [self.manifest(names[0])]
        return {name: manifest for name, manifest in zip(names, found, strict=True) if manifest is not None}

    def bring_objects(self, names: Iterable[str]) -> tuple[int, int]:
        """Have objects here that are not; return how many came, and their bytes."""
        sizes = self.each(self._bring_object, [name for name in names if not self._local.has(name)])
        return sum(size is not None for size in sizes), sum(size or 0 for size in sizes)

    def _bring_object(self, name: str) -> int | None:
        data = self.fetch(name)
        if data is None:
            return None
        self._local.put(name, [data])
        return len(data)

    # Writing

    def deliver(self, batches: Sequence[Unsent]) -> Delivered:
        """Send results, each after the objects that it needs; `trouble` says why some did not go.

        Nothing is noted yet: this may be another thread than that of the index.
        """
        done = Delivered()
        for batch in batches:
            try:
                done = done.and_then(self._delivered(batch))
            except (Unreachable, StoreError, OSError) as error:
                self.trouble = str(error)
                done = done.and_then(Delivered(unsent=len(batch.artifacts)))
        return done

    def _delivered(self, batch: Unsent) -> Delivered:
        names = sorted(set().union(*(result.objects() for result in batch.manifest.results)))
        sizes: Mapping[str, int | None] = dict(zip(names, self.each(self._put_object, names), strict=True))
        whole = [
            (result, number)
            for result, number in zip(batch.manifest.results, batch.artifacts, strict=True)
            if all(sizes[name] is not None for name in result.objects())
        ]
        if not whole:
            return Delivered()
        name, data = packed(batch.manifest._replace(results=[result for result, _ in whole]))
        self.put(name, data)
        return Delivered(
            artifacts=tuple(number for _, number in whole),
            objects=tuple(name for name in names if sizes[name] is not None),
            manifests=(name,),
            new=sum(bool(size) for size in sizes.values()),
            bytes=sum(size or 0 for size in sizes.values()),
        )

    def _put_object(self, name: str) -> int | None:
        """The bytes that were sent: 0 where the remote has them, None where there are no good ones."""
        try:
            data = self._local.open(name)
        except DamagedResult:
            return None
        return len(data) if self.put(OBJECTS + name, data) else 0

    def note(self, done: Delivered) -> None:
        """Remember what the remote has."""
        if done.manifests:
            self.ledger.sent(done.artifacts, done.objects, done.manifests)
