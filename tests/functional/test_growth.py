"""Nested and dynamic axes: instances that are known only on the way. Real projects, the real command line."""

from __future__ import annotations

import pytest

from taskdisc.testing import Project


def lines(project: Project, *arguments: str) -> list[str]:
    return project.run(*arguments).assert_ok().stdout.splitlines()


BOOKS = """
    from taskdisc import Gather, axis, gather, requires
    book = axis({"short": 1, "long": 3})
    @axis
    def chapter(book): return [f"c{n}" for n in range(book)]
    def text(chapter: str, book: int): return f"{book}/{chapter}"
    def texts(text: Gather[str]): return " ".join(f"{at.book}/{at.chapter}={value}" for at, value in text.items())
    @requires(parts=gather(text, over="chapter"))
    def whole(parts: Gather[str]): return list(parts), len(parts)
    def share(text, whole): return text, whole[1]
"""


def test_a_nested_axis_has_elements_for_each_of_its_parents(project: Project) -> None:
    project.write(tasks_x=BOOKS)
    assert lines(project, "texts") == ["short/c0=1/c0 long/c0=3/c0 long/c1=3/c1 long/c2=3/c2"]
    assert lines(project, "whole") == ["whole[book=short]: (['c0'], 1)", "whole[book=long]: (['c0', 'c1', 'c2'], 3)"]
    assert lines(project, "share[chapter=c0]") == [
        "share[book=short,chapter=c0]: ('1/c0', 1)",
        "share[book=long,chapter=c0]: ('3/c0', 3)",
    ]
    assert lines(project, "text[book=long,chapter=c2]") == ["3/c2"]
    project.run("share").assert_ok()
    assert project.run("texts", "whole", "share").assert_ok().ran == []
    assert project.run("text[book=short]").assert_ok().ran == []


def test_a_slice_along_a_nested_axis(project: Project) -> None:
    project.write(tasks_x=BOOKS)
    assert project.run("share[book=long,chapter=c1]").assert_ok().ran == [
        "share[book=long,chapter=c1]",
        "text[book=long,chapter=c0]",
        "text[book=long,chapter=c1]",
        "text[book=long,chapter=c2]",
        "whole[book=long]",
    ]
    none = project.run("text[chapter=c9]")
    assert (none.exit_code, none.stdout) == (5, "")
    assert none.stderr.endswith("error: text[chapter=c9]: text has no instance of that kind in this run.\n")


def test_elements_of_a_nested_axis_can_be_replaced(project: Project) -> None:
    project.write(tasks_x=BOOKS)
    assert lines(project, "text", "-p", "chapter=c0,c7") == [
        "text[book=short,chapter=c0]: 1/c0",
        "text[book=short,chapter=c7]: 1/c7",
        "text[book=long,chapter=c0]: 3/c0",
        "text[book=long,chapter=c7]: 3/c7",
    ]


MANIFEST = """
    from pathlib import Path
    from taskdisc import Gather, axis, file
    sheet = file("sheet.txt")
    k = axis(1, 2)
    def manifest(sheet: Path): return sheet.read_text().split()
    @axis
    def sample(manifest): return {name: name.upper() for name in manifest}
    def size(sample: str): return len(sample)
    def scaled(size, k: int, factor: int = 10): return size * k * factor
    def total(scaled: Gather[int]): return " ".join(f"{at.sample}{at.k}={value}" for at, value in scaled.items())
"""


def test_a_dynamic_axis_takes_its_elements_from_a_task(project: Project) -> None:
    project.write({"sheet.txt": "a bb"}, tasks_x=MANIFEST)
    first = project.run("total").assert_ok()
    assert first.stdout == "a1=10 bb1=20 a2=20 bb2=40\n"
    assert first.ran == [
        "manifest", "sample", "scaled[k=1,sample=a]", "scaled[k=1,sample=bb]", "scaled[k=2,sample=a]",
        "scaled[k=2,sample=bb]", "size[sample=a]", "size[sample=bb]", "total",
    ]  # fmt: skip
    assert project.run("total").assert_ok().ran == []
    project.write({"sheet.txt": "bb a  ccc"})
    again = project.run("total").assert_ok()
    assert again.stdout == "bb1=20 a1=10 ccc1=30 bb2=40 a2=20 ccc2=60\n"
    assert again.ran == [
        "manifest", "sample", "scaled[k=1,sample=ccc]", "scaled[k=2,sample=ccc]", "size[sample=ccc]", "total",
    ]  # fmt: skip


def test_a_dynamic_axis_that_becomes_empty(project: Project) -> None:
    project.write({"sheet.txt": ""}, tasks_x=MANIFEST)
    assert lines(project, "total") == [""]
    result = project.run("size").assert_ok()
    assert result.stdout == ""


def test_settings_reach_tasks_with_dynamic_axes(project: Project) -> None:
    project.write({"sheet.txt": "a"}, tasks_x=MANIFEST)
    assert lines(project, "scaled[k=2]", "-p", "factor=1") == ["2"]
    assert lines(project, "scaled[k=2]") == ["20"]


