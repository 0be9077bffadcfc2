"""Jobs in an agent, a plain process in a root of its own, as engines on other machines have them."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from taskdisc.errors import UsageError
from taskdisc.model import Job, JobResult, Outcome
from taskdisc.outpost import AgentLost, AgentRefused, Outpost
from taskdisc.store.objects import DamagedResult
from taskdisc.testing.modules import modules_as_before
from taskdisc.testing.stage import MODULE, Stage
from taskdisc.travel import Answer, Cargo, Delivery, Home, Introduction, Parcel
from tests.faults.processes import is_there, until, until_gone

NOWHERE = "/nowhere/project"
"""A folder that no machine has."""


def no_executor(workers: int) -> None:
    raise AssertionError(f"no executor of {workers} is needed")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    root = tmp_path / "project"
    root.mkdir()
    with modules_as_before():
        yield Stage(root, no_executor)  # type: ignore[arg-type]


@pytest.fixture
def home(stage: Stage) -> Iterator[Home]:
    made = Home(stage.context, [("GREETING", "hello")])
    yield made
    made.close()


def moved(introduction: Introduction) -> Introduction:
    """As workers on other machines have it: they do not find the folders of the run."""
    return introduction._replace(root=NOWHERE, store=f"{NOWHERE}/.taskdisc")


Post = Callable[..., Outpost]


@pytest.fixture
def post(home: Home, tmp_path: Path) -> Iterator[Post]:
    """Return what makes outposts that see nothing; afterwards, nothing is left of them."""
    copies = tmp_path / "copies"
    copies.mkdir()
    made: list[Outpost] = []

    def make(workers: int = 1, introduction: Introduction | None = None) -> Outpost:
        made.append(Outpost(introduction or moved(home.introduction), workers, str(copies)))
        return made[-1]

    yield make
    for outpost in made:
        outpost.close(kill=True)
    assert list(copies.iterdir()) == []


def asked(post: Outpost, *jobs: Job) -> Answer:
    """Return what an agent says to jobs."""
    answer: Answer = pickle.loads(post.run(pickle.dumps(jobs)))
    return answer


def run(post: Outpost, home: Home, *jobs: Job) -> list[JobResult]:
    """Return the results of jobs that need nothing from the run, when they are at home."""
    answer = asked(post, *jobs)
    assert answer.wanted == ()
    found = {delivery.result.number: home.received(delivery) for delivery in answer.deliveries}
    return [found[job.number] for job in jobs]


def test_values_come_home(stage: Stage, home: Home, post: Post) -> None:
    jobs = [stage.job("square", 3), stage.job("large", 1_000_000), stage.job("variable", "GREETING")]
    assert stage.values(run(post(), home, *jobs)) == [9, bytes(1_000_000), "hello"]


def test_files_come_home(stage: Stage, home: Home, post: Post) -> None:
    (page,) = run(post(), home, stage.job("page", "text"))
    assert page.directory is not None
    path = Path(stage.context.store) / page.directory / "page"
    assert path.read_text() == "text"
    assert path.stat().st_mode & 0o222 == 0
    assert [file.path for file in page.files] == [str(path.relative_to(stage.context.root))]
    assert page.files[0].changed_ns == path.stat().st_ctime_ns


def test_output_comes_home(stage: Stage, home: Home, post: Post) -> None:
    (loud,) = run(post(), home, stage.job("saying", "hello"))
    assert loud.stdout is not None
    assert (Path(stage.context.store) / loud.stdout).read_text() == "hello\nby a child\n"


def test_jobs_work_in_a_root_of_their_own(stage: Stage, home: Home, post: Post) -> None:
    (there,) = run(post(), home, stage.job("whereabouts"))
    assert os.path.basename(stage.value(there)[0]) == "root"
    assert not os.path.exists(stage.root / "opened")


def test_who_sees_the_project_works_there(stage: Stage, home: Home, post: Post) -> None:
    (there,) = run(post(1, home.introduction), home, stage.job("whereabouts"))
    assert stage.value(there)[0] == os.path.realpath(stage.root)


def test_another_folder_of_that_name_is_not_the_project(stage: Stage, home: Home, post: Post) -> None:
    """As a copy on another machine, perhaps of last week."""
    other = home.introduction._replace(inodes=tuple((path, inode + 1) for path, inode in home.introduction.inodes))
    (there,) = run(post(1, other), home, stage.job("whereabouts"))
    assert stage.value(there)[0] != os.path.realpath(stage.root)


def test_errors_name_the_place(stage: Stage, home: Home, post: Post) -> None:
    (failed,) = run(post(), home, stage.job("failing", "on purpose"))
    assert failed.error is not None
    assert failed.error.place is not None
    assert failed.error.place.path == f"{MODULE}.py"


def test_who_dies_is_known(stage: Stage, home: Home, post: Post) -> None:
    died, fine = run(post(), home, stage.job("dying", 9), stage.job("square", 2))
    assert died.outcome == Outcome.KILLED
    assert stage.value(fine) == 4


def with_object(stage: Stage, home: Home) -> Job:
    """A job whose input is an object of the store."""
    name = home.objects.save([pickle.dumps([7] * 50_000)])
    return stage.job("longer", None)._replace(arguments=(("pickle", name),))


def test_what_is_lacking_is_asked_for_once(stage: Stage, home: Home, post: Post) -> None:
    outpost, job = post(), with_object(stage, home)
    answer = asked(outpost, stage.job("square", 2), job)
    assert [delivery.result.outcome for delivery in answer.deliveries] == [Outcome.SUCCEEDED]
    assert [wanted.number for wanted in answer.wanted] == [job.number]
    outpost.supply(pickle.dumps(home.cargo(answer.wanted)))
    for _ in range(2):
        (result,) = run(outpost, home, job)
        assert stage.value(result)[-1] == 50_000


def test_a_damaged_input_makes_the_job_void(stage: Stage, home: Home, post: Post) -> None:
    job = with_object(stage, home)
    (wanted,) = asked(post(), job).wanted
    (name,) = wanted.objects
    (path,) = (Path(stage.context.store) / "objects").rglob(name[2:])
    path.write_bytes(b"damaged")
    with pytest.raises(DamagedResult) as raised:
        home.cargo([wanted])
    result = home.void(job, raised.value)
    assert (result.outcome, result.damaged[0][0]) == (Outcome.VOID, name)


def test_what_is_damaged_on_its_way_does_not_count(stage: Stage, home: Home) -> None:
    result = JobResult(1, Outcome.SUCCEEDED)
    damaged = home.received(Delivery(result, Cargo({"0" * 64: b"damaged"})))
    assert damaged.outcome == Outcome.FAILED
    assert damaged.error is not None
    assert "damaged on its way home" in damaged.error.message


@pytest.mark.parametrize("place", [("store", "../x"), ("store", "/etc/x"), ("root", ""), ("root", "a/../../x")])
def test_nothing_is_unpacked_elsewhere(stage: Stage, home: Home, place: tuple[str, str]) -> None:
    parcel = Parcel(place, (("", 0o600, b"x"),))
    refused = home.received(Delivery(JobResult(1, Outcome.SUCCEEDED), Cargo({}, (parcel,))))
    assert refused.outcome == Outcome.FAILED
    inner = Parcel(("store", "dirs/1/1.1"), (("../../../../x", 0o600, b"x"),))
    refused = home.received(Delivery(JobResult(1, Outcome.SUCCEEDED), Cargo({}, (inner,))))
    assert refused.outcome == Outcome.FAILED
    assert not (stage.root.parent / "x").exists()


def test_an_edited_module_is_refused(stage: Stage) -> None:
    path = os.path.realpath(stage.root / f"{MODULE}.py")
    context = stage.context._replace(sources={path: "0" * 64})
    with pytest.raises(UsageError, match="was changed while the run was going on"):
        Home(context)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"python": (3, 9)}, "Start workers with Python 3.9"), ({"version": "0.0.1"}, "the run has 0.0.1")],
)
def test_another_interpreter_is_refused(home: Home, post: Post, changes: dict[str, object], message: str) -> None:
    with pytest.raises(AgentRefused, match=message):
        post(1, moved(home.introduction)._replace(**changes))  # type: ignore[arg-type]


def test_an_agent_that_cannot_work_says_why(stage: Stage, home: Home, post: Post) -> None:
    context = stage.context._replace(plugins=("nobody_has_this",))
    outpost = post(1, moved(home.introduction)._replace(context=pickle.dumps(context)))
    with pytest.raises(AgentRefused, match="nobody_has_this"):
        asked(outpost, stage.job("square", 1))


def test_a_lost_agent_is_told_to_who_waits(stage: Stage, home: Home, post: Post, tmp_path: Path) -> None:
    outpost, here = post(), tmp_path / "here"
    job = pickle.dumps((stage.job("hanging", str(here)),))
    lost: list[str] = []

    def wait() -> None:
        try:
            outpost.run(job)
        except AgentLost as error:
            lost.append(str(error))

    waiting = Thread(target=wait)
    waiting.start()
    until(here.exists, "the job begins")
    worker, child = map(int, here.read_text().split())
    os.kill(parent_of(worker), signal.SIGKILL)
    waiting.join(30)
    assert lost == ["the agent was ended by SIGKILL"]
    until_gone([worker, child])


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


HOST = """
import pickle, sys
from taskdisc.outpost import Outpost
introduction, jobs, folder = pickle.load(sys.stdin.buffer)
Outpost(introduction, 1, folder).run(jobs)
"""


def test_agents_do_not_outlive_who_started_them(stage: Stage, home: Home, tmp_path: Path) -> None:
    here, folder = tmp_path / "here", tmp_path / "copies"
    folder.mkdir()
    jobs = pickle.dumps((stage.job("hanging", str(here)),))
    with subprocess.Popen([sys.executable, "-c", HOST], stdin=subprocess.PIPE) as host:
        assert host.stdin is not None
        host.stdin.write(pickle.dumps((moved(home.introduction), jobs, str(folder))))
        host.stdin.close()
        until(here.exists, "the job begins")
        worker, child = map(int, here.read_text().split())
        agent = parent_of(worker)
        assert is_there(agent)
        host.kill()
    until_gone([agent, worker, child])
    until(lambda: not list(folder.iterdir()), "copies are removed")


def test_nothing_begins_after_dismiss(stage: Stage, home: Home, post: Post, tmp_path: Path) -> None:
    outpost, here, gate = post(), tmp_path / "here", tmp_path / "gate"
    jobs = stage.job("waiting", str(here), str(gate)), stage.job("square", 2), stage.job("square", 3)
    answers: list[Answer] = []
    waiting = Thread(target=lambda: answers.append(asked(outpost, *jobs)))
    waiting.start()
    until(here.exists, "the job begins")
    outpost.dismiss()
    until(lambda: asked(outpost, stage.job("square", 4)) == Answer(), "the agent knows")
    gate.touch()
    waiting.join(30)
    assert [delivery.result.number for delivery in answers[0].deliveries] == [jobs[0].number]


def test_fixtures_are_closed(stage: Stage, home: Home, post: Post) -> None:
    outpost = post(1, home.introduction)
    assert stage.values(run(outpost, home, stage.job("connected"))) == ["connected"]
    outpost.close()
    assert (stage.root / "closed").read_text() == "x"
