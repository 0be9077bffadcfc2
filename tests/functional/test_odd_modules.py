"""Modules and values that are odd, but the user's right."""

from __future__ import annotations

import pytest

from taskdisc.testing import Project

MODULES = {
    "an object that cannot be asked": """
        class Proxy:
            def __getattr__(self, name):
                raise RuntimeError("working outside of a request")

        request = Proxy()
        """,
    "an object without a class": """
        class Proxy:
            @property
            def __class__(self):
                raise RuntimeError("not yet")

        request = Proxy()
        """,
}


@pytest.mark.parametrize("module", MODULES)
def test_objects_that_fail_when_they_are_asked_what_they_are(project: Project, module: str) -> None:
    project.write(tasks_a=MODULES[module], tasks_b="def one():\n    return 1\n")
    assert project.run("one").assert_ok().stdout == "1\n"


def test_labels_that_no_terminal_takes(project: Project) -> None:
    project.write(
        tasks_a="""
        from taskdisc import axis

        label = axis("\\ud800", 10 ** 6000, "ö")

        def kind(label):
            return type(label).__name__
        """
    )
    first = project.run("kind").assert_ok()
    assert first.counts == {"succeeded": 3}
    ids = [line.rpartition(": ")[0] for line in first.stdout.splitlines()]
    assert ids[0] == 'kind[label="\\ud800"]'
    for instance in ids:
        assert project.run(instance).assert_ok().counts == {"cached": 1}


@pytest.mark.parametrize(
    "value, shown",
    [
        ("'\\ud800'", "\\ud800"),
        ("10 ** 6000", "<int, whose repr() raises ValueError"),
        ("Silent()", "<Silent, whose repr() raises RuntimeError: no"),
        ("[Silent()] * 30", "<list, whose repr() raises RuntimeError: no"),
    ],
)
def test_values_that_cannot_be_printed(project: Project, value: str, shown: str) -> None:
    project.write(
        silent="class Silent:\n    def __repr__(self):\n        raise RuntimeError('no')\n",
        tasks_a=f"from silent import Silent\n\ndef one():\n    return {value}\n",
    )
    assert project.run("one").assert_ok().stdout.startswith(shown)


def test_endless_messages_are_cut(project: Project) -> None:
    project.write(tasks_a="def one():\n    raise ValueError('x' * 1_000_000)\n")
    result = project.run("one")
    assert result.exit_code == 1
    assert len(result.stderr) < 10_000
    assert "more characters" in result.stderr


@pytest.mark.parametrize(
    "made, use, answer",
    [
        ("value = []\n    value.append(value)", "value[0] is value", "True"),
        ("value = []\n    for _ in range(100): value = [value, value]", "value[0] is value[1]", "True"),
        ("value = {}\n    for _ in range(100): value = {'a': value, 'b': value}", "value['a'] is value['b']", "True"),
    ],
)
def test_lists_that_hold_themselves_or_are_shared_without_end(
    project: Project, made: str, use: str, answer: str
) -> None:
    project.write(tasks_a=f"def value():\n    {made}\n    return value\n\ndef used(value):\n    return {use}\n")
    assert project.run("used").assert_ok().stdout == f"{answer}\n"
    assert project.run("used").assert_ok().ran == []
