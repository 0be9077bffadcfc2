"""Allotment: what the tasks of a run need of what there is. A need that can never be met is an error at the start."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from typing import TYPE_CHECKING

from taskdisc.errors import UsageError, closest
from taskdisc.lanes import all_options, title
from taskdisc.limits import CPUS, Capacity, Demand, Limits
from taskdisc.model import Job, Task
from taskdisc.resources import Amounts, amounts, text_of

if TYPE_CHECKING:
    from taskdisc.commons import Commons
    from taskdisc.config import Config
    from taskdisc.graph import TaskGraph
    from taskdisc.lanes import Lanes

VISIBLE = {"gpu": "CUDA_VISIBLE_DEVICES"}
"""By resource, the variable that tells programs which of its units are theirs."""


class Allotment:
    """What there is in one run, and what each task needs of it."""

    def __init__(
        self,
        graph: TaskGraph,
        tasks: Iterable[Task],
        config: Config,
        lanes: Lanes,
        elsewhere: Callable[[Task], Container[str]],
    ) -> None:
        """`tasks` are those of the run, as their instances have them.

        Raises UsageError for a limit to nothing, and for a need that is unknown or beyond what there is.

        `elsewhere` returns the names of the resources that what runs a task asks others for.
        """
        self._graph = graph
        self._lanes = lanes
        self._elsewhere = elsewhere
        self._limited = {name for name, _ in config.limits}
        self._origins: dict[str, str] = {}
        self._checked: set[tuple[str, str]] = set()
        self._demands: dict[tuple[str, str, int], Demand] = {}
        self._needs: dict[tuple[str, str, int], Amounts] = {}
        self._capacities = self._all_capacities(config)
        for task in tasks:
            self.check(task)
        self._shared = self._commons(config)
        self.limits = Limits(self._capacities, self._shared)

    # What there is

    def _all_capacities(self, config: Config) -> dict[str, Capacity]:
        found: dict[str, Capacity] = {CPUS: float(config.workers)}
        shared = {name for name, resource in config.resources if resource.shared}
        self._origins[CPUS] = "workers"
        for name, resource in config.resources:
            found[name] = resource.capacity
            self._origins[name] = "pyproject.toml [tool.taskdisc.resources]"
        for name, amount in config.limits:
            self._check_limit(name, amount, found.get(name))
            units = found.get(name)
            is_shared = name in shared  # then the commons choose among all units
            found[name] = units[: int(amount)] if isinstance(units, tuple) and not is_shared else amount
            self._origins[name] = f"--limit {name}={text_of(amount)}"
        return found

    def _commons(self, config: Config) -> Commons | None:
        """What other runs may hold, too; a limit above the amount that is configured raises that."""
        shared = {name: resource.capacity for name, resource in config.resources if resource.shared}
        if not shared:
            return None
        from taskdisc.commons import Commons

        for name, there in shared.items():
            if not isinstance(there, tuple):
                shared[name] = max(there, _number(self._capacities[name]))
        return Commons(shared)

    def _check_limit(self, name: str, amount: float, there: Capacity | None) -> None:
        limit = f"--limit {name}={text_of(amount)}"
        if isinstance(there, tuple) and (amount != int(amount) or amount > len(there)):
            raise UsageError(f"{limit}: {name} are {', '.join(there)}: a limit is a whole number up to {len(there)}.")
        if there is None and name not in self._names():
            known = sorted({*self._origins, *self._names()})
            near = closest(name, known)
            meant = f"Did you mean {near}?" if near else f"There are {', '.join(known)}."
            raise UsageError(f"{limit}: there is no resource, channel or task {name!r}. {meant}")

    def _names(self) -> set[str]:
        """All that tasks use without its being limited: their names, channels, and what they demand."""
        names: set[str] = set()
        for task in self._graph.tasks.values():
            names.update((task.name, task.id))
        for options in all_options(self._graph.tasks.values()):
            names.update(options.channel)
            if not callable(options.resources):
                names.update(name for name, _ in options.resources)
        return names

    # What tasks need

    def needs(self, task: Task, attempt: int) -> Amounts:
        """Return what a task says that an attempt of it needs. Raises UsageError."""
        resources = task.options.resources
        if not callable(resources):
            return resources
        known = self._needs.get((task.id, task.part, attempt))
        if known is None:
            known = self._needs[task.id, task.part, attempt] = self._asked(task, resources, attempt)
        return known

    def _asked(self, task: Task, resources: Callable[[int], object], attempt: int) -> Amounts:
        what = f"{title(task)}: resources, asked for attempt {attempt},"
        try:
            found = resources(attempt)
        except Exception as error:
            raise UsageError(f"{what} raised {type(error).__name__}: {error}") from error
        return amounts(found, what)

    def demand(self, task: Task, attempt: int = 1) -> Demand:
        """Return what an attempt at a task needs of limited resources; of a task that was checked."""
        known = self._demands.get((task.id, task.part, attempt))
        if known is None:
            needed = {**dict(self._implied(task)), **dict(self.needs(task, attempt))}
            if self._is_launched(task):
                needed.pop(CPUS, None)  # the launcher counts those of its own machines
            limited = [(name, amount) for name, amount in needed.items() if self._is_limited(name, task)]
            known = self._demands[task.id, task.part, attempt] = tuple(sorted(limited))
        return known

    def _is_limited(self, name: str, task: Task) -> bool:
        """Say whether there is so much of it for the task: not of what a cluster has, unless --limit says so."""
        return name in self._capacities and (name in self._limited or name not in self._elsewhere(task))

    def _implied(self, task: Task) -> Iterator[tuple[str, float]]:
        yield from ((name, 1.0) for name in (task.name, task.id, *task.options.channel))
        if not task.options.interactive:
            yield CPUS, 1.0

    def _is_launched(self, task: Task) -> bool:
        return bool(self._lanes.means(self._lanes.of(task.options)).launcher)

    def check(self, task: Task) -> None:
        """Check that what a task needs can be had. Raises UsageError."""
        if (task.id, task.part) not in self._checked:
            self._checked.add((task.id, task.part))
            for attempt in range(1, task.options.retries + 2 if callable(task.options.resources) else 2):
                self._check(task, attempt)

    def _check(self, task: Task, attempt: int) -> None:
        for name, amount in self.needs(task, attempt):
            if name not in self._capacities and not self._is_known(name, task):
                raise UsageError(self._unknown(task, name, amount))
        for name, amount in self.demand(task, attempt):
            self._check_capacity(task, attempt, name, amount)

    def _is_known(self, name: str, task: Task) -> bool:
        """Say whether something knows a resource that is not limited: a channel, a task, or the task's launcher."""
        if name in self._elsewhere(task):
            return True
        prefix = task.options.prefix
        words = (prefix,) if isinstance(prefix, str) else prefix
        if self._is_launched(task) and any(f"{{{name}}}" in word for word in words):
            return True
        others = self._graph.tasks.values()
        return name in self._channels() or any(name in (other.name, other.id) for other in others)

    def _channels(self) -> set[str]:
        return {channel for options in all_options(self._graph.tasks.values()) for channel in options.channel}

    def _unknown(self, task: Task, name: str, amount: float) -> str:
        near = closest(name, sorted({*self._capacities, *self._channels()}))
        meant = f"Did you mean {near}? " if near else ""
        return (
            f"{title(task)}: needs {name}={text_of(amount)}, and nothing says how much {name} there is. "
            f"{meant}Write [tool.taskdisc.resources] {name} = {text_of(amount)}, or --limit {name}={text_of(amount)}."
        )

    def _check_capacity(self, task: Task, attempt: int, name: str, amount: float) -> None:
        capacity = self._capacities[name]
        there = _number(capacity)
        times = f" for attempt {attempt}" if attempt > 1 else ""
        if isinstance(capacity, tuple) and amount != int(amount):
            raise UsageError(
                f"{title(task)}: needs {name}={text_of(amount)}{times}, and {name} has whole units: "
                f"{', '.join(capacity)}."
            )
        if amount > there:
            raise UsageError(
                f"{title(task)}: needs {name}={text_of(amount)}{times}, and there is "
                f"{name}={text_of(there)} ({self._origins[name]}). Ask for less, or raise that."
            )

    def holders(self, names: Iterable[str]) -> dict[str, list[int]]:
        """Return the process ids of other runs that hold something of shared resources."""
        return {} if self._shared is None else self._shared.holders(names)

    def close(self) -> None:
        """Hold nothing any more of what is shared."""
        if self._shared is not None:
            self._shared.close()

    # What jobs are told

    def expected(self, task: Task) -> tuple[tuple[str, float, tuple[str, ...]], ...]:
        """Return what a first attempt will hold, with units as examples."""
        units = self.limits.names
        limited = {name for name, _ in self.demand(task)}
        names = {name: units.get(name, ()) if name in limited else () for name, _ in self.needs(task, 1)}
        return tuple((name, n, names[name][: int(n)]) for name, n in self.needs(task, 1))

    def equipped(self, job: Job, task: Task, *, environment: bool) -> Job:
        """Return the job with what it holds; `environment` says whether it may have variables of its own."""
        units = {held.name: held.units for held in self.limits.held(job.number)}
        needs = {**dict(self.needs(task, job.attempt)), **{name: len(names) for name, names in units.items() if names}}
        resources = tuple((name, amount, units.get(name, ())) for name, amount in needs.items())
        if not resources:
            return job
        visible = [(VISIBLE[name], ",".join(units[name])) for name in VISIBLE if units.get(name)] if environment else ()
        return job._replace(resources=resources, env=tuple(visible))


def _number(capacity: Capacity) -> float:
    return float(len(capacity)) if isinstance(capacity, tuple) else capacity