def test_what_is_known_before_the_run(project: Project) -> None:
    project.write({"sheet.txt": "a"}, tasks_x=MANIFEST)
    plan = project.taskdisc("run", "-n", "total").assert_ok()
    assert plan.stdout.splitlines() == [
        "run: manifest", "may run: sample", "may run: total", "unknown: size", "unknown: scaled",
    ]  # fmt: skip
    assert plan.stderr == "dry run: 1 would run, 2 may run, if an input changes, 2 of unknown size\n"
    assert project.taskdisc("run", "-n", "--exit-code", "total").exit_code == 1
    assert project.taskdisc("explain", "size", "total").assert_ok().stdout.splitlines() == [
        "total: may run",
        "    it depends on sample, which may give another result",
        "size: unknown",
        "    its instances are known when sample is done",
    ]
    assert [line.split() for line in project.taskdisc("status").assert_ok().stdout.splitlines()] == [
        ["manifest", "1", "to", "run"],
        ["sample", "1", "may", "run"],
        ["size[sample]", "unknown"],
        ["scaled[k,sample]", "unknown"],
        ["total", "1", "may", "run"],
    ]
    project.run("total").assert_ok()
    assert project.taskdisc("run", "-n", "--exit-code", "total").assert_ok().stdout == ""
    assert "size[sample]      1 cached" in project.taskdisc("status").stdout


def test_a_dynamic_axis_is_shown_and_cleared_like_a_task(project: Project) -> None:
    project.write({"sheet.txt": "a bb"}, tasks_x=MANIFEST)
    assert lines(project, "sample") == ["{'a': 'A', 'bb': 'BB'}"]
    assert project.taskdisc("show", "size[sample=a]").exit_code == 1
    assert project.run("size").assert_ok().ran == ["size[sample=a]", "size[sample=bb]"]
    assert project.taskdisc("show", "size[sample=bb]").assert_ok().stdout == "2\n"
    project.taskdisc("clear", "size[sample=a]").assert_ok()
    assert project.run("size").assert_ok().ran == ["size[sample=a]"]
    project.taskdisc("clear", "sample").assert_ok()
    assert project.run("size").assert_ok().ran == ["sample"]
    assert project.taskdisc("list").stdout.splitlines()[0] == "manifest          tasks_x.py:5"
    assert "sample" not in [line.split()[0] for line in project.taskdisc("list").stdout.splitlines()]


NESTED = """
    import time
    from taskdisc import Gather, axis, gather, requires
    group = axis("x", "y")
    def listing(group): return ["1"] if group == "x" else ["1", "2"]
    @axis
    def item(listing): return listing
    def loaded(item, group): return group + item
    @axis
    def part(loaded): return [loaded + "a", loaded + "b"]
    def piece(part): return part
    @requires(pieces=gather(piece, over="part"))
    def item_total(pieces): return list(pieces)
    @requires(pieces=gather(piece, over=("item", "part")))
    def group_total(pieces): return [tuple(key) for key in pieces]
    def everything(piece: Gather[str]): return len(piece), [tuple(key) for key in piece]
"""


def test_dynamic_axes_below_dynamic_axes(project: Project) -> None:
    project.write(tasks_x=NESTED)
    assert lines(project, "item_total") == [
        "item_total[group=x,item=\"1\"]: ['x1a', 'x1b']",
        "item_total[group=y,item=\"1\"]: ['y1a', 'y1b']",
        "item_total[group=y,item=\"2\"]: ['y2a', 'y2b']",
    ]
    assert lines(project, "group_total[group=y]") == ["[('1', 'y1a'), ('1', 'y1b'), ('2', 'y2a'), ('2', 'y2b')]"]
    assert lines(project, "everything")[0].startswith("(6,")
    assert project.run("everything", "item_total", "group_total[group=y]").assert_ok().ran == []


def test_only_the_lists_at_a_slice_are_asked_for(project: Project) -> None:
    project.write(tasks_x=NESTED)
    ran = project.run("piece[group=x]").assert_ok().ran
    assert ran == [
        'item[group=x]', "listing[group=x]", 'loaded[group=x,item="1"]', 'part[group=x,item="1"]',
        'piece[group=x,item="1",part=x1a]', 'piece[group=x,item="1",part=x1b]',
    ]  # fmt: skip


def test_an_instance_waits_only_for_its_own_lists(project: Project) -> None:
    project.write(
        tasks_x="""
            from pathlib import Path
            from taskdisc import axis
            group = axis("quick", "slow")
            def ready(group):
                if group == "slow":
                    assert Path("done").exists(), "the quick ones come first"
                return group
            @axis
            def item(ready): return [1, 2]
            def made(item, group):
                Path("done").touch()
                return item
        """
    )
    result = project.run("made[group=quick]", "-j", "1").assert_ok()
    assert len(result.ran) == 4
    assert project.run("made", "-j", "1").assert_ok().stdout.count("\n") == 4


