"""No request of 64 KiB, however made up, keeps the others waiting, and none is a failure of the server's.

Every endpoint meets a tenth of what there is for it, the next one another tenth; `make test-api-long`
sends all.
"""

import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar
from urllib.parse import quote

import httpx
import pytest

from tests.api import floods
from tests.api.floods import HEADER_BYTES, HEADERS, PATHS, Endpoint, repeated
from tests.api.live import LIMITS_LIFTED, LiveServer, live_server

pytestmark = [pytest.mark.share, pytest.mark.slow]

# One request in so many is sent.
SHARE: Final = 1 if "API_TEST_EXAMPLES" in os.environ else 10
LIMIT_S = 0.1
# A machine with other things to do is slow now and then, but not each time with the same request.
TRIES = 40
# No such machine is as slow as this.
HOPELESS_S = 5.0
PATIENCE_S = 30
FORM = b"application/x-www-form-urlencoded"
# What may be answered besides success and refusals: speech and models may be away.
ALLOWED_FAILURES = {501, 503, 507}

Check = Callable[[bytes, str], None]
T = TypeVar("T")


def _share(number: int, payloads: Iterable[T]) -> list[T]:
    """What the endpoint of this number is sent, at least one: together the endpoints are sent everything."""
    every = list(payloads)
    return every[number % min(SHARE, len(every)) :: SHARE] if every else []


@pytest.fixture
def server(tmp_path: Path, migrated_sqlite_file: Path) -> Iterator[LiveServer]:
    (tmp_path / "soundloom.sqlite").write_bytes(migrated_sqlite_file.read_bytes())
    with live_server(tmp_path, "", **LIMITS_LIFTED) as server:
        yield server


@pytest.fixture
def server_on_each(tmp_path: Path, database_url: str) -> Iterator[LiveServer]:
    with live_server(tmp_path, database_url, **LIMITS_LIFTED) as server:
        yield server


def _connected(server: LiveServer) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _status(connection: socket.socket) -> int:
    """The status of an answer, which is read to its end unless it has none."""
    received = b""
    while b"\r\n\r\n" not in received and (got := connection.recv(65_536)):
        received += got
    if b"text/event-stream" not in received:
        while connection.recv(65_536):
            pass
    return int(received.split(b" ", 2)[1])


class Bystander:
    """Somebody who asks for `/healthz` all the while."""

    def __init__(self, server: LiveServer) -> None:
        self._server = server

    def longest_wait_s(self, request: bytes) -> tuple[float, int]:
        """How long it waited at most while a request was worked on, and the status of that one."""
        longest_s = 0.0
        # A connection that is long silent is closed, so that both are new.
        with _connected(self._server) as own, _connected(self._server) as other:
            self._ask_s(own)
            other.sendall(request)
            other.setblocking(False)
            while True:
                longest_s = max(longest_s, self._ask_s(own))
                try:
                    other.recv(1, socket.MSG_PEEK)
                except BlockingIOError:
                    continue
                break
            other.settimeout(PATIENCE_S)
            return longest_s, _status(other)

    def _ask_s(self, connection: socket.socket) -> float:
        asked_s = time.perf_counter()
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while not answer.endswith(b"ok\n"):
            got = connection.recv(65_536)
            assert got, "the connection was closed"
            answer += got
        return time.perf_counter() - asked_s

    def check(self, request: bytes, name: str) -> None:
        """Fail when somebody had to wait, each time, or when the answer tells of a failure."""
        longest_s = 0.0
        for _ in range(TRIES):
            longest_s, status = self.longest_wait_s(request)
            assert status < 500 or status in ALLOWED_FAILURES, f"{status} for {name}"
            if longest_s < LIMIT_S:
                return
            if longest_s > HOPELESS_S:
                break
        raise AssertionError(f"{longest_s:.2f} s for {name}")


@pytest.fixture
def bystander(server: LiveServer) -> Bystander:
    return Bystander(server)


def _signed_in(server: LiveServer, name: str = "root") -> bytes:
    form = {"username": name, "password": "correct horse"}
    headers = {"sec-fetch-site": "same-origin"}
    answer = httpx.post(f"{server.url}/login", data=form, headers=headers)
    return answer.headers["set-cookie"].partition(";")[0].encode()


