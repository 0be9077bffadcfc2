"""What crosses the borders between the stages: small frozen records, and nothing that works on them.

Records are named tuples: a frozen data class costs ten times as much to define, and these are defined at every start.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from taskdisc.errors import Place
from taskdisc.parameters import MISSING as MISSING
from taskdisc.parameters import Fixture as Fixture
from taskdisc.parameters import FixtureSpec as FixtureSpec
from taskdisc.parameters import Missing as Missing
from taskdisc.parameters import Parameter as Parameter
from taskdisc.parameters import Slice as Slice
from taskdisc.parameters import Swept as Swept


class Outcome:
    """How a step ended; plain strings, since they cross processes and go into the index."""

    SUCCEEDED = "succeeded"
    CACHED = "cached"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    KILLED = "killed"
    BLOCKED = "blocked"
    VOID = "void"
    """An input's stored value was damaged: whatever the task made of that does not count."""
    CANCELLED = "cancelled"
    UNDONE = "undone"
    """It was not run: the job before it in its chain gave nothing."""
    CLOSED = "closed"
    """Not of a job: a worker that has ended says by it what went wrong with closing its fixtures."""
    RECALLED = "recalled"
    """Not begun: a worker gives the job back, as it was asked to."""
    SKIPPED = "skipped"
    """The task said so, or something that it needs was skipped."""


class Decision:
    """What is known of a step before it runs."""

    CACHED = "cached"
    RUN = "run"
    MAY_RUN = "may run"
    GIVEN = "overridden"
    """It does not run: this run has another value in its place."""
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


class TaskOptions(NamedTuple):
    """What `@task(...)` can say; only `outputs`, `version` and `track` are part of the key."""

    name: str | None = None
    outputs: tuple[str, ...] = ()
    version: str | int | None = None
    open: tuple[str, ...] = ()
    codec: str = "pickle"
    prefix: str | tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    cache: bool = True
    """False: the task runs once in every run."""
    expires: str | None = None
    """How long a result counts after it was made, as a duration (see `durations`)."""
    keep: bool = True
    """False: the value goes when all that needed it is done."""
    track: tuple[str, ...] = ()
    """Installed distributions whose versions count."""
    compress: str | None = None
    """How large results are compressed (see `compression.parse`)."""
    executor: str | None = None
    """Name of the executor that runs the task, where that is not the run's."""
    launcher: str | None = None
    """Name of the launcher that starts the task's commands."""
    flags: str | tuple[str, ...] = ()
    """What the executor, or what it asks, is told besides: words for `sbatch`, say."""
    batch: int = 1
    """How many jobs of the task a command may run, one after the other."""
    retries: int = 0
    """How often a failed attempt is followed by another."""
    retry_delay: str = "2s"
    """The pause before the second attempt, as a duration; it doubles each time."""
    retry_on: tuple[str, ...] = ()
    """Names of exceptions, "killed" and "timeout": what another attempt may help against; nothing: all."""
    timeout: str | None = None
    """How long an attempt may take, as a duration."""
    env: tuple[tuple[str, str], ...] = ()
    """Variables of the environment while the task runs."""
    interactive: bool = False
    """True: it runs in the run itself, with the terminal."""
    resources: tuple[tuple[str, float], ...] | Callable[[int], Any] = ()
    """How much of which resources a job holds while it runs, or a function that tells for an attempt."""
    channel: tuple[str, ...] = ()
    """Names of further resources, of which a job uses 1 where they are limited."""
    priority: float = 0
    """Of what can run, that of the highest priority starts first."""
    after: tuple[Any, ...] = ()
    """Tasks, by function or name, that must have ended before this one begins."""


DEFAULTS = TaskOptions()
"""What holds for a task of which nobody says anything."""


