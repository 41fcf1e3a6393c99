"""The available voices: those of the running speech workers."""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from webapp.clock import Clock
from webapp.database import Database
from webapp.services.shared.read_cache import ReadCache, Reading
from webapp.services.speech.views import VoiceView
from webapp.settings import Settings
from webapp.tables import Worker


class VoiceRegister:
    """The voices of each speech worker, which writes its own."""

    def __init__(self, database: Database, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._clock = clock
        self._lease_ms = round(settings.lease_s * 1000)
        self._cache: ReadCache[None, tuple[VoiceView, ...]] = ReadCache(database, clock, capacity=1)

    async def write(self, worker_id: str, voices: Sequence[VoiceView]) -> None:
        """Record which voices a worker has."""
        async with self._database.transaction(durable=False):
            await Worker.update({Worker.voices: msgspec.json.encode(voices).decode()}).where(
                Worker.worker_id == worker_id
            )

    async def read(self) -> tuple[VoiceView, ...]:
        """Return every voice of every live worker; the same object while nothing changes."""
        return await self._cache.get(None, self._read)

    async def _read(self) -> Reading[tuple[VoiceView, ...]]:
        now_ms = self._clock.now_ms()
        rows = await (
            Worker.select(Worker.voices, Worker.heartbeat_ms)
            .where(
                (Worker.kind == "speech")
                & (Worker.heartbeat_ms >= now_ms - self._lease_ms)
                & (Worker.heartbeat_ms <= now_ms + self._lease_ms)
                & (Worker.state != "stopping")
                & Worker.is_draining.eq(False)
            )
            .order_by(Worker.started_ms, Worker.worker_id)
        )
        oldest_ms = min((row["heartbeat_ms"] for row in rows), default=now_ms)
        # Valid until the worker that has been silent longest counts as gone.
        return Reading(_merged(tuple(row["voices"] for row in rows)), oldest_ms + self._lease_ms + 1)


@lru_cache(maxsize=4)
def _merged(lists: tuple[str, ...]) -> tuple[VoiceView, ...]:
    """Merge the workers' lists of voices, which seldom change and are mostly equal."""
    voices: dict[str, VoiceView] = {}
    for text in dict.fromkeys(lists):
        for voice in msgspec.json.decode(text, type=list[VoiceView]):
            voices.setdefault(voice.id, voice)
    return tuple(voices.values())
