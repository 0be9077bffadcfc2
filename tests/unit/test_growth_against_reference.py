"""What grows is what the readable reference says: instances, their order, and all that each receives."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskdisc.errors import TaskdiscError
from tests.reference import Graph as ReferenceGraph
from tests.reference import RuleError, Run
from tests.unit.growing_graphs import OPEN_VALUE, Graph, World, reference_of

GRAPHS = st.builds(Graph, st.integers(0, 2**32), st.sampled_from([*range(1, 8), *[8] * 8, 12]))


def check(graph: Graph) -> None:
    """Both worlds evaluate all tasks, or both refuse the project."""
    try:
        run = Run(ReferenceGraph(reference_of(graph)), {"n": OPEN_VALUE}, {}, {})
        expected = {name: run.instances(name, {}) for name in graph.tasks}
    except RuleError as refused:
        with pytest.raises(TaskdiscError):
            World(graph)
        assert refused.rule in (4, 5, 8, 9)
        return
    world = World(graph)
    for name, instances in expected.items():
        nodes = world.nodes(name)
        assert [world.values[node] for node in nodes] == [instance.value for instance in instances], name
        assert len(set(nodes)) == len(nodes)
        ids = [_id(world, node) for node in nodes]
        assert len(set(ids)) == len(ids)


def _id(world: World, node: int) -> str:
    block, row = world.expansion.place(node)
    return world.expansion.ids(block, "t", [row])[0]


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(GRAPHS)
def test_growing_graphs(graph: Graph) -> None:
    check(graph)


@pytest.mark.long
@settings(max_examples=3000, deadline=None, database=None)
@given(GRAPHS)
def test_many_growing_graphs(graph: Graph) -> None:
    check(graph)
