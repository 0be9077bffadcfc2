"""The instances of a run: nodes, their names, and which of them targets mean."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from taskdisc.expand import Expansion, expand
from taskdisc.model import Task
from taskdisc.nodes import DONE, LEFT_OUT, Kinds
from taskdisc.select import Selection, rows_of

if TYPE_CHECKING:
    from taskdisc.bind import Bindings
    from taskdisc.expand import Block
    from taskdisc.graph import TaskGraph
    from taskdisc.growing import Growing
    from taskdisc.lanes import Lanes
    from taskdisc.plan import Plan
    from taskdisc.project import Project
    from taskdisc.schedule import Scheduler
    from taskdisc.slices import Slices


FORCE_TARGETS, FORCE_ALL = "targets", "all"


class Instances:
    """What a run can say of its nodes."""

    project: Project
    asked: TaskGraph
    graph: TaskGraph
    targets: tuple[str, ...]
    tasks: list[str]
    selections: list[Selection]
    expansion: Expansion
    plan: Plan
    scheduler: Scheduler
    wanted: dict[int, list[int] | None]
    growing: Growing | None
    number: int
    bindings: Bindings
    lanes: Lanes
    force: str
    """FORCE_TARGETS or FORCE_ALL, if kept results do not count, else empty."""

    def offset(self, block: int) -> int:
        """Return the first node of a block."""
        return self.scheduler.blocks[block].offset

    def id_of(self, node: int) -> str:
        """Return the printed id of a step."""
        number = self.scheduler.block_of(node)
        block = self.expansion.blocks[number]
        row = node - self.offset(number)
        return self.expansion.ids(block, self.graph.names[block.task], range(row, row + 1))[0]

    def task_of(self, node: int) -> Task:
        """Return the task of a step, with the options that this step has."""
        number, row = self.scheduler.place_of(node)
        block = self.expansion.blocks[number]
        task = self.graph.tasks[block.task]
        if self.slices is None or not task.slices or block.gather is not None:
            return task
        return self.slices.of(block, row)

    # Slices with options of their own

    @cached_property
    def slices(self) -> Slices | None:
        """The kinds of instances; None where no task has such slices."""
        if not any(task.slices for task in self.graph.tasks.values()):
            return None
        from taskdisc.slices import Slices

        return Slices(self.graph, self.expansion)

    def kind(self, task: str, number: int) -> Task:
        """Return a task as its instances of a kind have it."""
        return self.graph.tasks[task] if self.slices is None else self.slices.kinds(task)[number]

    def kinds_of(self, block: Block) -> Kinds | None:
        """Return the kinds of a block's rows, None where all are alike."""
        if self.slices is None or block.gather is not None or not self.graph.tasks[block.task].slices:
            return None
        rows = self.slices.rows(block)
        return Kinds(rows, [self.lanes.of(task.options) for task in self.slices.kinds(block.task)])

    def used_tasks(self) -> list[Task]:
        """Return the tasks with all options that steps have, or may have where the steps are not known yet."""
        found: list[Task] = []
        for task in self.tasks:
            block = self.expansion.by_task.get(task)
            if self.slices is None or not self.graph.tasks[task].slices:
                found.append(self.graph.tasks[task])
            elif block is None:
                found += self.slices.kinds(task)
            else:
                rows, used = self.slices.rows(block), set[int]()
                if self.scheduler.count(block.number, LEFT_OUT):
                    nodes = enumerate(rows, block.offset)
                    used.update(kind for node, kind in nodes if self.scheduler.state(node) != LEFT_OUT)
                else:
                    used.update(rows)
                found += [self.kind(task, kind) for kind in sorted(used)]
        return found

    def unmatched(self) -> list[str]:
        """Return a warning for each slice with options that has no instances."""
        if self.slices is None:
            return []
        config = self.project.config
        found = self.slices.unmatched(lambda axis: config.setting("", axis) is not None)
        return list(dict.fromkeys(found))

    def steps(self) -> list[int]:
        """Return the nodes of all steps that the targets need; gathers are no steps."""
        return [
            node
            for block in self.expansion.blocks
            if block.gather is None
            for node in range(self.offset(block.number), self.offset(block.number) + block.size)
            if self.scheduler.state(node) != LEFT_OUT
        ]

    def cached_steps(self) -> list[int]:
        """Return the nodes of the steps that are done and were not executed by this run."""
        done = [node for node in self.steps() if self.scheduler.state(node) == DONE]
        return [node for node in done if not self.has_made(node)] if self.number else done

    def has_made(self, node: int) -> bool:
        """Say whether a step that is done was executed by this run, and is durable."""
        number = self.scheduler.block_of(node)
        artifact = self.plan.artifacts[number][node - self.offset(number)]
        return bool(artifact) and self.project.open_index().run_of(artifact) == self.number

    def is_gather(self, node: int) -> bool:
        """Say whether a node collects results, and so is no step."""
        return self.expansion.blocks[self.scheduler.block_of(node)].gather is not None

    def is_given(self, node: int) -> bool:
        """Say whether this run has a value in the place of the step's result."""
        return bool(self.graph.given) and self.task_of(node).id in self.graph.given

    def is_step(self, block: Block) -> bool:
        """Say whether a block's instances are steps: no gathers, and nothing that this run has values for."""
        return block.gather is None and block.task not in self.graph.given

    def find(self, text: str) -> list[Selection]:
        """Return what a text means in this run. Raises NothingMatched, or UsageError for a bad slice."""
        from taskdisc.aims import found_in_run

        return found_in_run(self.asked, self.graph, text)

    def is_named(self, node: int) -> bool:
        """Say whether a target names the step, so that somebody wants to see its value."""
        return bool(self.targets) and self.is_target(node)

    def is_target(self, node: int) -> bool:
        """Say whether the step is among the targets, also where those are all that there is."""
        number = self.scheduler.block_of(node)
        if number not in self.wanted:
            return self.growing is not None and self._is_grown_target(node)
        rows, row = self.wanted[number], node - self.offset(number)
        return rows is None or rows[bisect_left(rows, row) : bisect_left(rows, row) + 1] == [row]

    def _is_grown_target(self, node: int) -> bool:
        grown = [each for each in self.selections if each.task in self.graph.grows]
        return any(node in self.nodes_of(each) for each in grown)

    def nodes_of(self, selection: Selection) -> list[int]:
        """Return the nodes of the instances that are meant, as far as they are known, in order."""
        block = self.expansion.by_task.get(selection.task)
        if block is not None:
            rows = rows_of(self.graph, self.expansion, selection)
            return [block.offset + row for row in (range(block.size) if rows is None else rows)]
        return [] if self.growing is None else self.growing.nodes_of(selection)

    def unknown(self) -> dict[str, list[int]]:
        """Return the tasks that may have more instances than are known, with the steps that will tell."""
        return {} if self.growing is None else self.growing.unknown()

    # Before there are nodes

    def grids(self, tasks: Sequence[str]) -> list[str]:
        """The tasks whose instances are known from lists alone."""
        graph, known = self.graph, self.bindings.elements
        return [
            task
            for task in tasks
            if task not in graph.grows and not any(axis.open and axis not in known for axis in graph.axes[task])
        ]

    def has_rows(self, selection: Selection) -> bool:
        """Say whether a restricted target has any instances."""
        graph = self.graph
        tasks = self.grids(graph.ancestors((selection.task,)))
        if selection.task not in tasks:
            return True  # what instances it has is not known yet
        return bool(rows_of(graph, expand(graph, tasks, self.bindings.elements), selection))

    def is_forced(self, number: int, row: int) -> bool:
        """Say whether kept results of a row do not count."""
        return self.force == FORCE_ALL or self.is_target(self.offset(number) + row)

    def all_wanted(self) -> dict[int, list[int] | None]:
        """Return by block the rows that are targets; None: all of them."""
        wanted: dict[int, list[int] | None] = {}
        for selection in self.selections:
            if selection.task in self.graph.grows:
                continue
            number = self.expansion.by_task[selection.task].number
            rows = rows_of(self.graph, self.expansion, selection)
            before = wanted.get(number, [])
            wanted[number] = None if rows is None or before is None else sorted({*before, *rows})
        return wanted

    def cached_maker(self, path: str) -> str | None:
        """Return the id of the instance whose kept result has made a file."""
        found = self.plan.maker_of(path)
        if found is None:
            return None
        number, row = found
        return self.id_of(self.offset(number) + row)
