"""Executors, launchers, environments and workers: what a task can choose, and what is refused before anything runs."""

from __future__ import annotations

import pytest

from taskdisc.testing import Project

WEAK = """
    from taskdisc.builtin.inline import InlineExecutor
    from taskdisc.protocols import Capabilities

    class Weak(InlineExecutor):
        capabilities = Capabilities()

    def taskdisc_executors():
        return {"weak": lambda workers: Weak(workers)}

    class Quiet:
        def prefix(self, words, values):
            return ["env", f"LAUNCHED={values['task']}", *words]

    def taskdisc_launchers():
        return {"quiet": Quiet}
"""


def write(project: Project, tasks: str, config: str = "") -> None:
    project.write({"pyproject.toml": f'[tool.taskdisc]\nplugins = ["weak"]\n{config}'}, weak=WEAK, tasks_x=tasks)


def test_several_executors_in_one_run(project: Project) -> None:
    write(
        project,
        """
        import os
        from taskdisc import task
        def plain(): return os.getppid(), os.environ.get("LAUNCHED")
        @task(executor="inline")
        def here(): return os.getpid(), os.environ.get("LAUNCHED")
        @task(launcher="quiet")
        def launched(): return os.getppid(), os.environ.get("LAUNCHED")
        @task(launcher="quiet", prefix="env MORE=1")
        def both(): return os.getppid(), os.environ.get("LAUNCHED"), os.environ.get("MORE")
        @task(tags=("w",))
        def tagged(): return os.getpid(), os.environ.get("LAUNCHED")
        def all(plain, here, launched, both, tagged):
            return [each[0] == plain[0] for each in (here, launched, both, tagged)], launched[1:], both[1:]
        """,
        '[tool.taskdisc.tasks."tag:w"]\nexecutor = "weak"\n',
    )
    result = project.run("all", "-j", "2").assert_ok()
    assert result.stdout == "([True, True, True, True], ('launched',), ('both', '1'))\n"


def test_executors_are_no_part_of_the_key(project: Project) -> None:
    write(project, "def one(): return 1\n")
    project.run("one").assert_ok()
    options = "executor='inline', retries=3, retry_on='killed', timeout='9m', env={'A': '1'}"
    for chosen in (options.replace("inline", "process"), "executor='weak'", "launcher='quiet'"):
        write(project, f"from taskdisc import task\n@task({chosen})\ndef one(): return 1\n")
        assert project.run("one").assert_ok().ran == []


