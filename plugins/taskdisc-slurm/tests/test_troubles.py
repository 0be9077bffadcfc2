"""What goes wrong on a cluster: who is to blame is told, nothing is lost, and nothing is left."""

import signal
import time

import pytest
from servers import wait_for

LONG = """
    import os, time
    from taskdisc import axis, task
    k = axis(range({count}))
    @task({options})
    def step(k: int):
        with open("begun.txt", "a") as file:
            file.write(f"{{k}}\\n")
        deadline = time.monotonic() + 60
        while not os.path.exists("gate"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return k
"""
PATIENT = "    import taskdisc_slurm.executor\n    taskdisc_slurm.executor.END = 60.0\n"
"""For a project whose run must see the end of what it has cancelled, on a busy machine too."""


def lines(project, name="begun.txt"):
    path = project.path / name
    return path.read_text().split() if path.exists() else []


def failure(result):
    """The part of the report that tells of a failure."""
    return result.stderr


def test_a_job_that_dies_dies_alone(slurm, on_slurm):
    on_slurm.write(
        tasks_x="""
        import os
        from taskdisc import axis, task
        k = axis(range(6))
        @task(batch=6)
        def step(k: int):
            if k == 2:
                print("on the way", flush=True)
                os.kill(os.getpid(), 9)
            return k
        """
    )
    result = on_slurm.run()
    assert result.outcomes == {f"step[k={k}]": "killed" if k == 2 else "succeeded" for k in range(6)}
    assert "KILLED step[k=2] - its process ended by signal SIGKILL (tasks_x.py:5)" in result.stderr
    assert "on the way" in on_slurm.taskdisc("logs", "step[k=2]").stdout


def test_too_little_memory_and_more_at_the_next_attempt(slurm, on_slurm):
    on_slurm.write(
        tasks_x="""
        import time
        from taskdisc import task
        def _use(seconds):
            print("taking memory", flush=True)
            held = bytearray(250_000_000)
            held[::4096] = b"x" * len(held[::4096])
            time.sleep(seconds)
            return len(held)
        @task(resources={"memory_gb": 0.1})
        def short():
            return _use(60)
        @task(resources=lambda attempt: {"memory_gb": 0.1 * 5 ** (attempt - 1)}, retries=1, retry_delay="0s")
        def enough(task_info):
            return _use(60 if task_info.attempt == 1 else 2)
        """
    )
    result = on_slurm.run()
    assert result.outcomes == {"short": "killed", "enough": "succeeded"}
    assert "KILLED short - Slurm ended it: it used more memory than it had asked for" in result.stderr
    assert 'resources=lambda attempt: {"memory_gb": 4 * attempt}' in result.stderr
    assert "exceeded memory limit" in result.stderr
    assert "exceeded memory limit" in on_slurm.taskdisc("logs", "short").stdout


def test_what_slurm_said_of_a_silent_task_is_in_its_log(slurm, on_slurm):
    on_slurm.write(
        tasks_x="""
        import time
        from taskdisc import task
        @task(resources={"memory_gb": 0.1})
        def silent():
            held = bytearray(250_000_000)
            held[::4096] = b"x" * len(held[::4096])
            time.sleep(60)
        """
    )
    assert on_slurm.run().outcomes == {"silent": "killed"}
    told = on_slurm.taskdisc("logs", "silent").assert_ok().stdout
    assert told.startswith("--- silent launcher\n")
    assert "exceeded memory limit" in told


def test_a_timeout_is_kept_to_the_second(slurm, on_slurm):
    on_slurm.write(
        tasks_x="""
        import time
        from taskdisc import axis, task
        k = axis(range(3))
        @task(timeout="10s", batch=3)
        def step(k: int):
            time.sleep(100 if k == 1 else 0)
            return k
        """
    )
    result = on_slurm.run()
    assert result.outcomes == {"step[k=0]": "succeeded", "step[k=1]": "timed out", "step[k=2]": "succeeded"}
    assert "still running after 10 s" in result.stderr


