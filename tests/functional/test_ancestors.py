"""What taskproc and checkpoint-tool could express, row by row, in taskdisc's language and with exact results."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from taskdisc.testing import Project
from tests.functional.test_from_python import program
from tests.terminals import on_pty


def lines(project: Project, *arguments: str) -> list[str]:
    return project.run(*arguments).assert_ok().stdout.splitlines()


# Tasks, their arguments and their prerequisites

SQUARES = """
    from taskdisc import ref, requires, task

    @task
    def square(n: int) -> int:
        return n * n
    """


def test_a_class_task_with_arguments_is_a_function_with_open_parameters(project: Project) -> None:
    project.write(
        tasks_x="""
        from dataclasses import dataclass
        from taskdisc import task

        @dataclass
        class Rectangle:
            width: int
            height: int

            def area(self) -> int:
                return self.width * self.height

        @task
        def rectangle(width: int, height: int) -> Rectangle:
            return Rectangle(width, height)

        def area(rectangle: Rectangle) -> int:
            return rectangle.area()
        """
    )
    result = project.run("area", "-p", "width=2", "-p", "height=3").assert_ok()
    assert result.stdout == "6\n"
    assert result.ran == ["area[height=3,width=2]", "rectangle[height=3,width=2]"]
    text = project.read("tasks_x.py")
    project.write(tasks_x=text.replace("self.width * self.height", "self.width + self.height"))
    again = project.run("area[height=3,width=2]").assert_ok()
    assert (again.stdout, again.ran) == ("5\n", ["area[height=3,width=2]", "rectangle[height=3,width=2]"])


def test_a_decorator_task_stays_a_function(project: Project) -> None:
    project.write(tasks_x=SQUARES + "\n    def sixteen() -> int: return square(4)\n")
    assert lines(project, "square[n=3]") == ["9"]
    assert lines(project, "square[n=2]", "sixteen") == ["square[n=2]: 4", "sixteen: 16"]
    printed = program(project.path, "from tasks_x import square\nprint(square(5), square(n=6), square.__name__)")
    assert printed == "25 36 square\n"


def test_a_single_prerequisite(project: Project) -> None:
    project.write(
        tasks_x=SQUARES
        + """
    def by_name(square: int, offset: int = 1) -> int:
        return square + offset

    @requires(value=ref(square, n=3))
    def by_ref(value: int) -> int:
        return value + 1
    """
    )
    assert lines(project, "by_ref", "by_name[n=4]") == ["by_ref: 10", "by_name[n=4]: 17"]


def test_prerequisites_in_a_list_and_in_a_dict_with_constants_among_them(project: Project) -> None:
    project.write(
        tasks_x=SQUARES
        + """
    @requires(
        several=[ref(square, n=1), 10, ref(square, n=2)],
        named={"one": ref(square, n=1), "three": ref(square, n=3), "ten": 10},
        nothing=[],
        constant="km",
    )
    def total(several: list[int], named: dict[str, int], nothing: list[int], constant: str):
        return sum(several), named, nothing, constant
    """
    )
    result = project.run("total").assert_ok()
    assert result.stdout == "(15, {'one': 1, 'three': 9, 'ten': 10}, [], 'km')\n"
    assert result.ran == ["square[n=1]", "square[n=2]", "square[n=3]", "total"]
    text = project.read("tasks_x.py")
    project.write(tasks_x=text.replace('"ten": 10', '"ten": 11'))
    assert project.run("total").assert_ok().ran == ["total"]


def test_tasks_inside_nested_json(project: Project) -> None:
    project.write(
        tasks_x=SQUARES
        + """
    @requires(data={"a": [1, {"b": ref(square, n=3)}], "c": None, "d": {"e": [[ref(square, n=2)]]}})
    def given(data: dict) -> dict:
        return data

    def _results(spec):
        if isinstance(spec, dict) and "square" in spec:
            return ref(square, n=spec["square"])
        if isinstance(spec, dict):
            return {name: _results(part) for name, part in spec.items()}
        return [_results(part) for part in spec] if isinstance(spec, list) else spec

    @requires(data=lambda spec: _results(spec))
    def asked(spec: dict, data: dict) -> dict:
        return data
    """
    )
    assert lines(project, "given") == ["{'a': [1, {'b': 9}], 'c': None, 'd': {'e': [[4]]}}"]
    asked = project.run("asked", "-p", 'spec={"x": [1, {"square": 4}], "y": {"square": 3}}').assert_ok()
    assert asked.stdout == "{'x': [1, 16], 'y': 9}\n"
    assert [step for step in asked.ran if step.startswith("square")] == ["square[n=4]"]


def test_a_part_of_a_result(project: Project) -> None:
    project.write(
        tasks_x="""
        from taskdisc import ref, requires, task

        def made() -> dict:
            return {"rows": [10, 20, 30], "unused": 1}

        @requires(middle=ref(made)["rows"][1])
        def picked(middle: int) -> int:
            return middle + 1

        @task(outputs=("train", "test"))
        def split(made: dict) -> dict:
            return {"train": made["rows"][:2], "test": made["rows"][2:]}

        def size(test: list[int]) -> int:
            return len(test)
        """
    )
    assert lines(project, "picked", "size") == ["picked: 21", "size: 1"]


CHOOSE = """
    from taskdisc import ref, requires

    def _previous(n: int, k: int):
        return [ref(choose, n=n - 1, k=k - 1), ref(choose, n=n - 1, k=k)] if 0 < k < n else []

    @requires(previous=_previous)
    def choose(n: int, k: int, previous: list[int]) -> int:
        return sum(previous) if previous else 1
    """


def test_recursion_to_binomial_coefficients(project: Project) -> None:
    project.write(tasks_x=CHOOSE)
    first = project.run("choose[n=10,k=4]").assert_ok()
    assert first.stdout == "210\n"
    assert first.ran == sorted(f"choose[k={k},n={n}]" for n, k in reached(10, 4))
    more = project.run("choose[n=11,k=4]").assert_ok()
    assert more.stdout == "330\n"
    assert more.ran == sorted(f"choose[k={k},n={n}]" for n, k in reached(11, 4) - reached(10, 4))


def reached(n: int, k: int) -> set[tuple[int, int]]:
    """All arguments in a recursion that begins with these."""
    if not 0 < k < n:
        return {(n, k)}
    return {(n, k)} | reached(n - 1, k - 1) | reached(n - 1, k)


def test_a_task_with_any_keywords_takes_a_dict(project: Project) -> None:
    project.write(
        tasks_x="""
        from taskdisc import ref, requires, task

        @task
        def fit(options: dict[str, int]) -> int:
            return sum(options.values())

        @requires(fits=[ref(fit, options={"depth": 1}), ref(fit, options={"depth": 2, "width": 3})])
        def fits(fits: list[int]) -> list[int]:
            return fits
        """
    )
    assert lines(project, "fits") == ["[1, 5]"]
    assert lines(project, "fit", "-p", 'options={"width": 3, "depth": 2}') == ["5"]
    assert project.run("fit", "-p", 'options={"width": 3, "depth": 2}').assert_ok().ran == []


# What a task knows of itself


def test_task_directories(project: Project) -> None:
    project.write(
        tasks_x="""
        from pathlib import Path

        def page(task_dir: Path) -> Path:
            assert not list(task_dir.iterdir())
            (task_dir / "page.txt").write_text("hello")
            return task_dir / "page.txt"

        def length(page: Path) -> int:
            return len(page.read_text())
        """
    )
    assert lines(project, "length") == ["5"]
    (path,) = project.taskdisc("show", "--path", "page").assert_ok().stdout.splitlines()
    os.remove(path)
    project.taskdisc("clear", "length").assert_ok()
    assert project.run("length").assert_ok().ran == ["length"]
    assert Path(path).read_text() == "hello"


def test_ids_arguments_and_output_of_a_task(project: Project) -> None:
    project.write(
        tasks_x="""
        import sys
        from taskdisc import task

        @task
        def told(n: int, task_info, scale: int = 2):
            print("to stdout")
            print("to stderr", file=sys.stderr)
            return task_info.id, sorted(task_info.parameters.items()), task_info.attempt
        """
    )
    assert lines(project, "told[n=1]") == ["('told[n=1]', [('n', 1), ('scale', 2)], 1)"]
    logs = project.taskdisc("logs", "told[n=1]", "--stdout").assert_ok()
    assert "to stdout" in logs.stdout and "to stderr" not in logs.stdout
    logs = project.taskdisc("logs", "told[n=1]", "--stderr").assert_ok()
    assert "to stderr" in logs.stdout and "to stdout" not in logs.stdout
    printed = program(
        project.path,
        """
        from taskdisc import Project

        artifact = Project.discover(".").artifact("told[n=1]")
        print(artifact.id, artifact.logs["stdout"].read_text().strip(), artifact.logs["stderr"].read_text().strip())
        """,
    )
    assert printed == "told[n=1] to stdout to stderr\n"


# Where and how tasks run

PIDS = """
    import os
    import threading
    from taskdisc import Gather, axis

    number = axis(range(6))

    def square(number: int):
        return number**2, os.getpid(), threading.current_thread() is threading.main_thread()

    def total(square: Gather[tuple]):
        return sum(value for value, _, _ in square.values())

    def where(square: Gather[tuple]):
        return sorted({pid for _, pid, _ in square.values()}), all(main for _, _, main in square.values())
    """


@pytest.mark.parametrize("executor", ["process", "inline"])
def test_the_executors_of_the_command(project: Project, executor: str) -> None:
    project.write(tasks_x=PIDS)
    assert lines(project, "total", "--executor", executor, "-j", "2") == ["55"]


@pytest.mark.parametrize("pool", ["ThreadPoolExecutor", "ProcessPoolExecutor"])
def test_executors_of_concurrent_futures(project: Project, pool: str) -> None:
    project.write(tasks_x=PIDS)
    printed = program(
        project.path,
        f"""
        import os
        from concurrent.futures import {pool}
        from taskdisc import Project

        if __name__ == "__main__":
            with {pool}(2) as pool:
                run = Project.discover(".").run("total", "where", executor=pool)
            pids, in_main_threads = run["where"]
            print(run["total"], os.getpid() in pids, in_main_threads)
        """,
    )
    assert printed == ("55 True False\n" if pool == "ThreadPoolExecutor" else "55 False True\n")


def test_any_other_executor(project: Project) -> None:
    project.write(tasks_x=PIDS)
    printed = program(
        project.path,
        """
        from concurrent.futures import Executor, Future
        from taskdisc import Project

        class Counting(Executor):
            submitted = 0

            def submit(self, function, /, *arguments, **named):
                self.submitted += 1
                future = Future()
                future.set_result(function(*arguments, **named))
                return future

        pool = Counting()
        print(Project.discover(".").run("total", executor=pool).value, pool.submitted > 0)
        """,
    )
    assert printed == "55 True\n"


@pytest.mark.parametrize("below", [0, 1])
def test_a_negative_number_of_workers_counts_from_all_processors(project: Project, below: int) -> None:
    """So many tasks run at once that each of them can wait for all others; not one more does."""
    together = max(len(os.sched_getaffinity(0)) - below, 1)
    project.write(
        tasks_x=f"""
        import os
        import time
        from taskdisc import Gather, axis

        number = axis(range({together}))

        def meeting(number: int) -> int:
            open(f"here-{{number}}", "w").close()
            deadline = time.monotonic() + 60
            while sum(name.startswith("here-") for name in os.listdir(".")) < {together}:
                assert time.monotonic() < deadline, "the others are not there"
                time.sleep(0.005)
            return os.getpid()

        def workers(meeting: Gather[int]) -> int:
            return len(set(meeting.values()))
        """
    )
    assert lines(project, "workers", "-j", str(-1 - below)) == [str(together)]
    more = "\n".join(f"def f{number}():\n    import os\n    return os.getpid()\n" for number in range(40))
    project.write(tasks_y=more)
    found = lines(project, "tasks_y.py", "-j", str(-1 - below))
    assert len({line.split()[1] for line in found}) <= together


def test_compression_with_a_level(project: Project) -> None:
    sizes = {}
    for compress in ("None", '"gzip:1"', '"gzip:9"'):
        project.write(
            tasks_x=f"""
            from taskdisc import task

            @task(compress={compress})
            def text() -> str:
                return " ".join(str(number * number) for number in range(20_000))

            def length(text: str) -> int:
                return len(text)
            """
        )
        project.taskdisc("clear", "text", "length").assert_ok()
        assert lines(project, "length") == ["185373"]
        sizes[compress] = size_of(project, "text")
    assert sizes["None"] > 185_373 > 2 * sizes['"gzip:1"'] > 2 * sizes['"gzip:9"'] > 0


def size_of(project: Project, target: str) -> int:
    """Return how large a result is kept, in bytes."""
    body = f"from taskdisc import Project\nprint(Project.discover('.').artifact({target!r}).size)\n"
    return int(program(project.path, body))


LIMITED = """
    import time
    from taskdisc import Gather, axis, task

    n = axis(range(6))

    @task(channel="api")
    def fetched(n: int) -> tuple:
        return _span()

    @task(channel=["api", "disk"])
    def stored(n: int) -> tuple:
        return _span()

    def _span():
        began = time.monotonic()
        time.sleep(0.25)
        return began, time.monotonic()

    def at_once(fetched: Gather, stored: Gather) -> list[int]:
        return [_most(fetched.values()), _most(stored.values()), _most([*fetched.values(), *stored.values()])]

    def _most(spans):
        moments = sorted([(began, 1) for began, _ in spans] + [(ended, -1) for _, ended in spans])
        counts = [0]
        for _, step in moments:
            counts.append(counts[-1] + step)
        return max(counts)
    """


def test_limits_per_task_and_per_channel_and_several_channels_of_a_task(project: Project) -> None:
    project.write({"pyproject.toml": "[tool.taskdisc.resources]\nfetched = 1\napi = 3\n"}, tasks_x=LIMITED)
    result = project.run("at_once", "-j", "6", "--limit", "disk=2").assert_ok()
    assert result.stdout == "[1, 2, 3]\n"


def test_prefix_commands_per_task_and_per_label(project: Project) -> None:
    project.write(
        {
            "pyproject.toml": """
            [tool.taskdisc]
            [tool.taskdisc.tasks."tag:heavy"]
            prefix = "env PREFIX=label"
            [tool.taskdisc.tasks.last]
            prefix = ["env", "PREFIX={task}"]
            """
        },
        tasks_x="""
        import os
        from taskdisc import task

        def _prefix() -> str:
            return os.environ.get("PREFIX", "none")

        @task(prefix="env PREFIX=task")
        def first() -> str:
            return _prefix()

        @task(tags=("heavy",))
        def second() -> str:
            return _prefix()

        @task(tags=("heavy",))
        def last() -> str:
            return _prefix()

        def plain() -> str:
            return _prefix()
        """,
    )
    assert lines(project, "first", "second", "last", "plain") == [
        "first: task",
        "second: label",
        "last: last",
        "plain: none",
    ]


def test_an_interactive_task_among_others(project: Project) -> None:
    project.write(
        tasks_x="""
        from taskdisc import Gather, axis, task

        k = axis(1, 2)

        @task(interactive=True)
        def asked(k: int) -> str:
            return input(f"and {k}? ")

        def squares(k: int) -> int:
            return k * k

        def told(asked: Gather[str], squares: Gather[int]) -> str:
            return " ".join(f"{asked[k]}={squares[k]}" for k in asked)
        """
    )
    with on_pty(project.path, "run", "told") as terminal:
        terminal.expect(r"and 1\? ")
        terminal.type("one\n")
        terminal.expect(r"and 2\? ")
        terminal.type("two\n")
        terminal.expect("one=1 two=4\n")
        assert terminal.end() == 0
    assert project.run("told").assert_ok().ran == []


def test_progress(project: Project) -> None:
    project.write(
        tasks_x="""
        import os
        import time

        def long(task_info) -> int:
            for done in range(1, 5):
                task_info.progress(done, 4)
                while not os.path.exists(f"go-{done}"):
                    time.sleep(0.005)
            return 4
        """
    )
    with on_pty(project.path, "run", "long") as terminal:
        for done in range(1, 5):
            terminal.expect(rf"  long  [\d.]+ s  {25 * done}% \({done}/4\)")
            project.write({f"go-{done}": ""})
        terminal.expect("1 succeeded in .*\n4\n")
        assert terminal.end() == 0


def test_statistics_of_a_run_with_what_ran_after_what(project: Project) -> None:
    project.write(
        tasks_x="""
        from taskdisc import Gather, axis

        k = axis(1, 2)

        def base() -> int:
            return 1

        def part(base: int, k: int) -> int:
            return base + k

        def total(part: Gather[int]) -> int:
            return sum(part.values())
        """
    )
    body = """
        from taskdisc import Project

        project = Project.discover(".")
        run = project.run("total", params={params}, workers=2)
        print(run.value, sorted(run.report.counts.items()))
        generations = {{"base": 0, "part": 1, "total": 2}}
        print([generations[step.id.partition("[")[0]] for step in run.report.timeline])
        for name in ("base", "part[k=1]", "part[k=2]", "total"):
            print(name, run.report.outcomes.get(name))
        print(all(step.seconds >= 0 and step.cpu_seconds >= 0 and step.peak_memory for step in run.report.timeline))
        """
    assert program(project.path, body.format(params={})).splitlines() == [
        "5 [('succeeded', 4)]",
        "[0, 1, 1, 2]",
        "base succeeded",
        "part[k=1] succeeded",
        "part[k=2] succeeded",
        "total succeeded",
        "True",
    ]
    assert program(project.path, body.format(params={"k": [1]})).splitlines()[:2] == [
        "2 [('cached', 2), ('succeeded', 1)]",
        "[2]",
    ]
    history = project.taskdisc("history").assert_ok().stdout.splitlines()
    assert [line.split("  ")[0] for line in history] == ["run 2", "run 1"]
    assert "1 succeeded, 2 cached" in history[0]


# Changes, and what is kept

CHAIN = """
    from taskdisc import Gather, axis

    k = axis(1, 2, 3)

    def _helper(k: int) -> int:
        return k * 10

    def part(k: int) -> int:
        with open("calls.txt", "a") as calls:
            calls.write(f"{k} ")
        return _helper(k)

    def total(part: Gather[int]) -> int:
        return sum(part.values())
    """


def test_a_change_of_the_source_is_seen_unless_told_otherwise(project: Project) -> None:
    project.write(tasks_x=CHAIN)
    assert lines(project, "total") == ["60"]
    project.write(tasks_x=CHAIN.replace("k * 10", "k * 100"))
    unchecked = project.run("total", "--no-code-check").assert_ok()
    assert (unchecked.stdout, unchecked.ran) == ("60\n", [])
    checked = project.run("total").assert_ok()
    assert (checked.stdout, checked.ran) == ("600\n", ["part[k=1]", "part[k=2]", "part[k=3]", "total"])


def test_clearing_one_instance_and_recomputing_what_follows(project: Project) -> None:
    project.write(tasks_x=CHAIN)
    project.run("total").assert_ok()
    project.taskdisc("clear", "part[k=2]").assert_ok()
    assert project.run("total").assert_ok().ran == ["part[k=2]"]
    assert sorted(project.read("calls.txt").split()) == ["1", "2", "2", "3"]
    project.taskdisc("clear", "part[k=2]", "--downstream").assert_ok()
    assert project.run("total").assert_ok().ran == ["part[k=2]", "total"]


def test_clearing_a_whole_task_and_recomputing_what_follows(project: Project) -> None:
    project.write(tasks_x=CHAIN)
    project.run("total").assert_ok()
    project.taskdisc("clear", "part").assert_ok()
    assert project.run("total").assert_ok().ran == ["part[k=1]", "part[k=2]", "part[k=3]"]
    assert sorted(project.read("calls.txt").split()) == ["1", "1", "2", "2", "3", "3"]
    project.taskdisc("clear", "part", "--downstream").assert_ok()
    assert project.run("total").assert_ok().ran == ["part[k=1]", "part[k=2]", "part[k=3]", "total"]


def test_reading_a_result_without_running(project: Project) -> None:
    project.write(tasks_x=CHAIN)
    missing = project.taskdisc("show", "total")
    assert (missing.exit_code, missing.stdout) == (1, "")
    project.run("total").assert_ok()
    assert project.taskdisc("show", "total", "part[k=3]").assert_ok().stdout == "total: 60\npart[k=3]: 30\n"
    body = "from taskdisc import Project\nprint(Project.discover('.').artifact('part[k=2]').load())\n"
    assert program(project.path, body) == "20\n"
    assert len(project.read("calls.txt").split()) == 3


# Surroundings


def test_environment_variables_and_env_files(project: Project) -> None:
    project.write(
        {".env": "TASKDISC_WORKERS=1\nCITY=Bergen\nLAND=Norway\n"},
        tasks_x="""
        import os
        from taskdisc import task

        def place() -> str:
            return f"{os.environ['CITY']}, {os.environ['LAND']}"

        @task(env={"CITY": "Tromsø"})
        def north() -> str:
            return os.environ["CITY"]
        """,
    )
    project.environment["LAND"] = "Noreg"
    assert lines(project, "place", "north") == ["place: Bergen, Noreg", "north: Tromsø"]
    shown = project.taskdisc("config").assert_ok().stdout
    (workers,) = [line.split() for line in shown.splitlines() if line.startswith("workers")]
    assert workers == ["workers", "1", ".env"]


def test_entry_by_the_path_of_a_file_with_another_entry_point(project: Project) -> None:
    project.write(
        {
            "studies/flow.py": """
            def main() -> str:
                return "main"

            def other(main: str) -> str:
                return f"after {main}"

            def unrelated() -> str:
                return "unrelated"
            """
        }
    )
    assert lines(project, "studies/flow.py::main") == ["main"]
    other = project.run("studies/flow.py::other").assert_ok()
    assert (other.stdout, other.ran) == ("after main\n", ["other"])
    assert lines(project, "studies/flow.py") == ["main: main", "other: after main", "unrelated: unrelated"]
    below = project.run("flow.py::other", cwd="studies").assert_ok()
    assert (below.stdout, below.ran) == ("after main\n", [])
