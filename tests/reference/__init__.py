"""The semantics of graphs of tasks, said in code as plainly as possible: the yardstick for the package's expansion.

Nothing is taken from the package and nothing is optimised: instances are enumerated by nested loops, everything is
looked up in dictionaries, and the numbers in brackets are those of the fourteen rules. Only where depth can be large
(chains of tasks, recursion through refs) does a worklist stand in for Python's stack: `settle.py`.

A source says what fills a parameter: AxisOf, ResultOf, Setting or Planned. Any other object is a structure, passed as
it is, with results in place of every Ref and GatherOf inside its lists, tuples and dicts.
"""

from .evaluate import evaluate
from .graph import Graph
from .instances import Gathered, Identity, Instance, Label
from .run import Run
from .vocabulary import Axis, AxisOf, CircleError, GatherOf, Planned, Project, Ref, ResultOf, RuleError, Setting, Task

__all__ = [
    "Axis",
    "AxisOf",
    "CircleError",
    "GatherOf",
    "Gathered",
    "Graph",
    "Identity",
    "Instance",
    "Label",
    "Planned",
    "Project",
    "Ref",
    "ResultOf",
    "RuleError",
    "Run",
    "Setting",
    "Task",
    "evaluate",
]
