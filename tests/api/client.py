"""What tests of the API speak with: users, a worker by hand, connections that stay open."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import httpx
from litestar import Litestar
from litestar.types import Message

from tests.factories import FACTS
from webapp.http.problem_codes import MEANINGS, anchor_of
from webapp.http.streams.sound_stream import CUT
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.queue.leases import Claim

Bearer = dict[str, str]
WORKER = "b" * 12


class User:
    """An account with a token, and a client that sends it."""

    def __init__(self, identity: Identity, token: str, http: httpx.AsyncClient) -> None:
        self.identity = identity
        self.token = token
        self.http = http

    async def submit(self, prompt: str = "rain", **fields: Any) -> str:
        """Submit a job that is accepted; its id."""
        answer = await self.http.post("/generate", json={"prompt": prompt, **fields})
        assert answer.status_code == 201, answer.text
        job_id: str = answer.json()["job_id"]
        return job_id

    async def submit_behind(self, **fields: Any) -> str:
        """Submit a job that stands behind another one, so that it can be skipped; its id."""
        await self.submit("stands ahead")
        return await self.submit(**fields)


class Hand:
    """A worker by hand: claims and finishes jobs when told."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def claim(self) -> Claim:
        claim = await self._services.queue.leases.claim(WORKER)
        assert claim is not None
        return claim

    async def complete(self, claim: Claim) -> None:
        """Finish a job with files whose content tells them apart."""
        staged = self._services.storage.staging_folder()
        for name in ("sound.wav", "sound.flac", "sound.ogg", "sound.mp3", "spectrogram.png"):
            (staged / name).write_bytes(name.encode() * 100)
        await self._services.storage.publish(claim.storage_key, staged)
        await self._services.queue.leases.complete(claim, FACTS)

    async def fail(self, claim: Claim) -> None:
        """Fail a job for good."""
        while await self._services.queue.leases.fail(claim, "GPU memory exhausted"):
            claim = await self.claim()


class Connection:
    """One request whose answer is read as it comes, and which can be left open or be left."""

    def __init__(
        self,
        app: Litestar,
        path: str,
        headers: Bearer,
        *,
        method: str = "GET",
        receive: Callable[[], Awaitable[dict[str, Any]]] | None = None,
    ) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        # Whether the answer ended its body, and whether it cut the connection instead.
        self.is_whole = self.is_cut = False
        self._left = asyncio.Event()
        self._started = asyncio.Event()
        self._receive = receive or self._until_left
        encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        path, _, query = path.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
            "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"host", b"localhost"), *encoded], "client": ("127.0.0.1", 1),
            "server": ("localhost", 80), "state": {}, "extensions": {CUT: {"cut": self._cut}},
        }  # fmt: skip
        self._answering = asyncio.create_task(self._answer(app, scope))

    async def _answer(self, app: Litestar, scope: dict[str, Any]) -> None:
        try:
            await app(cast("Any", scope), cast("Any", self._receive), self._send)
        finally:
            await self._chunks.put(None)

    async def _until_left(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            self._started.set()
        elif message["type"] == "http.response.body":
            self.is_whole = not message["more_body"]
            if message["body"]:
                await self._chunks.put(message["body"])

    def _cut(self) -> None:
        self.is_cut = True

    async def started(self) -> None:
        """Wait until the answer has begun."""
        await self._started.wait()

    async def events(self) -> AsyncIterator[str]:
        """The data of each event, until the answer ends."""
        while (chunk := await self._chunks.get()) is not None:
            lines = chunk.decode().split("\n")
            data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
            if data:
                yield "\n".join(data)

    async def chunk(self) -> bytes | None:
        """Wait for what comes next; None at the end."""
        async with asyncio.timeout(10):
            return await self._chunks.get()

    async def rest(self) -> bytes:
        """Read to the end."""
        parts = []
        while (chunk := await self.chunk()) is not None:
            parts.append(chunk)
        return b"".join(parts)

    async def leave(self) -> None:
        """Close the connection and wait until the application is done with it."""
        self._left.set()
        await self.ended()

    async def ended(self) -> None:
        """Wait until the application is done."""
        async with asyncio.timeout(10):
            await self._answering


def assert_problem(answer: httpx.Response, status: int, text: str, field: str | None = None) -> None:
    """The answer is this problem, in the one shape that all problems have."""
    body = answer.json()
    assert (answer.status_code, body["error"]) == (status, text), f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["status"] == status
    assert body["detail"] == text
    assert body["type"].endswith(f"/docs#{anchor_of(body['code'])}")
    assert body["code"] in MEANINGS
    assert body["title"]
    assert body.get("field") == field


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what nothing tells of, such as that the application has begun to listen."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not come to be")
