"""`skip`, `@task(after=...)` and `gather(..., failed="drop")`: through the real command line."""

from __future__ import annotations

import pickle
import sqlite3

from taskdisc.store.inline import checked
from taskdisc.testing import Project

SKIPS = """
    import taskdisc
    from taskdisc import Gather, axis, task
    k = axis(1, 2, 3)
    def data(k):
        if k == 2:
            taskdisc.skip("nothing for 2")
        return k
    def fit(data): return data * 10
    def all_(fit: Gather[int]): return dict(fit)
    @task(outputs=("u", "v"))
    def both(k):
        if k == 1: taskdisc.skip("no outputs")
        return k, -k
    def of_u(u): return u
    def whole(all_): return len(all_)
"""


def test_what_depends_on_a_skipped_task_is_skipped_and_gathers_leave_it_out(project: Project) -> None:
    project.write(tasks_x=SKIPS)
    result = project.run("whole", "all_", "fit").assert_ok()
    assert result.stdout == "whole: 2\nall_: {1: 10, 3: 30}\nfit[k=1]: 10\nfit[k=3]: 30\n"
    assert result.counts == {"succeeded": 6, "skipped": 2}
    assert result.outcomes["data[k=2]"] == "skipped"
    warm = project.run("whole", "fit").assert_ok()
    assert warm.ran == []
    assert warm.stdout == "whole: 2\nfit[k=1]: 10\nfit[k=3]: 30\n"
    assert warm.stderr.startswith("up to date: 2 skipped, 6 cached in ")
    assert project.taskdisc("run", "-n", "--exit-code", "whole").assert_ok().stdout == ""


def test_the_reason_is_shown(project: Project) -> None:
    project.write(tasks_x=SKIPS)
    project.run("fit").assert_ok()
    shown = project.taskdisc("show", "data").assert_ok()
    assert shown.stdout == "data[k=1]: 1\ndata[k=3]: 3\n"
    assert shown.stderr == "data[k=2]: skipped: nothing for 2\n"
    assert "fit[k=2]: skipped: what it depends on was skipped" in project.taskdisc("show", "fit").stderr
    assert "fit[k=2]: skipped\n    it depends on data[k=2]\n" in project.taskdisc("explain", "fit").assert_ok().stdout
    assert "3 cached" not in project.taskdisc("status", "data").assert_ok().stdout


def test_no_code_runs_to_show_why_a_task_was_skipped(project: Project) -> None:
    """Whatever is in the store in the place of the reason; pickles were, in older ones."""
    project.write(tasks_x="from taskdisc import skip\ndef f():\n    skip('für später')")
    project.run("f").assert_ok()
    assert project.taskdisc("show", "f").stderr == "f: skipped: für später\n"
    index = sqlite3.connect(project.path / ".taskdisc" / "index.sqlite")
    ((key,),) = index.execute("select key from artifact")
    index.execute("update artifact set payload = ?", (checked(key, pickle.dumps("old")),))
    index.commit()
    index.close()
    assert "f: skipped: its reason is in an older form" in project.taskdisc("show", "f").stderr


def test_a_skipped_task_runs_again_when_its_code_changes(project: Project) -> None:
    project.write(tasks_x=SKIPS)
    project.run("all_").assert_ok()
    project.write(tasks_x=SKIPS.replace("if k == 2:", "if k == 1:"))
    assert project.run("all_").assert_ok().stdout == "{2: 20, 3: 30}\n"
    project.write(tasks_x=SKIPS)
    assert project.run("all_").assert_ok().ran == []


def test_a_task_with_named_outputs_is_skipped_as_a_whole(project: Project) -> None:
    project.write(tasks_x=SKIPS)
    assert project.run("of_u").assert_ok().stdout == "of_u[k=2]: 2\nof_u[k=3]: 3\n"
    assert project.run("of_u").assert_ok().ran == []


