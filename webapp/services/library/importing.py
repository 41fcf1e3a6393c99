"""Taking in sounds that were exported elsewhere; nothing that is here is ever overwritten."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.events import Bus, Event
from webapp.policy.imports import SoundEntry
from webapp.policy.library import SoundChange
from webapp.services.library.shelf import words_of
from webapp.storage import Storage
from webapp.tables import LibraryItem, Sound

_UNFINISHED: Final = "status IN ('queued', 'processing')"


@dataclass(frozen=True, slots=True)
class MeasuredSound:
    """What was found by decoding a file; `peaks` are lows and highs in turn, -127 to 127."""

    duration_s: float
    sample_rate: int
    channels: int
    peaks: tuple[int, ...]
    bytes_total: int


class Importer:
    """Adds sounds under the ids that they had. They are private unless whoever imports publishes them."""

    def __init__(self, database: Database, storage: Storage, clock: Clock, bus: Bus) -> None:
        self._database = database
        self._storage = storage
        self._clock = clock
        self._bus = bus

    async def is_known(self, sound_id: str) -> bool:
        """Whether a sound has this id, or one that is still to be made has. A deleted one may return."""
        rows = await self._database.fetch(
            "SELECT 1 AS one FROM sound WHERE generation_id = {}"
            f" UNION ALL SELECT 1 AS one FROM job WHERE generation_id = {{}} AND {_UNFINISHED}"
            f" UNION ALL SELECT 1 AS one FROM speech_request WHERE generation_id = {{}} AND {_UNFINISHED}",
            sound_id,
            sound_id,
            sound_id,
        )
        return bool(rows)

    async def add(
        self,
        account_id: int,
        entry: SoundEntry,
        change: SoundChange,
        measured: MeasuredSound,
        staged: Path,
        *,
        created_ms: int,
        is_public: bool,
    ) -> bool:
        """Publish the files and add the rows; False, and nothing done, if the id is known by now."""
        if await self.is_known(entry.id):
            await self._storage.discard(staged)
            return False
        # Beyond the number of any attempt at a job, and another one each time.
        key = f"{entry.id}-{self._clock.now_ms()}"
        await self._storage.publish(key, staged)
        async with self._database.transaction():
            await Sound.insert(_sound(account_id, key, entry, measured, created_ms))
            await LibraryItem.insert(
                _item(account_id, entry, change, measured, created_ms, is_public=is_public)
            )
        self._bus.publish(Event("library"))
        return True


def _sound(account_id: int, key: str, entry: SoundEntry, measured: MeasuredSound, created_ms: int) -> Sound:
    return Sound(
        generation_id=entry.id, account=account_id, storage_key=key, created_ms=created_ms,
        engine=entry.engine, engine_label=entry.engine_label, checkpoint=entry.checkpoint,
        license=entry.license, seed=entry.seed, duration_s=measured.duration_s,
        sample_rate=measured.sample_rate, channels=measured.channels, loudness_lufs=entry.loudness_lufs,
        true_peak_dbtp=entry.true_peak_dbtp, quality_score=entry.quality_score,
        quality_reasons=json.dumps(entry.quality_reasons), peaks=json.dumps(measured.peaks),
        bytes_total=measured.bytes_total,
    )  # fmt: skip


def _item(
    account_id: int,
    entry: SoundEntry,
    change: SoundChange,
    measured: MeasuredSound,
    created_ms: int,
    *,
    is_public: bool,
) -> LibraryItem:
    title, tags = change.title or "", change.tags or ()
    title_words, words = words_of(title, entry.prompt, tags)
    return LibraryItem(
        sound=entry.id, account=account_id, created_ms=created_ms, model=entry.model, prompt=entry.prompt,
        duration_s=measured.duration_s, is_loopable=entry.loopable, quality_score=entry.quality_score,
        title=title, tags=json.dumps(list(tags), ensure_ascii=False), is_public=is_public,
        title_words=title_words, words=words,
    )  # fmt: skip
