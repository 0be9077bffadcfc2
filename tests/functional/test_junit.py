"""`run --junit FILE`."""

from __future__ import annotations

from xml.etree import ElementTree

from taskdisc.testing import Project

TASKS = """
    import os
    import sys

    from taskdisc import axis

    k = axis(0, 1)

    def inverse(k: int) -> float:
        print("dividing <\\x01> by", k)
        return 1 / k

    def needs(inverse): return 2

    def dies():
        os.kill(os.getpid(), 9)
    """


def cases(project: Project, name: str = "report.xml") -> dict[str, ElementTree.Element]:
    return {case.attrib["name"]: case for case in ElementTree.parse(project.path / name).iter("testcase")}


def test_each_step_is_a_test_case(project: Project) -> None:
    project.write({"sub/tasks_x.py": TASKS})
    project.run("inverse[k=1]").assert_ok()
    assert project.run("--junit", "report.xml").exit_code == 1
    found = cases(project)
    tags = {name: [child.tag for child in case] for name, case in found.items()}
    assert tags == {
        "inverse[k=0]": ["failure", "system-out"],
        "inverse[k=1]": [],
        "needs[k=0]": ["skipped"],
        "needs[k=1]": [],
        "dies": ["error"],
    }
    failure, output = found["inverse[k=0]"]
    assert failure.attrib == {"type": "ZeroDivisionError", "message": "division by zero"}
    assert failure.text == ("sub/tasks_x.py:10: in inverse\n    return 1 / k\nE   ZeroDivisionError: division by zero")
    assert output.text == "dividing <\N{REPLACEMENT CHARACTER}> by 0"
    assert found["needs[k=0]"][0].attrib == {"message": "blocked"}
    assert found["dies"][0].attrib["message"] == "worker ended with signal SIGKILL (9)"
    assert found["dies"].attrib["classname"] == "sub.tasks_x.dies"
    suite = ElementTree.parse(project.path / "report.xml").find("testsuite")
    assert suite is not None
    numbers = {name: suite.attrib[name] for name in ("tests", "failures", "errors", "skipped")}
    assert numbers == {"tests": "5", "failures": "1", "errors": "1", "skipped": "1"}


def test_the_file_lies_where_the_command_was_given(project: Project) -> None:
    project.write({"sub/tasks_x.py": TASKS})
    project.run("needs[k=1]", "--junit", "report.xml", cwd="sub").assert_ok()
    assert sorted(cases(project, "sub/report.xml")) == ["inverse[k=1]", "needs[k=1]"]


def test_mistakes(project: Project) -> None:
    project.write({"sub/tasks_x.py": TASKS})
    missing = project.run("--junit", "nowhere/report.xml")
    assert missing.exit_code == 4
    assert missing.stderr == (
        f"error: --junit {project.path}/nowhere/report.xml: No such file or directory. "
        f"Name a file that can be written.\n"
    )
    assert missing.ran == []
    dry = project.run("-n", "--junit", "report.xml")
    assert (dry.exit_code, dry.stderr) == (
        4,
        "error: run: -n runs nothing, so there is nothing to write for --junit. Leave out one of them.\n",
    )