REFUSED = [
    (
        "timeout='10m', executor='weak'",
        "x: timeout=\"10m\" needs an executor that ends jobs that take too long, and 'weak' does not.\n    "
        'Choose one that does (executor="process"; there are command, process), or leave timeout out.',
    ),
    (
        "timeout='10m', executor='inline'",
        "x: timeout=\"10m\" needs an executor that ends jobs that take too long, and 'inline' does not.\n    "
        'Choose one that does (executor="process"; there are command, process), or leave timeout out.',
    ),
    (
        "env={'A': '1', 'B': '2'}, executor='weak'",
        "x: env (A, B) needs an executor that gives jobs variables of their own, and 'weak' does not.\n    "
        'Choose one that does (executor="process"; there are command, inline, pdb, process), or leave env out.',
    ),
    (
        "retry_on='killed', executor='inline'",
        "x: retry_on=\"killed\" needs an executor that knows which job a dead process had, and 'inline' does not.\n    "
        'Choose one that does (executor="process"; there are command, process), or leave retry_on out.',
    ),
    ("executor='proces'", "x: no plugin supplies the executor 'proces'. Did you mean process?"),
    ("launcher='quite'", "x: no plugin supplies the launcher 'quite'. Did you mean quiet?"),
    (
        "executor='inline', prefix='env'",
        'x: prefix goes before a command, and executor="inline" runs none. Leave one of them out.',
    ),
    (
        "executor='process', launcher='quiet'",
        'x: launcher goes before a command, and executor="process" runs none. Leave one of them out.',
    ),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_what_an_executor_cannot_honour_is_refused_before_anything_runs(
    project: Project, options: str, message: str
) -> None:
    write(project, f"from taskdisc import task\ndef first(): return 1\n@task({options})\ndef x(first): return 1\n")
    for arguments in (["x"], ["x", "-n"]):
        result = project.run(*arguments)
        assert (result.exit_code, result.ran) == (4, [])
        assert f"tasks_x.py:4 {message}" in result.stderr
    project.run("first").assert_ok()


def test_the_executor_of_the_command_line_is_checked_too(project: Project) -> None:
    write(project, "from taskdisc import task\n@task(timeout='1m')\ndef x(): return 1\n")
    assert "and 'inline' does not" in project.run("x", "--executor", "inline").stderr
    project.run("x").assert_ok()


# Environments


@pytest.mark.parametrize("executor", ["executor='process'", "executor='inline'", "prefix='nice -n 1'"])
def test_a_private_environment_is_gone_afterwards(project: Project, executor: str) -> None:
    project.environment |= {"OLD": "outside"}
    write(
        project,
        f"""
        import os
        from taskdisc import task
        def _seen(): return [os.environ.get(name) for name in ("NEW", "OLD", "LEFT")]
        def before(): return _seen()
        @task(env={{"NEW": "1", "OLD": "2", "LEFT": "3"}}, {executor})
        def x(before):
            seen = _seen() + [os.popen("echo $NEW").read().strip()]
            del os.environ["LEFT"]
            os.environ["NEW"] = "changed"
            return seen
        def after(x): return x, _seen()
        """,
    )
    result = project.run("after", "-j", "1").assert_ok()
    assert result.stdout == "(['1', '2', '3', '1'], [None, 'outside', None])\n"


def test_an_environment_from_configuration(project: Project) -> None:
    write(
        project,
        "import os\nfrom taskdisc import task\n@task(env={'A': '1', 'B': '1'})\n"
        "def x(): return os.environ.get('A'), os.environ.get('B')\n",
        '[tool.taskdisc.tasks.x]\nenv = { A = "2" }\n',
    )
    assert project.run("x").assert_ok().stdout == "('2', None)\n"
    assert '{ A = "2" }' in project.taskdisc("config").assert_ok().stdout


# Workers


@pytest.mark.parametrize("most", [1, 3, 7])
def test_workers_make_room_after_so_many_tasks(project: Project, most: int) -> None:
    write(
        project,
        """
        import os
        from collections import Counter
        from taskdisc import Gather, axis
        k = axis(range(40))
        def one(k): return os.getpid()
        def counts(one: Gather[int]): return sorted(Counter(one.values()).values())
        """,
        f"max_tasks_per_worker = {most}\n",
    )
    result = project.run("counts", "-j", "2").assert_ok()
    counts = eval(result.stdout)
    assert max(counts) <= most
    assert sum(counts) == 40


def test_workers_that_die_and_workers_that_make_room(project: Project) -> None:
    write(
        project,
        """
        import os
        from taskdisc import Gather, axis, task
        k = axis(range(30))
        @task(retries=1, retry_delay="0s")
        def one(k):
            if k % 3 == 0 and not os.path.exists(f"mark{k}"):
                open(f"mark{k}", "w").close()
                os._exit(1)
            return k
        def total(one: Gather[int]): return sum(one.values())
        """,
        "max_tasks_per_worker = 4\n",
    )
    assert project.run("total", "-j", "2").assert_ok().stdout == "435\n"


def test_max_tasks_per_worker_needs_workers(project: Project) -> None:
    write(project, "def one(): return 1\n", "max_tasks_per_worker = 4\n")
    result = project.run("one", "--executor", "inline")
    assert result.exit_code == 4
    assert "one: max_tasks_per_worker = 4 needs an executor that replaces its workers" in result.stderr
