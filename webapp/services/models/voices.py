"""The voices that can be spoken with: those of the speech workers that run."""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from webapp.clock import Clock
from webapp.database import Database
from webapp.services.shared.read_cache import ReadCache, Reading
from webapp.services.speech.views import VoiceView
from webapp.settings import Settings


class VoiceRegister:
    """Who can speak with what. Speech workers write it, everybody reads it."""

    def __init__(self, database: Database, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._clock = clock
        self._lease_ms = round(settings.lease_s * 1000)
        self._cache: ReadCache[None, tuple[VoiceView, ...]] = ReadCache(database, clock, capacity=1)

    async def write(self, worker_id: str, voices: Sequence[VoiceView]) -> None:
        """Say which voices a worker has."""
        async with self._database.transaction(durable=False):
            await self._database.fetch(
                "UPDATE worker SET voices = {} WHERE worker_id = {}",
                msgspec.json.encode(voices).decode(),
                worker_id,
            )

    async def read(self) -> tuple[VoiceView, ...]:
        """Every voice of every worker that is alive; while nothing changes it is the same object."""
        return await self._cache.get(None, self._read)

    async def _read(self) -> Reading[tuple[VoiceView, ...]]:
        now_ms = self._clock.now_ms()
        rows = await self._database.fetch(
            "SELECT voices, heartbeat_ms FROM worker WHERE kind = 'speech' AND heartbeat_ms BETWEEN {} AND {}"
            " AND state <> 'stopping' AND NOT is_draining ORDER BY started_ms, worker_id",
            now_ms - self._lease_ms,
            now_ms + self._lease_ms,
        )
        oldest_ms = min((row["heartbeat_ms"] for row in rows), default=now_ms)
        # From then on the worker that has been silent longest counts as gone.
        return Reading(_merged(tuple(row["voices"] for row in rows)), oldest_ms + self._lease_ms + 1)


@lru_cache(maxsize=4)
def _merged(lists: tuple[str, ...]) -> tuple[VoiceView, ...]:
    """The voices of all lists. Workers seldom change theirs, and most have the same."""
    voices: dict[str, VoiceView] = {}
    for text in dict.fromkeys(lists):
        for voice in msgspec.json.decode(text, type=list[VoiceView]):
            voices.setdefault(voice.id, voice)
    return tuple(voices.values())
