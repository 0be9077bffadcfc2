"""Limits: how much there is of each resource, and which nodes hold what of it. Pure bookkeeping."""

import heapq
from collections.abc import Mapping
from typing import NamedTuple

Demand = tuple[tuple[str, float], ...]
"""What a node needs of limited resources: (name, amount), sorted by name; what is not limited is not in it."""

Capacity = float | tuple[str, ...]
"""How much there is of a resource, or the names of its units."""

SLACK = 1e-9
"""Part of a capacity by which sums of amounts may be off: ten times 0.1 fit into 1."""


class Held(NamedTuple):
    """What a node holds of one resource."""

    name: str
    amount: float
    units: tuple[str, ...] = ()
    """The names of the held units, where units have names."""


class Limits:
    """The resources that are limited."""

    def __init__(self, capacities: Mapping[str, Capacity]) -> None:
        """Nothing is held at first."""
        self.capacity = {name: float(len(c)) if isinstance(c, tuple) else float(c) for name, c in capacities.items()}
        self.names = {name: c for name, c in capacities.items() if isinstance(c, tuple)}
        """The units of resources whose units have names."""
        self._free = dict(self.capacity)
        self._holders = dict.fromkeys(self.capacity, 0)
        self._units = {name: list(range(len(units))) for name, units in self.names.items()}
        """Heaps of the free units: the first ones are used most."""
        self._held: dict[int, tuple[Held, ...]] = {}

    def fits(self, demand: Demand) -> bool:
        """Say whether there is enough for a demand at this moment."""
        return all(amount <= self._free[name] + SLACK * self.capacity[name] for name, amount in demand)

    def take(self, node: int, demand: Demand) -> None:
        """Let a node hold what it needs, which must fit."""
        self._held[node] = tuple([self._taken(name, amount) for name, amount in demand])

    def _taken(self, name: str, amount: float) -> Held:
        self._free[name] -= amount
        self._holders[name] += 1
        if name not in self._units:
            return Held(name, amount)
        units = [heapq.heappop(self._units[name]) for _ in range(int(amount))]
        return Held(name, amount, tuple([self.names[name][unit] for unit in units]))

    def held(self, node: int) -> tuple[Held, ...]:
        """Return what a node holds."""
        return self._held.get(node, ())

    def give_back(self, node: int) -> tuple[Held, ...]:
        """Take away what a node holds; return it."""
        held = self._held.pop(node, ())
        for name, amount, units in held:
            self._holders[name] -= 1
            self._free[name] = self._free[name] + amount if self._holders[name] else self.capacity[name]
            for unit in units:
                heapq.heappush(self._units[name], self.names[name].index(unit))
        return held
