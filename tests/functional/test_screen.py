"""Frames of a run on a terminal of 80 columns and 24 rows: what runs, what is next, what failed, how long it takes.

Tasks wait for files that the test makes, so each frame stays until it was seen.
"""

from __future__ import annotations

import pytest

from taskdisc.store.index import Index
from taskdisc.testing import Project
from tests.faults.processes import until
from tests.terminals import on_screen

STUDY = """
    import os
    import time

    from taskdisc import Gather, axis

    k = axis(range(100))

    def _wait(name):
        while not os.path.exists(f"go-{name}"):
            time.sleep(0.005)

    def prepare():
        _wait("prepare")

    def fit(prepare, k: int, task_info) -> int:
        if k == 1:
            task_info.progress(1, 4)
        if not os.path.exists("go-all"):
            _wait(k)
        if k == 2:
            raise ValueError("two is too many")
        return k

    def score(fit: Gather[int]) -> int:
        _wait("score")
        return sum(fit.values())

    def report(score) -> str:
        return f"the score is {score}"
    """


def go(project: Project, *names: object) -> None:
    project.write({f"go-{name}": "" for name in names})


def test_a_run_from_its_start_to_its_end(project: Project) -> None:
    project.write(tasks_study=STUDY)
    with on_screen(project.path, "run", "report", "-j", "2") as screen:
        screen.shows(
            """
              prepare  N s
            then: fit, score, report
            0/103 · M:SS
            """
        )
        go(project, "prepare")
        screen.shows(
            """
            fit  0/100
              fit[k=0]  N s
              fit[k=1]  N s  25% (1/4)
            next: fit[k=2], fit[k=3], fit[k=4] and 95 more · then: score, report
            1/103 · M:SS · about M:SS left
            """
        )
        go(project, 0)
        screen.shows(
            """
            fit  1/100 · R/s · M:SS left
              fit[k=1]  N s  25% (1/4)
              fit[k=2]  N s
            next: fit[k=3], fit[k=4], fit[k=5] and 94 more · then: score, report
            2/103 · M:SS · about M:SS left
            """
        )
        go(project, 2)
        screen.shows(
            """
            FAILED fit[k=2] - ValueError: two is too many (tasks_study.py:21)
            fit  2/100 · 1 failed · R/s · M:SS left
              fit[k=1]  N s  25% (1/4)
              fit[k=3]  N s
            next: fit[k=4], fit[k=5], fit[k=6] and 93 more
            5/103 · 1 failed · M:SS · about M:SS left
            """
        )
        screen.type("C-c")
        screen.shows(
            """
            FAILED fit[k=2] - ValueError: two is too many (tasks_study.py:21)
            interrupted: what runs has 2s to end; another Ctrl-C ends it at once
            =================================== FAILURES ===================================
            ___________________________________ fit[k=2] ___________________________________
            tasks_study.py:21: in fit
                raise ValueError("two is too many")
            E   ValueError: two is too many
            blocked: score, report
            ================================ short summary =================================
            FAILED fit[k=2] - ValueError: two is too many (tasks_study.py:21)
            interrupted: what was finished is kept; run again to go on
            2 succeeded, 1 failed, 2 blocked, 98 cancelled in N s
            exit code 2
            """
        )


def test_what_was_cached_and_the_end_of_a_good_run(project: Project) -> None:
    project.write(tasks_study=STUDY.replace("k == 2", "k == -2"))
    go(project, "prepare", "all")
    project.run("fit", "-j", "2").assert_ok()
    with on_screen(project.path, "run", "report", "-j", "2") as screen:
        screen.shows(
            """
              score  N s
            then: report
            101/103 · 101 cached · M:SS
            """
        )
        go(project, "score")
        screen.shows(
            """
            2 succeeded, 101 cached in N s
            the score is 4950
            exit code 0
            """
        )


