"""A server by script for the client, which is asked by either of its two transports."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx

from soundloom_client import AsyncSoundloom, Retries, Soundloom, Surroundings

ADDRESS = "http://server.example/sounds"
JOB: dict[str, Any] = {
    "job_id": "a1b2c3d4e5f6", "status": "processing", "model": "music", "prompt": "rain", "duration": 8,
    "seed": 7, "priority": "free", "progress": "Generating audio... 45%", "progress_pct": 45,
    "retry_count": 0, "loopable": False,
}  # fmt: skip
SOUND_ID = "0123456789abcdef0123"
FORMATS = {name: f"/sounds/audio/{SOUND_ID}.{name}" for name in ("wav", "mp3")}
COMPLETED = {
    **JOB, "status": "completed", "progress_pct": 100, "formats": FORMATS, "audio_url": FORMATS["wav"],
    "generation_id": SOUND_ID, "spectrogram_url": f"/sounds/spectrogram/{SOUND_ID}.png",
}  # fmt: skip
ACCEPTED = {"job_id": JOB["job_id"], "status": "queued", "position": 1, "priority": "free"}

Answer = httpx.Response | httpx.TransportError


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces, which breaks off at the end when told to."""

    def __init__(self, *pieces: bytes, breaks: bool = False) -> None:
        self._pieces = pieces
        self._breaks = breaks
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._breaks:
            raise httpx.RemoteProtocolError("peer closed connection")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


class Scripted:
    """A client whose server gives one answer after the other. Chance is one half, and keys are numbers."""

    def __init__(self, *, is_async: bool) -> None:
        self._is_async = is_async
        self._answers: list[Answer] = []
        self._keys = 0
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []
        self.retries = Retries()

    def answers(self, *answers: Answer) -> None:
        """Say what comes next."""
        self._answers += answers

    def ask(self, use: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - whatever is asked for
        """Use a client; an iterator is read to its end."""
        if self._is_async:
            return asyncio.run(self._asked(use))
        with httpx.Client(transport=httpx.MockTransport(self._answer)) as http:
            found = use(self.waiting(http))
            return list(found) if isinstance(found, Iterator) else found

    def waiting(self, http: httpx.Client) -> Soundloom:
        """A client that waits."""
        return Soundloom(
            ADDRESS, "token", http=http, retries=self.retries, sleep=self.waits.append,
            surroundings=self._surroundings(),
        )  # fmt: skip

    def client(self) -> Soundloom:
        """A client that waits, on a client of httpx that nobody closes."""
        return self.waiting(httpx.Client(transport=httpx.MockTransport(self._answer)))

    async def _asked(self, use: Callable[[Any], Any]) -> object:
        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)

        async with httpx.AsyncClient(transport=httpx.MockTransport(self._answer)) as http:
            client = AsyncSoundloom(
                ADDRESS, "token", http=http, retries=self.retries, sleep=sleep,
                surroundings=self._surroundings(),
            )  # fmt: skip
            found = use(client)
            if isinstance(found, AsyncIterator):
                return [one async for one in found]
            return await found if inspect.isawaitable(found) else found

    def _surroundings(self) -> Surroundings:
        return Surroundings(random=lambda: 0.5, clock=lambda: sum(self.waits), new_key=self._key)

    def _key(self) -> str:
        self._keys += 1
        return f"key {self._keys}"

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer


def problem(status: int, code: str, error: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """An error as Soundloom answers it."""
    return httpx.Response(status, json={"code": code, "error": error, "status": status}, headers=headers)