class Requests:
    """Requests of somebody who is signed in, an admin on pages."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        description = httpx.get(f"{server.url}/schema/openapi.json").json()
        assert server.app is not None
        self.endpoints = floods.endpoints(server.app, description)
        self._cookie = b""

    def sign_in(self) -> None:
        """Again, for some of what is sent ends sessions."""
        self._cookie = _signed_in(self.server)

    def of(
        self,
        endpoint: Endpoint,
        *,
        query: str = "",
        body: bytes = b"",
        path: str | None = None,
        more: Mapping[str, bytes] = MappingProxyType({}),
    ) -> bytes:
        """A request; `more` are headers, which stand in the place of others of their name."""
        target = floods.address(endpoint.path, self.server) if path is None else path
        token = self.server.admin_token if "/moderation" in endpoint.path else self.server.token
        headers = {
            "host": b"localhost",
            "connection": b"close",
            "sec-fetch-site": b"same-origin",
            "content-type": FORM if endpoint.is_page else b"application/json",
            "authorization": f"Bearer {token}".encode(),
            "cookie": self._cookie,
            **({"content-length": str(len(body)).encode()} if body else {}),
            **more,
        }
        line = f"{endpoint.method} {target}{'?' if query else ''}{query} HTTP/1.1\r\n".encode()
        head = b"".join(b"%s: %s\r\n" % (name.encode(), value) for name, value in headers.items())
        return line + head + b"\r\n" + body


def _named(endpoint: Endpoint, payload: object) -> str:
    return f"{endpoint.method} {endpoint.path} with {payload!r:.80}"


def _try_addresses(requests: Requests, check: Check, queries: Callable[[Endpoint], Iterator[str]]) -> None:
    for number, endpoint in enumerate(requests.endpoints):
        if endpoint.method != "GET" and endpoint.is_page:
            continue
        if endpoint.is_page:
            requests.sign_in()
        for query in _share(number, queries(endpoint)):
            check(requests.of(endpoint, query=query), _named(endpoint, query))


def _try_bodies(requests: Requests, check: Check, bodies: Callable[[Endpoint], Iterator[bytes]]) -> None:
    for number, endpoint in enumerate(requests.endpoints):
        if endpoint.method not in ("POST", "PUT", "PATCH", "DELETE"):
            continue
        if endpoint.is_page:
            requests.sign_in()
        for body in _share(number, bodies(endpoint)):
            check(requests.of(endpoint, body=body), _named(endpoint, body))


def _try_paths(requests: Requests, check: Check) -> None:
    requests.sign_in()
    for number, endpoint in enumerate(requests.endpoints):
        for parameter in floods.path_parameters(endpoint.path):
            for payload in _share(number, PATHS):
                path = floods.address(endpoint.path, requests.server, **{parameter: payload})
                check(requests.of(endpoint, path=path), _named(endpoint, payload))


def _try_headers(requests: Requests, check: Check, size: int, paths: tuple[str, ...]) -> None:
    requests.sign_in()
    headers = [(name, text) for name, texts in HEADERS.items() for text in texts]
    asked = [one for one in requests.endpoints if one.method != "DELETE" and one.path in paths]
    for number, endpoint in enumerate(asked):
        for name, text in _share(number, headers):
            sent = requests.of(endpoint, more={name: repeated(text, size)})
            check(sent, _named(endpoint, f"{name}: {text}"))


class TestNobodyWaits:
    def test_for_a_body(self, server: LiveServer, bystander: Bystander) -> None:
        _try_bodies(Requests(server), bystander.check, floods.worst_bodies)

    def test_for_a_query(self, server: LiveServer, bystander: Bystander) -> None:
        _try_addresses(Requests(server), bystander.check, floods.worst_queries)

    def test_for_a_path(self, server: LiveServer, bystander: Bystander) -> None:
        _try_paths(Requests(server), bystander.check)

    def test_for_a_header(self, server: LiveServer, bystander: Bystander) -> None:
        paths = ("/generate", "/api/me", "/library", "/login", "/audio/{filename}", "/queue", "/events", "/")
        _try_headers(Requests(server), bystander.check, HEADER_BYTES, paths)

    def test_for_a_search_of_long_texts(self, server: LiveServer, bystander: Bystander) -> None:
        headers = {"authorization": f"Bearer {server.token}"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=PATIENCE_S) as client:
            for number in range(40):
                text = f"{number} " + "дождь и ветер " * 350
                spoken = client.post("/api/tts/generate", json={"text": text})
                assert spoken.status_code == 201, spoken.text
                published = client.patch(spoken.headers["location"], json={"is_public": True})
                assert published.status_code == 200
            found = client.get("/api/library?q=дождь&per_page=100").json()
            assert found["items"][0]["snippet"]["prompt"]
        search = Endpoint("GET", "/api/library", is_page=False, parameters=(), fields=())
        for word in ("дождь", "ветер", "и", "дож вет", "0"):
            sent = Requests(server).of(search, query=f"q={quote(word)}&per_page=100")
            bystander.check(sent, f"a search for {word}")

    def test_for_requests_in_a_row(self, server: LiveServer, bystander: Bystander) -> None:
        request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        bystander.check(request * (floods.BODY_BYTES // len(request)), "requests in a row")
        upgrade = b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n"
        request = request.removesuffix(b"\r\n") + upgrade
        bystander.check(request * (floods.BODY_BYTES // len(request)), "upgrades in a row")


def test_nothing_odd_is_a_failure(server_on_each: LiveServer) -> None:
    def check(request: bytes, name: str) -> None:
        with _connected(server_on_each) as connection:
            connection.sendall(request)
            status = _status(connection)
        assert status < 500 or status in ALLOWED_FAILURES, f"{status} for {name}"

    requests = Requests(server_on_each)
    _try_bodies(requests, check, floods.odd_bodies)
    _try_addresses(requests, check, floods.odd_queries)
