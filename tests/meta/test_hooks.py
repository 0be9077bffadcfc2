"""Each hook is documented, called, and checked."""

import inspect
import re

import pytest

from taskdisc import hookspecs
from tests.meta.running import taskdisc, write

HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith(hookspecs.PREFIX)}

CONFIGURED = '[tool.taskdisc]\nplugins = ["plugin"]\n'

TASKS = """
import os, time
from taskdisc import task

def value(seen):
    return 1

@task(prefix="env")
def launched():
    return complex(1, 2)

@task(interactive=True)
def asking():
    return 2

def watched():
    '''Lasts until somebody was told of progress.'''
    deadline = time.monotonic() + 20
    while "taskdisc_run_progress" not in open("calls").read() and time.monotonic() < deadline:
        time.sleep(0.01)

@task(executor="speaking")
def spoken():
    return 3

@task(retries=1, retry_delay="0s")
def flaky():
    with open("flaky", "a") as file:
        file.write("!")
    if os.path.getsize("flaky") == 1:
        raise OSError

def failing():
    raise ValueError("on purpose")

def blocked(failing):
    pass

class Own:
    pass

def unknown_kind():
    return Own()
"""


SPEAKING = """
from taskdisc.builtin.inline import InlineExecutor

class Speaking(InlineExecutor):
    def speak(self, say):
        self.say = say

    def submit(self, jobs):
        self.say("something")
        super().submit(jobs)
"""

SUPPLYING = "def taskdisc_executors():\n    return {'speaking': lambda workers: Speaking()}\n"

INTERRUPTING = """
import os, signal

def ending():
    os.kill(os.getppid(), signal.SIGINT)
"""


def noting(*names):
    """Return the source of a plugin that implements hooks and notes their calls in the file `calls`."""
    lines = [
        SPEAKING,
        "def note(name):",
        "    with open('calls', 'a') as calls:",
        "        print(name, file=calls)",
        "",
    ]
    for name in names:
        parameters = ", ".join(inspect.signature(HOOKS[name]).parameters)
        lines += [f"def {name}({parameters}):", f"    note({name!r})"]
        if name == "taskdisc_around_task":
            lines.append("    yield")
        if name == "taskdisc_executors":
            lines.append("    return {'speaking': lambda workers: Speaking()}")
        if name == "taskdisc_injectables":
            lines.append("    return {'seen': lambda execution: 1}")
        if name == "taskdisc_run_started":
            lines.append("    run.tick = 0.01")
        lines.append("")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """What a plugin that implements every hook is called for in a run with cached, failed and launched steps."""
    folder = write(tmp_path_factory.mktemp("hooks"), pyproject=CONFIGURED, plugin=noting(*HOOKS), tasks_all=TASKS)
    (folder / "calls").touch()
    done = taskdisc(folder, "run", "-v")
    assert done.returncode == 1, done.stderr
    assert "on purpose" in done.stderr
    assert "2 failed" not in done.stderr, done.stderr
    assert taskdisc(folder, "status").returncode == 0
    assert taskdisc(folder, "plugins").returncode == 0
    assert taskdisc(write(folder, pyproject=CONFIGURED, tasks_end=INTERRUPTING), "run", "ending").returncode == 2
    return (folder / "calls").read_text().split()


@pytest.mark.parametrize("name", HOOKS)
def test_each_hook_says_when_it_is_called(name):
    assert re.search(r"\b[Cc]alled\b", HOOKS[name].__doc__ or "")


@pytest.mark.parametrize("name", HOOKS)
def test_each_hook_is_called(name, calls):
    assert name in calls


def test_order_of_a_run(calls):
    once = [name for name in calls if name in ONCE]
    assert once[: len(ONCE)] == list(ONCE)


ONCE = (
    "taskdisc_add_options",
    "taskdisc_configure",
    "taskdisc_modify_tasks",
    "taskdisc_run_started",
    "taskdisc_plan_ready",
    "taskdisc_run_finished",
    "taskdisc_unconfigure",
)


SMALL = "def value():\n    return 1\n"


@pytest.mark.parametrize("module", ["plugin", "tasks_all"])
def test_a_misspelt_hook_is_an_error(module, tmp_path):
    wrong = "def taskdisc_run_startd(run): pass\n"
    files = {"plugin": "", "tasks_all": SMALL}
    files[module] += wrong
    done = taskdisc(write(tmp_path, pyproject=CONFIGURED, **files), "run")
    assert done.returncode == 4
    assert f"plugin {module}: there is no hook taskdisc_run_startd. Did you mean taskdisc_run_started?" in done.stderr


def test_an_argument_that_a_hook_does_not_have_is_an_error(tmp_path):
    plugin = "def taskdisc_run_started(runner): pass\n"
    done = taskdisc(write(tmp_path, pyproject=CONFIGURED, plugin=plugin, tasks_all=SMALL), "run")
    assert done.returncode == 4
    assert "plugin plugin: " in done.stderr
    assert "runner" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", [name for name in HOOKS if inspect.signature(HOOKS[name]).parameters])
def test_a_hook_may_leave_out_arguments(name, tmp_path):
    plugin = f"def {name}():\n    open('called', 'w').close()\n"
    if name == "taskdisc_around_task":
        plugin += "    yield\n"
    folder = write(tmp_path, pyproject=CONFIGURED, plugin=plugin, tasks_all=SMALL)
    done = taskdisc(folder, "run")
    assert done.returncode == 0, done.stderr


RAISING = "def {name}():\n    raise RuntimeError('out of order')\n"


@pytest.mark.parametrize("name", HOOKS)
def test_a_plugin_that_raises_is_named(name, tmp_path):
    plugin = RAISING.format(name=name)
    if name == "taskdisc_around_task":
        plugin += "    yield\n"
    if name == "taskdisc_run_progress":
        plugin += "def taskdisc_run_started(run):\n    run.tick = 0.001\n"
    files = {"plugin": plugin, "tasks_all": TASKS.replace('"calls"', "__file__").replace("seen", "")}
    targets = ["value", "launched", "asking", "unknown_kind", "watched", "flaky"]
    if name == "taskdisc_run_interrupted":
        files["tasks_end"] = INTERRUPTING
        targets = ["ending"]
    if name == "taskdisc_run_warned":
        files["plugin"] += f"{SPEAKING}\n{SUPPLYING}"
        targets = ["spoken"]
    configured = CONFIGURED + 'shared = "none://"\n' if name == "taskdisc_remotes" else CONFIGURED
    done = taskdisc(write(tmp_path, pyproject=configured, **files), "run", "-v", *targets)
    assert done.returncode != 0
    assert "out of order" in done.stderr
    assert f"plugin plugin: {name} raised" in done.stderr


def test_a_hook_of_the_project_itself_is_called(tmp_path):
    tasks = SMALL + "def taskdisc_job_finished(step):\n    print('ended', step.id, step.outcome)\n"
    done = taskdisc(write(tmp_path, tasks_all=tasks), "run", "value")
    assert (done.returncode, done.stdout) == (0, "ended value succeeded\n1\n")
