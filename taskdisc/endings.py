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
SLOW_HINT = "Does it hang? Its log may show where. Or give it more time: timeout=..."
KINDS = {Outcome.KILLED: "killed", Outcome.TIMED_OUT: "timeout"}
SHELL_SIGNAL = 128
"""Launchers, as shells do, report the end of their child by signal n as exit status 128 + n."""
OWN = 255
"""Exit status of launchers that have failed themselves: ssh without a connection, task-spooler without a server."""
TAIL = 10
LAUNCHER = ".launcher"
"""Ends the names of logs that hold what a launcher or a batch system itself said."""


def describe_status(status: int) -> tuple[str, str]:
    """Return what a wait status means, "signal SIGKILL (9)" or "exit status 3", and a hint."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit status {code}", EXIT_HINT
    name = signal_name(-code)
    return f"signal {name} ({-code})", HINTS.get(name, "")


def describe_exit(status: int, prefix: str) -> tuple[str, str, str]:
    """Return the outcome of a launched command, what its wait status means, and a hint."""
    what, hint = describe_status(status)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return Outcome.KILLED, what, hint
    if SHELL_SIGNAL < code < OWN:
        name = signal_name(code - SHELL_SIGNAL)
        return Outcome.KILLED, f"{what} (signal {name})", HINTS.get(name, "")
    if code == 0:
        hint = "Does the prefix run the words that come after it, and wait for them?"
    elif code in (126, 127):
        hint = "A command was not found, or could not be run."
    elif code == OWN:
        hint = "The program in the prefix has failed itself, as ssh does without a connection."
    return Outcome.FAILED, what, f"{hint} The prefix is: {prefix}"


def signal_name(number: int) -> str:
    """Return the name of a signal."""
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}" if number > signal.SIGRTMIN else str(number)


def unanswered(
    job: Job, spec: TaskSpec, outcome: str, message: str, hint: str, began: float | None = None, said: str = ""
) -> JobResult:
    """Return the result of a job that could not give one itself; `said` are last words from elsewhere."""
    now = time.time()
    began = now if began is None else began
    kind = KINDS.get(outcome, "launcher")
    error = ErrorText(kind, message, spec.place, said, hint)
    return JobResult(job.number, outcome, started=began, seconds=max(0.0, now - began), error=error)


def too_slow(job: Job, spec: TaskSpec, began: float | None) -> JobResult:
    """Return the result of a job that was ended since it took longer than its timeout."""
    return unanswered(job, spec, Outcome.TIMED_OUT, slow_message(spec), SLOW_HINT, began)


def slow_message(spec: TaskSpec) -> str:
    """Return what is wrong with a job that was ended since it took longer than its timeout."""
    return f"still running after {spec.timeout:g} s"


def logs_of(stdout: str | None, stderr: str | None) -> list[tuple[str, str]]:
    """Return the logs of an attempt, each with the name of what it holds: "stdout", "stderr", or "launcher".

    Where an attempt wrote nothing itself, its `stderr` is what its launcher said.
    """
    second = "launcher" if stderr is not None and stderr.endswith(LAUNCHER) else "stderr"
    return [(name, log) for name, log in (("stdout", stdout), (second, stderr)) if log is not None]


def last_lines(path: str) -> str:
    """Return the last lines of a log, for people."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - 10_000))
            lines = file.read().decode("utf-8", "backslashreplace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join(lines[-TAIL:])
