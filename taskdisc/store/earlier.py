"""What earlier runs tell: how long tasks take, and what failed last."""

from taskdisc.store.durations import latest_seconds
from taskdisc.store.index import Index


def usual_seconds(index: Index, most: int = 32) -> dict[str, float]:
    """Return by task what its latest results took on average, up to `most` of each."""
    found = {}
    newest = {task: number for number, task in index.read("select id, task from family order by id")}
    batched = {family for (family,) in index.read_folded("select distinct family from batch")}
    for task, family in newest.items():
        seconds = latest_seconds(index, family, most, batched=family in batched)
        if seconds:
            found[task] = sum(seconds) / len(seconds)
    return found


def failed_last(index: Index) -> dict[str, set[str]]:
    """Return by task the instances (their printed coordinates) that failed in the last run."""
    found: dict[str, set[str]] = {}
    statement = "select task, instance from failure where run=(select max(id) from run) and final=1"
    for task, instance in index.read(statement):
        found.setdefault(task, set()).add(instance)
    return found