@pytest.mark.long
def test_slurms_own_time_limit(slurm, on_slurm):
    on_slurm.write(
        tasks_x="""
        import time
        from taskdisc import task
        @task(resources={"time_h": 1 / 60})
        def slow():
            time.sleep(300)
        """
    )
    process = on_slurm.run()
    assert process.outcomes == {"slow": "timed out"}
    assert "Slurm ended it: its time was up" in process.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ('flags="--partition=nowhere"', "invalid partition specified: nowhere"),
        ('resources={"memory_gb": 9000}', "Memory specification can not be satisfied"),
        ('resources={"gpu": 99}, retries=3', "Requested node configuration is not available"),
        ('flags="--nonsense"', "unrecognized option '--nonsense'"),
    ],
)
def test_what_slurm_will_never_do_is_told(slurm, on_slurm, options, said):
    on_slurm.write(tasks_x=f"from taskdisc import task\n@task({options})\ndef f(): return 1\ndef g(): return 2")
    result = on_slurm.run()
    assert result.outcomes == {"f": "failed", "g": "succeeded"}
    assert "FAILED f - sbatch refuses it: " in result.stderr
    assert said in result.stderr
    assert "The flags were: --" in result.stderr


def test_what_may_wait_for_ever_is_told(slurm, on_slurm, begin):
    on_slurm.write(tasks_x=LONG.format(count=1, options='flags="--partition=short --time=60"'))
    process = begin()
    wait_for(
        lambda: "warning: slurm: step waits, perhaps for ever: PartitionTimeLimit" in process.log.read_text(), "it"
    )
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 2
    assert slurm.jobs() == []


def test_a_job_that_somebody_cancels(slurm, on_slurm, begin):
    on_slurm.write(tasks_x=LONG.format(count=2, options=""))
    process = begin()
    wait_for(lambda: len(lines(on_slurm)) == 2, "both begin")
    first = next(line.split()[0] for line in slurm.jobs() if " RUNNING " in line)
    slurm.do("scancel", first)
    wait_for(lambda: first not in str(slurm.jobs()), "cancelled")
    (on_slurm.path / "gate").touch()
    assert process.wait(60) == 1
    said = process.log.read_text()
    assert "somebody cancelled its job" in said
    assert "1 succeeded, 1 killed" in said


def test_a_job_that_is_preempted(slurm, on_slurm, begin):
    on_slurm.write(tasks_x=LONG.format(count=1, options='resources={"cpus": 8}'))
    process = begin()
    wait_for(lambda: lines(on_slurm), "it begins")
    slurm.do("sbatch", "--partition=urgent", "--cpus-per-task=8", "--output=/dev/null", "--wrap=sleep 1")
    assert process.wait(60) == 1
    assert "jobs of higher priority needed its place" in process.log.read_text()


def test_interrupted_runs_leave_nothing_in_the_queue(slurm, on_slurm, begin):
    on_slurm.write(tasks_x=LONG.format(count=20, options="") + PATIENT)
    with open(on_slurm.path / "pyproject.toml", "a") as file:
        file.write('grace = "1s"\n')
    process = begin()
    wait_for(lambda: len(lines(on_slurm)) >= 8, "as many as there is room for begin")
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 2
    assert slurm.jobs() == []
    assert not any((on_slurm.path / ".taskdisc/slurm").iterdir())
    assert len(lines(on_slurm)) == 8


def test_a_run_that_was_killed_is_taken_over(slurm, on_slurm, begin):
    on_slurm.write(tasks_x=LONG.format(count=12, options="batch=2"))
    killed = begin()
    wait_for(lambda: len(lines(on_slurm)) >= 6, "all elements begin")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    before = {line.split()[0] for line in slurm.jobs()}
    other = begin("step[k=0]", "step[k=3]", "step[k=7]")
    time.sleep(2)
    assert {line.split()[0] for line in slurm.jobs()} == before
    (on_slurm.path / "gate").touch()
    assert other.wait(60) == 0, other.log.read_text()
    assert "3 succeeded" in other.log.read_text()
    begun = lines(on_slurm)
    assert len(begun) == len(set(begun))
    wait_for(lambda: slurm.jobs() == [], "what nobody wants is cancelled")
    assert not any((on_slurm.path / ".taskdisc/slurm").iterdir())


