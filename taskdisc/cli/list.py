"""`taskdisc list`: what tasks there are."""

from __future__ import annotations

from taskdisc.cli.graph import ends, tree_lines
from taskdisc.cli.options import Options, narrowing, opened
from taskdisc.cli.output import print_table
from taskdisc.drawing import described, named
from taskdisc.errors import ExitCode, NothingMatched
from taskdisc.model import Fixture, Task


def list_tasks(options: Options, *, tree: bool) -> int:
    """Run the command; return the exit code."""
    from taskdisc.narrow import Narrowed
    from taskdisc.select import select

    with opened(options) as (project, targets):
        graph = project.graph
        if not graph.tasks:
            from taskdisc.project import no_tasks

            raise NothingMatched(no_tasks(project))
        wanted = [s.task for s in select(graph, targets)] if targets else [task.id for task in graph.written()]
        if (given := narrowing(options)) is not None:
            narrowed = Narrowed(graph, given, {})
            wanted = [task for task in wanted if narrowed.takes_whole(graph.tasks[task])]
            if not wanted:
                raise NothingMatched(narrowed.nothing())
        if tree:
            for task in wanted if targets or given is not None else ends(graph):
                for line in tree_lines(graph, task):
                    print(line)
        else:
            rows = [_row(described(graph, graph.tasks[task]), graph.tasks[task]) for task in wanted]
            if not targets:
                rows += [_row(named(fixture), fixture) for fixture in graph.fixtures.values()]
            print_table(rows)
    return ExitCode.OK


def _row(name: str, shown: Task | Fixture) -> tuple[str, str, str]:
    doc = (getattr(shown.function, "__doc__", None) or "").strip().partition("\n")[0]
    return name, str(shown.place), doc
