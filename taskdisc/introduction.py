"""Introduction: what the workers of a run must know before their first job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskdisc.model import FixtureSpec, TaskSpec, WorkerContext
from taskdisc.project import plugin_names

if TYPE_CHECKING:
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
