"""Values that are not kept (`keep=False`): dropped when all that needed them is done, made again when needed.

Their digests stay, so what depends on them stays cached; a step whose result is known and whose value is gone is called
hollow. When a step that must run needs the value of a hollow one, that one is opened again, and runs first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from taskdisc.nodes import DONE, LEFT_OUT

if TYPE_CHECKING:
    from taskdisc.expand import Expansion
    from taskdisc.graph import TaskGraph
    from taskdisc.plan import Plan
    from taskdisc.schedule import Scheduler
    from taskdisc.store.index import Index
    from taskdisc.store.objects import Objects


class Unkept:
    """Knows, for one run, which values are needed that are gone, and which may go."""

    def __init__(
        self,
        graph: TaskGraph,
        expansion: Expansion,
        scheduler: Scheduler,
        plan: Plan,
        is_named: Callable[[int], bool],
    ) -> None:
        """`is_named` says of a step whether its value is asked for by name."""
        self._expansion = expansion
        self._scheduler = scheduler
        self._plan = plan
        self._is_named = is_named
        self._demanded: set[int] = set()
        self._passing = {task.id for task in graph.tasks.values() if not task.options.keep}
        self._waiting: dict[int, Iterator[int]] = {}
        """Nodes whose values are to go, with the users that may still need them."""
        self._next_user: dict[int, int] = {}

    # Needed

    def split(self, cached: list[int], run: list[int]) -> tuple[list[int], list[int], list[int]]:
        """Return which decided nodes are cached, which must run, and which done ones must run before some of these."""
        demanded = {node for node in cached if self._needs_value(node)}
        run = run + sorted(demanded)
        missing = {node: self.hollow_inputs(node) for node in run}
        again = {each for inputs in missing.values() for each in inputs}
        self._demanded |= again
        for node in demanded | again:
            number = self._scheduler.block_of(node)
            self._plan.artifacts[number][node - self._scheduler.blocks[number].offset] = 0
        return [n for n in cached if n not in demanded], [n for n in run if not missing[n]], sorted(again)

    def previewed(self, cached: list[int], run: list[int]) -> tuple[list[int], list[int], list[int]]:
        """Return the same, without consequences: the third are all that would be opened again, however far away."""
        demanded = {node for node in cached if self._needs_value(node)}
        run = run + sorted(demanded)
        again: set[int] = set()
        todo = list(run)
        while todo:
            new = set(self.hollow_inputs(todo.pop())) - again
            again |= new
            todo += new
        return [n for n in cached if n not in demanded], run, sorted(again)

    def _needs_value(self, node: int) -> bool:
        return node in self._plan.hollow and (node in self._demanded or self._is_named(node))

    def hollow_inputs(self, node: int) -> list[int]:
        """Return the nodes whose values the step receives and whose values are gone."""
        hollow = self._plan.hollow
        return [each for each in dict.fromkeys(self._inputs(node)) if each in hollow] if hollow else []

    def _inputs(self, node: int) -> Iterator[int]:
        return self._expansion.inputs(node)

    # Not needed any more

    @property
    def undropped(self) -> list[int]:
        """What was looked at and could not go yet."""
        return [node for node in self._waiting if node not in self._plan.hollow]

    def droppable(self, ended: Iterable[int]) -> list[int]:
        """Return the nodes whose values may go now that these steps have ended and are durable."""
        if not self._passing:
            return []
        near = dict.fromkeys(each for node in ended for each in (node, *self._inputs(node)))
        return [node for node in near if self._may_go(node)]

    def _may_go(self, node: int) -> bool:
        number = self._scheduler.block_of(node)
        if self._expansion.blocks[number].task not in self._passing or self._is_named(node):
            return False
        if node in self._plan.hollow or not self._is_durable(node):
            return False
        if node not in self._waiting:
            self._waiting[node] = self._users(node)
            first = next(self._waiting[node], None)
            if first is None:
                return False  # nothing needs it here: it is a result to be looked at
            self._next_user[node] = first
        user: int | None = self._next_user[node]
        while user is not None and self._is_durable(user):
            user = next(self._waiting[node], None)
            if user is not None:
                self._next_user[node] = user
        return user is None

    def _users(self, node: int) -> Iterator[int]:
        """The steps of this run that receive the value."""
        for dependent in self._scheduler.dependents(node):
            if self._scheduler.state(dependent) == LEFT_OUT:
                continue
            if self._expansion.blocks[self._scheduler.block_of(dependent)].gather is None:
                yield dependent
            else:
                yield from (n for n in self._scheduler.dependents(dependent) if self._scheduler.state(n) != LEFT_OUT)

    def _is_durable(self, node: int) -> bool:
        number = self._scheduler.block_of(node)
        row = node - self._scheduler.blocks[number].offset
        return self._scheduler.state(node) == DONE and self._plan.artifacts[number][row] > 0

    def drop(self, nodes: list[int], index: Index, objects: Objects, store: str) -> None:
        """Remove the values of these steps from the store."""
        from taskdisc.store.dropping import drop_values

        blocks = [(self._scheduler.block_of(node), node) for node in nodes]
        artifacts = [self._plan.artifacts[n][node - self._scheduler.blocks[n].offset] for n, node in blocks]
        drop_values(index, objects, store, artifacts)
        self._plan.hollow.update(nodes)
