"""Named outputs: what a task returned, by name."""

from __future__ import annotations

from typing import Any


def name_outputs(value: Any, outputs: tuple[str, ...]) -> dict[str, Any]:
    """Return what a task with named outputs returned as a dict. Raises TypeError where it does not fit."""
    if isinstance(value, dict):
        if set(value) == set(outputs):
            return value
        raise TypeError(f"outputs are {_listed(outputs)}, and the returned dict has {_listed(value)}")
    if isinstance(value, tuple | list):
        if len(value) == len(outputs):
            return dict(zip(outputs, value, strict=True))
        raise TypeError(f"outputs are {_listed(outputs)}, and {len(value)} values were returned")
    raise TypeError(
        f"outputs are {_listed(outputs)}: return a tuple in this order or a dict with these keys, "
        f"not {type(value).__name__}"
    )


def _listed(names: Any) -> str:
    return ", ".join(map(str, names)) or "nothing"
