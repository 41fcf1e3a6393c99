"""Live listeners in a process of their own, and the changes that they are to hear of.

It opens event streams, makes changes over the API, and notes when each listener receives each of them.
"""

import asyncio
import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import cast

import httpx
import msgspec
import uvloop

CHANGE_EVERY_S = 0.4
HEARD_WITHIN_S = 5.0


class Listening(msgspec.Struct, frozen=True):
    """The streams to open, and the client that makes the changes."""

    port: int
    path: str
    listeners: int
    tokens: list[str]


class Heard(msgspec.Struct, frozen=True):
    """Milliseconds from the request for a change to its receipt, of every listener for every change."""

    delays_ms: list[float]
    missed: int
    accepted_ms: list[float]


class _Listener(asyncio.Protocol):
    """One event stream. Between `begin` and `look_for` it keeps what comes, for the mark is not known yet."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard: asyncio.Future[float] | None = None
        self._mark: bytes | None = None
        self._kept: list[tuple[float, bytes]] = []
        self._tail = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._head)

    def data_received(self, data: bytes) -> None:
        if not self.opened.done() and b"data: " in data:
            self.opened.set_result(None)
        if self.heard is None or self.heard.done():
            return
        now = time.perf_counter()
        if self._mark is None:
            self._kept.append((now, data))
        else:
            self._search(now, data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("the stream ended"))

    def begin(self) -> None:
        self.heard = asyncio.get_running_loop().create_future()
        self._mark, self._kept, self._tail = None, [], b""

    def look_for(self, mark: bytes) -> asyncio.Future[float]:
        assert self.heard
        self._mark = mark
        for moment, data in self._kept:
            self._search(moment, data)
        self._kept = []
        return self.heard

    def close(self) -> None:
        self._transport.close()

    def _search(self, moment: float, data: bytes) -> None:
        assert self._mark
        assert self.heard
        text = self._tail + data
        if not self.heard.done() and self._mark in text:
            self.heard.set_result(moment)
        self._tail = text[-len(self._mark) :]


async def _open(listening: Listening) -> list[_Listener]:
    loop = asyncio.get_running_loop()
    listeners = []
    for number in range(listening.listeners):
        # Each from an address of its own, as a trusted proxy would tell.
        address = f"10.0.{number // 250}.{number % 250 + 1}"
        head = (
            f"GET {listening.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n"
            f"X-Forwarded-For: {address}\r\n\r\n"
        )
        made = await loop.create_connection(partial(_Listener, head.encode()), "127.0.0.1", listening.port)
        listeners.append(made[1])
    await asyncio.gather(*(listener.opened for listener in listeners))
    return listeners


async def _changes(listening: Listening, listeners: list[_Listener], count: int) -> Heard:
    delays: list[float] = []
    accepted: list[float] = []
    missed = 0
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listening.port}", timeout=30) as client:
        for number in range(count):
            headers = {"Authorization": f"Bearer {listening.tokens[number % len(listening.tokens)]}"}
            for listener in listeners:
                listener.begin()
            began = time.perf_counter()
            answer = await client.post("/generate", json={"prompt": "rain"}, headers=headers)
            job_id = answer.raise_for_status().json()["job_id"]
            accepted.append(1000 * (time.perf_counter() - began))
            waiting = [listener.look_for(job_id.encode()) for listener in listeners]
            done, late = await asyncio.wait(waiting, timeout=HEARD_WITHIN_S)
            delays += [1000 * (one.result() - began) for one in done]
            missed += len(late)
            (await client.post(f"/api/queue/{job_id}/cancel", headers=headers)).raise_for_status()
            await asyncio.sleep(CHANGE_EVERY_S)
    return Heard(delays, missed, accepted)


async def _run() -> None:
    loop = asyncio.get_running_loop()
    listening = msgspec.json.decode(await loop.run_in_executor(None, sys.stdin.readline), type=Listening)
    listeners = await _open(listening)
    print("open", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        heard = await _changes(listening, listeners, json.loads(line))
        print(msgspec.json.encode(heard).decode(), flush=True)
    for listener in listeners:
        listener.close()


class Listeners:
    """The listeners' process."""

    def __init__(self, listening: Listening) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.listeners"],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say(msgspec.json.encode(listening).decode())
        assert self._hear() == "open", "the streams could not be opened"

    def changes(self, count: int) -> Heard:
        """Make so many changes and note who hears of them when."""
        self._say(str(count))
        return msgspec.json.decode(self._hear(), type=Heard)

    def end(self) -> None:
        """Close every stream."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(30)

    def _say(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _hear(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


if __name__ == "__main__":
    uvloop.run(_run())
