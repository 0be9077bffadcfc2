"""The servers, each started once."""

import itertools

import pytest
import servers

_numbers = itertools.count()


@pytest.fixture(scope="session", params=list(servers.SERVERS))
def server(request, tmp_path_factory):
    """Each of the S3 servers in turn."""
    with servers.SERVERS[request.param](tmp_path_factory.mktemp(request.param)) as started:
        yield started


@pytest.fixture
def bucket(server, monkeypatch):
    """A new bucket, and the right to use it."""
    for name, value in server.variables().items():
        monkeypatch.setenv(name, value)
    name = f"team-{next(_numbers)}"
    server.client().create_bucket(Bucket=name)
    return name