def test_durations_of_earlier_runs_tell_how_long_it_will_take(project: Project) -> None:
    project.write(tasks_study=STUDY.replace("k == 2", "k == -2"))
    go(project, "prepare", "all", "score")
    project.run("report", "-j", "2").assert_ok()
    index = Index(str(project.path / ".taskdisc/index.sqlite"))
    with index.transaction():
        index.write("update artifact set seconds = 60")
    index.close()
    project.write(tasks_study=project.read("tasks_study.py").replace('"go-', '"now-'))
    with on_screen(project.path, "run", "report", "-j", "2") as screen:
        screen.shows(
            """
              prepare  N s
            then: fit, score, report
            0/103 · M:SS · about M:SS left
            """
        )
        until(lambda: "about 51:" in screen.frame(), "103 minutes of work are shared by two workers")


def test_little_room(project: Project) -> None:
    project.write(
        tasks_study=STUDY.replace("prepare, k: int", "prepare, k: int, colour: str").replace(
            "k = axis(range(100))", "k = axis(range(100))\n    colour = axis('深い緑色', 'red')"
        )
    )
    with on_screen(project.path, "run", "report", "-j", "2") as screen:
        screen.shows(
            """
              prepare  N s
            then: fit, score, report
            0/203 · M:SS
            """
        )
        screen.resize(34, 7)
        go(project, "prepare")
        screen.shows(
            """
            fit  0/200
              fit[colour="…緑色",k=0]  N s
              fit[co…",k=1]  N s  25% (1/4)
            next: fit[colour…n: score, report
            1/203 · M:SS · about M:SS left
            """
        )


def test_a_terminal_that_becomes_smaller_shows_no_left_overs(project: Project) -> None:
    project.write(tasks_study=STUDY)
    with on_screen(project.path, "run", "report", "-v", "-j", "6") as screen:
        screen.shows(
            """
              prepare  N s
            then: fit, score, report
            0/103 · M:SS
            """
        )
        go(project, "prepare")
        screen.shows(
            """
            succeeded prepare in N s
            fit  0/100
              fit[k=0]  N s
              fit[k=1]  N s  25% (1/4)
              fit[k=2]  N s
              fit[k=3]  N s
              fit[k=4]  N s
              fit[k=5]  N s
            next: fit[k=6], fit[k=7], fit[k=8] and 91 more · then: score, report
            1/103 · M:SS · about M:SS left
            """
        )
        screen.resize(40, 24)
        screen.shows(
            """
            fit  0/100
              fit[k=0]  N s
              fit[k=1]  N s  25% (1/4)
              fit[k=2]  N s
              fit[k=3]  N s
              fit[k=4]  N s
              fit[k=5]  N s
            next: fit[k=6], fit…then: score, report
            1/103 · M:SS · about M:SS left
            """
        )
        screen.resize(34, 6)
        screen.shows(
            """
            fit  0/100
              ... and 5 more running
              fit[k=N]  N s
            next: fit[k=6], …n: score, report
            1/103 · M:SS · about M:SS left
            """,
            (r"  fit\[k=\d\]  N s.*", "  fit[k=N]  N s"),  # any of six may have been the first to begin
        )
        screen.resize(80, 24)
        screen.type("C-c")
        screen.shows(
            """
            interrupted: what runs has 2s to end; another Ctrl-C ends it at once
            interrupted: what was finished is kept; run again to go on
            1 succeeded, 102 cancelled in N s
            exit code 2
            """
        )


