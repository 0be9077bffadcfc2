"""Introduction: what executors and workers of a run must know before their first job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskdisc.model import FixtureSpec, TaskSpec, WorkerContext
from taskdisc.project import plugin_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskdisc.protocols import Executor
    from taskdisc.run import Run


def worker_context(
    run: Run, specs: tuple[TaskSpec, ...], fixtures: tuple[FixtureSpec, ...], *, logs: str, directories: str
) -> WorkerContext:
    """Return what workers must know; `logs` and `directories` are folders in the store."""
    project = run.project
    return WorkerContext(
        root=project.config.root,
        store=project.config.store,
        logs=logs,
        directories=directories,
        modules=project.collection.modules,
        plugins=plugin_names(project.config),
        specs=specs,
        fixtures=fixtures,
        storage=project.config.storage,
        sources=project.code.sources,
        code=project.code.for_workers(),
        max_tasks=project.config.max_tasks_per_worker,
        captured=run.captured,
        ahead=run.maxfail is None,
        hooked=tuple(project.hooked),
        shared="" if project.team is None else project.config.shared,
        shared_read_only=project.config.shared_read_only,
    )


def introduce(run: Run, context: WorkerContext, executor: Executor) -> None:
    """Start an executor, and let it have first what it can do something with: see `protocols.Keyed` and `Speaking`."""
    know: Callable[[Callable[[int], bytes | None]], None] | None = getattr(executor, "know", None)
    if know is not None:
        know(lambda node: _key_of(run, node))
    speak: Callable[[Callable[[str], None]], None] | None = getattr(executor, "speak", None)
    if speak is not None:
        speak(lambda text: _say(run, text))
    executor.start(context)


def _say(run: Run, text: str) -> None:
    """Tell people something about the run."""
    if text not in run.warnings:
        run.warnings.append(text)
    run.project.plugins.hook.taskdisc_run_warned(text=text, run=run)


def _key_of(run: Run, node: int) -> bytes | None:
    """The key of a step, unless it is to run whatever results there are."""
    if not run.task_of(node).options.cache or run.plan.is_forced(*run.scheduler.place_of(node)):
        return None
    return run.plan.keys.get(node)
