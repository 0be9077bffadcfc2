"""What fixtures put into the keys of the tasks that use them: their code, settings and files; never their values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from taskdisc.fingerprint.code import Fingerprint, joined
from taskdisc.graph import FromFile, FromFiles, FromFixture, FromValue

if TYPE_CHECKING:
    from taskdisc.graph import TaskGraph
    from taskdisc.marks import File, Files


class Share(NamedTuple):
    """What the fixtures that one task uses put into its keys."""

    code: tuple[Fingerprint, ...]
    settings: dict[str, Any]
    """By the fixture's name, a dot, and the setting's."""
    inputs: tuple[tuple[str, ...], ...]
    """(fixture, parameter, and the other fixture, or the path and digest of the file) of each that is no setting."""
    files: dict[str, str]
    """Digests of the input files by path."""

    def with_code(self, own: Fingerprint) -> Fingerprint:
        """Return the task's own fingerprint joined with those of the fixtures."""
        return joined([own, *self.code])


def share(
    graph: TaskGraph,
    task: str,
    settings: Mapping[str, Mapping[str, Any]],
    code: Callable[[Any], Fingerprint],
    file_digest: Callable[[File], bytes],
    listed: Callable[[Files], Iterable[File]],
) -> Share:
    """Return what the fixtures of a task put into its keys; `settings` are the run's, by id of a fixture."""
    fixtures = graph.fixtures_of([task])
    inputs = tuple(row for fixture in fixtures for row in _inputs(graph, fixture, file_digest, listed))
    return Share(
        tuple(code(graph.fixtures[fixture].function) for fixture in fixtures),
        {
            f"{label}.{name}": value
            for label, fixture in _labelled(graph, fixtures)
            for name, value in settings[fixture].items()
        },
        inputs,
        {row[2]: row[3] for row in inputs if len(row) == 4},
    )


def _labelled(graph: TaskGraph, fixtures: list[str]) -> list[tuple[str, str]]:
    """Each fixture's name, where two of one name do not need their ids to be told apart."""
    names = [graph.fixtures[fixture].name for fixture in fixtures]
    return [
        (name if names.count(name) == 1 else graph.fixtures[fixture].long_id, fixture)
        for name, fixture in zip(names, fixtures, strict=True)
    ]


def _inputs(
    graph: TaskGraph, fixture: str, file_digest: Callable[[File], bytes], listed: Callable[[Files], Iterable[File]]
) -> Iterator[tuple[str, ...]]:
    known_as = graph.fixtures[fixture].long_id
    for name, source in sorted(graph.sources[fixture].items()):
        if isinstance(source, FromFile):
            yield known_as, name, source.file.path, file_digest(source.file).hex()
        elif isinstance(source, FromFiles):
            yield from ((known_as, name, file.path, file_digest(file).hex()) for file in listed(source.files))
        elif isinstance(source, FromFixture):
            yield known_as, name, graph.fixtures[source.fixture].long_id
        elif isinstance(source, FromValue):
            yield known_as, name, "overridden", "", source.part.digest.hex()
