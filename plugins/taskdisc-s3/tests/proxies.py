"""A network that fails: it passes on so many bytes of answers, and then nothing more."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Network:
    """Stands between a program and a server."""

    def __init__(self, port: int, bytes_left: int) -> None:
        self.left = bytes_left
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        threads = []
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.left <= 0:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._target))
                self._open += [client, server]
                for pair, counted in (((client, server), False), ((server, client), True)):
                    threads.append(threading.Thread(target=self._pass_on, args=(*pair, counted)))
                    threads[-1].start()
        for thread in threads:
            thread.join()

    def _pass_on(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                if counted:
                    data = data[: max(0, self.left)]
                    self.left -= len(data)
                target.sendall(data)
                if counted and self.left <= 0:
                    break
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End all connections, and take no other."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for end in self._open:
            end.close()


@contextmanager
def failing_after(port: int, bytes_left: int) -> Iterator[Network]:
    """Have a network that fails after so many bytes."""
    network = Network(port, bytes_left)
    try:
        yield network
    finally:
        network.close()
