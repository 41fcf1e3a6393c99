"""A hub of our own, on this machine, that can be told to misbehave."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c0ffee" + "0" * 34
PIECE = 64 * 1024


@dataclass
class Fault:
    """What goes wrong with one answer to a GET. `after` is how many bytes are sent before it does."""

    after: int | None = None
    status: int = 0
    retry_after: int | None = None
    ignores_range: bool = False
    content_length: int | None = None
    corrupts: bool = False
    content_range: str = ""
    encoding: str = ""
    chunked_extra: bytes = b""
    # Sends `after` bytes, says so, and goes on when it is told to.
    reached: threading.Event | None = None
    goes_on: threading.Event | None = None


@dataclass
class Hub:
    """What it has, how it answers, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    # As the real one: large files are redirected to a store, with their digest; small ones have a blob's.
    has_store: bool = True
    says_digests: bool = True
    says_length: bool = True
    etag: str = ""
    redirect_to: str = ""
    # Where the store is, if elsewhere.
    store_base: str = ""
    faults: list[Fault] = field(default_factory=list)
    base: str = ""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    served: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def put(self, repository: str, **files: bytes) -> None:
        for name, content in files.items():
            self.files[f"{repository}/{name}"] = content

    def gets(self, ending: str = "") -> list[dict[str, str]]:
        """The headers of the requests that were answered with content, in order."""
        return [headers for name, headers in self.served if name.endswith(ending)]


LARGE = (".bin", ".safetensors")


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called in the base
        pass

    def _answer(self) -> None:
        hub = self.hub
        headers = {name.lower(): value for name, value in self.headers.items()}
        hub.asked.append((self.command, self.path, headers))
        if self.path.startswith("/store/"):
            self._content(self.path.removeprefix("/store/"))
            return
        repository, _, rest = self.path.removeprefix("/").partition("/resolve/")
        name = f"{repository}/{rest.partition('/')[2]}"
        content = hub.files.get(name)
        if content is None:
            self._send(404, {"Content-Length": "0"})
        elif hub.redirect_to or (hub.has_store and name.endswith(LARGE)):
            self._send(302, self._described(name, content))
        else:
            self._content(name)

    def _described(self, name: str, content: bytes) -> dict[str, str]:
        hub = self.hub
        said = {
            "Content-Length": "0",
            "Location": hub.redirect_to or f"{hub.store_base or hub.base}/store/{name}",
        }
        if hub.says_digests:
            said["X-Repo-Commit"] = COMMIT
            said["X-Linked-Size"] = str(len(content))
            said["X-Linked-Etag"] = f'"{hashlib.sha256(content).hexdigest()}"'
        return said

    def _etag(self, content: bytes) -> dict[str, str]:
        if self.hub.has_store and self.hub.says_digests:
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
            return {"ETag": f'"{blob.hexdigest()}"', "X-Repo-Commit": COMMIT}
        return {"ETag": self.hub.etag} if self.hub.etag else {}

    def _content(self, name: str) -> None:
        hub = self.hub
        content = hub.files[name]
        if self.command == "HEAD":
            said = {"Content-Length": str(len(content))} if hub.says_length else {}
            self._send(200, said | self._etag(content))
            return
        hub.served.append((name, {key.lower(): value for key, value in self.headers.items()}))
        fault = hub.faults.pop(0) if hub.faults else Fault()
        if fault.status:
            said = {"Content-Length": "0"}
            if fault.retry_after is not None:
                said["Retry-After"] = str(fault.retry_after)
            self._send(fault.status, said)
            return
        self._send_body(content, fault)

    def _send_body(self, content: bytes, fault: Fault) -> None:
        hub, start = self.hub, 0
        asked = self.headers.get("Range")
        if asked and not fault.ignores_range and self.headers.get("If-Range", hub.etag) == hub.etag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        body = content[start:]
        if fault.corrupts:
            body = bytes(byte ^ 1 for byte in body)
        said = self._etag(content)
        if start or fault.content_range:
            said["Content-Range"] = fault.content_range or f"bytes {start}-{len(content) - 1}/{len(content)}"
        if fault.encoding:
            said["Content-Encoding"] = fault.encoding
        if fault.chunked_extra:
            self._send(200, {**said, "Connection": "close"})
            self.wfile.write(body + fault.chunked_extra)
            self.close_connection = True
            return
        said["Content-Length"] = str(len(body) if fault.content_length is None else fault.content_length)
        self._send(206 if "Content-Range" in said else 200, said)
        if fault.after is None:
            self.wfile.write(body)
            return
        self.wfile.write(body[: fault.after])
        self.wfile.flush()
        if fault.reached is not None and fault.goes_on is not None:
            fault.reached.set()
            fault.goes_on.wait(30)
        self.close_connection = True

    def _send(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub that answers while the block runs."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fill(hub: Hub, size: int = 200_000) -> None:
    """Put MusicGen small, medium, AudioGen and their text encoders on a hub, in small."""
    for repository in ("facebook/musicgen-small", "facebook/musicgen-medium", "facebook/audiogen-medium"):
        seed = repository.encode()
        hub.put(repository, **{
            "state_dict.bin": seed * (size // len(seed)),
            "compression_state_dict.bin": b"codec" * (size // 10),
        })  # fmt: skip
    for repository in ("google-t5/t5-base", "google-t5/t5-large"):
        hub.put(repository, **{
            "config.json": b'{"model_type": "t5"}',
            "tokenizer.json": b'{"version": "1.0"}',
            "model.safetensors": repository.encode() * 5000,
        })  # fmt: skip
