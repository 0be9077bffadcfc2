"""What the executor is told: where its cluster is, or how one is started. Loaded by every run, so small."""

from typing import TYPE_CHECKING, Any, NamedTuple

from taskdisc.errors import ConfigError

if TYPE_CHECKING:
    from taskdisc.config import Config


class Settings(NamedTuple):
    """The options of a run."""

    address: str = ""
    """Of a scheduler that is there; "": Dask's own configuration may have one (DASK_SCHEDULER_ADDRESS)."""
    cluster: str = ""
    """`module.Class` of the cluster to start, where there is none; "": a `LocalCluster`."""
    options: tuple[tuple[str, Any], ...] = ()
    """What that class is called with."""
    limited: bool = False
    """Whether the number of workers was chosen, so that it holds for somebody else's cluster, too."""
    variables: tuple[tuple[str, str], ...] = ()
    """Variables of `.env`."""


def settings_of(config: "Config") -> Settings:
    """Return what the configuration says. Raises ConfigError."""
    given = config.plugin_options
    address, cluster = given["dask_address"], given["dask_cluster"]
    if address and cluster:
        raise ConfigError(
            f"dask_address = {address!r} is a cluster that is there, dask_cluster = {cluster!r} starts one. "
            f'Leave one of them out, or empty: dask_cluster = "".'
        )
    if (cluster and not all(map(str.isidentifier, cluster.split(".")))) or (cluster and "." not in cluster):
        raise ConfigError(
            f"dask_cluster = {cluster!r} is not the name of a class and its module. "
            f'Such as: dask_cluster = "dask_jobqueue.SLURMCluster"'
        )
    options = tuple(map(_option, given["dask_cluster_options"]))
    return Settings(address, cluster, options, "workers" in config.origins, config.environment)


def _option(text: str) -> tuple[str, Any]:
    """`cores=4` is a number, `memory=4GB` a text, and whatever is JSON is that."""
    import json

    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise ConfigError(f'dask_cluster_options: {text!r} is no option. Such as: ["cores=1", "memory=4GB"]')
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value.strip()
