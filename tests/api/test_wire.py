"""Abuse over a raw socket: what arrives is no longer what a well-behaved client would send."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.api.live import FIRST_JOBS, LiveServer, live_server
from webapp.http.middleware import lingering
from webapp.http.requests import body
from webapp.web import protocol

BODY = b'{"prompt": "rain"}'
PATIENCE_S = 15


@pytest.fixture
def server(
    tmp_path: Path, migrated_sqlite_file: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LiveServer]:
    """A server whose patience is short, so that tests of it are."""
    monkeypatch.setattr(body, "BODY_TIMEOUT_S", 0.3)
    monkeypatch.setattr(lingering, "LINGER_S", 0.3)
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.5)
    (tmp_path / "soundloom.sqlite").write_bytes(migrated_sqlite_file.read_bytes())
    with live_server(tmp_path, "", wrong_tokens_per_address=5) as server:
        yield server


class Wire:
    """A connection on which any bytes may be sent."""

    def __init__(self, server: LiveServer) -> None:
        self._server = server
        self.socket = socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)

    def send(self, *parts: bytes) -> None:
        """Send bytes; the other end may have closed already."""
        try:
            self.socket.sendall(b"".join(parts))
        except OSError:
            return

    def head(self, *headers: bytes, line: bytes = b"POST /generate HTTP/1.1") -> bytes:
        """A request's head with a token."""
        token = f"Authorization: Bearer {self._server.token}".encode()
        own = (line, b"Host: localhost", token, b"Content-Type: application/json", *headers)
        return b"\r\n".join(own) + b"\r\n\r\n"

    def is_closed_to(self, piece: bytes) -> bool:
        """Whether the server takes no more of what goes on and on."""
        try:
            for _ in range(10_000):
                self.socket.sendall(piece)
        except OSError:
            return True
        return False

    def until_closed(self) -> bytes:
        """Everything that comes until the server closes; fails when it does not."""
        received = b""
        while True:
            try:
                piece = self.socket.recv(65_536)
            except ConnectionResetError:
                return received
            if not piece:
                return received
            received += piece

    def answers(self) -> list[int]:
        """The statuses of all answers until the server closes."""
        parts = self.until_closed().split(b"HTTP/1.1 ")[1:]
        return [int(part[:3]) for part in parts]


@contextmanager
def opened(server: LiveServer) -> Iterator[Wire]:
    """A new connection, closed with the block."""
    wire = Wire(server)
    try:
        yield wire
    finally:
        wire.socket.close()


@pytest.fixture
def wire(server: LiveServer) -> Iterator[Wire]:
    with opened(server) as wire:
        yield wire


def _jobs_made(server: LiveServer) -> int:
    """How many jobs were accepted since the start."""
    headers = {"authorization": f"Bearer {server.token}"}
    answer = httpx.get(f"{server.url}/api/jobs?per_page=100", headers=headers)
    return len(answer.json()["jobs"]) - FIRST_JOBS


LENGTH = b"Content-Length: 18"
CHUNKED = b"Transfer-Encoding: chunked"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


ODD_LENGTHS: tuple[tuple[bytes, ...], ...] = (
    (LENGTH, CHUNKED),
    (CHUNKED, LENGTH),
    (LENGTH, b"Content-Length: 19"),
    (b"Content-Length: 18, 19",),
    (b"Content-Length: +18",),
    (b"Content-Length: -18",),
    (b"Content-Length: 0x12",),
    (b"Content-Length: 18 18",),
    (b"Content-Length: 18.0",),
    (b"Content-Length: ",),
    (b"Content-Length: " + b"9" * 30,),
    (b"Content-Length : 18",),
    (b"Content-Length\t: 18",),
    (b" Content-Length: 18",),
    (b"Transfer-Encoding: xchunked",),
    (b"Transfer-Encoding: identity, chunked, identity",),
    (b"Transfer-Encoding: chunked, identity",),
    (b"Transfer-Encoding: \x0bchunked",),
    (b"Transfer-Encoding : chunked",),
    (b"X: y\nContent-Length: 18",),
    (b"X: y\rContent-Length: 18",),
    (b"X\x00: y", LENGTH),
)


def test_an_odd_length_smuggles_no_request(server: LiveServer) -> None:
    for headers in ODD_LENGTHS:
        with opened(server) as wire:
            wire.send(wire.head(*headers), BODY, SMUGGLED)
            wire.socket.shutdown(socket.SHUT_WR)
            assert 404 not in wire.answers(), headers
    assert _jobs_made(server) == 0


