"""Growth: instances that are known only on the way, and what each depends on.

An instance is asked for by its coordinate, gets a number (a slot) at once, and waits in a queue until what it depends
on is asked for in turn: so depth costs nothing, and circles are no trouble while asking. What needs the elements of an
axis that a step has yet to find is parked, under the list that is wanted, and goes on when that is told; so is the
structure of a planner that runs as a step. Each wave of this ends with new blocks of the expansion, one a task, and the
edges of their rows: what the scheduler is told next.

Something asked for is a slot, or the complement (`~`) of the node of a grid.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from taskdisc.calls import Calls, Coordinate
from taskdisc.circles import refuse_circles
from taskdisc.errors import UsageError
from taskdisc.expand import NODES, Block, Filled, Groups, Link, Variant
from taskdisc.graph import (
    FromAfter,
    FromGather,
    FromPlanner,
    FromSetting,
    FromStructure,
    FromTask,
    Source,
    TaskGraph,
)
from taskdisc.lists import List, Lists, Unknown
from taskdisc.marks import Axis
from taskdisc.refer import Many, One, Referrer, Standpoint
from taskdisc.shapes import Shape, Slot
from taskdisc.waves import Parked, Seeker, Table, Visit, Wave, depend

if TYPE_CHECKING:
    from taskdisc.expand import Expansion


class Growth:
    """The part of an expansion that grows."""

    def __init__(
        self, graph: TaskGraph, expansion: Expansion, calls: Calls, lists: Lists, referrer: Referrer,
        variant_key: Callable[[Variant], Any], most: int,
    ) -> None:  # fmt: skip
        """`most`: how many instances may grow."""
        self._graph = graph
        self._expansion = expansion
        self._calls = calls
        self._lists = lists
        self._referrer = referrer
        self._variant_key = variant_key
        self._most = most
        self._grids = {
            task: (block, [len(expansion.elements[axis]) for axis in block.axes])
            for task, block in expansion.by_task.items()
        }
        self._tables: dict[Any, Table] = {}
        self._recipes: dict[str, list[tuple[str, Source, Any]]] = {}
        self._node_of = array("q")
        """By slot; -1 until its wave ends."""
        self._holds: dict[int, int] = {}
        """By slot, how many things are not known of it."""
        self._fresh: list[Table] = []
        self._rows: deque[tuple[Table, int, Coordinate]] = deque()
        self._visits: list[Visit] = []
        self._waiting: dict[List, list[Visit | Parked]] = {}
        """Under the lists that steps have yet to tell."""
        self._telling: dict[int, List] = {}
        """The steps that tell lists."""
        self._planning: dict[int, list[Parked]] = {}
        """Under the steps of planners."""
        self._outcomes: dict[int, Any] = {}
        """What steps of planners have returned."""
        self._filled: list[tuple[int, str, int, tuple[int, ...]]] = []
        """Of this wave: slot, parameter, shape, what fills it."""
        self._grouped: list[tuple[int, list[int]]] = []
        self._also: list[tuple[int, int]] = []
        """Of this wave: slots, and steps that each needs besides."""
        self._completed: list[int] = []
        self._grid_nodes: dict[int, None] = {}
        self._shapes: dict[Any, int] = {}
        self._by_identity: dict[int, tuple[Shape, int]] = {}
        self._slots_of: dict[int, list[int]] = {}
        """By block."""

    def seek(self, task: str, texts: dict[Axis, str], variant: Variant = ()) -> Seeker:
        """Begin to look for the instances of a target; `texts` choose by labels."""
        seeker = Seeker(task, variant, None)
        seeker.texts = texts
        self._visits.append(Visit(seeker, ()))
        return seeker

    def nodes(self, seeker: Seeker) -> list[int]:
        """Return the nodes that a seeker has found so far, in the order of their coordinates."""
        ordered = sorted(zip(seeker.found, seeker.asked, strict=True))
        return [self._node(asked) for _, asked in ordered]

    @property
    def unknown(self) -> set[Axis]:
        """The axes of which some elements are yet to be told."""
        return {axis for axis, _ in self._waiting}

    def telling(self, axis: Axis) -> list[int]:
        """Return the steps that are to tell elements of an axis."""
        return [self._node(asked) for asked, (of_axis, _) in self._telling.items() if of_axis is axis]

    def _node(self, asked: int) -> int:
        return self._node_of[asked] if asked >= 0 else ~asked

    def _instance(self, one: One) -> int:
        """Ask for an instance."""
        task, variant, at = one
        if not variant:
            grid = self._grids.get(task)
            if grid is not None:
                block, sizes = grid
                if all(map(int.__lt__, at, sizes)):
                    row = 0
                    for number, size in zip(at, sizes, strict=True):
                        row = row * size + number
                    node = block.offset + row
                    self._grid_nodes[node] = None
                    return ~node
        table = (None if variant else self._tables.get(task)) or self._table(task, variant, None)
        slot = table.known.get(at)
        if slot is None:
            slot = self._new(table, at)
            self._rows.append((table, slot, at))
        return slot

    def _new(self, table: Table, at: Coordinate) -> int:
        slot = len(self._node_of)
        if slot >= self._most:
            raise UsageError(
                f"{self._graph.names[table.task]}: there are more than {self._most:,} instances. Is there an end to "
                f"what its planner asks for? If there is: max_instances in [tool.taskdisc]."
            )
        self._node_of.append(-1)
        if not table.slots:
            self._fresh.append(table)
        table.known[at] = slot
        table.slots.append(slot)
        table.coordinates.append(at)
        return slot

    def _table(self, task: str, variant: Variant, many: Many | None) -> Table:
        key: Any = task
        if variant or many is not None:
            group = (many.output, many.over, many.drop, many.labels and repr(many.labels)) if many else None
            key = (task, self._variant_key(variant), group, many and tuple(axis for axis, _ in many.kept))
        table = self._tables.get(key)
        if table is None:
            axes = self._graph.axes[task] if many is None else tuple(axis for axis, _ in many.kept)
            table = self._tables[key] = Table(task, axes, variant, many)
            if many is None:
                sources = self._graph.sources[task]
                table.fills = tuple(n for n, s in sources.items() if isinstance(s, FromPlanner | FromStructure))
        return table

    def _group(self, many: Many) -> int:
        """Ask for a group of a gather."""
        table = self._table(many.task, many.variant, many)
        at = tuple(number for _, number in many.kept)
        slot = table.known.get(at)
        if slot is None:
            slot = self._new(table, at)
            self._hold(slot)
            seeker = Seeker(many.task, many.variant, slot)
            seeker.kept, seeker.labels = dict(many.kept), dict(many.labels)
            self._visits.append(Visit(seeker, ()))
        return slot

    def _hold(self, slot: int) -> None:
        self._holds[slot] = self._holds.get(slot, 0) + 1

    def _let_go(self, slot: int) -> None:
        self._holds[slot] -= 1
        if not self._holds[slot]:
            del self._holds[slot]
            self._completed.append(slot)

    def _work(self) -> None:
        while self._rows or self._visits:
            while self._rows:
                self._expand(*self._rows.popleft())
            if self._visits:
                self._visit(self._visits.pop())

    def _expand(self, table: Table, slot: int, at: Coordinate) -> None:
        """Ask for what an instance depends on."""
        recipe = self._recipes.get(table.task)
        if recipe is None:
            recipe = self._recipes[table.task] = self._recipe(table.task)
        links = table.links
        for name, source, positions in recipe:
            if positions is None:
                self._fill(table, slot, at, name, source)
                continue
            there = tuple([at[position] for position in positions])
            if isinstance(source, FromTask):
                asked = self._instance(One(source.task, (), there))
            else:
                assert isinstance(source, FromGather | FromAfter)
                asked = self._gathered(source, there)
            links.setdefault(name, []).append(asked)  # rows come in the order of their slots

    def _recipe(self, task: str) -> list[tuple[str, Source, Any]]:
        """What to do for each parameter that needs others; with the places of the target's axes among the task's."""
        axes = self._graph.axes[task]
        recipe: list[tuple[str, Source, Any]] = []
        for name, source in self._graph.sources[task].items():
            if isinstance(source, FromTask):
                recipe.append((name, source, [axes.index(axis) for axis in self._graph.axes[source.task]]))
            elif isinstance(source, FromGather | FromAfter):
                kept = [axis for axis in self._graph.axes[source.task] if axis not in source.over]
                recipe.append((name, source, [axes.index(axis) for axis in kept]))
            elif isinstance(source, FromPlanner | FromStructure):
                recipe.append((name, source, None))
        return recipe

    def _gathered(self, source: FromGather | FromAfter, there: Coordinate) -> int:
        own = self._graph.axes[source.task]
        if not source.over:
            return self._instance(One(source.task, (), there))
        kept = [axis for axis in own if axis not in source.over]
        output, drop = (source.output, source.drop) if isinstance(source, FromGather) else (None, False)
        return self._group(Many(source.task, output, (), source.over, drop, tuple(zip(kept, there, strict=True))))

    def _fill(self, table: Table, slot: int, at: Coordinate, name: str, source: Source) -> None:
        """Find the structure for a parameter, and ask for what is in it."""
        here = Standpoint(table.task, name, table.axes, at)
        if isinstance(source, FromPlanner) and not self._graph.inner[source.task].reaches:
            structure = self._calls.call(source.task, table.axes, at, table.variant)
            self._understand(Parked(slot, here, structure), new=True)
            return
        if isinstance(source, FromStructure):
            self._understand(Parked(slot, here, source.structure), new=True)
            return
        assert isinstance(source, FromPlanner)
        graph, planner = self._graph, source.task
        own = {n for n, s in graph.sources[planner].items() if isinstance(s, FromSetting)} if table.variant else ()
        variant = tuple((n, value) for n, value in table.variant if n in own)
        there = tuple(at[table.axes.index(axis)] for axis in graph.axes[planner])
        step = self._instance(One(planner, variant, there))
        self._also.append((slot, step))
        if step in self._outcomes:
            self._understand(Parked(slot, here, self._outcomes[step]), new=True)
        else:
            self._hold(slot)
            self._planning.setdefault(step, []).append(Parked(slot, here, None))

    def _understand(self, parked: Parked, new: bool) -> None:
        """Ask for what is in a structure; until a list is told that it needs, it is parked."""
        slot, here, structure = parked
        try:
            shape, wanted = self._referrer.understand(structure, here)
        except Unknown as unknown:
            if new:
                self._hold(slot)
            self._also.append((slot, self._ask_for(unknown.wanted)))
            self._waiting.setdefault(unknown.wanted, []).append(parked)
            return
        asked = tuple([self._instance(w) if type(w) is One else self._group(w) for w in wanted])  # type: ignore[arg-type]
        self._filled.append((slot, here.parameter, self._shape(shape), asked))
        if not new:
            self._let_go(slot)

    def _shape(self, shape: Shape) -> int:
        """The number of a shape; the plainest are shared."""
        known = self._by_identity.get(id(shape))
        if known is not None and known[0] is shape:
            return known[1]
        structure, leaves = shape
        key: Any = None
        if type(structure) is Slot:
            key = leaves
        elif type(structure) in (list, tuple) and all(type(item) is Slot for item in structure):
            key = (type(structure), leaves)
        elif structure is None:
            key = ()
        try:
            number = self._shapes.get(key) if key is not None else None
        except TypeError:  # a pick that is not hashable
            key = number = None
        if number is None:
            number = len(self._expansion.shapes)
            self._expansion.shapes.append(shape)
            if key is not None:
                self._shapes[key] = number
        self._by_identity[id(shape)] = shape, number
        return number

    def _visit(self, visit: Visit) -> None:
        """Go one axis further, to every element that is wanted."""
        seeker, at = visit
        axes = self._graph.axes[seeker.task]
        if len(at) == len(axes):
            if seeker.only is None or seeker.only(self._expansion.suffix(axes, at)):
                seeker.asked.append(self._instance(One(seeker.task, seeker.variant, at)))
                seeker.found.append(at)
            self._came_to_an_end(seeker)
            return
        axis = axes[len(at)]
        parents = tuple([at[axes.index(parent)] for parent in self._graph.parents(axis)])
        try:
            numbers = self._numbers(seeker, axis, parents)
        except Unknown as unknown:
            step = self._ask_for(unknown.wanted)
            self._waiting.setdefault(unknown.wanted, []).append(visit)
            if seeker.slot is not None:
                self._also.append((seeker.slot, step))
            return
        seeker.open += len(numbers)
        self._visits += [Visit(seeker, (*at, number)) for number in reversed(numbers)]
        self._came_to_an_end(seeker)

    def _came_to_an_end(self, seeker: Seeker) -> None:
        seeker.open -= 1
        if not seeker.open and seeker.slot is not None:
            ordered = sorted(zip(seeker.found, seeker.asked, strict=True))
            self._grouped.append((seeker.slot, [asked for _, asked in ordered]))
            self._let_go(seeker.slot)

    def _ask_for(self, wanted: List) -> int:
        """Ask for the step that tells a list."""
        axis, parents = wanted
        step = self._instance(One(axis.task, (), parents))
        self._telling[step] = wanted
        return step

    def _numbers(self, seeker: Seeker, axis: Axis, parents: Coordinate) -> Sequence[int]:
        if axis in seeker.labels:
            number = self._lists.number(axis, parents, seeker.labels[axis])
            return () if number is None else (number,)
        if axis.function is None and axis in seeker.kept:
            return (seeker.kept[axis],)
        numbers = self._lists.of(axis, parents)
        if axis in seeker.texts:
            return self._lists.by_text(axis, numbers, seeker.texts[axis])
        if axis not in seeker.kept:
            return numbers
        if seeker.kept[axis] in numbers:
            return (seeker.kept[axis],)
        same = self._lists.number(axis, parents, self._lists.element(axis, seeker.kept[axis]).label)
        return () if same is None else (same,)

    def tell(self, node: int, value: Any) -> None:
        """Take the result of an inner step: a list of elements, or what a planner has returned."""
        block, row = self._expansion.place(node)
        slots = self._slots_of.get(block.number)
        step = ~node if slots is None else slots[row]
        inner = self._graph.inner[block.task]
        if inner.axis is None:
            self._outcomes[step] = value
            for parked in self._planning.pop(step, ()):
                self._understand(parked._replace(structure=value), new=False)
            return
        parents = tuple(block.columns[axis][row] for axis in block.axes)
        self._lists.tell(inner.axis, parents, value)
        self._telling.pop(step, None)
        for each in self._waiting.pop((inner.axis, parents), ()):
            if isinstance(each, Visit):
                self._visits.append(each)
            else:
                self._understand(each, new=False)

    def wave(self) -> Wave:
        """Follow up all that was asked for or told; return what has grown. Raises UsageError."""
        with self._calls.at_root():
            self._work()
        first = self._expansion.size
        edges: dict[int, tuple[list[int], list[int]]] = {}
        blocks = [self._block(table) for table in self._fresh]
        for table, block in zip(self._fresh, blocks, strict=True):
            self._link(table, block, edges)
        complete = [self._node(slot) for table in self._fresh for slot in table.slots if slot not in self._holds]
        new = set(complete)
        complete += [node for node in map(self._node, self._completed) if node not in new]
        self._apply_structures(edges)
        wave = Wave(blocks, edges, complete, list(self._grid_nodes))
        for table in self._fresh:
            table.slots, table.coordinates, table.links = [], [], {}
        for pending in (self._fresh, self._filled, self._grouped, self._also, self._completed):
            pending.clear()
        self._grid_nodes.clear()
        refuse_circles(self._graph, self._expansion, first, edges)
        return wave

    def _block(self, table: Table) -> Block:
        """The new rows of a table as a block."""
        columns: dict[Axis, Sequence[int]] = {
            axis: array("I", numbers)
            for axis, numbers in zip(table.axes, zip(*table.coordinates, strict=True), strict=True)
        }
        block = self._expansion.append(table.task, table.axes, len(table.slots), columns)
        block.variant, block.swept = table.variant, self._graph.tasks[table.task].swept
        self._slots_of[block.number] = table.slots
        for row, slot in enumerate(table.slots):
            self._node_of[slot] = block.offset + row
        if table.many is not None:
            many = table.many
            block.gather = Groups(NODES, many.output, many.over, drop=many.drop, members=[()] * block.size)
        block.filled = {name: Filled(block.size) for name in table.fills}
        return block

    def _link(self, table: Table, block: Block, edges: dict[int, tuple[list[int], list[int]]]) -> None:
        for name, asked in table.links.items():
            nodes = [self._node(each) for each in asked]
            block.links.append(Link(name, NODES, nodes))
            owners, targets = edges.setdefault(block.number, ([], []))
            owners += range(block.offset, block.offset + block.size)
            targets += nodes

    def _apply_structures(self, edges: dict[int, tuple[list[int], list[int]]]) -> None:
        """Write what was found for single rows into their blocks."""
        place, node_of = self._expansion.place, self._node_of
        for slot, name, shape, asked in self._filled:
            node = node_of[slot]
            block, row = place(node)
            filled = block.filled[name]
            nodes = tuple([node_of[each] if each >= 0 else ~each for each in asked])
            filled.shapes[row], filled.nodes[row] = shape, nodes
            depend(edges, block, node, nodes)
        for slot, members in self._grouped:
            node = node_of[slot]
            block, row = place(node)
            assert block.gather is not None and block.gather.members is not None
            block.gather.members[row] = nodes = tuple(map(self._node, members))
            depend(edges, block, node, nodes)
        for slot, step in self._also:
            node = node_of[slot]
            block, _ = place(node)
            block.besides.setdefault(node, []).append(self._node(step))
            depend(edges, block, node, (self._node(step),))
