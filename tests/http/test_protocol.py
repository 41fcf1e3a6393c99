"""Bodies of every allowed size through the server's own protocol, whole and in pieces."""

import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.running import START_S, installed

KIB = 1024
SIZES = (1, 31, 33, 48, 63)


def _request(token: str, size: int) -> bytes:
    body = json.dumps({"prompt": "rain", "duration": 1})
    body += " " * (size - len(body))
    head = (
        "POST /generate HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Type: application/json\\r\\n"
        f"Authorization: Bearer {token}\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n"
    ).replace("\\r\\n", "\r\n")
    return (head + body).encode()


def _answer(connection: socket.socket) -> int:
    """The status of the next answer; its body is read as well."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, rest = received.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(rest) < length:
        rest += connection.recv(65536)
    return int(head.split()[1])


@pytest.mark.parametrize("piece", [None, 7_000, 40_000])
def test_bodies_up_to_the_limit_are_accepted_on_one_connection(tmp_path: Path, piece: int | None) -> None:
    with installed(tmp_path, workers=0) as installation:
        server = installation.serve()
        token = installation.token()
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port), START_S) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for size in SIZES:
                request = _request(token, size * KIB)
                step = piece or len(request)
                for start in range(0, len(request), step):
                    connection.sendall(request[start : start + step])
                assert _answer(connection) == 201
        jobs = server.client(token).http.get("/queue-status").json()["queue_length"]
    assert jobs == len(SIZES)
