"""An S3 server for tests, in memory, and a way to it that can be cut."""

import re
import secrets
import selectors
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import httpx

from webapp.storage.object_storage import ObjectStorage

START_S: Final = 60
CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test-secret",
    "AWS_REGION": "us-east-1",
}


class ObjectStore:
    """A running server; each test has a bucket of its own."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def make_bucket(self) -> str:
        """Make an empty bucket and return its name."""
        name = f"test-{secrets.token_hex(8)}"
        assert httpx.put(f"{self.endpoint}/{name}").status_code == 200
        return name

    def environment(self, endpoint: str = "") -> dict[str, str]:
        """Return the variables by which the AWS tools, and Soundloom, find this server."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint or self.endpoint}

    def storage(self, root: Path, bucket: str = "", *, endpoint: str = "") -> ObjectStorage:
        """Open a storage in a bucket, a new one by default, with a prefix."""
        environ = self.environment(endpoint)
        return ObjectStorage.of_bucket(root, bucket or self.make_bucket(), "loom/one", environ, home=root)


@contextmanager
def running_object_store() -> Iterator[ObjectStore]:
    """Start a server in a process of its own, and end it with the block."""
    command = [sys.executable, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    # A server that never speaks must not hang the suite.
    watchdog = threading.Timer(START_S, process.kill)
    watchdog.start()
    assert process.stdout is not None
    try:
        said = iter(process.stdout)
        address = next(match for line in said if (match := re.search(r"http://127\.0\.0\.1:\d+", line)))
        watchdog.cancel()
        # It says a line for each request, and must never wait for somebody to read it.
        reader = threading.Thread(target=lambda: list(said))
        reader.start()
        try:
            yield ObjectStore(address[0])
        finally:
            process.kill()
            reader.join()
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


class Relay:
    """A way to a server that can be cut: then connections end, and new ones are refused."""

    def __init__(self, endpoint: str) -> None:
        self._target = ("127.0.0.1", int(endpoint.rpartition(":")[2]))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port: int = listener.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self._port}"
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def restore(self) -> None:
        """Let connections through."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """End every connection and refuse new ones."""
        if self._listener is not None:
            # Whoever waits in `accept` is not woken by closing it.
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._pass_on, args=(listener.accept()[0],), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(self._target) as server:
            ends = {client: server, server: client}
            with self._lock:
                self._open.update(ends)
            try:
                with selectors.DefaultSelector() as selector:
                    for end in ends:
                        selector.register(end, selectors.EVENT_READ)
                    while True:
                        for key, _ in selector.select():
                            end = next(one for one in ends if one is key.fileobj)
                            data = end.recv(1 << 16)
                            if not data:
                                return
                            ends[end].sendall(data)
            finally:
                with self._lock:
                    self._open.difference_update(ends)


@contextmanager
def relay_to(endpoint: str) -> Iterator[Relay]:
    """Open a way to a server; it is cut with the block."""
    relay = Relay(endpoint)
    relay.restore()
    try:
        yield relay
    finally:
        relay.cut()