def test_results_that_came_after_a_run_was_killed_count(slurm, on_slurm, begin):
    on_slurm.write(tasks_x=LONG.format(count=4, options=""))
    killed = begin()
    wait_for(lambda: len(lines(on_slurm)) == 4, "all begin")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    (on_slurm.path / "gate").touch()
    wait_for(lambda: slurm.jobs() == [], "all end")
    on_slurm.run().assert_ok()
    assert sorted(lines(on_slurm)) == ["0", "1", "2", "3"]
    assert on_slurm.run().assert_ok().counts == {"cached": 4}


def test_a_run_that_was_killed_counts_for_nothing_where_all_must_run_again(slurm, on_slurm, begin):
    on_slurm.write(tasks_x=LONG.format(count=2, options=""))
    killed = begin()
    wait_for(lambda: len(lines(on_slurm)) == 2, "all begin")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    (on_slurm.path / "gate").touch()
    on_slurm.run("-f").assert_ok()
    assert sorted(lines(on_slurm)) == ["0", "0", "1", "1"]


def test_two_runs_at_once_compute_everything_once(slurm, on_slurm, begin):
    on_slurm.write(tasks_x=LONG.format(count=4, options=""))
    runs = begin(), begin()
    wait_for(lambda: len(lines(on_slurm)) == 4, "all begin")
    (on_slurm.path / "gate").touch()
    assert [process.wait(60) for process in runs] == [0, 0]
    assert sorted(lines(on_slurm)) == ["0", "1", "2", "3"]


# Daemons that go away


def test_slurmctld_is_away_for_a_while(make_slurm, on_slurm, begin):
    slurm = make_slurm()
    on_slurm.write(
        tasks_x=LONG.format(count=4, options="")
        + """
    def more(step):
        return step
        """
    )
    process = begin()
    wait_for(lambda: len(lines(on_slurm)) == 4, "all begin")
    slurm.write_down()
    slurm.end("slurmctld", signal.SIGKILL)
    (on_slurm.path / "gate").touch()
    time.sleep(8)
    assert process.poll() is None
    slurm.start_controller()
    assert process.wait(90) == 0, process.log.read_text()
    said = process.log.read_text()
    assert "8 succeeded" in said
    assert said.count("warning: slurm: the controller") >= 1
    assert sorted(lines(on_slurm)) == ["0", "1", "2", "3"]


def test_slurmd_is_killed_and_comes_back(make_slurm, on_slurm, begin):
    slurm = make_slurm()
    on_slurm.write(tasks_x=LONG.format(count=3, options=""))
    process = begin()
    wait_for(lambda: len(lines(on_slurm)) == 3, "all begin")
    slurm.end("slurmd", signal.SIGKILL)
    time.sleep(1)
    slurm.start_node()
    (on_slurm.path / "gate").touch()
    assert process.wait(60) == 0, process.log.read_text()
    assert "3 succeeded" in process.log.read_text()


@pytest.mark.long
def test_a_job_that_slurm_has_forgotten(make_slurm, on_slurm, begin):
    slurm = make_slurm()
    on_slurm.write(tasks_x=LONG.format(count=2, options=""))
    process = begin()
    wait_for(lambda: len(lines(on_slurm)) == 2, "both begin")
    number = slurm.jobs()[0].partition("_")[0]
    for name in ("slurmctld", "slurmd"):
        slurm.end(name, signal.SIGKILL)
    slurm.kill_steps()
    for state in (slurm.folder / "state").glob("job_state*"):
        state.unlink()
    slurm.start_controller()
    slurm.start_node()
    assert process.wait(90) == 1
    said = process.log.read_text()
    assert "KILLED step[k=0] - its job vanished: it left no result, and Slurm has forgotten it" in said
    assert f"`sacct -j {number}` may know why" in said


def _begins_again(slurm, project):
    """Say whether it has begun, after a while; if not, have it begin now."""
    time.sleep(4)
    if len(lines(project)) == 2:
        return True
    for line in slurm.jobs():
        slurm.do("scontrol", "update", f"jobid={line.split()[0]}", "starttime=now", check=False)
    return False


