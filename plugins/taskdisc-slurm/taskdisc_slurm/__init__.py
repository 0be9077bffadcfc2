"""Tasks as jobs of Slurm: the executor `slurm`, which submits arrays of jobs, and the launcher `srun`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taskdisc.config import Config
    from taskdisc.pluginoptions import CommandLine
    from taskdisc.protocols import Executor, Launcher

OPTIONS: dict[str, tuple[Any, str]] = {
    "slurm_jobs": (1000, "How many elements of arrays may be in Slurm's queue at once."),
    "slurm_poll": ("30s", "How long at most between two looks at Slurm's queue."),
    "slurm_latency": ("60s", "How long files of a job that has ended may take to be seen here."),
}
_given: dict[str, Any] = {}
"""The options of the run that is about to start: factories of executors are not told which one is theirs."""


def taskdisc_add_options(cli: CommandLine) -> None:
    """What an administrator may want to be changed."""
    for name, (default, help) in OPTIONS.items():
        cli.add(name, default=default, help=help)


def taskdisc_configure(config: Config) -> None:
    """Refuse options that cannot be, before anything is read."""
    from taskdisc_slurm.settings import settings

    settings(config.plugin_options)


def taskdisc_plan_ready(config: Config) -> None:
    """Keep the options for the executor: another project may have been configured since this one was."""
    _given.update(config.plugin_options)


def taskdisc_executors() -> dict[str, Callable[..., Executor]]:
    """`slurm`: batches of jobs as elements of arrays."""
    return {"slurm": _executor}


def taskdisc_launchers() -> dict[str, Callable[[], Launcher]]:
    """`srun`: each batch behind an `srun` of its own."""
    return {"srun": _launcher}


def _executor(workers: int) -> Executor:
    """Make an executor; how many workers this machine can have does not matter."""
    from taskdisc_slurm.executor import SlurmExecutor
    from taskdisc_slurm.settings import settings

    return SlurmExecutor(settings({name: default for name, (default, _) in OPTIONS.items()} | _given))


def _launcher() -> Launcher:
    from taskdisc_slurm.srun import Srun

    return Srun()
