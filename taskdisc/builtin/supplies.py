"""What taskdisc supplies itself, by name; each thing is imported when it is made."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from taskdisc.builtin.taskinfo import TaskInfo
    from taskdisc.execution import Execution
    from taskdisc.protocols import Codec, Executor, Launcher, ObjectStore


def taskdisc_executors() -> dict[str, Callable[..., Executor]]:
    """Supply them.

    `process`: forked workers; `thread`: threads of the run itself; `inline`: one job at a time in the run itself;
    `pdb`: the same, with a debugger where one fails; `command`: a process for each job.
    """
    return {"process": _process, "thread": _thread, "inline": _inline, "pdb": _pdb, "command": _command}


def _process(workers: int) -> Executor:
    from taskdisc.builtin.process import ProcessExecutor

    return ProcessExecutor(workers)


def _thread(workers: int) -> Executor:
    from taskdisc.builtin.threads import ThreadExecutor

    return ThreadExecutor(workers)


def _inline(workers: int) -> Executor:
    from taskdisc.builtin.inline import InlineExecutor

    return InlineExecutor(workers)


def _pdb(workers: int) -> Executor:
    from taskdisc.builtin.debugging import Debugged
    from taskdisc.builtin.inline import InlineExecutor

    return InlineExecutor(workers, Debugged)


def _command(workers: int, launcher: Launcher | None = None) -> Executor:
    from taskdisc.builtin.command import CommandExecutor

    return CommandExecutor(workers, launcher or _prefix())


def taskdisc_stores() -> dict[str, Callable[..., ObjectStore]]:
    """`disk`: files below the store's folder."""
    return {"disk": _disk}


def _disk(path: str) -> ObjectStore:
    from taskdisc.builtin.disk import DiskStore

    return DiskStore(path)


def taskdisc_codecs() -> dict[str, Callable[[], Codec]]:
    """`pickle`: any value that pickle or cloudpickle takes; `json`: plain data, loaded without running code."""
    return {"pickle": _pickle, "json": _json}


def _pickle() -> Codec:
    from taskdisc.builtin.pickling import PickleCodec

    return PickleCodec()


def _json() -> Codec:
    from taskdisc.builtin.json_codec import JsonCodec

    return JsonCodec()


def taskdisc_launchers() -> dict[str, Callable[[], Launcher]]:
    """`prefix`: the words of a task's `prefix`, with placeholders filled."""
    return {"prefix": _prefix}


def _prefix() -> Launcher:
    from taskdisc.builtin.prefix import PrefixLauncher

    return PrefixLauncher()


def taskdisc_injectables() -> dict[str, Callable[[Any], Any]]:
    """`task_dir`: a new empty folder of this execution, kept with its result; `task_info`: what is known of it."""
    return {"task_dir": _task_dir, "task_info": _task_info}


def _task_dir(execution: Execution) -> Path:
    from pathlib import Path

    return Path(execution.task_dir())


def _task_info(execution: Execution) -> TaskInfo:
    from taskdisc.builtin.taskinfo import TaskInfo

    return TaskInfo(execution)
