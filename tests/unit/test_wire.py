import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdisc.errors import Place
from taskdisc.model import ErrorText, FileResult, Job, JobResult, Part
from taskdisc.wire import Inbox, frame, pack_jobs, pack_result, unpack_job, unpack_result, unpack_results

PLACE = Place("tasks_x.py", 3)
RESULTS = [
    JobResult(1, "succeeded", (Part(b"d" * 32, b"payload", None, 7),)),
    JobResult(2, "succeeded", (Part(b"d" * 32, None, "name", 70000), Part(b"e" * 32, b"", None, 0)), cpu_seconds=0.5),
    JobResult(3, "succeeded", (), (FileResult("a.txt", "abc", 3, 17),), "dirs/3.1", 1.5, 0.25, 0.1, 4096, "o", "e"),
    JobResult(4, "failed", error=ErrorText("ValueError", "no", PLACE, "E   no", "Look."), warnings=("w",)),
    JobResult(5, "failed", error=ErrorText("ValueError", "no", None, "")),
]


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: str(result.number))
def test_a_result_arrives_as_it_was(result):
    (plain,) = Inbox().feed(pack_result(result))
    arrived = unpack_result(plain)
    assert arrived == result
    assert repr(arrived) == repr(result)


@pytest.mark.parametrize("odd", [None, 2, 3])
@pytest.mark.parametrize("count", [1, 7, 8, 100])
def test_many_results_arrive_as_they_were(count, odd):
    results = [RESULTS[0]._replace(number=n, started=n / 4, seconds=n / 8, peak_memory=n) for n in range(count)]
    results += [] if odd is None else [RESULTS[odd]]
    arrived = unpack_results(Inbox().feed(b"".join(map(pack_result, results))))
    assert arrived == results
    assert repr(arrived) == repr(results)


def test_jobs_arrive_as_they_were():
    jobs = [Job(1, 0, "f[k=1]", 1, (b"x", ("pickle", b"y"))), Job(2, 1, "g", 2, ())]
    (batch,) = Inbox().feed(pack_jobs(jobs))
    assert [repr(unpack_job(plain)) for plain in batch] == list(map(repr, jobs))


def test_an_input_of_many_jobs_travels_once():
    value = b"v" * 50_000
    message = pack_jobs([Job(n, 0, f"f[k={n}]", 1, (("pickle", value),)) for n in range(1000)])
    assert len(message) < 3 * len(value)
    (batch,) = Inbox().feed(message)
    assert {unpack_job(plain).arguments for plain in batch} == {(("pickle", value),)}


@given(st.lists(st.binary(max_size=50), max_size=8), st.lists(st.integers(1, 60), max_size=30))
def test_messages_survive_any_cut(messages, sizes):
    stream = b"".join(map(frame, messages))
    inbox, arrived = Inbox(), []
    for size in sizes:
        arrived += inbox.feed(stream[:size])
        stream = stream[size:]
    arrived += inbox.feed(stream)
    assert arrived == messages
