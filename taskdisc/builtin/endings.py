"""How a process that ran a job ended, in words: what happened, and what to look at next."""

from __future__ import annotations

import os
import time

from taskdisc.model import ErrorText, Job, JobResult, Outcome, TaskSpec

HINTS = {
    "SIGKILL": "Out of memory? `dmesg` says so. Give the task less data at a time, or run fewer workers.",
    "SIGTERM": "Somebody asked it to end: a batch system, an administrator, or the task itself.",
    "SIGSEGV": "Compiled code crashed; the Python lines that called it are in the attempt's stderr log.",
    "SIGBUS": "A file that was mapped into memory became shorter, or its disk is full.",
    "SIGABRT": "Compiled code gave up; its last words are in the attempt's stderr log.",
    "SIGXCPU": "The limit of CPU time is used up (ulimit -t).",
}
EXIT_HINT = "os._exit() in the task, or in a library it uses? Raise an exception instead."


def describe_status(status: int) -> tuple[str, str]:
    """Return what a wait status means, "signal SIGKILL (9)" or "exit status 3", and a hint."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit status {code}", EXIT_HINT
    name = signal_name(-code)
    return f"signal {name} ({-code})", HINTS.get(name, "")


def signal_name(number: int) -> str:
    """Return the name of a signal."""
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return "SIGRTMIN" if number == signal.SIGRTMIN else f"SIGRTMIN+{number - signal.SIGRTMIN}"


def killed(job: Job, spec: TaskSpec, message: str, hint: str, began: float | None = None) -> JobResult:
    """Return the result of a job whose process ended before it could answer."""
    now = time.time()
    began = now if began is None else began
    return JobResult(
        job.number,
        Outcome.KILLED,
        started=began,
        seconds=max(0.0, now - began),
        error=ErrorText("killed", message, spec.place, "", hint),
    )
