"""Runs tasks on a Dask cluster: the executor `dask`, and its options."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from taskdisc_dask.settings import Settings, settings_of

if TYPE_CHECKING:
    from taskdisc.config import Config
    from taskdisc.protocols import Executor

_chosen = Settings()
"""Those of the run that is about to start."""


def taskdisc_add_options(cli: Any) -> None:
    """Where the cluster is, or how one is started."""
    cli.add("dask_address", default="", help="Address of a Dask scheduler: tcp://host:8786. Else one is started.")
    cli.add("dask_cluster", default="", help="Class of the cluster to start: dask_jobqueue.SLURMCluster.")
    cli.add("dask_cluster_options", default=(), help="What that class takes, one by one: cores=4.")


def taskdisc_configure(config: Config) -> None:
    """Refuse options that cannot be, before anything is read."""
    settings_of(config)


def taskdisc_plan_ready(config: Config) -> None:
    """Note the options of the run that is about to start."""
    global _chosen
    _chosen = settings_of(config)


def taskdisc_executors() -> dict[str, Callable[..., Executor]]:
    """`dask`."""
    return {"dask": _made}


def _made(workers: int) -> Executor:
    from taskdisc_dask.executor import DaskExecutor

    return DaskExecutor(workers, _chosen)
