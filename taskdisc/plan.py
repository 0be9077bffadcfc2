"""Planning: the key of each instance, and whether the store has a result under it.

A key is made of all that a result can depend on: the task and its code, its settings, its axes' values, and the value
digests of its inputs. Since those are digests of results, not keys, a task that ran again with the same result leaves
what depends on it cached.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from taskdisc.errors import EncodingError, UsageError
from taskdisc.graph import (
    FromAfter,
    FromAxis,
    FromFixture,
    FromGather,
    FromPlanner,
    FromStructure,
    FromTask,
    Source,
    TaskGraph,
)
from taskdisc.hashing import sha256, sha256_for
from taskdisc.inputs import DIGESTED, SIZE, Inputs, known_by_key
from taskdisc.marks import File, Files
from taskdisc.model import DROPPED, FileResult, Known, Task
from taskdisc.paths import unchanged
from taskdisc.skips import SKIPPED

if TYPE_CHECKING:
    from taskdisc.bind import Bindings
    from taskdisc.expand import Block, Expansion, Variant
    from taskdisc.fingerprint.code import Fingerprint
    from taskdisc.fingerprint.values import ValueFingerprints
    from taskdisc.fixturekeys import Share
    from taskdisc.store.index import Index

FORMAT = 1


class Family(NamedTuple):
    """What the keys of a task's instances have in common."""

    prefix: bytes
    parts: dict[str, Any]
    """Names and digests or texts of what went into the prefix, for `explain`."""
    inputs: tuple[str, ...]
    """The parameters whose digests follow in each key, apart from axes."""
    prefix_with: Callable[[bytes], bytes]
    """The prefix that the family would have with code of another digest."""


class Reuse(NamedTuple):
    """What says which of the known results may count."""

    restored: Callable[[FileResult], bool]
    """Puts a changed or missing file result back, if it can."""
    fresh: Callable[[Task, Iterable[Known]], Iterable[Known]] = lambda task, known: known
    """Leaves out results that are too old."""
    versions: Callable[[Task], dict[str, str]] = lambda task: {}
    """The versions of distributions that a task tracks."""
    code_counts: bool = True
    """False: results of other code count where there is none of this code."""
    is_forced: Callable[[int, int], bool] | None = None
    """Says of a block and a row whether its kept results do not count."""
    gain: Callable[[bytes, Callable[[], Iterable[bytes]]], bool] | None = None
    """Looks elsewhere for results of a family, given all families; says whether the index has new ones of it."""