class Task(NamedTuple):
    """A function of the project, as collected."""

    id: str
    """The long form, `path/tasks_x.py::name`, unique in the project."""
    name: str
    module: str
    place: Place
    function: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    options: TaskOptions
    requires: Mapping[str, Any] = {}
    """What `@requires` says, by parameter: see `references.Requirement`."""
    private: tuple[Any, ...] = ()
    """What `@parametrize` says: see `parametrize.Private`."""
    swept: tuple[Swept, ...] = ()
    """What reaches it of a sweep; then it is one of several copies, each with an id of its own in the graph."""
    copy_of: str = ""
    """Of a copy: the id of the task."""
    slices: tuple[Slice, ...] = ()
    """Options that hold for some of its instances, in the order in which they apply."""
    part: str = ""
    """Where these are options of slices: what those have in their brackets, "[sample=big]"."""

    @property
    def long_id(self) -> str:
        """The id that the store, keys and seeds know, whatever is swept."""
        return self.copy_of or self.id


class Namespace(NamedTuple):
    """What the names of one module mean."""

    module: str
    path: str
    tasks: tuple[Task, ...]
    """Defined here, in the order of the file."""
    names: dict[str, Any]
    """Module-level names bound to axes, files, or functions of the project's tasks and fixtures."""
    fixtures: tuple[Fixture, ...] = ()
    """Defined here."""


class Collection(NamedTuple):
    """Everything that was found, module by module."""

    namespaces: tuple[Namespace, ...]
    modules: tuple[tuple[str, str], ...]
    """(dotted name, path relative to the root), in the order of their import."""

    @property
    def tasks(self) -> list[Task]:
        return [task for namespace in self.namespaces for task in namespace.tasks]

    @property
    def fixtures(self) -> list[Fixture]:
        return [fixture for namespace in self.namespaces for fixture in namespace.fixtures]


class TaskSpec(NamedTuple):
    """What a worker must know of a task, sent once for all its jobs."""

    id: str
    module: str
    attribute: str
    """Name of the function in its module."""
    settings: bytes
    """Pickled dict of the settings' values."""
    arguments: tuple[tuple[str, str], ...]
    """(parameter, kind) of each argument of a job, in the order of `Job.arguments`; kinds: see `ArgumentKind`."""
    outputs: tuple[str, ...]
    codec: str
    place: Place
    prefix: str | tuple[str, ...] = ()
    """Words that go before the command that runs a job of this task by itself."""
    compress: str | None = None
    swept: str = ""
    """The end of what stands in the brackets of its instances' ids, "lr=0.1": no part of their identity."""
    function: Any = None
    """The function itself, for workers that share memory with the run."""
    pickled: bytes = b""
    """The function by value (cloudpickle), for the others where no module of the project has it."""
    returns: str = ""
    """What the function of an inner task returns: "elements" of an axis, or a "structure"; else a value."""
    retries: int = 0
    """How often a failed attempt is followed by another."""
    timeout: float = 0.0
    """Seconds after which an attempt is ended; 0: none."""
    env: tuple[tuple[str, str], ...] = ()
    resources: tuple[tuple[str, float, tuple[str, ...]], ...] = ()
    """What a first attempt will hold, as `Job.resources` has it, though maybe not these units."""
    batch: int = 1
    """How many jobs a command may run, one after the other."""
    flags: tuple[str, ...] = ()


class ArgumentKind:
    """How an entry of `Job.arguments` becomes what the parameter receives."""

    VALUE = "value"
    """Pickle bytes of an axis's value."""
    PATH = "path"
    """A str, relative to the root, of an input file."""
    RESULT = "result"
    """A stored value (see `Stored`)."""
    OUTPUTS = "outputs"
    """A tuple of stored values, one for each named output: a dict."""
    PATHS = "paths"
    """A tuple of str, relative to the root: a list of input files."""
    STRUCTURE = "structure"
    """(pickled structure with slots, tuple of (kind, argument, picks) for each slot)."""
    GATHER = "gather"
    """(fields or None, pickled list of labels, tuple of stored values or of tuples of them, output names)."""
    INJECTED = "injected"
    """None: the worker makes the value itself (`task_dir`, `task_info`, a plugin's injectable)."""
    FIXTURE = "fixture"
    """Index of the fixture's spec in `WorkerContext.fixtures`."""


