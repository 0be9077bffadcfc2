"""The command line. Nothing is imported here before it is known what is wanted."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing typing would make `taskdisc --version` a third slower
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


def main() -> NoReturn:
    """Run the command with the process's arguments, and end the process."""
    import gc

    _mend_streams()
    gc.disable()  # start-up makes no garbage; a run that executes something switches it on again
    leave(invoke(sys.argv[1:]))


def _mend_streams() -> None:
    """Have standard streams that never fail for what they are told, closed ones included.

    The numbers of closed ones would else be those of pipes and databases, to which anybody might print.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            import os

            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115 - it stays open
        elif number and stream.errors != "backslashreplace":
            stream.reconfigure(errors="backslashreplace")


def invoke(arguments: Sequence[str]) -> int:
    """Run a command line in this process; return its exit code (see `errors.ExitCode`)."""
    if [*arguments] == ["--version"]:  # `list` is a module of this package, once that is imported
        from taskdisc import __version__

        print(f"taskdisc {__version__}")
        return 0
    from taskdisc.errors import ExitCode, TaskdiscError, UnusableIndex

    try:
        try:
            return _invoke(arguments)
        except UnusableIndex as error:  # found while it was used: everything begins anew, without it
            from taskdisc.store.database import set_aside

            print(f"warning: {set_aside(error)}", file=sys.stderr)
            return _invoke(arguments)
    except TaskdiscError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return ExitCode.OK
    except Exception as error:
        if _is_full_output(error):
            print(f"error: the output cannot be written: {error}", file=sys.stderr)
            return ExitCode.FAILED
        import traceback

        traceback.print_exc()
        print(
            "error: this is a bug in taskdisc or in a plugin; the traceback above belongs into its report",
            file=sys.stderr,
        )
        return ExitCode.INTERNAL


def _invoke(arguments: Sequence[str]) -> int:
    from taskdisc.cli.quick import read_run

    options = read_run(arguments)
    if options is not None:
        from taskdisc.cli.run import run

        return run(options)
    from taskdisc.cli.commands import invoke_click

    return invoke_click(arguments)


def _is_full_output(error: Exception) -> bool:
    """Say whether a stream, which has no name, has no space left."""
    from errno import ENOSPC

    return isinstance(error, OSError) and error.errno == ENOSPC and error.filename is None


def leave(code: int) -> NoReturn:
    """End the process; where no thread is left, without taking the interpreter apart, which takes milliseconds."""
    import os

    threading = sys.modules.get("threading")
    if threading is not None and threading.active_count() > 1:
        sys.exit(code)
    atexit = sys.modules.get("atexit")
    try:
        if atexit is not None:
            atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        pass
    except OSError as error:
        os.write(2, f"error: the output cannot be written: {error}\n".encode())
        code = code or 1
    os._exit(code)
