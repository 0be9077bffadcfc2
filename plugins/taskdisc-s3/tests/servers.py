"""S3 servers on this machine: Ceph's gateway, moto, and rclone, which ignores conditions."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

PACKAGES = ("radosgw", "ceph-mon", "ceph-osd", "ceph-common")


class Server(NamedTuple):
    """Where a server listens, and who may use it."""

    port: int
    key: str = "testkey"
    secret: str = "testsecret"

    def url(self, bucket: str, port: int | None = None, **options: str) -> str:
        """Return the address of a project in a bucket; `port` is that of something in between."""
        given = {"endpoint": f"http://127.0.0.1:{port or self.port}", "region": "us-east-1", "patience": "3", **options}
        return f"s3://{bucket}/project?{'&'.join(f'{name}={value}' for name, value in given.items())}"

    def variables(self) -> dict[str, str]:
        """Return the environment of somebody who may use it."""
        return {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret}

    def client(self):
        """Return a client of another kind, to make buckets and to look behind the scenes."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
        )


def free_port() -> int:
    """Return a port that nobody listens at, and that the system gives to nobody who does not ask for it."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port


def answers(port: int) -> bool:
    """Say whether something speaks HTTP there."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float = 60) -> bool:
    """Wait until something holds; False when the process has ended, or the time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if condition():
            return True
        time.sleep(0.1)
    return False


@contextmanager
def running(command: Sequence[str | Path], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Have a process, and nothing of it afterwards."""
    with open(log, "ab") as stream:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def listening(command: Sequence[str | Path], port: int, log: Path) -> Iterator[None]:
    """Have a process that speaks HTTP at a port."""
    with running(command, log) as process:
        assert wait_for(lambda: answers(port), process), log.read_text()[-2000:]
        yield


def installed(name: str) -> str:
    """Return the path of a program beside this interpreter."""
    return str(Path(sys.executable).parent / name)


@contextmanager
def moto(folder: Path) -> Iterator[Server]:
    port = free_port()
    with listening([installed("moto_server"), "-p", str(port)], port, folder / "moto.log"):
        yield Server(port)


@contextmanager
def rclone(folder: Path) -> Iterator[Server]:
    server = Server(free_port())
    (folder / "buckets").mkdir()
    command = [installed("rclone"), "serve", "s3", "--config", folder / "rclone.conf"]
    command += ["--auth-key", f"{server.key},{server.secret}", "--addr", f"127.0.0.1:{server.port}", folder / "buckets"]
    with listening(command, server.port, folder / "rclone.log"):
        yield server


# Ceph: a monitor, one disk in memory, and the gateway that speaks S3

CEPH = """\
[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{monitor}
ms bind msgr2 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
mon data = {folder}/mon
mon data avail crit = 0
mon allow pool size one = true
mon max pg per osd = 1000
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 1073741824
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
log file = {folder}/$name.log
admin socket = {folder}/$name.asok
run dir = {folder}
pid file =
"""


def install_ceph() -> None:
    """Install it from the system's packages, unless it is there."""
    if all(map(shutil.which, ("radosgw", "ceph-mon", "ceph-osd", "ceph", "monmaptool"))):
        return
    for command in (("update",), ("install", "-y", "--no-install-recommends", *PACKAGES)):
        quietly = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(
            ["apt-get", "-qq", *command], env=quietly, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        assert done.returncode == 0, f"Ceph cannot be installed: {done.stderr[-2000:]}"


class Ceph:
    """A cluster of one in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = Server(free_port())
        self._options = ["-c", str(folder / "ceph.conf")]
        self._monitor = free_port()
        self._fsid = str(uuid.uuid4())
        (folder / "ceph.conf").write_text(CEPH.format(fsid=self._fsid, folder=folder, monitor=self._monitor))
        for name in ("mon", "osd"):
            (folder / name).mkdir()

    def do(self, *command: str) -> str:
        """Run a command of Ceph to its end."""
        done = subprocess.run([command[0], *self._options, *command[1:]], capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def is_up(self, *words: str, says: str) -> bool:
        """Say whether a question to the monitor has this in its answer."""
        try:
            done = subprocess.run(
                ["ceph", *self._options, "--connect-timeout", "2", *words], capture_output=True, text=True, timeout=10
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0 and says in done.stdout

    def begin(self, *command: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """Have a daemon of Ceph."""
        return running([command[0], *self._options, *command[1:], "-f"], self.folder / f"{command[0]}.out")

    def start(self, stack: ExitStack) -> Server:
        """Start all of it; the stack ends it."""
        self._start_monitor(stack)
        self._start_disk(stack)
        frontend = f"beast endpoint=127.0.0.1:{self.server.port} tcp_nodelay=1"
        gateway = stack.enter_context(self.begin("radosgw", "-n", "client.rgw", "--rgw-frontends", frontend))
        assert wait_for(lambda: answers(self.server.port), gateway), self._said("radosgw")
        key, secret = f"--access-key={self.server.key}", f"--secret-key={self.server.secret}"
        self.do("radosgw-admin", "user", "create", "--uid=test", "--display-name=test", key, secret)
        return self.server

    def _start_monitor(self, stack: ExitStack) -> None:
        monmap, address = str(self.folder / "monmap"), f"v1:127.0.0.1:{self._monitor}"
        subprocess.run(
            ["monmaptool", "--create", "--fsid", self._fsid, "--addv", "a", address, monmap],
            check=True,
            capture_output=True,
        )
        self.do("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap)
        monitor = stack.enter_context(self.begin("ceph-mon", "-i", "a"))
        assert wait_for(lambda: self.is_up("mon", "stat", says="quorum"), monitor), self._said("ceph-mon")

    def _start_disk(self, stack: ExitStack) -> None:
        identity = str(uuid.uuid4())
        self.do("ceph", "osd", "new", identity)
        self.do("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", identity)
        for _ in range(5):  # it may lose a race with the monitor at its start, and end: `wrong fsid`
            disk = stack.enter_context(self.begin("ceph-osd", "-i", "0"))
            if wait_for(lambda: self.is_up("osd", "stat", says=" 1 up"), disk, 20):
                return
        raise AssertionError(self._said("ceph-osd"))

    def _said(self, program: str) -> str:
        return (self.folder / f"{program}.out").read_text()[-2000:]


@contextmanager
def ceph(folder: Path) -> Iterator[Server]:
    install_ceph()
    with ExitStack() as stack:
        yield Ceph(folder).start(stack)


SERVERS = {"ceph": ceph, "moto": moto, "rclone": rclone}
