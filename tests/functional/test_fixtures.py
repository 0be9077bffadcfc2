"""Fixtures: made once per worker, shared, closed at its end; and what they put into the keys of their users."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from taskdisc.testing import LAUNCHER, Project

CLIENT = """
    import os
    from taskdisc import axis, fixture

    number = axis(range(6))

    def _note(text):
        with open("notes.txt", "a") as notes:
            notes.write(f"{text} {os.getpid()}\\n")

    @fixture
    def client(url: str = "local"):
        _note("open")
        yield lambda number: f"{url}/{number}"
        _note("close")

    def page(client, number):
        _note("page")
        return client(number)
    """


def notes(project: Project) -> dict[str, list[str]]:
    """Return what each process wrote down, in its order."""
    found: dict[str, list[str]] = {}
    if not (project.path / "notes.txt").exists():
        return found
    for line in project.read("notes.txt").splitlines():
        text, _, process = line.rpartition(" ")
        found.setdefault(process, []).append(text)
    return found


def test_workers_make_a_fixture_once_and_close_it(project: Project) -> None:
    project.write(tasks_a=CLIENT)
    result = project.run("page", "-j", "2").assert_ok()
    assert result.stdout.splitlines()[5] == "page[number=5]: local/5"
    made = notes(project)
    assert all(texts == ["open", *["page"] * (len(texts) - 2), "close"] for texts in made.values()), made
    assert sum(texts.count("page") for texts in made.values()) == 6


def test_inline_makes_it_once_per_run(project: Project) -> None:
    project.write(tasks_a=CLIENT)
    project.run("page", "--executor", "inline").assert_ok()
    assert list(notes(project).values()) == [["open", *["page"] * 6, "close"]]


def test_a_launched_job_makes_it_once_per_command(project: Project) -> None:
    project.write(
        tasks_a=CLIENT.replace("def page", "@task(prefix='env')\n    def page").replace("axis,", "axis, task,")
    )
    project.run("page").assert_ok()
    assert list(notes(project).values()) == [["open", "page", "close"]] * 6


@pytest.mark.parametrize("pool", ["ThreadPoolExecutor", "ProcessPoolExecutor"])
def test_a_pool_makes_it_once_per_worker(project: Project, pool: str) -> None:
    project.write(tasks_a=CLIENT)
    program = f"""
        from concurrent.futures import {pool}
        from taskdisc import Project

        if __name__ == "__main__":
            with {pool}(2) as pool:
                Project.discover().run("page", executor=pool)
        """
    project.write(program=program)
    subprocess.run([sys.executable, "program.py"], cwd=project.path, check=True, timeout=60)
    lines = [line.partition(" ")[0] for line in project.read("notes.txt").splitlines()]
    assert lines.count("open") == lines.count("close")
    assert lines.count("open") in (1, 2)
    assert lines.count("page") == 6
    assert lines[0] == "open"
    assert lines[-1] == "close"


def test_an_unchanged_run_makes_nothing(project: Project) -> None:
    project.write(tasks_a=CLIENT)
    project.run("page").assert_ok()
    (project.path / "notes.txt").unlink()
    assert project.run("page").assert_ok().ran == []
    assert notes(project) == {}


def test_nested_fixtures_close_in_reverse_order(project: Project) -> None:
    project.write(
        {"host.txt": "db.example"},
        tasks_a="""
            from taskdisc import file, fixture
            host = file("host.txt")

            @fixture
            def server(host, port: int = 80):
                print("server opens")
                yield f"{host.read_text()}:{port}"
                print("server closes")

            @fixture
            def pool(server):
                print("pool opens")
                yield server + "/pool"
                print("pool closes")

            def both(pool, server): return pool, server
            """,
    )
    result = project.run("both", "-p", "server.port=7", "--executor", "inline").assert_ok()
    assert result.stdout.splitlines() == [
        "server opens",
        "pool opens",
        "pool closes",
        "server closes",
        "('db.example:7/pool', 'db.example:7')",
    ]


def test_a_fixture_that_returns_is_shared_as_it_is(project: Project) -> None:
    project.write(
        tasks_a="""
            import threading
            from taskdisc import axis, fixture
            k = axis(1, 2)
            @fixture
            def _lock(): return threading.Lock()
            def held(_lock, k):
                with _lock: return k
            """
    )
    assert project.run("held", "-j", "1").assert_ok().stdout == "held[k=1]: 1\nheld[k=2]: 2\n"


# What counts in keys


@pytest.mark.parametrize(
    ("edit", "reruns"),
    [
        ({"helpers.py": "def shout(text): return text.upper() + '?'"}, ["greeting"]),
        ({"word.txt": "bye"}, ["greeting"]),
        ({"helpers.py": "def shout(text):\n    # loud\n    return text.upper() + '!'"}, []),
    ],
    ids=["helper", "file", "comment"],
)
def test_what_a_fixture_reaches_counts_for_its_users(project: Project, edit: dict[str, str], reruns: list[str]) -> None:
    project.write(
        {"helpers.py": "def shout(text): return text.upper() + '!'", "word.txt": "hello"},
        tasks_a="""
            from helpers import shout
            from taskdisc import file, fixture
            word = file("word.txt")
            @fixture
            def shouted(word): return shout(word.read_text())
            @fixture
            def outer(shouted): return shouted
            def other(): return 1
            def greeting(outer, other): return outer
            """,
    )
    project.run("greeting").assert_ok()
    project.write(edit)
    assert project.run("greeting").assert_ok().ran == reruns


def test_explain_names_what_of_a_fixture_has_changed(project: Project) -> None:
    project.write(
        {"word.txt": "hello"},
        tasks_a="""
            from taskdisc import file, fixture
            word = file("word.txt")
            @fixture
            def shouted(word, mark: str = "!"): return word.read_text() + mark
            def greeting(shouted): return shouted
            """,
    )
    project.run("greeting").assert_ok()
    project.write({"word.txt": "bye"})
    explained = project.taskdisc("explain", "greeting", "-p", "mark=?").assert_ok().stdout
    assert explained == (
        "greeting: run\n    setting shouted.mark: '!' -> '?'\n    the file word.txt of a fixture has changed\n"
    )


def test_which_fixture_fills_which_parameter_counts(project: Project) -> None:
    text = """
        from taskdisc import fixture
        from tasks_b import {0} as one, {1} as other
        def pair(one, other): return one, other
        """
    project.write(
        tasks_a=text.format("first", "second"),
        tasks_b="""
            from taskdisc import fixture
            @fixture
            def first(): return 1
            @fixture
            def second(): return 2
            """,
    )
    assert project.run("pair").assert_ok().stdout == "(1, 2)\n"
    project.write(tasks_a=text.format("second", "first"))
    assert project.run("pair").assert_ok().stdout == "(2, 1)\n"


def test_draws_at_random_in_a_fixture_repeat(project: Project) -> None:
    project.write(
        tasks_a="""
            import random
            from taskdisc import axis, fixture
            k = axis(1, 2)
            @fixture
            def start(): return random.random()
            def walk(start, k): return start
            """
    )
    one = project.run("walk[k=2]").assert_ok().stdout.strip()
    project.taskdisc("clear", "--all").assert_ok()
    assert project.run("walk").assert_ok().stdout == f"walk[k=1]: {one}\nwalk[k=2]: {one}\n"


def test_a_file_of_a_fixture_that_changes_meanwhile_makes_its_users_fail(project: Project) -> None:
    project.write(
        {"word.txt": "hello"},
        tasks_a="""
            from taskdisc import file, fixture
            word = file("word.txt")
            @fixture
            def shouted(word): return word.read_text()
            def greeting(shouted):
                with open("word.txt", "w") as word: word.write("changed")
                return shouted
            """,
    )
    result = project.run("greeting")
    assert result.exit_code == 1
    assert "the input file word.txt was changed while the run was going on" in result.stderr


# What goes wrong


def test_a_failing_task_leaves_the_fixture_to_the_next(project: Project) -> None:
    project.write(tasks_a=CLIENT.replace("return client(number)", "return 1 / (number - 2)"))
    result = project.run("page", "-j", "1")
    assert list(result.outcomes.values()).count("failed") == 1
    assert list(notes(project).values()) == [["open", *["page"] * 6, "close"]]


def test_a_fixture_that_raises_fails_the_task_and_is_tried_again(project: Project) -> None:
    project.write(
        tasks_a="""
            import os
            from taskdisc import axis, fixture
            k = axis(1, 2)

            @fixture
            def weak():
                if not os.path.exists("tried.txt"):
                    open("tried.txt", "w").close()
                    raise OSError("not yet there")
                return "there"

            def user(weak, k): return weak
            """
    )
    result = project.run("user", "-j", "1")
    assert result.outcomes == {"user[k=1]": "failed", "user[k=2]": "succeeded"}
    assert "tasks_a.py:9: in weak" in result.stderr
    assert "E   OSError: not yet there" in result.stderr


def test_an_error_in_closing_is_a_warning_and_costs_no_result(project: Project) -> None:
    project.write(
        tasks_a="""
            import sys
            from taskdisc import fixture

            @fixture
            def first():
                yield 1
                sys.exit("first is stuck")

            @fixture
            def second(first):
                yield 2
                yield 3

            @fixture
            def third(second):
                yield 3
                print("third closes")

            def user(third): return third
            """
    )
    for executor in ("process", "inline"):
        result = project.run("user", "--executor", executor).assert_ok()
        assert result.stdout.splitlines()[-1] == "3"
        warnings = [line for line in result.stderr.splitlines() if "fixture" in line]
        assert warnings == [
            "warning: fixture second (tasks_a.py:10): it yields a second time. What follows its only yield closes it.",
            "warning: fixture first (tasks_a.py:5): closing it failed at tasks_a.py:7: SystemExit: first is stuck",
        ]
        assert project.run("user").assert_ok().ran == []
        project.taskdisc("clear", "user").assert_ok()


def test_an_error_in_closing_of_a_launched_job_is_a_warning(project: Project) -> None:
    project.write(
        tasks_a="""
            from taskdisc import fixture, task
            @fixture
            def client():
                yield 1
                raise OSError("gone")
            @task(prefix="env")
            def user(client): return client
            """
    )
    result = project.run("user").assert_ok()
    assert result.stdout == "1\n"
    assert "warning: fixture client (tasks_a.py:3): closing it failed at tasks_a.py:5: OSError: gone" in result.stderr


def test_a_generator_that_never_yields_is_an_error(project: Project) -> None:
    project.write(
        tasks_a="""
            from taskdisc import fixture
            @fixture
            def client():
                if False:
                    yield 1
            def user(client): return client
            """
    )
    result = project.run("user")
    assert result.exit_code == 1
    assert (
        "fixture client (tasks_a.py:3) ended without a yield. Let it yield its value once, or return it."
        in result.stderr
    )


def waits_for(condition: object, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("prefix", ["", "@task(prefix='env')"], ids=["worker", "launched"])
@pytest.mark.parametrize("executor", ["process", "inline"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_closes_fixtures(project: Project, prefix: str, executor: str, number: int) -> None:
    project.write(
        tasks_a=f"""
            import time
            from taskdisc import fixture, task
            from taskdisc.builtin import command, process

            command.GRACE = process.GRACE = 20.0  # so long what was asked to end may take, on a machine that is busy

            def _note(text):
                with open("notes.txt", "a") as notes:
                    notes.write(text + "\\n")

            @fixture
            def client():
                yield 1
                _note("close")

            {prefix}
            def slow(client):
                _note("slow")
                while True:
                    time.sleep(0.05)
            """
    )
    process = start(project, "run", "slow", "--executor", executor)
    notes = project.path / "notes.txt"
    waits_for(lambda: notes.exists() and notes.read_text())
    process.send_signal(number)
    assert process.wait(60) == 2
    assert notes.read_text() == "slow\nclose\n"


def start(project: Project, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", LAUNCHER, *arguments], cwd=project.path)


def test_a_worker_that_is_asked_to_end_closes_its_fixtures_and_is_reported_as_killed(project: Project) -> None:
    project.write(
        tasks_a="""
            import os, signal
            from taskdisc import fixture

            @fixture
            def client():
                yield 1
                open("closed.txt", "w").close()

            def ended(client):
                try:
                    os.kill(os.getpid(), signal.SIGTERM)
                    return 1
                except BaseException:
                    return 2
            """
    )
    result = project.run("ended", "-j", "1")
    assert result.outcomes == {"ended": "killed"}
    assert "worker ended with signal SIGTERM (15)" in result.stderr
    assert (project.path / "closed.txt").exists()


def test_children_that_a_task_forks_close_nothing(project: Project) -> None:
    project.write(
        tasks_a=CLIENT.replace(
            "return client(number)",
            "child = os.fork()\n        if not child: os._exit(0)\n        os.waitpid(child, 0)",
        )
    )
    project.run("page", "-j", "1").assert_ok()
    assert list(notes(project).values()) == [["open", *["page"] * 6, "close"]]


def test_a_child_that_a_task_forks_ends_as_usual_when_it_is_asked_to(project: Project) -> None:
    project.write(
        tasks_a="""
            import os, signal, time
            from taskdisc import fixture

            @fixture
            def client():
                yield 1

            def status(client):
                child = os.fork()
                if not child:
                    try:
                        time.sleep(60)
                    finally:
                        os._exit(7)
                os.kill(child, signal.SIGTERM)
                return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            """
    )
    assert project.run("status").assert_ok().stdout == "-15\n"


# Names

HEAD = "from taskdisc import axis, file, fixture, task, Gather\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "def rows(): return 1\n@fixture\ndef db(rows): return rows\ndef use(db): return db",
            "tasks_a.py:4 db: 'rows' is a task (tasks_a.py:2), and a fixture is made once for many tasks. "
            "A fixture takes settings, files and other fixtures: let the tasks that use db take rows too.",
        ),
        (
            "@task(outputs=('x', 'y'))\ndef rows(): return 1, 2\n@fixture\ndef db(x): return x",
            "tasks_a.py:5 db: 'x' is an output of rows (tasks_a.py:3), and a fixture is made once for many tasks. "
            "A fixture takes settings, files and other fixtures: let the tasks that use db take x too.",
        ),
        (
            "k = axis(1, 2)\n@fixture\ndef db(k): return k",
            "tasks_a.py:4 db: 'k' is an axis (tasks_a.py:2), and a fixture is made once for many tasks. "
            "A fixture takes settings, files and other fixtures: let the tasks that use db take k too.",
        ),
        (
            "@fixture\ndef db(task_dir): return 1",
            "tasks_a.py:3 db: 'task_dir' belongs to one execution of a task, and a fixture outlives it. "
            "A fixture takes settings, files and other fixtures.",
        ),
        (
            "@fixture\ndef server(): return 1\n@fixture\ndef db(sever): return 1",
            "tasks_a.py:5 db: nothing fills 'sever'. Did you mean server (tasks_a.py:3)? A fixture takes settings, "
            "files and other fixtures. A value? Give it a default, and pass -p sever=...",
        ),
        (
            "@fixture\ndef one(other): return 1\n@fixture\ndef other(one): return 1",
            "circle of fixtures: one -> other -> one\n"
            "    tasks_a.py:3 one takes other\n"
            "    tasks_a.py:5 other takes one\n"
            "    One of them must do without the other.",
        ),
        (
            "@fixture\nasync def db(): return 1",
            "tasks_a.py:3 db: an async fixture would belong to an event loop that has ended before a task uses it. "
            "Make the value in a plain function.",
        ),
        (
            "@task\n@fixture\ndef db(): return 1",
            "tasks_a.py:4 db: a task's result is kept, and a fixture's value is not. Take @task or @fixture away.",
        ),
        (
            "@fixture\ndef db(*names): return 1",
            "tasks_a.py:3 db: a fixture's parameters are filled by name. Spell them out, without *, ** and /.",
        ),
        (
            "@fixture\ndef db(): return 1\ndef use(db: Gather[int]): return 1",
            "tasks_a.py:4 use: Gather collects the results of a task, and 'db' is a fixture (tasks_a.py:3). "
            "Annotate it with the type of its value.",
        ),
        (
            "def db(): yield 1",
            "tasks_a.py:2 db: a task returns its result, and this is a generator function. Return a list. "
            "A helper? Call it _db.",
        ),
        (
            "@fixture('session')\ndef db(): return 1",
            "tasks_a.py:2: @fixture decorates functions and has no options: @fixture, without ().",
        ),
    ],
)
def test_what_a_fixture_cannot_be(project: Project, text: str, message: str) -> None:
    project.write({"tasks_a.py": HEAD + text + "\n"})
    result = project.taskdisc("list")
    assert result.exit_code == 4
    assert result.stderr == f"error: {message}\n"


def test_a_fixture_of_the_module_goes_first_and_two_elsewhere_are_an_error(project: Project) -> None:
    for name, value in (("a", 1), ("b", 2)):
        project.write({f"tasks_{name}.py": f"{HEAD}@fixture\ndef db(): return {value}\ndef {name}(db): return db\n"})
    assert project.run("a", "b").assert_ok().stdout == "a: 1\nb: 2\n"
    project.write(tasks_c="def c(db): return db")
    result = project.run("c")
    assert result.exit_code == 4
    assert result.stderr == (
        "error: tasks_c.py:1 c: 'db' is ambiguous: the fixture in tasks_a.py:3 and the fixture in tasks_b.py:3. "
        "To choose: from tasks_a import db.\n"
    )
    project.write(tasks_c="from tasks_b import db\ndef c(db): return db")
    assert project.run("c").assert_ok().stdout == "2\n"


def test_a_fixture_can_wrap_another_of_its_name(project: Project) -> None:
    project.write(
        tasks_a=HEAD + "@fixture\ndef db(): return 1",
        tasks_b=HEAD + "@fixture\ndef db(db): return db + 1\ndef use(db): return db",
    )
    assert project.run("use").assert_ok().stdout == "2\n"


def test_a_fixture_is_no_target_and_no_setting(project: Project) -> None:
    project.write(tasks_a=CLIENT)
    place = "tasks_a.py:11"
    target = project.run("client")
    assert target.exit_code == 5
    assert target.stderr == (
        f"error: target client: client is a fixture ({place}). Targets are the tasks that use it.\n"
    )
    given = project.run("page", "-p", "client=1")
    assert given.exit_code == 4
    assert given.stderr == f"error: -p client: client is a fixture ({place}): its value is what it makes.\n"


def test_list_shows_fixtures(project: Project) -> None:
    project.write(tasks_a=CLIENT)
    assert project.taskdisc("list").assert_ok().stdout == (
        "page[number]      tasks_a.py:16\nclient (fixture)  tasks_a.py:11\n"
    )
    assert project.taskdisc("list", "--tree").assert_ok().stdout == "page[number]\n    client (fixture)\n"
    assert "client" not in project.taskdisc("list", "page").assert_ok().stdout


def test_a_missing_file_of_a_fixture_is_an_error_before_anything_runs(project: Project) -> None:
    project.write(tasks_a=HEAD + "gone = file('gone.txt')\n@fixture\ndef db(gone): return 1\ndef use(db): return db")
    result = project.run("use")
    assert result.exit_code == 4
    assert result.stderr.startswith("error: tasks_a.py:2: the input file gone.txt does not exist.")


def test_fixtures_stay_plain_functions() -> None:
    from taskdisc import fixture

    @fixture
    def answer(x: int = 1) -> int:
        return x

    assert answer(3) == 3
