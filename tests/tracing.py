"""Count, from outside, the processes and threads that a command creates: `python tests/tracing.py COUNT COMMAND...`.

The kernel stops a traced command whenever it creates one (ptrace(2), PTRACE_O_TRACEFORK and its like). Linux only;
no program is needed that a bare machine lacks. The number goes to the file COUNT.
"""

import ctypes
import os
import signal
import sys
from contextlib import suppress

TRACEME, CONT, SETOPTIONS = 0, 7, 0x4200
FORK, VFORK, CLONE = 1, 2, 3
OPTIONS = 1 << FORK | 1 << VFORK | 1 << CLONE | 1 << 20  # the last: whatever happens to us, the command ends
ALL = 0x40000000  # __WALL: threads too

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
libc.ptrace.restype = ctypes.c_long


def ptrace(request, process, data=0):
    if libc.ptrace(request, process, None, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace({request}) of {process}")


def count(command):
    """Return (exit code, processes and threads created) of a command."""
    process = os.fork()
    if not process:
        ptrace(TRACEME, 0)
        os.execvp(command[0], command)
    os.waitpid(process, ALL)
    ptrace(SETOPTIONS, process, OPTIONS)
    ptrace(CONT, process)
    created = 0
    while True:
        stopped, status = os.waitpid(-1, ALL)
        if not os.WIFSTOPPED(status):
            if stopped == process:
                return os.waitstatus_to_exitcode(status), created
            continue
        created += status >> 16 in (FORK, VFORK, CLONE)
        caught = os.WSTOPSIG(status)
        with suppress(ProcessLookupError):  # it was killed meanwhile: the next wait tells so
            ptrace(CONT, stopped, 0 if caught in (signal.SIGTRAP, signal.SIGSTOP) else caught)


if __name__ == "__main__":
    exit_code, number = count(sys.argv[2:])
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(str(number))
    sys.exit(exit_code)
