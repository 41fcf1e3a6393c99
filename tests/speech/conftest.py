"""A speech worker inside the test, with the real engine, over each database."""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest

from tests.api.conftest import ann, anybody, app, make_user  # noqa: F401 fixtures, found by their names here
from tests.factories import FACTS
from webapp.engines.speech.base import Segment
from webapp.engines.speech.engine import SpeechEngine
from webapp.engines.speech.speaker import Speaker, Spoken
from webapp.services.container import Services
from webapp.services.speech import VoiceView
from webapp.services.workers.metrics import WorkerMetrics
from webapp.speech.loop import SpeechProcessor

WORKER = "5" * 12
NOWHERE = Path("there is no such folder")


class ScriptedSpeaker(Speaker):
    """Speaks as the real one, unless told to raise something first; remembers what it was asked."""

    def __init__(self, *failures: Exception) -> None:
        super().__init__()
        self.failures = list(failures)
        self.asked: list[str] = []

    def speak(self, segments: Sequence[Segment], limit_s: float) -> Generator[Spoken, None, None]:
        self.asked += [segment.text for segment in segments]
        if self.failures:
            raise self.failures.pop(0)
        return super().speak(segments, limit_s)


def a_voice(voice_id: str) -> VoiceView:
    """A voice as a worker announces it."""
    return VoiceView(voice_id, voice_id, "en-US", "basic", 22_050, "", "", "espeak-ng")


class Speaking(Protocol):
    def __call__(
        self, engine: SpeechEngine | None = None, worker_id: str = WORKER
    ) -> AbstractAsyncContextManager[SpeechProcessor]: ...


@pytest.fixture(scope="session")
def engine() -> Iterator[SpeechEngine]:
    made = SpeechEngine(NOWHERE)
    yield made
    made.close()


@pytest.fixture
def speaking(services: Services, engine: SpeechEngine) -> Speaking:
    """A block in which a speech worker runs; its voices are known when the block begins."""
    usual = engine

    @asynccontextmanager
    async def speak(
        engine: SpeechEngine | None = None, worker_id: str = WORKER
    ) -> AsyncIterator[SpeechProcessor]:
        processor = SpeechProcessor(
            services, engine or usual, worker_id, host="here", pid=1, metrics=WorkerMetrics()
        )
        with services.bus.subscribe() as hints:
            running = asyncio.create_task(processor.run())
            while not await services.speech.requests.voices():
                await hints.wait(0.05)
        try:
            yield processor
        finally:
            processor.stop()
            async with asyncio.timeout(60):
                await running

    return speak


@pytest.fixture
async def spoken_for(speaking: Speaking) -> AsyncIterator[None]:
    """A speech worker for the whole test."""
    async with speaking():
        yield


@pytest.fixture
async def answered(services: Services) -> AsyncIterator[None]:
    """A worker for the whole test that makes no sound: where only the request itself matters."""
    voice = "espeak-en-us"
    await services.workers.registry.register(WORKER, host="here", pid=1, device="cpu", kind="speech")
    await services.models.voices.write(WORKER, [a_voice(voice)])

    async def answer() -> None:
        while True:
            with services.bus.subscribe() as hints:
                claim = await services.speech.leases.claim(WORKER, [voice])
                if claim is None:
                    await hints.wait(1)
                else:
                    await services.speech.leases.complete(claim, FACTS)

    answering = asyncio.create_task(answer())
    yield
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)
