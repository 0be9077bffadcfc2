"""Stop a function, run in a fork of this process, dead at its n-th system call that changes a file (Linux, ptrace)."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
from collections.abc import Callable

from tests.tracing import ALL, SETOPTIONS, TRACEME, ptrace

SYSCALL, GET_INFO = 24, 0x420E
OPTIONS = 1 | 1 << 20
"""System calls are told from signals; whatever happens to us, the traced process ends."""
ENTRY = 1
"""The kind of a stop before a system call."""
INFO = struct.Struct("=B3xIQQ7Q")
"""ptrace_syscall_info: op, arch, instruction pointer, stack pointer, number and arguments."""

CHANGES = {
    "x86_64": {
        *(1, 18, 20, 296),  # write, pwrite64, writev, pwritev
        *(74, 75, 77, 76),  # fsync, fdatasync, ftruncate, truncate
        *(82, 264, 316, 86, 265),  # rename, renameat, renameat2, link, linkat
        *(83, 258, 84, 87, 263),  # mkdir, mkdirat, rmdir, unlink, unlinkat
        *(90, 91, 268, 280),  # chmod, fchmod, fchmodat, utimensat
    },
    "aarch64": {
        *(64, 68, 66, 70),
        *(82, 83, 46, 45),
        *(38, 276, 37),
        *(34, 35),
        *(52, 53, 88),
    },
}
OPEN = {"x86_64": 257, "aarch64": 56}
"""openat; with O_CREAT it makes a file."""


def run_until(step: int | None, function: Callable[[], None]) -> int | None:
    """Run the function up to its n-th change of a file, before which it is killed; return how many there were.

    Return None where it was killed. `function` ends the process.
    """
    child = os.fork()
    if not child:
        ptrace(TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        function()
        os._exit(99)
    os.waitpid(child, ALL)
    ptrace(SETOPTIONS, child, OPTIONS)
    ptrace(SYSCALL, child)
    changes = 0
    while True:
        _, status = os.waitpid(child, ALL)
        if not os.WIFSTOPPED(status):
            return changes
        caught = os.WSTOPSIG(status)
        if caught != signal.SIGTRAP | 0x80:
            ptrace(SYSCALL, child, caught)
            continue
        if _changes_a_file(child):
            changes += 1
            if changes == step:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, ALL)
                return None
        ptrace(SYSCALL, child)


def _changes_a_file(process: int) -> bool:
    buffer = ctypes.create_string_buffer(128)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    libc.ptrace.restype = ctypes.c_long
    size = libc.ptrace(GET_INFO, process, ctypes.c_void_p(128), buffer)
    if size < INFO.size - 8 * 1:
        return False
    kind, _, _, _, number, *arguments = INFO.unpack_from(buffer.raw)
    if kind != ENTRY:
        return False
    machine = platform.machine()
    return number in CHANGES[machine] or (number == OPEN[machine] and bool(arguments[2] & os.O_CREAT))
