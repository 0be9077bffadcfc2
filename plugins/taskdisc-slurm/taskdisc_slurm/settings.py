"""The plugin's options, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from taskdisc.durations import seconds
from taskdisc.errors import UsageError


class Settings(NamedTuple):
    """What the executor goes by; times are in seconds."""

    jobs: int
    """Elements of arrays that may be in the queue."""
    poll: float
    """The longest pause between two looks at the queue."""
    latency: float
    """How long files may take to be seen."""


def settings(options: Mapping[str, Any]) -> Settings:
    """Return the settings. Raises UsageError for values that cannot be."""
    jobs = options["slurm_jobs"]
    if jobs < 1:
        raise UsageError(f"slurm_jobs = {jobs}: it takes a whole number from 1.")
    return Settings(jobs, _seconds("slurm_poll", options), _seconds("slurm_latency", options))


def _seconds(name: str, options: Mapping[str, Any]) -> float:
    try:
        found = seconds(options[name])
    except ValueError as error:
        raise UsageError(f"{name} = {options[name]!r}: {error}.") from None
    if not found:
        raise UsageError(f"{name} = {options[name]!r}: it takes some time.")
    return found
