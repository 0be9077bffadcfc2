"""What can be limited: how amounts are written, in pyproject.toml, at tasks and on the command line."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from taskdisc.errors import ConfigError, UsageError, closest
from taskdisc.limits import CPUS, Capacity, Resource

KEYS = ("amount", "units", "shared")
"""What a table says of a resource."""

Amounts = tuple[tuple[str, float], ...]
"""(resource, how much), in the order in which they were written."""


def is_amount(value: Any) -> bool:
    """Say whether this is a number of things that somebody can have."""
    return type(value) in (int, float) and math.isfinite(value) and value > 0


def resources(table: Mapping[str, Any], where: str) -> dict[str, Resource]:
    """Return what there is of each resource, as a TOML table says. Raises ConfigError."""
    return {name: _resource(name, value, where) for name, value in table.items()}


def _resource(name: str, value: Any, where: str) -> Resource:
    if not isinstance(value, dict):
        return Resource(_capacity(name, value, where))
    for key in value:
        if key not in KEYS:
            near = closest(key, list(KEYS))
            meant = f"Did you mean {near}?" if near else f"There are {', '.join(KEYS)}."
            raise ConfigError(f"{where}: {name}: unknown key {key!r}. {meant}")
    shared = value.get("shared", False)
    if not isinstance(shared, bool):
        raise ConfigError(f"{where}: {name}: shared is true or false, not {shared!r}.")
    if ("amount" in value) == ("units" in value):
        raise ConfigError(f'{where}: {name} takes one of amount and units: {{units = ["0", "1"], shared = true}}.')
    if shared and name == CPUS:
        raise ConfigError(f"{where}: {name} cannot be shared: each run has workers of its own. Choose another name.")
    return Resource(_capacity(name, value.get("amount", value.get("units")), where), shared)


def _capacity(name: str, value: Any, where: str) -> Capacity:
    if is_amount(value):
        return float(value)
    if isinstance(value, list) and value and all(isinstance(unit, str) and unit for unit in value):
        if len(set(value)) < len(value):
            raise ConfigError(f"{where}: {name} has a unit twice: {', '.join(value)}.")
        return tuple(value)
    raise ConfigError(
        f'{where}: {name} takes a number above 0, or the names of its units such as ["0", "1"], not {value!r}.'
    )


def limits(given: Mapping[str, Any] | Sequence[str], where: str) -> Amounts:
    """Return the limits of one run: a mapping, or texts such as "gpu=1". Raises UsageError."""
    pairs = given.items() if isinstance(given, Mapping) else [_pair(text, where) for text in given]
    for name, value in pairs:
        if not is_amount(value):
            raise UsageError(f"{where} {name}={value}: a limit is a number above 0, such as {where} {name}=1.")
    return tuple({name: float(value) for name, value in pairs}.items())


def _pair(text: str, where: str) -> tuple[str, Any]:
    name, equals, amount = text.rpartition("=")
    if not equals or not name.strip():
        raise UsageError(f"{where} {text}: {where} takes name=number, such as {where} gpu=1.")
    try:
        return name.strip(), float(amount)
    except ValueError:
        return name.strip(), amount.strip()


def amounts(value: Any, what: str) -> Amounts:
    """Return what a task needs, as its option says. Raises UsageError that begins with `what`."""
    if not isinstance(value, Mapping) and not (isinstance(value, Iterable) and not isinstance(value, str)):
        raise UsageError(f'{what} takes names and amounts, {{"gpu": 1}}, not {value!r}.')
    try:
        found = dict(value)
    except (TypeError, ValueError):
        raise UsageError(f'{what} takes names and amounts, {{"gpu": 1}}, not {value!r}.') from None
    for name, amount in found.items():
        if not isinstance(name, str) or not name:
            raise UsageError(f"{what}: {name!r} is no name of a resource.")
        if amount != 0 and not is_amount(amount):
            raise UsageError(f"{what}: {name} takes a number, not {amount!r}.")
    return tuple((name, amount) for name, amount in found.items() if amount)


def text_of(amount: float) -> str:
    """Return an amount as people write it."""
    return f"{amount:g}"
