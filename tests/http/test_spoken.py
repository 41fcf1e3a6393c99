"""HTTP as clients speak it, to a server as it really runs: upgrades, old versions, broken connections."""

import json
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.running import START_S, Installation, Server, installed

CREDENTIALS = b'{"username": "nobody", "password": "correct horse"}'
WRONG = (401, "Wrong username or password")
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(
        tmp_path_factory.mktemp("spoken"), workers=0, sign_in_per_account=1000, sign_in_per_address=1000
    ) as installation:
        yield installation


@pytest.fixture(scope="module")
def server(installation: Installation) -> Server:
    return installation.serve()


def _connected(server: Server) -> socket.socket:
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname, address.port), START_S)


def _until_closed(server: Server, *pieces: bytes) -> bytes:
    """All that comes back, until the server closes the connection."""
    with _connected(server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        for piece in pieces:
            connection.sendall(piece)
        while got := connection.recv(65_536):
            received += got
    return received


def _sign_in(*headers: bytes, length: int = len(CREDENTIALS)) -> bytes:
    lines = (b"POST /api/auth/token HTTP/1.1", b"Host: localhost", b"Content-Type: application/json")
    head = b"\r\n".join((*lines, b"Content-Length: %d" % length)) + b"\r\n" + b"".join(headers)
    return head + b"\r\n"


def _problem(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]


class TestUpgrades:
    @pytest.mark.parametrize("upgrade", [H2C, H2C.replace(b"h2c", b"websocket"), H2C.replace(b"h2c", b"x/1")])
    def test_the_body_is_read_and_the_upgrade_ignored(self, server: Server, upgrade: bytes) -> None:
        head = _sign_in(upgrade, b"Connection: close\r\n")
        assert _problem(_until_closed(server, head + CREDENTIALS)) == WRONG
        # However it is cut.
        pieces = (head[:40], head[40:], CREDENTIALS[:10], CREDENTIALS[10:])
        assert _problem(_until_closed(server, *pieces)) == WRONG

    def test_a_body_in_chunks(self, server: Server) -> None:
        head = _sign_in(H2C, b"Connection: close\r\n", b"Transfer-Encoding: chunked\r\n")
        head = head.replace(b"Content-Length: %d\r\n" % len(CREDENTIALS), b"")
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(CREDENTIALS), CREDENTIALS)
        assert _problem(_until_closed(server, head + body)) == WRONG

    def test_what_follows_is_the_next_request(self, server: Server) -> None:
        first, second = _sign_in(H2C) + CREDENTIALS, HEALTH + H2C + b"\r\n"
        received = _until_closed(server, first + second * 3 + HEALTH + b"Connection: close\r\n\r\n")
        statuses = [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]
        assert statuses == [401, 200, 200, 200, 200]

    def test_no_second_request_is_found_in_a_body(self, server: Server) -> None:
        smuggled = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
        head = _sign_in(H2C, b"Connection: close\r\n", length=len(smuggled))
        assert _problem(_until_closed(server, head + smuggled)) == (400, "Request body is not valid JSON")

    def test_the_bounds_of_heads_hold(self, server: Server) -> None:
        answer = _until_closed(server, HEALTH + H2C + b"X: y\r\n" * 200 + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 431 ")

    def test_curl(self, server: Server) -> None:
        url = f"{server.url}/api/auth/token"
        command = ["curl", "--http2", "-s", "-m", "30", "-H", "Content-Type: application/json"]
        answered = subprocess.run(
            [*command, "--data-binary", CREDENTIALS.decode(), url], capture_output=True, check=True
        )
        assert json.loads(answered.stdout)["error"] == WRONG[1]


class TestOldVersion:
    def test_a_host_is_not_asked_for(self, server: Server) -> None:
        answer = _until_closed(server, b"GET /healthz HTTP/1.0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"\r\n\r\nok\n")
        for line in (b"GET /healthz HTTP/1.0\r\nHost: evil.example\r\n", b"GET /healthz HTTP/1.1\r\n"):
            assert b" 400 " in _until_closed(server, line + b"Connection: close\r\n\r\n")[:20]

    def test_the_connection_ends_with_the_answer_even_if_it_is_to_be_kept(self, server: Server) -> None:
        request = b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        assert b"connection: close" in _until_closed(server, request)

    def test_events_come_without_sizes_between_them(self, server: Server) -> None:
        received = b""
        with _connected(server) as connection:
            connection.sendall(b"GET /api/queue/events HTTP/1.0\r\n\r\n")
            while b"data: " not in received:
                received += connection.recv(65_536)
        head, _, body = received.partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head.lower()
        assert body.startswith(b"retry: ")

    def test_an_answer_of_unknown_length_is_whole_when_the_connection_ends(
        self, server: Server, installation: Installation
    ) -> None:
        token = installation.token("old")
        client = server.client(token)
        made = client.http.get("/api/library/export").status_code
        assert made == 400
        request = f"GET /library HTTP/1.0\r\nAuthorization: Bearer {token}\r\nAccept-Encoding: gzip\r\n\r\n"
        head, _, body = _until_closed(server, request.encode()).partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head.lower()
        assert head.startswith(b"HTTP/1.1 200 ")
        assert body

    def test_nobody_is_told_to_go_on(self, server: Server) -> None:
        request = _sign_in(b"Expect: 100-continue\r\n").replace(b"HTTP/1.1", b"HTTP/1.0")
        answer = _until_closed(server, request + CREDENTIALS)
        assert _problem(answer) == WRONG

    def test_a_head_alone(self, server: Server) -> None:
        answer = _until_closed(server, b"HEAD /api/queue/events HTTP/1.0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
        (b"GET /healthz HTTP/0.9\r\nHost: localhost\r\n\r\n", 505),
        (_sign_in(b"Transfer-Encoding: gzip, chunked\r\n").replace(b"Content-Length: 51\r\n", b""), 501),
        (b"CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ],
)
def test_what_is_not_spoken_is_told_so(server: Server, request_: bytes, status: int) -> None:
    answer = _until_closed(server, request_)
    assert _problem(answer)[0] == status
    assert b"content-type: application/problem+json" in answer


ODD_TARGETS = (
    b"/caf\xc3\xa9",
    b"/\xff",
    b"/?q=\xff\xfe",
    b"/library?q=%ff%fe%00",
    b"/%",
    b"/%zz",
    b"/%00",
    b"/%ed%a0%80",
    b"//[",
    b"/login?next=//[",
    b"/login?next=%00",
    b"/?%00=%00",
    b"http://[/",
    b"http://localhost/healthz",
    b"*",
    b"?",
    b"/#",
    b"/job/%c2%b2",
    b"/api/auth/tokens/%c2%b2",
    b"/api/library?cursor=%00",
    b"/audio/%00.wav",
    b"/events?view=library&since=10000000000000000000000",
    b"/events?view=queue&since=-1",
)
ODD_HEADERS = (
    b"Cookie: soundloom_session=\xff\xfe",
    b'Cookie: soundloom_session="\\377"',
    b"X: a\x00b",
    b"X: a\r\n b",
    b"Accept: text/html\r\n ;q=1",
    b"Authorization: Bearer \xff",
    b"Authorization: Bearer",
    b"Prefer: wait=\xb2",
    b'If-Match: "\xff"',
    b"Range: bytes=\xb2-",
    b"Referer: \xff",
    b"X-Forwarded-For: \xff",
    b"Host: local\xffhost",
    b"Origin: http://[",
    b"HX-Request: true\r\nHX-Current-URL: http://[",
    b"Content-Type: \xff",
    b"Last-Event-ID: \xb2",
    b"If-Modified-Since: \xb2",
    b"Idempotency-Key: \xff",
    b"User-Agent: \xff",
    b"Accept: text/html;q=\xb2",
)


def test_odd_bytes_are_no_failure_of_the_server(server: Server, installation: Installation) -> None:
    token = f"Authorization: Bearer {installation.token('odd')}\r\n".encode()
    ours = b"Host: localhost\r\nConnection: close\r\n"
    requests = [b"GET %s HTTP/1.1\r\n%s\r\n" % (target, ours) for target in ODD_TARGETS]
    for line in (b"GET /library", b"GET /api/me", b"POST /generate", b"POST /login", b"GET /audio/x.wav"):
        requests += [
            b"%s HTTP/1.1\r\n%s%s%s\r\n\r\n" % (line, ours, b"" if b"Auth" in header else token, header)
            for header in ODD_HEADERS
        ]
    for request in requests:
        answer = _until_closed(server, request)
        assert int(answer.split(b" ", 2)[1]) < 500, request


class TestWholeAddresses:
    """A proxy's way of asking, which every server has to understand (RFC 9112, section 3.2.2)."""

    @pytest.mark.parametrize(
        "target",
        [b"http://localhost/healthz", b"HTTP://127.0.0.1:1/healthz?a=b", b"https://localhost/healthz"],
    )
    def test_the_path_is_answered(self, server: Server, target: bytes) -> None:
        head = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % target
        assert _until_closed(server, head).startswith(b"HTTP/1.1 200 ")

    @pytest.mark.parametrize("target", [b"http://localhost", b"http://localhost?a=b"])
    def test_no_path_is_the_first_page(self, server: Server, target: bytes) -> None:
        head = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % target
        assert b"\r\ncontent-type: text/html" in _until_closed(server, head)

    def test_its_host_counts_and_not_the_headers(self, server: Server) -> None:
        for target, host, status in (
            (b"http://evil.example/healthz", b"localhost", 400),
            (b"http://evil.example/healthz", b"", 400),
            (b"http://a@localhost/healthz", b"localhost", 400),
            (b"http:///healthz", b"localhost", 400),
            (b"http://localhost/healthz", b"elsewhere.example", 200),
            (b"http://localhost/healthz", b"localhost\r\nHost: localhost", 400),
        ):
            head = b"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (target, host)
            assert _until_closed(server, head).startswith(b"HTTP/1.1 %d " % status), (target, host)


def test_blanks_around_a_value_are_no_part_of_it(server: Server) -> None:
    assert _until_closed(
        server, b"GET /healthz HTTP/1.1\r\nHost: \t localhost \t \r\nConnection: close \r\n\r\n"
    ).startswith(b"HTTP/1.1 200 ")
    head = _sign_in(b"Connection: close\r\n", b"Transfer-Encoding: chunked \r\n")
    head = head.replace(b"Content-Length: %d\r\n" % len(CREDENTIALS), b"")
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(CREDENTIALS), CREDENTIALS)
    assert _problem(_until_closed(server, head + body)) == WRONG


def test_the_first_line_names_a_status_as_the_rfc_does(server: Server) -> None:
    head = _sign_in(b"Connection: close\r\n", length=100_000)
    assert _until_closed(server, head).startswith(b"HTTP/1.1 413 Content Too Large\r\n")


def test_what_follows_a_body_is_not_part_of_it(server: Server) -> None:
    received = _until_closed(server, _sign_in(length=2) + b"{}junk\r\n\r\n")
    statuses = [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]
    assert set(statuses) == {400}


def test_connections_that_break_leave_no_tracebacks(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with installed(tmp_path, workers=0) as installation:
        server = installation.serve()
        for path in (b"/library", b"/status", b"/api/queue/events", b"/healthz"):
            request = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path
            with _connected(server) as connection:
                connection.sendall(request * 40)
                connection.recv(1)
                # Closing sends a reset.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert b"ok" in _until_closed(server, HEALTH + b"Connection: close\r\n\r\n")
        assert server.terminate() == 0
    logged = capfd.readouterr().err
    assert "GET /library" in logged
    assert "Traceback" not in logged
    assert " error " not in logged