class Plan(Inputs):
    """Decides, block by block, which instances are cached; knows the digests of all results so far."""

    def __init__(
        self,
        graph: TaskGraph,
        expansion: "Expansion",
        bindings: "Bindings",
        *,
        index: "Index | None",
        code: "Callable[[Any], Fingerprint]",
        fingerprints: "ValueFingerprints",
        file_digest: Callable[[File], bytes],
        listed: Callable[[Files], Sequence[File]],
        has_object: Callable[[str], bool],
        reuse: Reuse,
        root: str,
        offset: Callable[[int], int],
    ) -> None:
        super().__init__(graph, expansion, fingerprints, file_digest, listed)
        self.bindings = bindings
        self.index = index
        self._code = code
        self._has_object = has_object
        self._reuse = reuse
        self.code_counts = reuse.code_counts
        self._root = root
        self._offset = offset
        self.keys: dict[int, bytes] = {}
        """Of the nodes that are to run."""
        self.hollow: set[int] = set()
        """Nodes whose result is known while its value was not kept."""
        self.skipped: set[int] = set()
        """Nodes that `skip` ended, as the store knows or this run has seen."""
        self.news: dict[bytes, Known] = {}
        """By key, what other runs have made in the meantime."""
        self.seen = 0 if index is None else index.next_artifact() - 1
        """Number of the newest result in the index that decisions, or `news`, take into account."""
        self._is_first = not self.seen and reuse.gain is None
        """Whether there was no result at all when this run began, nor can any come from elsewhere."""
        self._makers: dict[str, tuple[int, int, int]] = {}
        """By path, the block, row and number of a kept result of which a step made the file."""
        self._families: dict[Any, Family] = {}
        self._other_code: dict[Any, list[tuple[Family, dict[bytes, Known]]]] = {}
        self._known_by_key: dict[Any, dict[bytes, list[Known]]] = {}

    # Families

    def family(self, task: str, variant: "Variant" = ()) -> Family:
        """Return what the keys of a task's instances have in common. Raises UsageError for an unencodable setting.

        `variant`: settings that are bound to other values than the run's.
        """
        known = (task, self._variant_key(variant)) if variant else task
        found = self._families.get(known)
        if found is None:
            found = self._families[known] = self._make_family(task, variant)
        return found

    def _variant_key(self, variant: "Variant") -> tuple[tuple[str, bytes], ...]:
        return tuple((name, self._fingerprints.encode(value)) for name, value in variant)

    def _make_family(self, task_id: str, variant: "Variant") -> Family:
        task = self.graph.tasks[task_id]
        code, of_run = self._code(task.function), {**self.bindings.settings[task_id], **dict(variant)}
        fixtures = self._fixtures_of(task_id)
        if fixtures is not None:
            code, of_run = fixtures.with_code(code), {**of_run, **fixtures.settings}
        versions = self._reuse.versions(task)
        settings = {}
        for name, value in sorted(of_run.items()):
            try:
                settings[name] = self._fingerprints.encode(value)
            except EncodingError as error:
                raise UsageError(f"{task.place} {task.name}: setting {name}: {error}") from None
        sources = sorted(self.graph.sources[task_id].items())
        inputs = [(name, *self._kind(source)) for name, source in sources if not isinstance(source, FromAfter)]
        if fixtures is not None:
            inputs += fixtures.inputs
        named = tuple(name for name, source in sources if isinstance(source, DIGESTED))
        parts = {
            "code": [list(part) for part in code.parts],
            "version": task.options.version,
            "settings": {name: repr(of_run[name])[:500] for name in settings},
            "inputs": list(named),
        }
        if fixtures is not None:
            parts["files"] = fixtures.files
        if versions:
            parts["track"] = versions

        # Only the codec that wrote a result can read it.
        codec = "" if task.options.codec == "pickle" else task.options.codec

        def prefix_with(code: bytes) -> bytes:
            # The repr of strings, ints and tuples of them is the same everywhere, and quicker than their encoding.
            plain = (FORMAT, task.long_id, code, task.options.version, inputs, task.options.outputs, codec, versions)
            values = (b"\0%s=%s" % (name.encode(), value) for name, value in settings.items())
            return sha256(b"".join([repr(plain).encode(), *values])).digest()

        return Family(prefix_with(code.digest), parts, named, prefix_with)

    def _fixtures_of(self, task: str) -> "Share | None":
        """What the fixtures of a task put into its keys, if it uses any."""
        if not self.graph.fixtures_of([task]):
            return None
        from taskdisc.fixturekeys import share

        return share(self.graph, task, self.bindings.settings, self._code, self._file_digest, self._listed)

    def _kind(self, source: Source) -> tuple[Any, ...]:
        """What of a source, apart from its value, changes what the function receives."""
        if isinstance(source, FromTask):
            return ("task", source.output or self.graph.tasks[source.task].options.outputs)
        if isinstance(source, FromGather):
            names = tuple(axis.name for axis in source.over)
            return ("gather", names, source.output or self.graph.tasks[source.task].options.outputs)
        if isinstance(source, FromFixture):
            return ("fixture", self.graph.fixtures[source.fixture].long_id)
        if isinstance(source, FromPlanner | FromStructure):
            return ("structure",)
        if isinstance(source, FromAxis) and source.pick is not None:
            return ("part", source.pick)
        return (type(source).__name__,)

    # Keys

    def decide(self, number: int, nodes: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return which of these nodes of one block are cached and which must run; all their inputs are known."""
        block, offset = self.expansion.blocks[number], self._offset(number)
        rows = [node - offset for node in nodes]
        if block.task in self.graph.given:
            digest = b"".join([part.digest for part in self.graph.given[block.task]])
            for row in rows:
                self.keep(number, row, digest)
            return list(nodes), []
        if self.hollow:
            self.hollow.difference_update(nodes)
        family = self.family(block.task, block.variant)
        keys = self._keys(block, rows, family)
        whole = len(rows) == block.size and block is self.expansion.by_task.get(block.task)
        # Whatever grows may give a value of an open parameter that this block does not have.
        whole = whole and not (self.graph.grows and any(axis.open for axis in self.graph.axes[block.task]))
        known = self._known(block.task, family, keys, whole=whole)
        width, open_keys, open_rows = self.outputs[block.task] * SIZE, keys, rows
        if self._reuse.is_forced is not None:
            free = [pair for pair in zip(keys, rows, strict=True) if not self._reuse.is_forced(number, pair[1])]
            open_keys, open_rows = [key for key, _ in free], [row for _, row in free]
        if known != ():
            known = self._reuse.fresh(self.graph.tasks[block.task], known)
            self._take(number, width, open_keys, open_rows, known)
        artifacts = self.artifacts[number]
        if not self.code_counts and self.index is not None:
            self._take_other_code(block, [row for row in open_rows if not artifacts[row]])
        cached, run = [], []
        for node, row, key in zip(nodes, rows, keys, strict=True):
            if artifacts[row]:
                cached.append(node)
                if node in self.hollow:
                    self.keys[node] = key
            else:
                self.keys[node] = key
                run.append(node)
        if run and self._has_gained(block, family):
            for node in run:
                del self.keys[node]
            return self.decide(number, nodes)
        return cached, run

    def _has_gained(self, block: "Block", family: Family) -> bool:
        """Look elsewhere for what is not here; say whether there is something new."""
        gain = self._reuse.gain
        if gain is None or not self.graph.tasks[block.task].options.cache or not gain(family.prefix, self.prefixes):
            return False
        self._known_by_key.pop(family.prefix, None)
        return True

    @property
    def is_alone(self) -> bool:
        """Say whether results can come neither from other runs, nor from elsewhere, nor from other code."""
        return not self.news and self._reuse.gain is None and self.code_counts

    def is_new(self, number: int) -> bool:
        """Say whether the index has nothing of the family of a block: its steps run, whatever their keys."""
        block = self.expansion.blocks[number]
        if self._is_first or self.index is None:
            return True
        prefix = self.family(block.task, block.variant).prefix
        if prefix in self._known_by_key:
            return not self._known_by_key[prefix]
        return self.index.family(self.graph.tasks[block.task].long_id, prefix) is None

    def prefixes(self) -> set[bytes]:
        """Return those of the families of all steps, as far as they are known."""
        blocks = [block for block in self.expansion.blocks if block.gather is None]
        return {self.family(each.task, each.variant).prefix for each in blocks if each.task not in self.graph.given}

    def is_forced(self, number: int, row: int) -> bool:
        """Say whether kept results of a row do not count, whatever they are."""
        return self._reuse.is_forced is not None and self._reuse.is_forced(number, row)

    def _known(self, task: str, family: Family, keys: list[bytes], whole: bool) -> Iterable[Known]:
        """What the store may have for these keys, oldest first."""
        kept = self._kept(task, family, keys, whole)
        return [*kept, *(self.news[key] for key in keys if key in self.news)] if self.news else kept

    def _kept(self, task: str, family: Family, keys: list[bytes], whole: bool) -> Iterable[Known]:
        """What was there when the task was first decided; it is read once, also where it is decided bit by bit."""
        if self.index is None or self._is_first:
            return ()
        if family.prefix not in self._known_by_key:
            number = self.index.family(self.graph.tasks[task].long_id, family.prefix)
            rows = () if number is None else self.index.known(number)
            if number is not None and self.graph.tasks[task].options.outputs:
                rows = self._with_objects(number, rows)
            if whole and task not in self.graph.grows and not self.graph.tasks[task].swept:
                self._known_by_key[family.prefix] = {}  # what is decided anew was not among them
                return rows
            self._known_by_key[family.prefix] = known_by_key(rows)
        known = self._known_by_key[family.prefix]
        return [row for key in keys if key in known for row in known[key]]

    def _with_objects(self, family: int, rows: Iterable[Known]) -> Iterable[Known]:
        """Leave out results of which an output's object is gone."""
        assert self.index is not None
        objects = self.index.part_objects(family)
        return [row for row in rows if all(map(self._has_object, objects.get(row[1], ())))]

    def _take(self, number: int, width: int, keys: list[bytes], rows: list[int], known: Iterable[Known]) -> None:
        """Note the results of the rows whose keys are known; of equal keys the newest that still holds.

        Several instances can share a key: labels are none of it, and values may be equal. What depends on the id or the
        seed then differs, and an instance prefers what it made itself.
        """
        digests, artifacts = self.digests[number], self.artifacts[number]
        refused = self.index.refused if self.index is not None else ()
        fill = getattr(known, "fill", None)  # those have it that are kept in batches
        place: dict[bytes, int] = {}
        whole = not refused and width == SIZE and rows == list(range(len(artifacts)))
        if fill is None or not whole or not fill(keys, digests, artifacts):
            place = dict(zip(keys, rows, strict=True))
        hollow: set[int] = set()
        torn: set[int] = set()
        for key, artifact, digest, name, files in known if place else ():
            row = place.get(key)
            if row is None or artifact in refused or type(digest) is not bytes or len(digest) != width:
                continue
            if not ((name is None and files is None) or self._holds(name, files)):
                continue
            if files is not None:
                self._note_makers(files, (number, row, artifact))
            if name == DROPPED:
                if artifacts[row] and row not in hollow and digests[row * width : (row + 1) * width] == digest:
                    continue  # an older result has the same value, and it is there
                hollow.add(row)
            elif hollow:
                hollow.discard(row)
            if artifacts[row] and digests[row * width : (row + 1) * width] != digest:
                torn.add(row)
            digests[row * width : (row + 1) * width] = digest
            artifacts[row] = artifact
        if 0 < len(place) < len(rows):
            for key, row in zip(keys, rows, strict=True):  # different labels of one value: one key for several rows
                other = place[key]
                artifacts[row] = artifacts[other]
                digests[row * width : (row + 1) * width] = digests[other * width : (other + 1) * width]
                if other in hollow:
                    hollow.add(row)
        if torn:
            self._prefer_own(number, {row: key for key, row in zip(keys, rows, strict=True) if place[key] in torn})
        if len(rows) * width < len(digests) or SKIPPED in digests:  # which looks through all of it at once
            skipped = [r for r in rows if artifacts[r] and digests[r * width : r * width + SIZE] == SKIPPED]
            self.skipped.update(map(self._offset(number).__add__, skipped))
        if hollow:
            offset = self._offset(number)
            self.hollow.update(offset + row for row in hollow)

    def _prefer_own(self, number: int, keys: dict[int, bytes]) -> None:
        """For each of these rows, take the newest result that this very instance has made, if any."""
        assert self.index is not None
        block, artifacts, digests = self.expansion.blocks[number], self.artifacts[number], self.digests[number]
        suffixes = self.expansion.ids(block, "", list(keys))
        row_of = {(key, suffix): row for (row, key), suffix in zip(keys.items(), suffixes, strict=True)}
        own: dict[int, int] = {}
        found: list[Known] = []
        for family in {self.index.family_of(artifacts[row]) for row in keys}:
            for known, suffix in self.index.known_with_instance(family):
                row = row_of.get((known[0], suffix))
                if row is not None and known[1] not in self.index.refused:
                    own[known[1]] = row
                    found.append(known)
        width = self.outputs[block.task] * SIZE
        for _, artifact, digest, name, files in self._reuse.fresh(self.graph.tasks[block.task], found):
            if len(digest) == width and name != DROPPED and self._holds(name, files):
                row = own[artifact]
                artifacts[row] = artifact
                digests[row * width : (row + 1) * width] = digest

    def _holds(self, name: str | None, files: str | None) -> bool:
        """Say whether the object (if its value was kept) and the files of a known result are still there."""
        if name and not self._has_object(name):
            return False
        if files is None:
            return True
        from json import loads

        try:
            results = [FileResult(*file) for file in loads(files)]
            return all(unchanged(file, self._root) or self._reuse.restored(file) for file in results)
        except (ValueError, TypeError):  # damaged, or of another version
            return False

    def _note_makers(self, files: str, maker: tuple[int, int, int]) -> None:
        from json import loads

        self._makers.update((file.path, maker) for file in (FileResult(*each) for each in loads(files)) if file.made)

    def maker_of(self, path: str) -> tuple[int, int] | None:
        """Return the block and row of the cached step that made a file outside the store, or None."""
        number, row, artifact = self._makers.get(path, (0, 0, 0))
        return (number, row) if artifact and self.artifacts[number][row] == artifact else None

    def _take_other_code(self, block: "Block", rows: list[int]) -> None:
        """Note, for rows without a result, the newest that is equal in all but code."""
        task = self.graph.tasks[block.task]
        current = self.family(task.id, block.variant)
        if current.prefix not in self._other_code:
            self._other_code[current.prefix] = self._families_of_other_code(task.id, current)
        keys: list[bytes] = []
        known: list[Known] = []
        families = self._other_code[current.prefix]
        for family, by_key in families:
            of_family = self._keys(block, rows, family)
            keys += of_family
            known += [by_key[key] for key in of_family if key in by_key]
        known.sort(key=lambda row: row[1])
        width = self.outputs[task.id] * SIZE
        self._take(block.number, width, keys, rows * len(families), self._reuse.fresh(task, known))

    def _families_of_other_code(self, task: str, current: Family) -> list[tuple[Family, dict[bytes, Known]]]:
        from taskdisc.reuse import families_of_other_code

        assert self.index is not None
        found = []
        rows = self.index.families(self.graph.tasks[task].long_id)
        for row in families_of_other_code(rows, current.prefix, current.prefix_with):
            known: Iterable[Known] = self.index.known(row.id)
            if self.graph.tasks[task].options.outputs:
                known = self._with_objects(row.id, known)
            found.append((current._replace(prefix=row.prefix), {each[0]: each for each in known}))
        return found

    def _keys(self, block: "Block", rows: list[int], family: Family) -> list[bytes]:
        columns = [column for _, column in self.columns(block, rows)]
        prefix, digested = family.prefix, sha256_for(len(rows))
        if not columns:
            return [digested(prefix).digest()] * len(rows)
        if len(columns) == 1:
            return [digested(prefix + part).digest() for part in columns[0]]
        join = b"".join
        return [digested(prefix + join(parts)).digest() for parts in zip(*columns, strict=True)]

    def inputs_of(self, number: int, rows: list[int]) -> list[bytes]:
        """Return the digests of these rows' inputs, joined, in the order of `Family.inputs`; without axes."""
        block = self.expansion.blocks[number]
        wanted = self.family(block.task, block.variant).inputs
        columns = [column for _, column in self.columns(block, rows, wanted)] if wanted else []
        return [b"".join(parts) for parts in zip(*columns, strict=True)] if columns else [b""] * len(rows)

    def forget(self, number: int, row: int) -> None:
        """Count the row's result, which is in the index, as missing."""
        if self.index is not None:
            self.index.refused.add(self.artifacts[number][row])
        self.artifacts[number][row] = 0

    def keep(self, number: int, row: int, digest: bytes) -> None:
        """Note the digests of a result that was made in this run."""
        width = len(digest)
        self.digests[number][row * width : (row + 1) * width] = digest
        if self.hollow:
            self.hollow.discard(self._offset(number) + row)
