"""Explanations: which part of a key differs from that of the kept result that is nearest to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from taskdisc.durations import seconds
from taskdisc.graph import FromFile, FromFiles, FromGather, FromPlanner, FromStructure, FromTask, FromValue
from taskdisc.model import DROPPED, Decision
from taskdisc.record import suffix_of

if TYPE_CHECKING:
    from taskdisc.run import Run
    from taskdisc.store.rows import FamilyRow, ResultRow


class Reason(NamedTuple):
    """Why something would run: one line, and where code has changed what is different in it."""

    text: str
    difference: tuple[str, ...] = ()
    """Lines of a unified diff."""


class Change(NamedTuple):
    """A part of a key that differs; of code, with its name and the digests of both."""

    text: str
    name: str = ""
    before: str = ""
    now: str = ""


class Differences:
    """Shows what is different in code, each change once however many instances it concerns."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._known: dict[Change, Reason] = {}

    def reason(self, change: Change) -> Reason:
        """Return the change with its difference, where the texts are known."""
        if change not in self._known:
            self._known[change] = Reason(change.text, self._difference(change) if change.name else ())
        return self._known[change]

    def _difference(self, change: Change) -> tuple[str, ...]:
        from taskdisc.fingerprint.texts import difference

        index = self._run.project.index
        before = index.part_text(change.before) if index is not None else None
        now = dict(self._run.project.code.texts([(change.name, change.now)])).get(change.now)
        return difference(before, now) if before is not None and now is not None else ()


CACHED = "its code, settings and inputs are those of a kept result"
CACHED_WHATEVER_THE_CODE = "its settings and inputs are those of a kept result (--no-code-check)"
COMPARED = 20
"""Kept results of an instance, the newest first, of which the nearest is looked for."""


def explain_steps(
    run: Run, nodes: Iterable[int], decisions: Mapping[int, str]
) -> Iterator[tuple[int, str, tuple[Reason, ...]]]:
    """Yield (node, decision, reasons) of planned steps."""
    differences = Differences(run)
    kept: dict[str, dict[str, list[ResultRow]]] = {}
    families: dict[int, FamilyRow] = {}
    failed: set[tuple[str, bytes]] = set()
    index = run.project.index
    for node in nodes:
        number = run.scheduler.block_of(node)
        task = run.expansion.blocks[number].task
        if index is not None and task not in kept:
            kept[task] = {}
            long_id = run.graph.tasks[task].long_id
            for row in index.results(long_id):
                kept[task].setdefault(row.instance, []).append(row)
            families.update((family.id, family) for family in index.families(long_id))
            failed.update((failure.instance, failure.key) for failure in index.failures(long_id))
        decision = decisions[node]
        if decision == Decision.CACHED:
            yield node, decision, (Reason(CACHED if run.plan.code_counts else CACHED_WHATEVER_THE_CODE),)
        elif decision == Decision.GIVEN:
            yield node, decision, (Reason("this run has another value in its place"),)
        elif decision == Decision.SKIPPED:
            yield node, decision, (Reason(_skipped(run, node)),)
        elif decision == Decision.MAY_RUN:
            yield node, decision, tuple(map(Reason, _undecided(run, node, decisions)))
        elif decision == Decision.RUN and (suffix_of(run.id_of(node)), run.plan.keys[node]) in failed:
            told = "it failed last time, and nothing has changed; `taskdisc logs` shows its output"
            yield node, decision, (Reason(told),)
        else:
            rows = kept.get(task, {}).get(suffix_of(run.id_of(node)), [])
            changes = _fewest_changes(run, node, number, rows, families)
            yield node, decision, tuple(differences.reason(change) for change in changes)


def _skipped(run: Run, node: int) -> str:
    if node in run.plan.skipped:
        return "it ended so, and nothing has changed: `taskdisc show` tells the reason"
    names = [run.id_of(each) for each in run.expansion.inputs(node) if each in run.plan.without]
    return f"it depends on {', '.join(dict.fromkeys(names))}"


def _undecided(run: Run, node: int, decisions: Mapping[int, str]) -> Iterator[str]:
    waits = [each for each in run.expansion.inputs(node) if decisions.get(each) in (Decision.RUN, Decision.MAY_RUN)]
    names = [run.id_of(each) for each in dict.fromkeys(waits)]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    yield f"it depends on {', '.join(names[:3])}{more}, which may give another result"