def test_a_graph_that_grows(project: Project) -> None:
    project.write(
        tasks_grow="""
        import os
        import time

        from taskdisc import Gather, axis, skip

        def _wait(name):
            while not os.path.exists(f"go-{name}"):
                time.sleep(0.005)

        def books():
            _wait("books")
            return ["a", "b"]

        @axis
        def book(books):
            return books

        @axis
        def page(book):
            _wait(book)
            return [1, 2, 3]

        def read(page, book):
            if page == 1:
                skip("a title")
            _wait("read")
            return f"{book}{page}"

        def library(read: Gather[str]) -> str:
            return " ".join(read.values())
        """
    )
    with on_screen(project.path, "run", "library", "-j", "2") as screen:
        screen.shows(
            """
              books  N s
            then: book, library
            0/3 · M:SS
            """
        )
        go(project, "books")
        screen.shows(
            """
            page  0/2
              page[book=a]  N s
              page[book=b]  N s
            then: library
            2/5 · M:SS
            """,
            (" · about M:SS left", ""),  # by how long the first one took
        )
        go(project, "a")
        screen.shows(
            """
            page  1/2 · R/s · M:SS left
            read  1/3
              page[book=b]  N s
              read[book=a,page=2]  N s
            next: read[book=a,page=3] · then: library
            4/8 · 1 skipped · M:SS
            """,
            (" · about M:SS left", ""),
        )
        go(project, "read", "b")
        screen.shows(
            """
            9 succeeded, 2 skipped in N s
            a2 a3 b2 b3
            exit code 0
            """
        )


POOLS = """
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

    from taskdisc.builtin.process import ProcessExecutor

    class Silent:
        '''Does not say which of its jobs run; it takes no more than that.'''

        def __init__(self, workers):
            self._processes, self._left = ProcessExecutor(workers), workers

        def __getattr__(self, name):
            if name == "under_way":
                raise AttributeError(name)
            return getattr(self._processes, name)

        def free(self):
            return self._left

        def submit(self, jobs):
            self._left -= len(jobs)
            self._processes.submit(jobs)

        def collect(self):
            results = self._processes.collect()
            self._left += len(results)
            return results

    def taskdisc_executors():
        return {
            "threads": lambda workers: ThreadPoolExecutor(workers),
            "processes": lambda workers: ProcessPoolExecutor(workers),
            "silent": Silent,
        }
    """


@pytest.mark.parametrize("name", ["threads", "processes", "silent"])
def test_an_executor_of_a_plugin(project: Project, name: str) -> None:
    study = STUDY.replace("task_info.progress(1, 4)", "pass")
    study = study.replace('_wait("prepare")', "time.sleep(0.05)")  # long enough to tell how long the others will take
    project.write({"pyproject.toml": '[tool.taskdisc]\nplugins = ["pools"]\n'}, pools=POOLS, tasks_study=study)
    project.run("prepare").assert_ok()
    with on_screen(project.path, "run", "report", "-j", "2", "--executor", name) as screen:
        screen.shows(
            """
            fit  0/100
              fit[k=0]  N s
              fit[k=1]  N s
            next: fit[k=2], fit[k=3], fit[k=4] and 95 more · then: score, report
            1/103 · 1 cached · M:SS · about M:SS left
            """
        )
        go(project, 0)
        screen.shows(
            """
            fit  1/100 · R/s · M:SS left
              fit[k=1]  N s
              fit[k=2]  N s
            next: fit[k=3], fit[k=4], fit[k=5] and 94 more · then: score, report
            2/103 · 1 cached · M:SS · about M:SS left
            """
        )
        go(project, 2)
        screen.shows(
            """
            FAILED fit[k=2] - ValueError: two is too many (tasks_study.py:21)
            fit  2/100 · 1 failed · R/s · M:SS left
              fit[k=1]  N s
              fit[k=3]  N s
            next: fit[k=4], fit[k=5], fit[k=6] and 93 more
            5/103 · 1 cached · 1 failed · M:SS · about M:SS left
            """
        )
        go(project, "all", 1, 3, 4, 5)
        screen.shows(
            """
            FAILED fit[k=2] - ValueError: two is too many (tasks_study.py:21)
            =================================== FAILURES ===================================
            ___________________________________ fit[k=2] ___________________________________
            tasks_study.py:21: in fit
                raise ValueError("two is too many")
            E   ValueError: two is too many
            blocked: score, report
            ================================ short summary =================================
            FAILED fit[k=2] - ValueError: two is too many (tasks_study.py:21)
            99 succeeded, 1 failed, 2 blocked, 1 cached in N s
            exit code 1
            """
        )
