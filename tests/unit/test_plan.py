"""Keys do not depend on the order, or the company, in which instances are decided."""

from __future__ import annotations

from itertools import accumulate
from random import Random
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from taskdisc.fingerprint.code import Fingerprint
from taskdisc.fingerprint.encoding import encode
from taskdisc.plan import Plan, Reuse
from tests.unit.random_graphs import Description, World, descriptions, world_of


def plan_of(world: World, offsets: list[int]) -> Plan:
    """Return a plan with an empty store, and with results that differ from row to row."""
    values: Any = SimpleNamespace(encode=encode, encode_each=lambda each: [encode(value) for value in each])
    plan = Plan(
        world.graph,
        world.expansion,
        world.bindings,
        index=None,
        code=lambda function: Fingerprint(b"", ()),
        fingerprints=values,
        file_digest=lambda file: b"",
        listed=lambda files: (),
        has_object=lambda name: True,
        reuse=Reuse(lambda file: False),
        root="/",
        offset=offsets.__getitem__,
    )
    rng = Random(0)
    for digests in plan.digests:
        digests[:] = rng.randbytes(len(digests))
    return plan


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(descriptions(), st.integers(0, 2**32))
def test_keys_are_the_same_in_every_order(description: Description, seed: int) -> None:
    world, rng = world_of(description), Random(seed)
    sizes = [block.size for block in world.expansion.blocks]
    offsets = list(accumulate(sizes, initial=0))
    together, alone = plan_of(world, offsets), plan_of(world, offsets)
    for block in world.expansion.by_task.values():
        nodes = [offsets[block.number] + row for row in range(block.size)]
        for node in nodes:
            alone.decide(block.number, [node])
        turned = rng.sample(nodes, len(nodes))
        cut = rng.choice((0, rng.randint(0, len(nodes))))
        for part in (turned[:cut], turned[cut:]):
            together.decide(block.number, part)
        rows = [node - offsets[block.number] for node in turned]
        one_by_one = [digest for row in rows for digest in alone.inputs_of(block.number, [row])]
        assert together.inputs_of(block.number, rows) == one_by_one
    assert together.keys == alone.keys
