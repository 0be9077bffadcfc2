"""The growing part of a run: what steps have found out becomes further steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from taskdisc.calls import Calls, Coordinate
from taskdisc.circles import circle
from taskdisc.errors import NothingMatched, TaskdiscError, UsageError
from taskdisc.grow import Growth
from taskdisc.labels import unquoted
from taskdisc.lanes import Lane
from taskdisc.lists import Lists
from taskdisc.nodes import ENDED, LEFT_OUT, WAITING
from taskdisc.refer import Referrer
from taskdisc.store.objects import DamagedResult
from taskdisc.storedvalues import Values
from taskdisc.waves import Seeker, Wave

if TYPE_CHECKING:
    from taskdisc.marks import Axis
    from taskdisc.run import Run
    from taskdisc.select import Selection


class Growing:
    """Lets the expansion and the scheduler of a run grow together."""

    def __init__(self, run: Run, tasks: Sequence[str]) -> None:
        """`tasks`: what the targets need, dependencies first."""
        self._run = run
        self._tasks = tasks
        project = run.project
        graph, files, encode = run.graph, project.files, project.values.encode
        calls = Calls(graph, run.expansion, run.bindings, files.listed, project.config.root)
        lists = Lists(graph, run.expansion, calls, run.bindings.replaced, encode, files.listed, files.digest)
        self._growth = Growth(
            graph,
            run.expansion,
            calls,
            lists,
            Referrer(graph, lists, run.bindings, encode),
            lambda variant: tuple((name, encode(value)) for name, value in variant),
            project.config.max_instances,
        )
        self._seekers: dict[int, Seeker] = {}
        """By the identity of a selection."""
        self.values: Values | None = None
        """Where results are read from."""

    def begin(self, selections: Iterable[Selection]) -> None:
        """Ask for the instances of targets that grow."""
        graph = self._run.graph
        for selection in selections:
            if selection.task in graph.grows:
                axes = {axis.name: axis for axis in graph.axes[selection.task]}
                given = selection.target.brackets or {}
                texts = {axes[name]: text for name, text in given.items() if name in axes and self._chooses(axes[name])}
                seeker = self._seekers[id(selection)] = self._growth.seek(selection.task, texts)
                seeker.only = selection.only
        self._apply(self._growth.wave())

    def _chooses(self, axis: Axis) -> bool:
        """Say whether a text chooses among elements: the one value of an open parameter was converted from it."""
        return not axis.open or len(self._run.bindings.elements[axis]) > 1

    def nodes_of(self, selection: Selection) -> list[int]:
        """Return the nodes of a target. Raises NothingMatched for a slice that is known to have none."""
        seeker = self._seekers.get(id(selection))
        if seeker is None:
            return self._asked_for(selection)
        nodes = self._growth.nodes(seeker)
        if not nodes and not seeker.open and seeker.texts:
            name = self._run.graph.names[selection.task]
            raise NothingMatched(f"{selection.target.text}: {name} has no instance of that kind in this run.")
        return nodes

    def _asked_for(self, selection: Selection) -> list[int]:
        """The nodes of a task that something needs, by their coordinates."""
        run, given = self._run, selection.target.brackets or {}
        found: list[tuple[Coordinate, int]] = []
        for block in run.expansion.blocks:
            if block.task != selection.task or block.gather is not None:
                continue
            for row in range(block.size):
                at = tuple(block.columns[axis][row] for axis in block.axes)
                texts = {a.name: run.expansion.elements[a].texts[n] for a, n in zip(block.axes, at, strict=True)}
                if all(unquoted(texts[name]) == unquoted(text) for name, text in given.items() if name in texts):
                    found.append((at, block.offset + row))
        return [node for _, node in sorted(found)]

    def unknown(self) -> dict[str, list[int]]:
        """Return the tasks that may have more instances than are known, with the steps that will tell."""
        axes = self._growth.unknown
        graph = self._run.graph
        found = {}
        for task in self._tasks:
            missing = [axis for axis in graph.axes[task] if axis in axes]
            if missing:
                found[task] = [step for axis in missing for step in self._growth.telling(axis)]
        return found

    def grow(self) -> bool:
        """Take what steps have found out; say whether that, or what follows from it, is news."""
        run = self._run
        arrived, run.scheduler.arrived = run.scheduler.arrived, []
        if not arrived:
            return False
        for node in arrived:
            try:
                self._growth.tell(node, self._load(node))
            except DamagedResult:
                run.lose(node)
            except TaskdiscError as error:
                raise type(error)(f"{run.id_of(node)}: {error}") from None
        self._apply(self._growth.wave())
        return True

    def _load(self, node: int) -> Any:
        """The result of an inner step."""
        run = self._run
        index = run.project.index
        assert index is not None
        if self.values is None:
            self.values = Values(run.plan, index, run.expansion, run.graph)
        block, row = run.expansion.place(node)
        (stored,) = self.values.fetch(block.number, [row])[row]
        return run.project.decode(stored, run.task_of(node).options.codec)

    def _apply(self, wave: Wave) -> None:
        """Let the plan and the scheduler have what has grown."""
        run, graph = self._run, self._run.graph
        scheduler = run.scheduler
        for block in wave.blocks:
            gathers = block.gather is not None
            scheduler.add(
                block.size,
                lane=Lane.PLAIN if gathers else run.lanes.of(graph.tasks[block.task].options),
                kinds=run.kinds_of(block),
                gathers=gathers,
                drops=block.gather is not None and block.gather.drop,
                watched=not gathers and block.task in graph.inner,
                held=True,
            )
            run.total += 0 if gathers else block.size
        run.plan.extend()
        self._want(wave.wanted)
        for number, (owners, targets) in wave.edges.items():
            run.out_of_reach(scheduler.connect(number, owners, targets))
        scheduler.release(wave.complete)

    def _want(self, nodes: Iterable[int]) -> None:
        """Nodes of grids are needed after all, and all that they need."""
        run = self._run
        todo = [node for node in nodes if run.scheduler.state(node) == LEFT_OUT]
        wanted = set(todo)
        while todo:
            for needed in run.expansion.direct(todo.pop()):
                if needed not in wanted and run.scheduler.state(needed) == LEFT_OUT:
                    wanted.add(needed)
                    todo.append(needed)
        run.total += sum(not run.is_gather(node) for node in wanted)
        run.scheduler.want(sorted(wanted))

    def waiting(self) -> list[int]:
        """Return the steps of which not everything is known yet, or that wait for such."""
        run = self._run
        return [
            node
            for block in run.expansion.blocks
            if block.gather is None
            for node in range(block.offset, block.offset + block.size)
            if run.scheduler.state(node) == WAITING
        ]

    def stalled(self) -> UsageError:
        """Return the error for steps that wait for one another, as a circle that came up on the way makes them."""
        run = self._run
        state = run.scheduler.state
        for start in range(len(run.scheduler)):
            node, seen = start, set()
            while node not in seen and state(node) == WAITING:
                seen.add(node)
                following = (each for each in run.expansion.direct(node) if state(each) not in ENDED)
                node = next(following, -1)
                if node < 0:
                    break
            if node in seen:
                return UsageError(circle(run.graph, run.expansion, node, lambda each: state(each) not in ENDED))
        raise AssertionError("steps are left that wait for nothing")
