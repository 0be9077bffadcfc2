"""Sharing: several runs may work on one store at once, and each step is computed by one of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from taskdisc.plan import Plan
    from taskdisc.store.claims import Claims
    from taskdisc.store.index import Index

POLL = 0.05
"""Seconds between looks at what other runs still hold, while this one waits for some of it."""


class Shares(NamedTuple):
    """What becomes of nodes that were about to run."""

    ours: list[int]
    """Claimed, to be executed."""
    theirs: list[int]
    """Claimed by another run, which is computing them."""
    made: list[int]
    """Another run has made a result since they were decided."""


class Sharing:
    """Claims the steps of a run, and learns of the results of other runs."""

    def __init__(self, claims: Claims, plan: Plan, index: Index, run: int) -> None:
        self.waiting: dict[int, bytes] = {}
        """Nodes that another run is computing, with their keys."""
        self._ours: dict[int, bytes] = {}
        """Nodes that this run has claimed, with their keys."""
        self._told: dict[int, int] = {}
        """Nodes that were to run in spite of a result of another run, with its number: such as are never cached."""
        self._claims = claims
        self._plan = plan
        self._index = index
        self._run = run
        self._looked = 0.0

    def claim(self, nodes: Sequence[int]) -> Shares:
        """Claim nodes whose inputs are all known, and that can start at once: so no run ever waits in a circle."""
        keys = [self._plan.keys[node] for node in nodes]
        held = self._claims.take(keys)
        if self._claims.in_company:
            self._read_news()  # after they were taken: from now on, nobody else makes them
        if not held and not self._plan.news:
            self._ours.update(zip(nodes, keys, strict=True))
            return Shares(list(nodes), [], [])
        shares = Shares([], [], [])
        for node, key in zip(nodes, keys, strict=True):
            if self._is_news(node, key):
                shares.made.append(node)
            elif key in held:
                shares.theirs.append(node)
                self.waiting[node] = key
            else:
                shares.ours.append(node)
                self._ours[node] = key
        if shares.made:
            self._claims.keep(self._ours.values())
        return shares

    def _is_news(self, node: int, key: bytes) -> bool:
        """Say whether another run has made what the node was decided without; never twice of the same result."""
        found = self._plan.news.get(key)
        if found is None or self._told.get(node) == found[1]:
            return False
        self._told[node] = found[1]
        return True

    def hold(self, nodes: Iterable[int]) -> None:
        """Claim nodes that run already, before other runs can see what they use; of several runs at them, all go on."""
        new = {node: self._plan.keys[node] for node in nodes if node not in self._ours}
        if new:
            self._claims.take(list(new.values()))
            self._ours.update(new)

    def release(self, running: Iterable[int]) -> None:
        """Give up the claims to all nodes but these: the others have ended, and what they gave is durable."""
        self._ours = {node: self._ours[node] for node in running}
        self._claims.keep(self._ours.values())

    def ended(self) -> list[int]:
        """Return nodes that no other run is computing any more, whether it has made them, failed, or died."""
        now = time.monotonic()
        if not self.waiting or now - self._looked < POLL:
            return []
        self._looked = now
        held = self._claims.held(self.waiting.values())
        self._read_news()
        ended = [node for node, key in self.waiting.items() if key not in held]
        for node in ended:
            del self.waiting[node]
        return ended

    def _read_news(self) -> None:
        """Let the plan know what other runs have written since the last time."""
        news, self._plan.seen = self._index.news(self._plan.seen, self._run)
        self._plan.news.update(news)

    def close(self) -> None:
        """Give up all claims."""
        self._claims.close()
