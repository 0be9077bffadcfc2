"""Explanations: which part of a key differs from that of the kept result that is nearest to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from taskdisc.durations import seconds
from taskdisc.graph import FromFile, FromGather, FromTask
from taskdisc.model import DROPPED, Decision
from taskdisc.record import suffix_of

if TYPE_CHECKING:
    from taskdisc.run import Run
    from taskdisc.store.index import FamilyRow, ResultRow


CACHED = "its code, settings and inputs are those of a kept result"
CACHED_WHATEVER_THE_CODE = "its settings and inputs are those of a kept result (--no-code-check)"
COMPARED = 20
"""Kept results of an instance, the newest first, of which the nearest is looked for."""


def explain_steps(
    run: Run, nodes: Iterable[int], decisions: Mapping[int, str]
) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Yield (node, decision, reasons) of planned steps."""
    kept: dict[str, dict[str, list[ResultRow]]] = {}
    families: dict[int, FamilyRow] = {}
    failed: set[tuple[str, bytes]] = set()
    index = run.project.index
    for node in nodes:
        number = run.scheduler.block_of(node)
        task = run.expansion.blocks[number].task
        if index is not None and task not in kept:
            kept[task] = {}
            for row in index.results(task):
                kept[task].setdefault(row.instance, []).append(row)
            families.update((family.id, family) for family in index.families(task))
            failed.update((failure.instance, failure.key) for failure in index.failures(task))
        decision = decisions[node]
        if decision == Decision.CACHED:
            yield node, decision, (CACHED if run.plan.code_counts else CACHED_WHATEVER_THE_CODE,)
        elif decision == Decision.MAY_RUN:
            yield node, decision, tuple(_undecided(run, node, decisions))
        elif decision == Decision.RUN and (suffix_of(run.id_of(node)), run.plan.keys[node]) in failed:
            yield node, decision, ("it failed last time, and nothing has changed; `taskdisc logs` shows its output",)
        else:
            rows = kept.get(task, {}).get(suffix_of(run.id_of(node)), [])
            yield node, decision, _fewest_changes(run, node, number, rows, families)


def _undecided(run: Run, node: int, decisions: Mapping[int, str]) -> Iterator[str]:
    number = run.scheduler.block_of(node)
    block = run.expansion.blocks[number]
    row = node - run.offset(number)
    waits = []
    for link in block.links:
        target = run.expansion.blocks[link.block]
        first = run.offset(link.block) + link.rows[row]
        if target.gather is None:
            inputs = [first]
        else:
            groups, at = target.gather, link.rows[row]
            inputs = [
                run.offset(groups.target) + each for each in groups.rows[groups.starts[at] : groups.starts[at + 1]]
            ]
        waits += [each for each in inputs if decisions.get(each) in (Decision.RUN, Decision.MAY_RUN)]
    names = [run.id_of(each) for each in dict.fromkeys(waits)]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    yield f"it depends on {', '.join(names[:3])}{more}, which may give another result"


def _fewest_changes(
    run: Run, node: int, number: int, rows: list[ResultRow], families: Mapping[int, FamilyRow]
) -> tuple[str, ...]:
    """Compare with the nearest result: the newest may be one of other settings, which nobody changed now."""
    if not rows:
        return ("there is no result of it yet",)
    return min((tuple(_changes(run, node, number, row, families)) for row in rows[:COMPARED]), key=len)


def _changes(run: Run, node: int, number: int, kept: ResultRow, families: Mapping[int, FamilyRow]) -> Iterator[str]:
    """Compare the parts of the key, from the outside in."""
    block = run.expansion.blocks[number]
    now = run.plan.family(block.task)
    before = families[kept.family].parts
    reasons = list(_code(before["code"], now.parts["code"]))
    reasons += _versions(before.get("track", {}), now.parts.get("track", {}))
    if before["version"] != now.parts["version"]:
        reasons.append(f"version: {before['version']!r} -> {now.parts['version']!r}")
    reasons += _settings(before["settings"], now.parts["settings"])
    reasons += _inputs(run, node, number, kept, before["inputs"])
    if not reasons and kept.object == DROPPED:
        reasons.append("its value was not kept (keep=False), and is needed")
    if not reasons:
        same = kept.key == run.plan.keys[node]
        options = run.project.graph.tasks[block.task].options
        if not options.cache:
            reasons.append("it runs in every run (cache=False)")
        elif options.expires and kept.started + kept.seconds < run.started - seconds(options.expires):
            reasons.append(f"its result has expired (expires={options.expires!r})")
        else:
            reasons.append(
                "a file or object of its result is gone or changed" if same else "its parameters have changed"
            )
    yield from reasons


def _code(before: list[tuple[str, str]], now: list[tuple[str, str]]) -> Iterator[str]:
    old, new = dict(before), dict(now)
    for name in new:
        if name not in old:
            yield f"code: {name} is new in what it reaches"
        elif old[name] != new[name]:
            yield f"code: {name} has changed"
    yield from (f"code: {name} is no longer reached" for name in old if name not in new)


def _settings(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            yield f"setting {name}: {before.get(name, 'none')} -> {now.get(name, 'none')}"


def _versions(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            yield f"version of {name}: {before.get(name, 'not tracked')} -> {now.get(name, 'not tracked')}"


def _inputs(run: Run, node: int, number: int, kept: ResultRow, names: list[str]) -> Iterator[str]:
    block = run.expansion.blocks[number]
    family = run.plan.family(block.task)
    (now,) = run.plan.inputs_of(number, [node - run.offset(number)])
    if list(family.inputs) != names:
        yield f"inputs: {', '.join(names) or 'none'} -> {', '.join(family.inputs) or 'none'}"
        return
    sources = run.project.graph.sources[block.task]
    for position, name in enumerate(names):
        if now[32 * position : 32 * position + 32] != kept.inputs[32 * position : 32 * position + 32]:
            yield f"input {name}: {_what(sources[name])} has changed"


def _what(source: Any) -> str:
    if isinstance(source, FromFile):
        return f"the file {source.file.path}"
    if isinstance(source, FromGather):
        return "what it gathers"
    assert isinstance(source, FromTask)
    return "its value"
