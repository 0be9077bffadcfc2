"""Every edit of the corpus changes the fingerprints of the tasks that it can reach, of no others, and not for good."""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import taskdisc
from taskdisc.fingerprint.code import CodeFingerprints

CORPUS = Path(__file__).parents[1] / "corpus"
SHARED = runpy.run_path(str(CORPUS / "code_shared_project.py"))
PAIRS = [
    *((title, SHARED["PROJECT"], edit, changed) for title, edit, changed in SHARED["PAIRS"]),
    *runpy.run_path(str(CORPUS / "code_small_projects.py"))["PAIRS"],
]

Project = dict[str, str]


def _stand_in(*args: Any, **options: Any) -> Any:
    """Decorate as taskdisc does: the same function comes back."""
    return args[0] if args and callable(args[0]) else lambda function: function


@pytest.fixture
def fingerprints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Project], dict[str, bytes]]]:
    """Write a project, import it anew, and return the digest of each of its tasks."""
    for name in ("task", "requires", "parametrize", "axis", "fixture"):
        monkeypatch.setattr(taskdisc, name, _stand_in, raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)
    summaries: dict[str, object] = {}

    def fingerprint(project: Project) -> dict[str, bytes]:
        _forget(tmp_path)
        for path, text in project.items():
            (tmp_path / path).parent.mkdir(exist_ok=True, parents=True)
            (tmp_path / path).write_text(text)
        importlib.invalidate_caches()
        modules = [importlib.import_module(path[:-3]) for path in project if path.startswith("tasks_")]
        code = CodeFingerprints(str(tmp_path), summaries)
        own = {name for name, module in sys.modules.items() if _is_below(tmp_path, module)}
        tasks = {name: task for module in modules for name, task in _tasks(module, own).items()}
        return {name: code.fingerprint(task).digest for name, task in tasks.items()}

    yield fingerprint
    _forget(tmp_path)


def _is_below(folder: Path, module: Any) -> bool:
    return (getattr(module, "__file__", None) or "").startswith(str(folder))


def _forget(folder: Path) -> None:
    for name, module in list(sys.modules.items()):
        if _is_below(folder, module):
            del sys.modules[name]


def _tasks(module: Any, project: set[str]) -> dict[str, Any]:
    """Return the public functions that a module does not import."""
    others = [vars(sys.modules[name]) for name in project if name != module.__name__]
    imported = {id(value) for names in others for value in names.values()} | {id(_stand_in)}
    return {
        name: value
        for name, value in vars(module).items()
        if name[0] != "_" and hasattr(value, "__qualname__") and not isinstance(value, type)
        if id(value) not in imported and value.__module__ in project
    }


def edited(project: Project, edit: dict[str, tuple[str, str]]) -> Project:
    """Return a project after an edit, each old text of which must occur exactly once."""
    after = dict(project)
    for path, (old, new) in edit.items():
        assert project[path].count(old) == 1, (path, old)
        after[path] = project[path].replace(old, new)
    return after


def test_the_corpus_is_large_and_its_titles_differ() -> None:
    titles = [title for title, *_ in PAIRS]
    assert len(titles) >= 40
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize(("title", "project", "edit", "changed"), PAIRS, ids=[title for title, *_ in PAIRS])
def test_edit_changes_what_it_reaches(
    fingerprints: Callable[[Project], dict[str, bytes]],
    title: str,
    project: Project,
    edit: dict[str, tuple[str, str]],
    changed: set[str],
) -> None:
    before = fingerprints(project)
    after = fingerprints(edited(project, edit))
    assert {name for name in before if before[name] != after.get(name)} == changed
    assert fingerprints(project) == before
