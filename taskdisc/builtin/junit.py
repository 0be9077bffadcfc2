"""A run as JUnit XML, which CI services show: a test case for each step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from taskdisc.builtin.terminal import tail
from taskdisc.endings import logs_of
from taskdisc.errors import UsageError
from taskdisc.model import Outcome

if TYPE_CHECKING:
    from taskdisc.model import RunReport, StepEnd
    from taskdisc.run import Run

REFUSED = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML has no way to hold."""
ERRORS = (Outcome.TIMED_OUT, Outcome.KILLED)
"""Outcomes that say less of the task than of where it ran."""
NOT_RUN = (Outcome.BLOCKED, Outcome.CANCELLED)


class Junit:
    """A plugin that writes a file when a run has ended, however it ended."""

    def __init__(self, path: str) -> None:
        """Begin the file. Raises UsageError where it cannot be written."""
        self._path = path
        self._run: Run | None = None
        self._ends: dict[int, StepEnd] = {}
        self._write(ElementTree.Element("testsuites"))  # now, and not after hours of work, it shows that it cannot be

    def taskdisc_run_started(self, run: Run) -> None:
        """Note the run, which knows the steps that are not executed."""
        self._run = run
        self._ends.clear()

    def taskdisc_job_finished(self, step: StepEnd) -> None:
        """Note how it ended."""
        if step.result is not None:
            self._ends[step.result.number] = step

    def taskdisc_run_finished(self, report: RunReport) -> None:
        """Write the file."""
        assert self._run is not None
        suite = ElementTree.Element("testsuite", name="taskdisc", time=f"{report.seconds:.3f}")
        for node in self._run.steps():
            suite.append(self._case(self._run, node))
        for name, tags in (("failures", ["failure"]), ("errors", ["error"]), ("skipped", ["skipped"])):
            suite.set(name, str(sum(len(case.findall(tag)) for case in suite for tag in tags)))
        suite.set("tests", str(len(suite)))
        suites = ElementTree.Element("testsuites")
        suites.append(suite)
        self._write(suites)

    def _case(self, run: Run, node: int) -> ElementTree.Element:
        step = self._ends.get(node)
        result = step.result if step is not None else None
        case = ElementTree.Element(
            "testcase",
            classname=_text(run.task_of(node).id.replace("/", ".").replace(".py::", ".")),
            name=_text(run.id_of(node)),
            time=f"{result.seconds if result is not None else 0.0:.3f}",
        )
        outcome = step.outcome if step is not None else run.fate(node)
        if outcome in NOT_RUN:
            ElementTree.SubElement(case, "skipped", message=outcome)
        elif result is not None and result.error is not None:
            tag = "error" if outcome in ERRORS else "failure"
            error = result.error
            problem = ElementTree.SubElement(case, tag, type=_text(error.kind), message=_text(error.message))
            problem.text = _text("\n".join(filter(None, (error.traceback, error.hint))))
            for name, log in logs_of(result.stdout, result.stderr):
                tag = "system-out" if name == "stdout" else "system-err"
                ElementTree.SubElement(case, tag).text = _text(tail(f"{run.project.config.store}/{log}"))
        return case

    def _write(self, root: ElementTree.Element) -> None:
        try:
            ElementTree.ElementTree(root).write(self._path, encoding="utf-8", xml_declaration=True)
        except OSError as error:
            raise UsageError(f"--junit {self._path}: {error.strerror}. Name a file that can be written.") from None


def _text(text: str) -> str:
    return REFUSED.sub("\N{REPLACEMENT CHARACTER}", text)
