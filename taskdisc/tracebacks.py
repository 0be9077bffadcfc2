"""Exceptions of tasks as text: the user's frames only, in pytest's manner. Imported when something failed."""

from __future__ import annotations

import linecache
import os
from collections.abc import Iterator
from types import FrameType, TracebackType

import taskdisc
from taskdisc.errors import Place, class_name
from taskdisc.model import ErrorText
from taskdisc.paths import relative_to

SHOWN_FRAMES = 20
"""Frames that are printed of one exception; of more, the first and the last half."""
LONGEST = 5000
"""Characters of a message that are kept: some exceptions tell all their data."""
OURS = os.path.dirname(os.path.abspath(taskdisc.__file__)) + os.sep


def describe_error(error: BaseException, root: str) -> ErrorText:
    """Return `error` as text, with what caused it first."""
    lines: list[str] = []
    for link, sentence in _chain(error):
        lines += _section(link, root)
        if sentence:
            lines += ["", sentence, ""]
    place = next(
        (Place(path, line) for path, line, _ in reversed(_frames(error, root)) if not os.path.isabs(path)), None
    )
    classes = tuple([class_name(kind) for kind in type(error).__mro__[:-2]])  # those two say nothing
    return ErrorText(class_name(type(error)), _message(error), place, "\n".join(lines), classes=classes)


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as failure:
        return f"(its str() raises {type(failure).__name__})"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text) - LONGEST} more characters)"


def _chain(error: BaseException) -> Iterator[tuple[BaseException, str]]:
    """Yield the exceptions that led to `error`, oldest first, each with the sentence that leads to the next."""
    links = [(error, "")]
    seen = {id(error)}
    while True:
        last = links[-1][0]
        if last.__cause__ is not None:
            before, sentence = last.__cause__, "which was the direct cause of:"
        elif last.__context__ is not None and not last.__suppress_context__:
            before, sentence = last.__context__, "and while that was being handled:"
        else:
            break
        if id(before) in seen:
            break
        seen.add(id(before))
        links.append((before, sentence))
    return reversed(links)


def _section(error: BaseException, root: str) -> list[str]:
    lines: list[str] = []
    frames = _frames(error, root)
    half = SHOWN_FRAMES // 2
    if len(frames) <= SHOWN_FRAMES:
        lines += _frame_lines(frames, root)
    else:
        lines += _frame_lines(frames[:half], root)
        lines.append(f"... {len(frames) - 2 * half} more frames ...")
        lines += _frame_lines(frames[-half:], root)
    first, *rest = _message(error).split("\n")
    kind = class_name(type(error))
    lines.append(f"E   {kind}: {first}" if first else f"E   {kind}")
    lines += [f"E   {text}" for text in rest]
    lines += [f"E   {text}" for text in getattr(error, "__notes__", ())]
    for number, inner in enumerate(getattr(error, "exceptions", ()), 1):
        if isinstance(inner, BaseException):
            lines += [f"  {number}:", *(f"  {text}" for text in _section(inner, root))]
    return lines


def _frame_lines(frames: list[tuple[str, int, str]], root: str) -> Iterator[str]:
    for path, line, name in frames:
        yield f"{path}:{line}: in {name}"
        source = linecache.getline(os.path.join(root, path), line).strip()
        if source:
            yield f"    {source}"


def _frames(error: BaseException, root: str) -> list[tuple[str, int, str]]:
    """(path, line, function) of the frames in the project, and of the last one wherever it is."""
    found: list[tuple[str, int, str]] = []
    trace = error.__traceback__
    while trace is not None:
        path = _path(trace.tb_frame, trace)
        if not path.startswith((OURS, "<frozen importlib")):
            inside = relative_to(path, root)
            last = trace.tb_next is None
            if last or (inside is not None and "site-packages" not in inside):
                found.append((path if inside is None else inside, trace.tb_lineno, trace.tb_frame.f_code.co_name))
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename:
        inside = relative_to(os.path.abspath(error.filename), root)
        found.append((inside or error.filename, error.lineno or 0, "(syntax)"))
    return found


def _path(frame: FrameType, trace: TracebackType) -> str:
    name = frame.f_code.co_filename
    return name if name.startswith("<") else os.path.abspath(name)


def hint_for(raised: BaseException, *, has_keyboard: bool) -> str:
    """Return what to do about exceptions whose own message does not say it."""
    if isinstance(raised, SystemExit):
        return "A task ends by returning. To fail, raise an exception that says why."
    if type(raised).__name__ == "BdbQuit" and not has_keyboard:
        return "Workers have no keyboard. For breakpoint(): `taskdisc debug`, run --pdb, or @task(interactive=True)."
    if isinstance(raised, EOFError) and str(raised) == "EOF when reading a line":
        if has_keyboard:
            return "A task that asks must be run where somebody can answer: standard input is at its end."
        return "Workers have no keyboard. A task that asks is one with @task(interactive=True)."
    return ""
