"""`taskdisc init`: the first files of a project, or of a plugin. What is there stays as it is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from taskdisc.cli import templates
from taskdisc.errors import ExitCode, UsageError

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
TABLE = re.compile(r"^\s*\[\s*tool\s*\.\s*taskdisc\b", re.MULTILINE)


def init(directory: str | None, plugin: str | None) -> int:
    """Run the command; return the exit code. Raises UsageError for what cannot be written."""
    folder = os.path.join(os.getcwd(), directory or "")
    try:
        os.makedirs(folder, exist_ok=True)
        for line in _project(folder) if plugin is None else _plugin(folder, plugin):
            print(line)
    except OSError as error:
        raise UsageError(f"init: {error.filename}: {error.strerror}.") from None
    return ExitCode.OK


def _project(folder: str) -> Iterator[str]:
    """Write a project; yield what was done."""
    yield _table(folder)
    has_tasks = any(name.startswith("tasks_") and name.endswith(".py") for name in os.listdir(folder))
    if has_tasks:
        yield "there are tasks already"
    else:
        yield _new(folder, "tasks_hello.py", templates.TASKS)
        yield _new(folder, "test_hello.py", templates.TEST)
    yield _ignored(folder)
    if not has_tasks:
        yield "now: taskdisc run longest"


def _plugin(folder: str, name: str) -> Iterator[str]:
    """Write the distribution of a plugin; yield what was done. Raises UsageError where its folder exists."""
    if not NAME.fullmatch(name):
        raise UsageError(f"init --plugin {name}: a plugin's name has small letters, digits and -, such as my-plugin.")
    top = f"taskdisc-{name}"
    home = os.path.join(folder, top)
    if os.path.lexists(home):
        raise UsageError(f"init --plugin {name}: {top} is there already. Choose another name, or move it away.")
    words = {"name": name, "module": f"taskdisc_{name.replace('-', '_')}", "argument": name.replace("-", "_")}
    os.makedirs(os.path.join(home, "tests"))
    for path, text in (
        ("pyproject.toml", templates.PLUGIN_PROJECT),
        ("README.md", templates.PLUGIN_README),
        (f"{words['module']}.py", templates.PLUGIN),
        (os.path.join("tests", f"test_{words['argument']}.py"), templates.PLUGIN_TEST),
    ):
        yield _new(folder, os.path.join(top, path), text.format(**words))
    _ignored(home)
    yield f"now: cd {os.path.relpath(home)}; pip install -e '.[test]'; python -m pytest"


def _new(folder: str, path: str, text: str) -> str:
    """Write a file, unless it is there; return what to say of that."""
    try:
        with open(os.path.join(folder, path), "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        return f"{path} is there already"
    return f"wrote {path}"


def _added(folder: str, path: str, text: str, gap: str = "") -> str:
    """Add text to the end of a file, which is made if need be; return what to say of that."""
    whole = os.path.join(folder, path)
    if not os.path.lexists(whole):
        return _new(folder, path, text)
    before = _text(whole)
    with open(whole, "a", encoding="utf-8") as stream:
        stream.write(("" if not before or before.endswith("\n") else "\n") + (gap if before else "") + text)
    return f"added to {path}"


def _table(folder: str) -> str:
    """Make the folder a root."""
    path = "pyproject.toml"
    if TABLE.search(_text(os.path.join(folder, path))):
        return f"{path} has [tool.taskdisc] already"
    return _added(folder, path, templates.TABLE, gap="\n")


def _ignored(folder: str) -> str:
    """Have git ignore what runs leave behind."""
    path = ".gitignore"
    known = [line.strip().strip("/") for line in _text(os.path.join(folder, path)).splitlines()]
    missing = [f"{line}\n" for line in templates.IGNORED if line.strip("/") not in known]
    return _added(folder, path, "".join(missing)) if missing else f"{path} has these lines already"


def _text(path: str) -> str:
    """The text of a file; none where there is no file."""
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise UsageError(f"init: {path} is no UTF-8 text. Mend it first.") from None
