"""Launched commands: how one is started for a batch of jobs, and what is kept of it until it has ended."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import NamedTuple

from taskdisc.builtin.groups import ProcessGroup
from taskdisc.builtin.launched import Life
from taskdisc.capture import log_name
from taskdisc.descriptors import close_private, keep_private
from taskdisc.jobfolder import CONTEXT, command, launcher_log, write_context, write_jobs
from taskdisc.model import Job, WorkerContext


class Launch(NamedTuple):
    """A command that runs."""

    jobs: tuple[Job, ...]
    """What it runs, one after the other; all of one task."""
    words: list[str]
    """The prefix, filled."""
    folder: str
    group: ProcessGroup
    life: int
    """The run's end of the pipe that tells the command that the run lives."""
    ending: int
    """Readable when the command has ended."""
    began: float


def launch(context: WorkerContext, batch: Sequence[Job], words: list[str]) -> Launch:
    """Start the command of a batch in a folder of its own, and return at once. Raises OSError."""
    from shutil import rmtree
    from subprocess import DEVNULL, STDOUT, Popen
    from tempfile import mkdtemp

    job = batch[0]
    jobs = os.path.join(context.store, "jobs")
    for needed in (jobs, os.path.join(context.store, context.logs)):
        os.makedirs(needed, mode=0o700, exist_ok=True)
    folder = mkdtemp(prefix=f"{log_name(job)}-", dir=jobs)
    theirs, life = os.pipe()
    keep_private(life)
    began = time.time()
    try:
        write_context(os.path.join(folder, CONTEXT), context)
        write_jobs(folder, os.path.join(folder, CONTEXT), batch, Life.of(theirs))
        with open(launcher_log(context, job), "wb") as log:
            process = Popen(
                [*words, *command(folder)],
                stdin=DEVNULL,
                stdout=log if context.captured else None,
                stderr=STDOUT if context.captured else None,
                cwd=context.root,
                env={**os.environ, **dict(job.env), **dict(context.specs[job.task].env)},
                start_new_session=True,
                pass_fds=[theirs],
            )
    except BaseException:
        close_private(life)
        rmtree(folder, ignore_errors=True)
        raise
    finally:
        os.close(theirs)
    # The group waits for it by its number: this object must not complain that it is still running.
    process.returncode = 0
    group = ProcessGroup(process.pid)
    return Launch(tuple(batch), words, folder, group, life, ending_of(group), began)


def ending_of(group: ProcessGroup) -> int:
    """Return a descriptor that is readable when the leader has ended, on any system."""
    if group.ending is not None:
        return group.ending
    from threading import Thread

    ending, end = os.pipe()
    keep_private(ending)
    keep_private(end)
    Thread(target=_close_after, args=(group, end), daemon=True).start()
    return ending


def _close_after(group: ProcessGroup, end: int) -> None:
    group.reap()
    close_private(end)


def release(launch: Launch) -> None:
    """Close what was open for a command that has ended."""
    if launch.ending != launch.group.ending:
        close_private(launch.ending)
    launch.group.close()
    close_private(launch.life)
