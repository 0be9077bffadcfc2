"""The example project, run as its readers run it: what is computed, what is not, and that nothing starts in vain."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Example:
    """A copy of the example project."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.value = ""
        """What the latest run printed as its result."""

    def run(self, *arguments: str, wrapped: tuple[str, ...] = ()) -> str:
        """Do `taskdisc run ...`; return its report, the duration left out."""
        environment = {name: text for name, text in os.environ.items() if not name.startswith("TASKDISC_")}
        done = subprocess.run(
            [*wrapped, sys.executable, "-m", "taskdisc", "run", *arguments],
            cwd=self.path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        self.value = done.stdout.rstrip("\n")
        return re.sub(r" in \S+ s\n$", "", done.stderr)

    def edit(self, name: str, before: str, after: str) -> None:
        """Replace text in a module."""
        text = (self.path / name).read_text(encoding="utf-8")
        assert before in text
        (self.path / name).write_text(text.replace(before, after), encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """A copy that has been run once; nobody may change it."""
    path = tmp_path_factory.mktemp("finished") / "example"
    shutil.copytree(ROOT / "example_project", path, ignore=shutil.ignore_patterns(".taskdisc", "__pycache__"))
    example = Example(path)
    assert example.run() == "71 succeeded"
    return example


@pytest.fixture
def example(finished: Example, tmp_path: Path) -> Example:
    """A copy of the finished copy, its results included."""
    shutil.copytree(finished.path, tmp_path / "example", symlinks=True)
    return Example(tmp_path / "example")


def test_the_first_run_writes_a_page(finished: Example) -> None:
    finished.run()
    page = Path(finished.value)
    assert page.is_relative_to(finished.path / ".taskdisc")
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!") and "<svg" in text and text.rstrip().endswith("</html>")


def test_the_second_run_says_in_one_line_that_all_is_up_to_date(finished: Example) -> None:
    assert finished.run() == "up to date: 71 cached"


def test_the_second_run_creates_no_process(finished: Example, tmp_path: Path) -> None:
    assert finished.run(wrapped=counting(tmp_path)) == "up to date: 71 cached"
    assert (tmp_path / "count").read_text() == "0"  # neither a process nor a thread


def test_that_count_would_see_workers(example: Example, tmp_path: Path) -> None:
    assert example.run("-p", "title=Birds", wrapped=counting(tmp_path)) == "1 succeeded, 70 cached"
    assert int((tmp_path / "count").read_text()) > 0


def counting(folder: Path) -> tuple[str, ...]:
    """Words before a command that have the processes counted that it creates."""
    return sys.executable, str(ROOT / "tests/tracing.py"), str(folder / "count")


def test_modification_times_change_nothing(example: Example) -> None:
    for path in example.path.rglob("*"):
        if ".taskdisc" not in path.parts:
            os.utime(path, (1, 1))
    assert example.run() == "up to date: 71 cached"


def test_comments_docstrings_and_formatting_change_nothing(example: Example) -> None:
    example.edit("classifiers.py", '"""Measure the scale of `points`."""', '"""Measure."""\n    # all of them\n')
    example.edit("tasks_models.py", "return right / len(test)", "return (\n        right / len(test)\n    )")
    assert example.run() == "up to date: 71 cached"


def test_a_helper_reruns_what_reaches_it_up_to_the_first_equal_result(example: Example) -> None:
    example.edit("classifiers.py", "return total - sum(", "return 1.0 * total - sum(")
    assert example.run() == "30 succeeded, 41 cached"  # the models, which come out equal


def test_a_helper_that_changes_results_is_felt_to_the_end(example: Example) -> None:
    example.edit("classifiers.py", "heapq.nsmallest(self.k,", "heapq.nsmallest(self.k + 2,")
    report = example.run()
    assert re.fullmatch(r"\d+ succeeded, \d+ cached", report)
    assert example.run() == "up to date: 71 cached"
    example.edit("classifiers.py", "heapq.nsmallest(self.k + 2,", "heapq.nsmallest(self.k,")
    assert example.run() == "up to date: 71 cached"


def test_a_helper_of_the_report_concerns_the_report_alone(example: Example) -> None:
    example.edit("tasks_report.py", "No bird was mistaken", "No bird at all was mistaken")
    assert example.run() == "1 succeeded, 70 cached"


def test_an_input_file_counts_by_its_content(example: Example) -> None:
    style = example.path / "report.css"
    before = style.read_bytes()
    style.write_bytes(before + b"svg { opacity: 0.9 }\n")
    assert example.run() == "1 succeeded, 70 cached"
    style.write_bytes(before)
    assert example.run() == "up to date: 71 cached"


def test_another_fraction_makes_all_but_the_cleaning_and_its_summary(example: Example) -> None:
    assert example.run("-p", "fraction=0.3") == "69 succeeded, 2 cached"
    assert example.run() == "up to date: 71 cached"
    assert example.run("-p", "fraction=0.3") == "up to date: 71 cached"


def test_another_title_makes_another_page(example: Example) -> None:
    example.run()
    first = example.value
    assert example.run("-p", "report.title=Birds") == "1 succeeded, 70 cached"
    assert example.value != first
    assert "Birds" in Path(example.value).read_text(encoding="utf-8")


def test_one_more_method(example: Example) -> None:
    example.edit("tasks_models.py", '"bayes": ("bayes",),', '"bayes": ("bayes",),\n    "knn-9": ("neighbours", 9),')
    report = example.run()
    assert re.fullmatch(r"1[1-5] succeeded, \d+ cached", report), (
        report
    )  # five models, five accuracies, what shows them


def test_a_slice_and_its_values(finished: Example) -> None:
    assert finished.run("accuracy[method=bayes]") == "up to date: 16 cached"
    assert [line.partition(":")[0] for line in finished.value.splitlines()] == [
        f"accuracy[method=bayes,seed={seed}]" for seed in range(5)
    ]