def test_bad_chunks_make_no_job(server: LiveServer) -> None:
    for chunks in (
        b"-1\r\n" + BODY + b"\r\n0\r\n\r\n",
        b"g\r\n" + BODY + b"\r\n0\r\n\r\n",
        b"0x12\r\n" + BODY + b"\r\n0\r\n\r\n",
        b"ffffffffffffffffff\r\n" + BODY + b"\r\n0\r\n\r\n",
        b"12\r\n" + BODY + b"XX0\r\n\r\n",
        b"12\n" + BODY + b"\n0\n\n",
        b"12 \x00\r\n" + BODY + b"\r\n0\r\n\r\n",
    ):
        with opened(server) as wire:
            wire.send(wire.head(CHUNKED), chunks)
            wire.socket.shutdown(socket.SHUT_WR)
            assert 201 not in wire.answers(), chunks
    assert _jobs_made(server) == 0


def test_a_right_request_with_chunks_is_taken(server: LiveServer, wire: Wire) -> None:
    wire.send(
        wire.head(CHUNKED, b"Connection: close"), b"9\r\n", BODY[:9], b"\r\n9\r\n", BODY[9:], b"\r\n0\r\n\r\n"
    )
    assert wire.answers() == [201]
    assert _jobs_made(server) == 1


def test_a_shorter_body_than_announced_makes_no_job(server: LiveServer, wire: Wire) -> None:
    wire.send(wire.head(b"Content-Length: 100"), BODY)
    wire.socket.shutdown(socket.SHUT_WR)
    assert 201 not in wire.answers()
    assert _jobs_made(server) == 0


