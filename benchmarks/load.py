"""Load on an HTTP server from a process of its own: keep-alive connections, each with one request at a time.

A generator in Python must be lean not to be what is measured, so it reads just enough of HTTP/1.1 to
find the end of an answer, and reports its own use of the processor.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import msgspec
import uvloop

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "


class Order(msgspec.Struct, frozen=True):
    """The requests to send: each connection cycles through them, beginning at its own."""

    port: int
    connections: int
    duration_s: float
    requests: list[str]


class Result(msgspec.Struct, frozen=True):
    """The result. `cpu` is the generator's share of one core."""

    per_second: float
    p50_ms: float
    p99_ms: float
    statuses: dict[str, int]
    cpu: float


@dataclass(slots=True)
class _Tally:
    """The answers that all connections have seen."""

    latencies_s: list[float]
    statuses: Counter[str]
    ends_at: float


class _Connection(asyncio.Protocol):
    """Sends a request as soon as the answer to the last one is complete, until the time is up."""

    def __init__(self, requests: list[bytes], tally: _Tally) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._next = 0
        self._tally = tally
        self._received = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        head, found, body = self._received.partition(HEAD_END)
        if not found or len(body) < _content_length(head):
            return
        now = time.perf_counter()
        self._tally.latencies_s.append(now - self._sent_at)
        self._tally.statuses[head[9:12].decode()] += 1
        self._received = b""
        if now < self._tally.ends_at:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if time.perf_counter() < self._tally.ends_at:
            self._tally.statuses["lost"] += 1
        if not self.done.done():
            self.done.set_result(None)

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._requests[self._next])
        self._next = (self._next + 1) % len(self._requests)


def _content_length(head: bytes) -> int:
    at = head.lower().index(LENGTH) + len(LENGTH)
    return int(head[at : at + 12].partition(b"\r")[0])


async def _run(order: Order) -> Result:
    requests = [request.encode() for request in order.requests]
    began, cpu_began = time.perf_counter(), time.process_time()
    tally = _Tally([], Counter(), began + order.duration_s)
    loop = asyncio.get_running_loop()
    connections = []
    for number in range(order.connections):
        own = requests[number % len(requests) :] + requests[: number % len(requests)]
        made = await loop.create_connection(partial(_Connection, own, tally), "127.0.0.1", order.port)
        connections.append(made[1])
    await asyncio.gather(*(connection.done for connection in connections))
    elapsed_s = time.perf_counter() - began
    ordered = sorted(tally.latencies_s) or [0.0]
    return Result(
        per_second=len(tally.latencies_s) / elapsed_s,
        p50_ms=1000 * ordered[len(ordered) // 2],
        p99_ms=1000 * ordered[len(ordered) * 99 // 100],
        statuses=dict(tally.statuses),
        cpu=(time.process_time() - cpu_began) / elapsed_s,
    )


class Generator:
    """The generator's process, ready for one order after the other."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.load"],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, order: Order) -> Result:
        """Carry out an order."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(msgspec.json.encode(order).decode() + "\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._process.stdout.readline(), type=Result)

    def end(self) -> None:
        """Let the process go."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)


def request(method: str, path: str, token: str | None = None, body: dict[str, object] | None = None) -> str:
    """An HTTP/1.1 request as it is sent."""
    content = "" if body is None else json.dumps(body)
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join(lines) + "\r\n\r\n" + content


def main() -> None:
    """Carry out orders, one JSON object on each line of standard input."""
    for line in sys.stdin:
        result = uvloop.run(_run(msgspec.json.decode(line, type=Order)))
        print(msgspec.json.encode(result).decode(), flush=True)


if __name__ == "__main__":
    main()