@pytest.mark.long
@pytest.mark.parametrize("flags", ["--requeue", "--no-requeue"])
def test_a_node_fails(make_slurm, on_slurm, begin, flags):
    slurm = make_slurm(node_timeout=5)
    on_slurm.write(tasks_x=LONG.format(count=1, options=f'flags="{flags}"'))
    process = begin()
    wait_for(lambda: lines(on_slurm), "it begins")
    slurm.end("slurmd", signal.SIGKILL)
    slurm.kill_steps()
    wait_for(lambda: not any(" RUNNING " in line for line in slurm.jobs()), "Slurm notices")
    (on_slurm.path / "gate").touch()
    slurm.start_node()
    if flags == "--requeue":  # it would wait two minutes; but what the controller still wants to end must be over
        wait_for(lambda: _begins_again(slurm, on_slurm), "it begins again")
    code = process.wait(60)
    said = process.log.read_text()
    if flags == "--requeue":
        assert code == 0, said
        assert lines(on_slurm) == ["0", "0"]
    else:
        assert code == 1
        assert "KILLED step[k=0] - its node failed" in said


@pytest.mark.long
def test_a_full_queue_is_waited_for(make_slurm, on_slurm, begin):
    """Jobs count until the controller has forgotten them, which it does once a minute."""
    make_slurm(more="MaxJobCount=6", min_job_age=2)
    on_slurm.write(tasks_x="from taskdisc import axis\nk = axis(range(12))\ndef step(k: int): return k")
    process = begin()
    assert process.wait(400) == 0
    said = process.log.read_text()
    assert "12 succeeded" in said
    assert "warning: slurm: there is no room for more jobs at Slurm (Slurm temporarily unable to accept job" in said


def test_no_slurm_is_a_clear_error(on_slurm, monkeypatch, tmp_path):
    on_slurm.environment["PATH"] = str(tmp_path)
    on_slurm.write(tasks_x="def f(): return 1")
    result = on_slurm.run()
    assert result.exit_code == 4
    assert "executor slurm: there is no sbatch here, or not in PATH" in result.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("slurm_jobs = 0", "slurm_jobs = 0: it takes a whole number from 1."),
        ('slurm_poll = "often"', "slurm_poll = 'often': a duration is a number and s, m, h, d or w"),
    ],
)
def test_options_that_cannot_be(project, line, message):
    project.write({"pyproject.toml": f"[tool.taskdisc]\n{line}\n"}, tasks_x="def f(): return 1")
    result = project.run()
    assert result.exit_code == 4
    assert message in result.stderr


def test_a_job_that_its_node_cannot_start_gets_another_chance(make_slurm, on_slurm, tmp_path):
    """As where Slurm's own copy of the script cannot be executed: here, what goes before it fails, once or always."""
    prolog = tmp_path / "prolog"
    prolog.write_text(
        f'#!/bin/sh\n[ -e {on_slurm.path}/always ] || ! [ -e "{tmp_path}/seen-$SLURM_ARRAY_TASK_ID" ] || exit 0\n'
        f'touch "{tmp_path}/seen-$SLURM_ARRAY_TASK_ID"\nexit 3\n'
    )
    prolog.chmod(0o755)
    make_slurm(more=f"TaskProlog={prolog}")
    on_slurm.write(tasks_x="from taskdisc import axis\nk = axis(range(2))\ndef step(k: int): return k")
    result = on_slurm.run()
    assert result.outcomes == {"step[k=0]": "succeeded", "step[k=1]": "succeeded"}, result.stderr
    for element in (0, 1):
        assert f"1_{element} was not started (" in result.stderr
    assert "TaskProlog failed status=3): its jobs are submitted once more\n" in result.stderr
    on_slurm.write(tasks_x="def other(): return 1")
    (on_slurm.path / "always").touch()
    result = on_slurm.run("other")
    assert (result.exit_code, result.outcomes) == (1, {"other": "killed"})
    assert "its job ended as failed (NonZeroExitCode) and left no result" in result.stderr