Stored = bytes | str
"""A stored value: its encoded bytes where it is small, else the name of its object in the store."""


COMPRESSED = b"TDZ\x00"
"""Begins a stored value that is compressed; a letter for the method follows. Nothing else begins so."""

DROPPED = ""
"""Stands for the object of a value that was not kept (`keep=False`): only its digest is known."""


class Job(NamedTuple):
    """One attempt at one instance: all that a worker needs beside the task's spec. Only plain types."""

    number: int
    """Number of the step in this run."""
    task: int
    """Index of the task's spec in `WorkerContext.specs`."""
    instance: str
    """The printed id."""
    attempt: int
    arguments: tuple[Any, ...]
    settings: bytes | None = None
    """Pickled dict of the settings that this instance has instead of the run's."""
    resources: tuple[tuple[str, float, tuple[str, ...]], ...] = ()
    """What it holds: (name, amount, names of the units)."""
    env: tuple[tuple[str, str], ...] = ()
    """Variables that tell programs what it holds."""
    follows: bool = False
    """It uses the result of the job before it in a chain: for each stored value of that stands its place, an int."""


class Part(NamedTuple):
    """One stored value of a result: a task has one, or one for each named output."""

    digest: bytes
    """Value digest (32 bytes): what dependents' keys see."""
    payload: bytes | None
    """The encoded value where it is small."""
    object: str | None
    """The object's name in the store where it is large."""
    size: int
    """Of the encoded value, in bytes."""


Known = tuple[bytes, int, bytes, str | None, str | None]
"""One known result: key, number, value digests of its outputs (32 bytes each, joined), object, files (JSON)."""


class FileResult(NamedTuple):
    """A file or folder that a result names: what must still be there for the result to count."""

    path: str
    """Relative to the root."""
    digest: str
    size: int
    changed_ns: int
    """Time of its last change (ns), as `paths.stamp` says."""
    members: tuple[tuple[str, str], ...] = ()
    """(path below `path`, object) of all that the store has a second copy of, or nothing; see `paths.Content`."""
    made: bool = False
    """Whether the task that returned it created or changed it outside its `task_dir`."""


class ErrorText(NamedTuple):
    """An exception as text, since exceptions do not always pickle."""

    kind: str
    message: str
    place: Place | None
    """Where in the user's code it was raised."""
    traceback: str
    """The user's frames only, formatted for people."""
    hint: str = ""
    classes: tuple[str, ...] = ()
    """Full names of the exception's class and its bases, the innermost first."""


NO_JOB = -1
"""The number of a result that is of no job (see `Outcome.CLOSED`)."""


class JobResult(NamedTuple):
    """How one attempt ended, as the executor reports it. Only plain types and the records above."""

    number: int
    outcome: str
    parts: tuple[Part, ...] = ()
    files: tuple[FileResult, ...] = ()
    directory: str | None = None
    """The attempt's `task_dir`, relative to the store, if it asked for one."""
    started: float = 0.0
    """Seconds since the epoch."""
    seconds: float = 0.0
    """Wall time."""
    cpu_seconds: float = 0.0
    peak_memory: int = 0
    """Bytes; of the worker process so far, since an interpreter does not give memory back."""
    stdout: str | None = None
    """Log file, relative to the store, where there was output."""
    stderr: str | None = None
    """The same; of a job behind a launcher that wrote nothing itself, what that said (see `endings.logs_of`)."""
    error: ErrorText | None = None
    warnings: tuple[str, ...] = ()
    damaged: tuple[tuple[str, str, bool], ...] = ()
    """(stored, reason, intact) of each input that could not be loaded (see `DamagedResult`): the attempt is void."""
    warned: tuple[str, ...] = ()
    """Python warnings that the task gave, each once: place, category, text."""


