"""What the functions of inner tasks return, in the form in which a run takes it: elements of axes, structures."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from taskdisc.marks import REQUIRES, Files, elements_of
from taskdisc.model import TaskSpec
from taskdisc.paths import matching
from taskdisc.references import leaves

Told = list[tuple[Any, Any, bytes]]
"""(label, value, value digest) of each element of an axis."""


def function_of(module: ModuleType, spec: TaskSpec) -> Callable[..., Any]:
    """Return the function of a task; a planner's stands in the decorator of the task that has it."""
    owner, _, parameter = spec.attribute.partition("@")
    found: Callable[..., Any] = getattr(module, owner)
    return getattr(found, REQUIRES)[parameter].value if parameter else found


def told(value: Any, spec: TaskSpec, root: str, digest: Callable[[Any], bytes]) -> Any:
    """Return what a run is told. Raises UsageError, ValueError for what is no list of elements, or no structure."""
    if spec.returns == "structure":
        for _ in leaves(value):
            pass  # a ref that nothing would find is an error here, where its planner is known
        return value
    if isinstance(value, Files):
        from pathlib import Path

        value = {path: Path(path) for path in matching(value.pattern, root)}
    elements = elements_of((value,), f"axis {spec.attribute}")
    return [(element.label, element.value, digest(element.value)) for element in elements]
