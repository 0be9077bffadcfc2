"""Objects in buckets of real servers, in folders, and what goes wrong with them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import servers
from taskdisc_s3 import Bucket

from taskdisc.errors import StoreError

BIG = b"0123456789abcdef" * (1 << 17)


@pytest.fixture
def store(server, bucket):
    return Bucket(server.url(bucket))


@pytest.mark.parametrize("data", [b"", b"small", memoryview(BIG)], ids=["empty", "small", "big"])
def test_what_was_put_is_there(store, data):
    assert store.put("objects/a", data)
    assert store.get("objects/a") == bytes(data)


def test_what_is_not_there(store):
    with pytest.raises(KeyError):
        store.get("objects/a")
    store.delete(["objects/a"])
    assert list(store.names("objects/")) == []


def test_names_below_a_folder_and_their_times(store):
    for name in ("objects/a", "records/f/b", "records/g/c"):
        store.put(name, b"x")
    found = dict(store.names("records/"))
    assert sorted(found) == ["records/f/b", "records/g/c"]
    assert all(1.6e9 < time < 4e9 for time in found.values())
    store.delete(["records/f/b"])
    assert [name for name, _ in store.names("records/")] == ["records/g/c"]


def test_more_names_than_fit_into_an_answer(store):
    names = [f"records/{number:04}" for number in range(1100)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda name: store.put(name, b"x"), names))
    assert sorted(name for name, _ in store.names("records/")) == names


def test_many_at_once_write_one_object(server, store):
    """One of them creates it, where the server knows conditions; elsewhere, all write the same."""
    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(lambda _: store.put("objects/a", b"content"), range(24)))
    assert any(created)
    assert store.get("objects/a") == b"content"


def test_a_large_object_that_is_there_is_not_sent_again(store):
    assert store.put("objects/a", BIG)
    assert not store.put("objects/a", BIG)


def test_an_object_is_created_once(store, request):
    created = [store.put("objects/a", b"content") for _ in range(2)]
    assert created[0]
    if "rclone" not in request.node.name:  # which ignores the condition
        assert not created[1]


# What goes wrong


@pytest.mark.parametrize("ask", [lambda s: s.get("a"), lambda s: s.put("a", b""), lambda s: list(s.names("a/"))])
def test_no_such_bucket(server, bucket, ask):
    with pytest.raises(StoreError) as caught:
        ask(Bucket(server.url("nobodys")))
    assert str(caught.value) == "s3://nobodys/project: there is no such bucket. Make it, or correct the address."


@pytest.fixture(scope="session")
def gateway(tmp_path_factory):
    """The one server that looks at credentials closely."""
    with servers.rclone(tmp_path_factory.mktemp("credentials")) as started:
        yield started


@pytest.mark.parametrize(("variable", "words"), [("AWS_ACCESS_KEY_ID", "Check"), ("AWS_SECRET_ACCESS_KEY", "Check")])
def test_wrong_credentials(gateway, monkeypatch, variable, words):
    for name, value in gateway.variables().items():
        monkeypatch.setenv(name, value)
    gateway.client().create_bucket(Bucket=f"b-{variable.lower().replace('_', '-')}")
    monkeypatch.setenv(variable, "wrong")
    with pytest.raises(StoreError, match=words):
        Bucket(gateway.url(f"b-{variable.lower().replace('_', '-')}")).get("objects/a")


def test_no_credentials(monkeypatch):
    for name in servers.Server(0).variables():
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(StoreError, match=r"there are no credentials\. For S3, set AWS_ACCESS_KEY_ID and"):
        Bucket(servers.Server(servers.free_port()).url("team", patience="0.5")).get("objects/a")


def test_nobody_listens(monkeypatch):
    for name, value in servers.Server(0).variables().items():
        monkeypatch.setenv(name, value)
    url = servers.Server(servers.free_port()).url("team", patience="3")
    with pytest.raises(OSError, match=r"s3://team/project cannot be reached: .* after \d retries"):
        Bucket(url).get("objects/a")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3://team/x?endpont=http://y", "s3://team/x: Configuration key: 'endpont' is not valid for store 'S3'."),
        ("s3://team/x?patience=long", "s3://team/x: patience=long is no number of seconds. Such as: ?patience=60"),
    ],
)
def test_options_that_cannot_be(url, message):
    with pytest.raises(StoreError) as caught:
        Bucket(url)
    assert str(caught.value) == message


def test_a_folder_serves_as_well(tmp_path):
    store = Bucket(f"file://{tmp_path}/shared")
    assert store.put("records/f/a", b"x")
    assert not store.put("records/f/a", b"x")
    assert store.get("records/f/a") == b"x"
    assert [name for name, _ in store.names("records/")] == ["records/f/a"]
    store.delete(["records/f/a", "records/f/b"])
    with pytest.raises(KeyError):
        store.get("records/f/a")


def test_memory_serves_as_well():
    store = Bucket("memory://")
    assert store.put("objects/a", b"x")
    assert store.get("objects/a") == b"x"
