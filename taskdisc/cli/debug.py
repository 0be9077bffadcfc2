"""`taskdisc debug`: run one instance again, here and now, with its stored inputs; keep nothing of it."""

from __future__ import annotations

import sys
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from taskdisc.cli.options import Options, opened
from taskdisc.cli.output import remark, value_text
from taskdisc.errors import ExitCode, UsageError
from taskdisc.model import Decision, Outcome
from taskdisc.store.objects import Objects

if TYPE_CHECKING:
    from taskdisc.model import JobResult
    from taskdisc.run import Run

UNLIMITED = 1 << 62
"""Bytes up to which a result stays in memory, where it is printed from."""


class ReadOnly(Objects):
    """The objects of a store, to which the files of results are not added; their values stay in memory (see below)."""

    def put_file(self, name: str, path: str) -> None:
        """Keep nothing."""


def debug(options: Options) -> int:
    """Run the command: the debugger opens where the task fails; print what it returns where it does not."""
    from taskdisc.run import Run

    if len(options.targets) != 1:
        raise UsageError("debug: name one instance, such as a failed one that the summary of a run names.")
    with opened(options) as (project, targets):
        run = Run(project, targets)
        node = _one_instance(run)
        name = run.id_of(node)
        _refuse_without_inputs(run, node, name)
        result = _run_here(run, node)
        if result.damaged:
            _, reason, _ = result.damaged[0]
            raise UsageError(f"debug {name}: an input is damaged ({reason}). `taskdisc run '{name}'` makes it again.")
        if result.outcome != Outcome.SUCCEEDED:
            remark(f"{name} failed; nothing of this was recorded")
            return ExitCode.FAILED
        _print_parts(run, node, result)
        remark(f"{name} succeeded; nothing of this was recorded")
    return ExitCode.OK


def _one_instance(run: Run) -> int:
    from taskdisc.cli.show import selected

    nodes = [node for selection in run.selections for node in selected(run, selection)]
    if len(nodes) == 1:
        return nodes[0]
    shown = ", ".join(f"'{run.id_of(node)}'" for node in nodes[:3])
    some = f"such as {shown}" if nodes else "and there is none"
    raise UsageError(f"debug: {' '.join(run.targets)} means {len(nodes)} instances. Name one of them, {some}.")


def _refuse_without_inputs(run: Run, node: int, name: str) -> None:
    decision = run.preview().get(node, Decision.UNKNOWN)
    if decision not in (Decision.CACHED, Decision.RUN):
        raise UsageError(
            f"debug {name}: some of its inputs are not there, or out of date. `taskdisc run '{name}'` makes them."
        )


def _run_here(run: Run, node: int) -> JobResult:
    from taskdisc.builtin.debugging import Debugged
    from taskdisc.introduction import worker_context
    from taskdisc.jobs import JobMaker
    from taskdisc.storedvalues import Values

    project = run.project
    values = Values(run.plan, project.open_index(), run.expansion, run.graph)
    listed, slices = project.files.listed, run.slices
    jobs = JobMaker(run.graph, run.expansion, run.bindings, values, run.tasks, run.offset, listed, slices)
    (job,) = jobs.make(run.scheduler.block_of(node), [node])
    with TemporaryDirectory(prefix="taskdisc-debug-") as folder:
        context = worker_context(run, jobs.specs, jobs.fixtures, logs=folder, directories=folder)._replace(
            inline_limit=UNLIMITED
        )
        runner = Debugged(context)
        runner.objects = ReadOnly(runner.objects.store)
        result = runner.run(job)
        sys.stdout.flush()
        return result


def _print_parts(run: Run, node: int, result: JobResult) -> None:
    options = run.task_of(node).options
    values = [run.project.decode(part.payload or b"", options.codec) for part in result.parts]
    print(value_text(dict(zip(options.outputs, values, strict=True)) if options.outputs else values[0]))
