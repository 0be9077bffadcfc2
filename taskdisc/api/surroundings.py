"""What a project changes in the process that uses it, and how it is put back: this process is the caller's."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from threading import RLock, current_thread, main_thread
from typing import Any

from taskdisc.collect import is_importing
from taskdisc.errors import UsageError
from taskdisc.generators import Generators
from taskdisc.interrupts import interrupt
from taskdisc.loader import forget_expected
from taskdisc.session import use_modules_of

_lock = RLock()
"""Working folder, variables and imports are the process's: one thread uses them at a time, the others wait."""


@contextmanager
def surroundings(root: str, environment: Sequence[tuple[str, str]], *, live: bool = False) -> Iterator[None]:
    """Be in the root, with the project's modules and variables, as a command would; then put everything back.

    `live` projects take what is loaded as it is: no module is put in its place or imported anew.

    Raises UsageError while modules of a project are being imported.
    """
    if is_importing():
        raise UsageError(
            "this is a module of a project that is being imported: no task can run before that is done. "
            'Put the call below: if __name__ == "__main__":'
        )
    with _lock, ExitStack() as stack:
        stack.enter_context(_working_folder(root))
        stack.enter_context(_variables(environment))
        stack.enter_context(_imports(root, live))
        stack.enter_context(_random_numbers())
        yield


@contextmanager
def _working_folder(root: str) -> Iterator[None]:
    try:
        before = os.getcwd()
    except FileNotFoundError:
        before = None
    os.chdir(root)
    try:
        yield
    finally:
        if before is not None:
            with suppress(OSError):
                os.chdir(before)


@contextmanager
def _variables(environment: Sequence[tuple[str, str]]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name, _ in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, text in before.items():
            if text is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = text


@contextmanager
def _imports(root: str, live: bool) -> Iterator[None]:
    was_there = root in sys.path
    finders = list(sys.meta_path)
    if not live:
        use_modules_of(root)
    try:
        yield
    finally:
        forget_expected()
        if not was_there and root in sys.path:
            sys.path.remove(root)
        if not any(type(finder) is Generators for finder in finders):
            sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder) is not Generators]


@contextmanager
def _random_numbers() -> Iterator[None]:
    """Tasks that run in this process are seeded; the caller's numbers go on as if nothing had been."""
    states: list[tuple[Any, Any]] = []
    for name, get, put in (("random", "getstate", "setstate"), ("numpy.random", "get_state", "set_state")):
        if (module := sys.modules.get(name)) is not None:
            states.append((getattr(module, put), getattr(module, get)()))
    try:
        yield
    finally:
        for put_back, state in states:
            put_back(state)


@contextmanager
def interruptible() -> Iterator[None]:
    """While a run executes: Ctrl-C ends it, but not in the middle of what must not be cut in half.

    Only where Ctrl-C means KeyboardInterrupt, in the main thread; whatever else the caller has arranged stays.
    """
    import signal

    if current_thread() is not main_thread() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