def test_skip_takes_a_reason(project: Project) -> None:
    project.write(tasks_x="import taskdisc\ndef a(): taskdisc.skip('')\ndef b():\n    try: taskdisc.skip('x')\n"
                          "    except Exception: return 1\n")  # fmt: skip
    assert "skip takes a reason, such as skip(\"no data for this year\"), not ''." in project.run("a").stderr
    assert project.run("b").assert_ok().outcomes == {"b": "skipped"}


DROPS = """
    from taskdisc import Gather, axis, gather, requires
    k = axis(1, 2, 3)
    def base(k): return 6 // (k - 2)
    def fit(base): return base * 10
    def strict(fit: Gather[int]): return dict(fit)
    @requires(fits=gather(fit, failed="drop"))
    def lenient(fits): return dict(fits)
    @requires(fits=[gather(fit, over="k", failed="drop")])
    def inside(fits): return dict(fits[0])
"""


def test_failed_elements_can_be_dropped(project: Project) -> None:
    project.write(tasks_x=DROPS)
    result = project.run("lenient", "strict", "inside")
    assert result.exit_code == 1
    assert result.stdout == "lenient: {1: -60, 3: 60}\ninside: {1: -60, 3: 60}\n"
    assert result.counts == {"succeeded": 6, "failed": 1, "blocked": 2}
    plan = project.taskdisc("run", "-n", "lenient").assert_ok()
    assert plan.stdout.splitlines() == ["run: base[k=2]", "may run: fit[k=2]", "may run: lenient"]
    project.write(tasks_x=DROPS.replace("(k - 2)", "(k - 4)"))
    assert project.run("lenient", "strict").assert_ok().stdout.startswith("lenient: {1: -20, 2: -30, 3: -60}\n")


AFTER = """
    from pathlib import Path
    from taskdisc import axis, task
    k = axis(1, 2)
    seed = axis(1, 2)
    def prepare(k, seed):
        Path(f"ready-{k}-{seed}").touch()
        if fail == (k, seed): raise ValueError("not ready")
    fail = None
    @task(after=prepare)
    def use(k): return sorted(path.name for path in Path(".").glob(f"ready-{k}-*"))
    @task(after=["prepare", use])
    def last(): return len(list(Path(".").glob("ready-*")))
"""


def test_after_waits_for_all_instances_at_shared_coordinates(project: Project) -> None:
    project.write(tasks_x=AFTER)
    result = project.run("use[k=2]").assert_ok()
    assert result.stdout == "['ready-2-1', 'ready-2-2']\n"
    assert result.ran == ["prepare[k=2,seed=1]", "prepare[k=2,seed=2]", "use[k=2]"]
    assert project.run("last").assert_ok().stdout == "4\n"
    assert project.run("last", "use").assert_ok().ran == []
    project.write(tasks_x=AFTER.replace(".touch()", ".write_text('')"))
    assert not any(step.startswith(("use", "last")) for step in project.run("last").assert_ok().ran)


def test_a_failure_before_blocks_what_comes_after(project: Project) -> None:
    project.write(tasks_x=AFTER.replace("fail = None", "fail = (1, 2)"))
    result = project.run("use", "last")
    assert result.exit_code == 1
    assert result.outcomes["use[k=2]"] == "succeeded"
    assert result.counts == {"succeeded": 4, "failed": 1, "blocked": 2}


def test_after_of_what_is_no_task(project: Project) -> None:
    for value, expected in (
        ("'nothing'", "error: tasks_x.py:3 f: after=nothing: there is no task 'nothing'.\n"),
        ("3", "error: tasks_x.py:2: @task: after takes a task's function or name, or a tuple of them, not 3.\n"),
        ("'f'", "error: circle of tasks: f -> f\n    tasks_x.py:3 f depends on after tasks_x.py::f\n"
                "    One of them must do without the other: rename a parameter, or split a task.\n"),
    ):  # fmt: skip
        project.write(tasks_x=f"from taskdisc import task\n@task(after={value})\ndef f(): ...\n")
        result = project.taskdisc("list")
        assert (result.exit_code, result.stderr) == (4, expected)