class TestSlowAndLarge:
    def test_a_body_that_does_not_come_is_not_waited_for(self, wire: Wire) -> None:
        wire.send(wire.head(b"Content-Length: 100"), BODY)
        answer = wire.until_closed()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"error":"Request body took too long to arrive"' in answer
        assert b"ratelimit-policy" in answer

    def test_a_body_that_trickles_is_not_waited_for(self, wire: Wire) -> None:
        wire.send(wire.head(CHUNKED))
        wire.socket.settimeout(0.05)
        answer = b""
        give_up_s = time.monotonic() + PATIENCE_S
        while not answer and time.monotonic() < give_up_s:
            wire.send(b"1\r\n \r\n")
            try:
                answer = wire.socket.recv(65_536)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408 ")

    def test_a_large_body_is_refused_before_it_comes(self, wire: Wire) -> None:
        wire.send(wire.head(b"Content-Length: 100000000"))
        answer = wire.until_closed()
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b'"error":"Request body is too large"' in answer

    def test_a_client_that_asks_first_is_told_before_it_sends(self, wire: Wire) -> None:
        wire.send(wire.head(b"Content-Length: 100000000", b"Expect: 100-continue"))
        assert wire.answers() == [413]

    def test_a_body_without_end_is_refused_and_not_read_for_ever(self, wire: Wire) -> None:
        wire.send(wire.head(CHUNKED))
        chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        for _ in range(400):
            wire.send(chunk)
        assert wire.answers() in ([413], [])
        assert wire.is_closed_to(chunk)

    def test_an_endless_body_nobody_asked_for(self, wire: Wire) -> None:
        wire.send(wire.head(CHUNKED, line=b"POST /api/queue/000000000000/cancel HTTP/1.1"))
        assert wire.answers() == [404]

    def test_a_body_where_none_belongs_does_no_harm(self, wire: Wire) -> None:
        for _ in range(2):
            wire.send(wire.head(LENGTH, line=b"GET /queue-status HTTP/1.1"), BODY)
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.answers() == [200, 200]

    def test_a_head_that_does_not_end_is_not_waited_for(self, wire: Wire) -> None:
        wire.send(b"POST /generate HTTP/1.1\r\nHost: localhost\r\nX: ")
        answer = wire.until_closed()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"application/problem+json" in answer

    def test_a_connection_that_says_nothing_is_closed(self, wire: Wire) -> None:
        assert wire.until_closed().startswith(b"HTTP/1.1 408 ")

    def test_the_second_head_on_a_connection_has_its_time_too(self, wire: Wire) -> None:
        wire.send(wire.head(line=b"GET /queue-status HTTP/1.1"), b"GET / HT")
        assert wire.answers() == [200, 408]

    def test_a_head_without_end_is_refused(self, wire: Wire) -> None:
        wire.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"x" * 2_000_000)
        answer = wire.until_closed()
        assert answer.startswith(b"HTTP/1.1 431 ") or not answer

    def test_too_many_or_too_large_headers(self, server: LiveServer) -> None:
        line = b"GET /queue-status HTTP/1.1\r\nHost: localhost\r\n"
        for headers in (b"X: y\r\n" * 200, b"X: " + b"y" * 40_000 + b"\r\n", b"X" * 40_000 + b": y\r\n"):
            with opened(server) as wire:
                wire.send(line, headers, b"\r\n")
                answer = wire.until_closed()
                assert answer.startswith(b"HTTP/1.1 431 ")
                problem = json.loads(answer.partition(b"\r\n\r\n")[2])
                assert problem["error"] == "The request's headers are too large"

    def test_a_long_address(self, wire: Wire) -> None:
        wire.send(b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert wire.answers() == [431]


class TestMalformed:
    def test_it_is_told_in_the_shape_of_all_problems(self, server: LiveServer) -> None:
        for request in (
            b"hello\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
        ):
            with opened(server) as wire:
                wire.send(request)
                answer = wire.until_closed()
            assert answer.startswith(b"HTTP/1.1 400 "), request
            assert b"content-type: application/problem+json" in answer
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "The request is not valid HTTP"

    def test_the_host_must_be_ours(self, server: LiveServer) -> None:
        ours, other = b"Host: localhost\r\n", b"Host: evil.example\r\n"
        for hosts in (b"", other, ours + other, other + ours, b"Host: a b\r\n", b"Host: localhost@evil\r\n"):
            with opened(server) as wire:
                wire.send(b"GET /queue-status HTTP/1.1\r\n", hosts, b"Connection: close\r\n\r\n")
                assert wire.answers() == [400], hosts

    def test_a_websocket_is_not_offered(self, wire: Wire) -> None:
        wire.send(
            b"GET /queue-status HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert b" 101 " not in wire.until_closed()


def test_nothing_that_is_sent_becomes_a_header(server: LiveServer) -> None:
    headers = {"authorization": f"Bearer {server.token}"}
    with httpx.Client(base_url=server.url, headers=headers) as client:
        prompt = "rain\r\nX-Injected: yes\r\n\r\n<html>"
        answers = [client.post("/generate", json={"prompt": prompt}, headers={"prefer": "wait=1, x=\ty"})]
        location = answers[0].headers["location"]
        answers += [client.get(f"/job/{'%0d%0aX-Injected:%20yes'}"), client.get(location)]
        answers += [client.get("/audio/%0d%0aX-Injected:%20yes"), client.get("/%0d%0aX-Injected:%20yes")]
        for answer in answers:
            assert "x-injected" not in answer.headers
            assert "\n" not in "".join(answer.headers.values())
        assert answers[2].json()["prompt"] == "rain  X-Injected: yes    <html>"


DETOURS = (
    b"/audio/../../etc/passwd",
    b"/audio/..%2f..%2fetc%2fpasswd",
    b"/audio/%2e%2e/%2e%2e/etc/passwd",
    b"/audio/..\\..\\etc\\passwd",
    b"/audio/....//....//etc/passwd",
    b"/audio/%252e%252e%252fetc%252fpasswd",
    b"/audio//etc/passwd",
    b"/static/x/../../pyproject.toml",
    b"/static/x/..%2f..%2fpyproject.toml",
    b"/static/x//etc/passwd",
    b"/static/x/%2fetc%2fpasswd",
)


def test_no_path_leads_to_other_files(server: LiveServer) -> None:
    for path in DETOURS:
        with opened(server) as wire:
            wire.send(wire.head(b"Connection: close", line=b"GET " + path + b" HTTP/1.1"))
            answer = wire.until_closed()
        assert answer.startswith(b"HTTP/1.1 404 "), path
        assert b"root:" not in answer
        assert b"[project]" not in answer


def test_guesses_of_tokens_end_and_lock_nobody_out(server: LiveServer) -> None:
    with httpx.Client(base_url=server.url) as client:
        bodies = set()
        for guess in ("sl_" + "a" * 43, "x", server.token[:-1], server.token.upper(), server.token + "0"):
            answer = client.get("/api/me", headers={"authorization": f"Bearer {guess}"})
            assert answer.status_code == 401
            bodies.add(answer.content)
        bodies.add(client.get("/api/me").content)
        assert len(bodies) == 1
        refused = client.get("/api/me", headers={"authorization": "Bearer x"})
        assert (refused.status_code, refused.headers["ratelimit"].partition(";t")[0]) == (
            429,
            '"wrong-tokens";r=0',
        )
        right = client.get("/api/me", headers={"authorization": f"Bearer {server.token}"})
        assert right.status_code == 200
