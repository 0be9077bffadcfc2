"""Limits: how much there is of each resource, and which nodes hold what of it.

This is pure bookkeeping. Of what runs share, the commons know what others hold.
"""

import heapq
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, Protocol

Demand = tuple[tuple[str, float], ...]
"""What a node needs of limited resources: (name, amount), sorted by name; what is not limited is not in it."""

CPUS = "cpus"
"""The resource of which each job in a worker uses 1 unless it says more: how many there are is `workers`."""

Capacity = float | tuple[str, ...]
"""How much there is of a resource, or the names of its units."""

SLACK = 1e-9
"""Part of a capacity by which sums of amounts may be off: ten times 0.1 fit into 1."""


class Resource(NamedTuple):
    """What there is of something."""

    capacity: Capacity
    shared: bool = False
    """Whether all runs of this user on this machine have it together."""


class Held(NamedTuple):
    """What a node holds of one resource."""

    name: str
    amount: float
    units: tuple[str, ...] = ()
    """The names of the held units, where units have names."""


class Commons(Protocol):
    """What this run and others share."""

    @property
    def capacities(self) -> Mapping[str, Capacity]:
        """How much there is for all of them."""

    def take(self, demand: Demand) -> Mapping[str, tuple[str, ...]] | None:
        """Hold so much, and return the names of units by resource; None: others hold too much of it."""

    def give_back(self, held: Iterable[Held]) -> None:
        """Hold so much less."""


class Limits:
    """The resources that are limited."""

    def __init__(self, capacities: Mapping[str, Capacity], commons: Commons | None = None) -> None:
        """Nothing is held at first. `capacities` are those of this run; its `commons` choose units that they know."""
        self._commons = commons
        self.shared: Collection[str] = () if commons is None else commons.capacities.keys()
        """What other runs may hold, too."""
        self.capacity = {name: float(len(c)) if isinstance(c, tuple) else float(c) for name, c in capacities.items()}
        everywhere = capacities if commons is None else {**capacities, **commons.capacities}
        self.names = {name: c for name, c in everywhere.items() if isinstance(c, tuple)}
        """The units of resources whose units have names."""
        self._free = dict(self.capacity)
        self._holders = dict.fromkeys(self.capacity, 0)
        self._units = {name: list(range(len(u))) for name, u in self.names.items() if name not in self.shared}
        """Heaps of the free units: the first ones are used most."""
        self._held: dict[int, tuple[Held, ...]] = {}

    def has(self, name: str, amount: float) -> bool:
        """Say whether this run has so much left of a resource."""
        return amount <= self._free[name] + SLACK * self.capacity[name]

    def fits(self, demand: Demand) -> bool:
        """Say whether this run has enough left for a demand."""
        return all(self.has(name, amount) for name, amount in demand)

    def take(self, node: int, demand: Demand) -> bool:
        """Let a node hold what it needs, which must fit; say whether other runs leave it so much."""
        units: Mapping[str, tuple[str, ...]] | None = {}
        if self._commons is not None and (shared := tuple([each for each in demand if each[0] in self.shared])):
            units = self._commons.take(shared)
        if units is None:
            return False
        self._held[node] = tuple([self._taken(name, amount, units.get(name, ())) for name, amount in demand])
        return True

    def _taken(self, name: str, amount: float, units: tuple[str, ...]) -> Held:
        self._free[name] -= amount
        self._holders[name] += 1
        if name in self._units:
            firsts = [heapq.heappop(self._units[name]) for _ in range(int(amount))]
            units = tuple([self.names[name][unit] for unit in firsts])
        return Held(name, amount, units)

    def held(self, node: int) -> tuple[Held, ...]:
        """Return what a node holds."""
        return self._held.get(node, ())

    def give_back(self, node: int) -> tuple[Held, ...]:
        """Take away what a node holds; return it."""
        held = self._held.pop(node, ())
        for name, amount, units in held:
            self._holders[name] -= 1
            self._free[name] = self._free[name] + amount if self._holders[name] else self.capacity[name]
            if name in self._units:
                for unit in units:
                    heapq.heappush(self._units[name], self.names[name].index(unit))
        if self._commons is not None and (shared := [each for each in held if each.name in self.shared]):
            self._commons.give_back(shared)
        return held