class WorkerContext(NamedTuple):
    """What every worker of a run knows; it pickles, for workers that do not share memory with the run."""

    root: str
    store: str
    """Folder of the store."""
    logs: str
    """Folder of this run's logs, relative to the store."""
    directories: str
    """Folder of this run's task_dirs, relative to the store."""
    modules: tuple[tuple[str, str], ...]
    """(dotted name, path) of the collected modules, in the order of their import."""
    plugins: tuple[str, ...]
    """Names of the plugins to load beside those found by themselves; `no:NAME` leaves one out."""
    specs: tuple[TaskSpec, ...]
    """One for each task, or for each kind of its instances where slices have options of their own."""
    storage: str = "disk"
    """Name of the store plugin that keeps large objects."""
    sources: dict[str, str] = {}
    """SHA-256 (hex) of the project's modules as the run was planned with them, by their real paths."""
    code: Any = None
    """Fingerprints of the project's code, for workers that share memory with the run."""
    fixtures: tuple[FixtureSpec, ...] = ()
    inline_limit: int = 16384
    """Encoded values up to this many bytes travel and are kept inline."""
    max_tasks: int = 0
    """How many jobs a worker process runs before another takes its place; 0: any number."""
    captured: bool = True
    """Whether output goes to logs; else it goes where that of the run goes."""
    shared: str = ""
    """Address of the store that a team shares, where objects may be that are not here."""
    shared_read_only: bool = False
    ahead: bool = True
    """Whether a worker may hold jobs that wait while another runs: not where the next failure may be the last."""
    hooked: tuple[str, ...] = ()
    """Names of those of the modules that are plugins too."""


class Activity(NamedTuple):
    """A job that runs at this moment."""

    number: int
    began: float
    """Seconds since the epoch."""
    done: float = 0.0
    total: float = 0.0
    """What the task said of its progress; 0: nothing."""


class StepEnd(NamedTuple):
    """How a step ended: what is reported once it is durable."""

    id: str
    task: str
    outcome: str
    result: JobResult | None = None
    """None for a step that was not executed."""
    blocked: tuple[str, ...] = ()
    """Printed ids of steps that its failure put out of reach: the first few."""
    blocked_count: int = 0
    attempt: int = 1


class TaskWarning(NamedTuple):
    """A Python warning of tasks, with who gave it."""

    text: str
    ids: tuple[str, ...]
    """Printed ids: the first few."""
    instances: int
    """How many gave it."""


class Retry(NamedTuple):
    """An attempt that failed and is followed by another: what is reported once it is durable."""

    step: StepEnd
    attempt: int
    """The number of the attempt that failed, from 1."""
    attempts: int
    """How many there may be in all."""
    delay: float
    """Seconds from its end to the next attempt."""


class RunReport(NamedTuple):
    """What a run did."""

    run: int
    """Number of the run in the index, 0 where nothing was executed."""
    targets: tuple[str, ...]
    counts: dict[str, int]
    """Steps by outcome."""
    failures: tuple[StepEnd, ...]
    seconds: float
    interrupted: bool = False
    left_out: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(task, open parameters) that a run without targets left out, since nothing gives them."""
    warnings: tuple[str, ...] = ()
    store: str = ""
    verbosity: int = 0
    lines: tuple[str, ...] = ()
    """What plugins add at the foot."""
    task_warnings: tuple[TaskWarning, ...] = ()
    stopped: bool = False
    """Whether steps were not started since as many had failed as were to be (--maxfail)."""
    retries: tuple[Retry, ...] = ()
    """Of each step that was tried again, the last attempt that was followed by another."""

    @property
    def retried(self) -> int:
        """How many attempts were followed by others."""
        return sum([retry.attempt for retry in self.retries])