def _fewest_changes(
    run: Run, node: int, number: int, rows: list[ResultRow], families: Mapping[int, FamilyRow]
) -> tuple[Change, ...]:
    """Compare with the nearest result: the newest may be one of other settings, which nobody changed now."""
    if not rows:
        return (Change("there is no result of it yet"),)
    return min((tuple(_changes(run, node, number, row, families)) for row in rows[:COMPARED]), key=len)


def _changes(run: Run, node: int, number: int, kept: ResultRow, families: Mapping[int, FamilyRow]) -> Iterator[Change]:
    """Compare the parts of the key, from the outside in."""
    block = run.expansion.blocks[number]
    now = run.plan.family(block.task, block.variant)
    before = families[kept.family].parts
    changes = list(family_changes(before, now.parts))
    changes += map(Change, _inputs(run, node, number, kept, before["inputs"]))
    yield from changes or [Change(_beside_the_key(run, node, block.task, kept))]


def _beside_the_key(run: Run, node: int, task: str, kept: ResultRow) -> str:
    """Say why a result does not count although nothing of its key has changed."""
    options = run.graph.tasks[task].options
    place = run.scheduler.place_of(node)
    if run.plan.is_forced(*place):
        return "it is to run whatever is kept (--force)"
    if kept.object == DROPPED:
        return "its value was not kept (keep=False), and is needed"
    if not options.cache:
        return "it runs in every run (cache=False)"
    if options.expires and kept.started + kept.seconds < run.started - seconds(options.expires):
        return f"its result has expired (expires={options.expires!r})"
    same = kept.key == run.plan.keys[node]
    return "a file or object of its result is gone or changed" if same else "its parameters have changed"


def family_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    """Yield what differs between the parts of two families."""
    yield from _code(before["code"], now["code"])
    yield from map(Change, _versions(before.get("track", {}), now.get("track", {})))
    if before["version"] != now["version"]:
        yield Change(f"version: {before['version']!r} -> {now['version']!r}")
    yield from map(Change, _settings(before["settings"], now["settings"]))
    yield from map(Change, _files(before.get("files", {}), now.get("files", {})))


def _code(before: list[tuple[str, str]], now: list[tuple[str, str]]) -> Iterator[Change]:
    old, new = dict(before), dict(now)
    for name in new:
        if name not in old:
            yield Change(f"code: {name} is new in what it reaches")
        elif old[name] != new[name]:
            yield Change(f"code: {name} has changed", name, old[name], new[name])
    yield from (Change(f"code: {name} is no longer reached") for name in old if name not in new)


def _settings(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            yield f"setting {name}: {before.get(name, 'none')} -> {now.get(name, 'none')}"


def _files(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """The input files of fixtures; those of the task itself are among its inputs."""
    for path in sorted(before.keys() & now.keys()):
        if before[path] != now[path]:
            yield f"the file {path} of a fixture has changed"


def _versions(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            yield f"version of {name}: {before.get(name, 'not tracked')} -> {now.get(name, 'not tracked')}"


def _inputs(run: Run, node: int, number: int, kept: ResultRow, names: list[str]) -> Iterator[str]:
    block = run.expansion.blocks[number]
    family = run.plan.family(block.task, block.variant)
    (now,) = run.plan.inputs_of(number, [node - run.offset(number)])
    if list(family.inputs) != names:
        yield f"inputs: {', '.join(names) or 'none'} -> {', '.join(family.inputs) or 'none'}"
        return
    sources = run.graph.sources[block.task]
    for position, name in enumerate(names):
        if now[32 * position : 32 * position + 32] != kept.inputs[32 * position : 32 * position + 32]:
            yield f"input {name}: {_what(sources[name])} has changed"


def _what(source: Any) -> str:
    if isinstance(source, FromFile):
        return f"the file {source.file.path}"
    if isinstance(source, FromFiles):
        return f"one of the files {source.files.pattern}"
    if isinstance(source, FromGather):
        return "what it gathers"
    if isinstance(source, FromValue):
        return "what this run has in its place"
    if isinstance(source, FromPlanner | FromStructure):
        return "what it requires"
    assert isinstance(source, FromTask)
    return "its value"
