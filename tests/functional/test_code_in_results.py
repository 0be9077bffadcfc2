"""A result counts by the code that it will run, too: who receives it runs that code without naming it."""

from __future__ import annotations

import pytest

from taskdisc.testing import Project

CLASS = """
    class Square:
        def __init__(self, side):
            self.side = side

        def area(self):
            return self.side ** 2
    """
CYCLIC = """
    class Square:
        def __init__(self, side):
            self.side, self.me = side, self

        def area(self):
            return self.side ** 2
    """
FUNCTION = """
    class Square:
        pass

    def area(side):
        return side ** 2
    """
MADE = {
    "an instance": (CLASS, "shapes.Square(3)", "made.area()"),
    "an instance in a list": (CLASS, "[shapes.Square(3)]", "made[0].area()"),
    "an instance that holds itself": (CYCLIC, "shapes.Square(3)", "made.area()"),
    "a bound method": (CLASS, "shapes.Square(3).area", "made()"),
    "a class": (CLASS, "shapes.Square", "made(3).area()"),
    "a function": (FUNCTION, "shapes.area", "made(3)"),
    "a partial": (FUNCTION, "functools.partial(shapes.area, 3)", "made()"),
    "a lambda": (FUNCTION, "lambda: shapes.area(3)", "made()"),
    "a cached function": (FUNCTION.replace("def area", "@functools.cache\n    def area"), "shapes.area", "made(3)"),
}


@pytest.mark.parametrize("made", MADE)
def test_code_that_a_result_runs_elsewhere_counts(project: Project, made: str) -> None:
    module, expression, use = MADE[made]
    project.write(
        shapes=f"import functools\n{module.replace(chr(10) + '    ', chr(10))}",
        tasks_make=f"import functools\n\nimport shapes\n\ndef made():\n    return {expression}\n",
        tasks_use=f"def use(made):\n    return {use}\n",
    )
    assert project.run("use").assert_ok().stdout == "9\n"
    project.write(shapes=project.read("shapes.py").replace("** 2", "** 3"))
    result = project.run("use").assert_ok()
    assert (result.stdout, result.ran) == ("27\n", ["made", "use"])
    project.write(shapes=project.read("shapes.py").replace("** 3", "** 3  # cubes"))
    assert project.run("use").assert_ok().ran == []


def test_functions_that_one_place_makes_are_different(project: Project) -> None:
    project.write(
        tasks_a="""
        from taskdisc import axis

        which = axis(0, 1, 2)

        def power(which):
            return [lambda x: x, lambda x: x ** 2, _power(3)][which]

        def _power(exponent):
            return lambda x: x ** exponent

        def cubed(power):
            return power(2)
        """
    )
    assert project.run("cubed").assert_ok().stdout.split() == [
        "cubed[which=0]:",
        "2",
        "cubed[which=1]:",
        "4",
        "cubed[which=2]:",
        "8",
    ]
    project.write(tasks_a=project.read("tasks_a.py").replace("_power(3)", "_power(4)"))
    assert project.run("cubed[which=2]").assert_ok().stdout == "16\n"


def test_objects_are_digested_alike_in_every_process(project: Project) -> None:
    project.write(
        shapes="class Shape:\n    def __init__(self, names):\n        self.names = names\n",
        tasks_a="""
        from types import SimpleNamespace

        from shapes import Shape

        def shape():
            return Shape({"round", "square", "thin", "wide"}), SimpleNamespace(names=frozenset("abcdef"))

        def names(shape):
            return sorted(shape[0].names | shape[1].names)
        """,
    )
    project.environment["PYTHONHASHSEED"] = "1"
    project.run("names").assert_ok()
    project.taskdisc("clear", "shape").assert_ok()
    project.environment["PYTHONHASHSEED"] = "2"
    assert project.run("names").assert_ok().ran == ["shape"]


def test_an_object_whose_parts_are_shared_without_end_is_digested_in_time(project: Project) -> None:
    project.write(
        shapes="class Pair:\n    def __init__(self, one, two):\n        self.one, self.two = one, two\n",
        tasks_a="""
        from shapes import Pair

        def pairs():
            pair = None
            for _ in range(100):
                pair = Pair(pair, pair)
            return pair
        """,
    )
    project.run().assert_ok()
    assert project.run().assert_ok().ran == []