def test_files_that_a_task_has_made_are_elements_that_count_by_content(project: Project) -> None:
    project.write(
        {"words.txt": "a bb"},
        tasks_x="""
            from pathlib import Path
            from taskdisc import Gather, axis, file
            raw = file("words.txt")
            def split(raw, task_dir):
                for word in raw.read_text().split():
                    (task_dir / f"{word[0]}.txt").write_text(word)
                return {path.stem: path for path in sorted(task_dir.iterdir())}
            @axis
            def part(split): return split
            def size(part: Path): return len(part.read_text())
            def sizes(size: Gather[int]): return dict(size)
        """,
    )
    assert lines(project, "sizes") == ["{'a': 1, 'b': 2}"]
    project.write({"words.txt": "a bbb"})
    again = project.run("sizes").assert_ok()
    assert again.stdout == "{'a': 1, 'b': 3}\n"
    assert again.ran == ["part", "size[part=b]", "sizes", "split"]


def test_an_axis_function_with_files_and_settings_is_called_while_planning(project: Project) -> None:
    project.write(
        {"list.txt": "1 2 3"},
        tasks_x="""
            from taskdisc import axis, file, files
            names = file("list.txt")
            @axis
            def number(names, first: int = 0):
                print("planning")
                return [int(each) for each in names.read_text().split()][first:]
            @axis
            def doc(): return files("*.txt")
            def f(number): return number
            def g(doc): return doc.read_text()
        """,
    )
    result = project.run("f", "-p", "number.first=1").assert_ok()
    assert result.stdout.splitlines() == ["f[number=2]: 2", "f[number=3]: 3"]
    assert "planning" in result.stderr
    assert lines(project, "g") == ["1 2 3"]
    project.write({"list.txt": "4"})
    assert lines(project, "f", "g") == ["f[number=4]: 4", "g[doc=list.txt]: 4"]


def test_an_axis_function_that_fails(project: Project) -> None:
    project.write(
        tasks_x="""
            from taskdisc import Gather, axis
            k = axis(1, 2)
            def source(k): return k
            @axis
            def item(source):
                if source == 2: raise ValueError("no items")
                return [source]
            def used(item): return item
            def all_(used: Gather[int]): return 1
        """
    )
    result = project.run("used", "all_")
    assert result.exit_code == 1
    assert result.stdout == "1\n"
    assert "ValueError: no items" in result.stderr
    assert result.outcomes["item[k=2]"] == "failed"


BAD_LISTS = [
    ("return [1, 1]", "axis item: elements 1 and 2 are both 1. Leave one out."),
    ("return {1, 2}", "axis item: a set has no order. Use axis(sorted(...))."),
    ("return [[1]]", "axis item: element 1, [1], is not hashable. Label it: axis({\"name\": [1]})."),
]  # fmt: skip


@pytest.mark.parametrize(("body", "message"), BAD_LISTS)
@pytest.mark.parametrize("parameters", ["", "source"])
def test_lists_that_are_none(project: Project, parameters: str, body: str, message: str) -> None:
    project.write(
        tasks_x=f"from taskdisc import axis\ndef source(): return 1\n@axis\ndef item({parameters}): {body}\n"
        "def used(item): return item\n"
    )
    result = project.run("used")
    assert result.exit_code == (1 if parameters else 4)
    assert message in result.stderr


def test_an_axis_that_reaches_itself(project: Project) -> None:
    project.write(tasks_x="from taskdisc import axis\n@axis\ndef k(f): return [1]\ndef f(k): return k\n")
    result = project.run("f")
    assert result.exit_code == 4
    assert result.stderr.startswith("error: circle of tasks: k -> f -> k\n")


def test_an_axis_function_that_raises_while_planning(project: Project) -> None:
    project.write(tasks_x="from taskdisc import axis\n@axis\ndef k(): return [1 / 0]\ndef f(k): return k\n")
    result = project.run("f")
    assert result.exit_code == 4
    assert result.stderr.startswith("error: tasks_x.py:3 k: raised while planning:\ntasks_x.py:3: in k\n")
    assert "ZeroDivisionError" in result.stderr


def test_a_gathered_axis_must_take_what_hangs_on_it_along(project: Project) -> None:
    project.write(tasks_x=BOOKS + '    @requires(t=gather("text", over="book"))\n    def wrong(t): ...\n')
    result = project.taskdisc("list")
    assert (result.exit_code, result.stderr) == (
        4,
        'error: tasks_x.py:11 wrong: gather("text", over="book"): chapter exists once per book. '
        'Use over=("book", "chapter") or over="chapter".\n',
    )


def test_axis_functions_can_be_called(project: Project) -> None:
    project.write(tasks_x=BOOKS + "    def called(): return chapter(2)\n")
    assert lines(project, "called") == ["['c0', 'c1']"]
