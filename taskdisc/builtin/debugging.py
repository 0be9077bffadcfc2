"""Debugging of tasks: where one fails, the debugger opens in the frame that raised, in the run's own process."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING

import taskdisc
from taskdisc.builtin.inline import Foreground

if TYPE_CHECKING:
    from taskdisc.capture import Capture
    from taskdisc.model import ErrorText, Job, WorkerContext

OURS = os.path.dirname(os.path.abspath(taskdisc.__file__)) + os.sep


class Debugged(Foreground):
    """Runs jobs, and opens the debugger for exceptions."""

    def __init__(self, context: WorkerContext, capture: Capture | None = None) -> None:
        super().__init__(context, capture)
        self.inspect = post_mortem


def post_mortem(raised: BaseException, job: Job, error: ErrorText) -> None:
    """Print what a task has raised, and let the user look around until they quit."""
    from bdb import BdbQuit

    if not isinstance(raised, Exception) or isinstance(raised, BdbQuit):
        return
    from pdb import Pdb

    sys.stdout.flush()
    print(f"{error.traceback}\n{job.instance} failed; q goes on", file=sys.stderr, flush=True)
    debugger = Pdb()
    debugger.reset()
    debugger.interaction(None, _from_task(raised.__traceback__))


def _from_task(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames that led to the task, unless there are no others."""
    inner = trace
    while inner is not None and os.path.abspath(inner.tb_frame.f_code.co_filename).startswith(OURS):
        inner = inner.tb_next
    return inner or trace
