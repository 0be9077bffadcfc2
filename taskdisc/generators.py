"""The global generators of random numbers: seeded for each attempt, whenever their modules are imported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from taskdisc.hashing import sha256

SEEDS: dict[str, Callable[[Any, int], None]] = {
    "random": lambda module, seed: module.seed(seed),
    "numpy.random": lambda module, seed: module.seed(seed % 2**32),
}
"""By module: how a seed of 64 bits is set."""


def seed_of(id: str, coordinates: str = "", swept: str = "") -> int:
    """Return the seed of a task's instance, or of a fixture: 64 bits of a hash of its identity.

    `coordinates` end with a bracket; `swept`, their last part, counts as little as in a run that has this one value.
    """
    if swept:
        others = coordinates.removesuffix(f"{swept}]").removesuffix(",")
        coordinates = others and f"{others}]"
    return int.from_bytes(sha256(f"{id}\0{coordinates}".encode()).digest()[:8], "big")


class Generators:
    """Seeds the generators that are there, and those that a task imports in the middle of its work."""

    def __init__(self) -> None:
        self._seed: Callable[[], int] | None = None
        self._awaited = [name for name in SEEDS if name not in sys.modules]
        sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder) is not Generators]
        if self._awaited:
            sys.meta_path.insert(0, self)

    def seed(self, seed: Callable[[], int]) -> None:
        """Seed what is imported now, and until the next call what is imported later."""
        self._seed = seed
        if len(self._awaited) == len(SEEDS):
            return  # none is there
        for name, set_seed in SEEDS.items():
            if (module := sys.modules.get(name)) is not None:
                set_seed(module, seed())

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Have others find the module; see that it is seeded when it has been loaded."""
        if name not in self._awaited:
            return None
        self._awaited.remove(name)
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(name, path, target)) is not None:
                self._follow(spec)
                return spec
        return None

    def _follow(self, spec: ModuleSpec) -> None:
        load = getattr(spec.loader, "exec_module", None)
        if load is None:
            return

        def exec_module(module: ModuleType) -> None:
            load(module)
            if self._seed is not None:
                SEEDS[spec.name](module, self._seed())

        spec.loader.exec_module = exec_module  # type: ignore[union-attr, method-assign]
