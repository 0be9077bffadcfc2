"""Clusters: the one that is there, or one that is started for a run."""

from __future__ import annotations

import signal
import threading
import warnings
from importlib import import_module
from typing import Any

from taskdisc.errors import UsageError
from taskdisc_dask.settings import Settings

CONNECT = 10.0
"""Seconds in which a scheduler has to answer."""
PRELOAD = "taskdisc_dask.posts"
"""Has Dask call `dask_setup` there in its workers."""


def started(settings: Settings, workers: int) -> Any:
    """Return a new cluster of so many workers, or None where one is there. Raises UsageError."""
    import dask
    import distributed  # noqa: F401  (its defaults must be there before `dask.config.set` puts back what was)

    if settings.address:
        return None
    if not settings.cluster:
        if dask.config.get("scheduler-address", None):
            return None
        return _local(workers)
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Port .* is already in use")  # that of the dashboard, which takes another
        try:
            make = _class(settings.cluster)
            cluster = make(**dict(settings.options))
            cluster.scale(workers)
        except UsageError:
            raise
        except Exception as error:
            raise UsageError(
                f"dask_cluster = {settings.cluster!r} cannot be started: {type(error).__name__}: {error}. "
                f"Check dask_cluster_options, and what the configuration of Dask says of it."
            ) from error
    return cluster


def _class(name: str) -> Any:
    module, _, last = name.rpartition(".")
    before = signal.getsignal(signal.SIGINT)
    try:
        return getattr(import_module(module), last)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"dask_cluster = {name!r}: {error}. Is it installed, and spelt so? "
            f"dask_jobqueue comes with: pip install taskdisc-dask[jobqueue]"
        ) from None
    finally:  # dask_jobqueue takes it when it is imported, and would end the run without a word
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


def _local(workers: int) -> Any:
    import logging

    import dask
    import distributed

    make: Any = distributed.LocalCluster  # which has no types

    # A worker that has died is told of at once; otherwise its jobs would be tried again elsewhere, uncounted.
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        return make(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=0,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,
            preload=[PRELOAD],
        )


def connected(settings: Settings, cluster: Any) -> Any:
    """Return a client. Raises UsageError where nobody answers."""
    import dask
    import distributed

    make: Any = distributed.Client  # which has no types
    target = cluster or settings.address or dask.config.get("scheduler-address")
    try:
        if cluster is None:
            _knock(target)
        return make(target, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        if cluster is not None:
            raise
        raise UsageError(
            f"no Dask scheduler answers at {target}: {error}. "
            f"Is it running, and is dask_address (or DASK_SCHEDULER_ADDRESS) right? "
            f"With neither of them, a cluster is started on this machine."
        ) from None


def _knock(address: str) -> None:
    """See whether anybody is there, since Dask would try again and again. Raises OSError, ValueError."""
    import socket

    from distributed.comm.addressing import get_address_host_port, normalize_address

    scheme = normalize_address(address).partition("://")[0]
    host, port = get_address_host_port(address)
    if scheme in ("tcp", "tls"):
        socket.create_connection((host, port), timeout=CONNECT).close()
