"""Runs the command on projects that are written for a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def write(folder: Path, **files: str) -> Path:
    """Write a project; `name="..."` is the module name.py. A configuration that has nothing to say is added."""
    folder.mkdir(parents=True, exist_ok=True)
    files.setdefault("pyproject", "[tool.taskdisc]\n")
    for name, text in files.items():
        (folder / f"{name}.{'toml' if name == 'pyproject' else 'py'}").write_text(text)
    return folder


def taskdisc(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder."""
    words = [sys.executable, "-m", "taskdisc", *arguments]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
