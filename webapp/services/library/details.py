"""Details of single sounds that lists leave out: waveforms, quality, how they were made."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from webapp.database import Database
from webapp.errors import NotFound
from webapp.services.accounts.identity import Identity
from webapp.services.library.browse import NOT_FOUND, find_item
from webapp.services.library.sounds import SOUND_PREFIX, SoundView, sound_view
from webapp.services.library.views import LibraryItemView
from webapp.tables import LibraryItem, Sound


class NewestSound(NamedTuple):
    """A sound's row id, which grows with every new sound, and when it was made."""

    row_id: int
    created_ms: int


class SoundDetails:
    """Reads what lists leave out so that they stay fast."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, identity: Identity | None, sound_id: str) -> tuple[LibraryItemView, SoundView]:
        """Read everything about a sound. Raises NotFound, also for one that this reader may not see."""
        item = await find_item(self._database, identity, sound_id)
        row = await Sound.select().where(Sound.generation_id == sound_id).first()
        sound = sound_view({f"{SOUND_PREFIX}{name}": value for name, value in row.items()}) if row else None
        if sound is None:
            raise NotFound(NOT_FOUND)
        return item, sound

    async def peaks(self, sound_ids: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """Read the waveforms of listed sounds: lows and highs alternating, -127 to 127."""
        if not sound_ids:
            return {}
        rows = await Sound.select(Sound.generation_id, Sound.peaks).where(
            Sound.generation_id.is_in(list(sound_ids))
        )
        return {row["generation_id"]: tuple(json.loads(row["peaks"])) for row in rows}

    async def newest_of(self, account_id: int) -> NewestSound | None:
        """Find the account's newest sound."""
        row = (
            await LibraryItem.select(LibraryItem.id, LibraryItem.created_ms)
            .where(LibraryItem.account == account_id)
            .order_by(LibraryItem.id, ascending=False)
            .first()
        )
        return NewestSound(row["id"], row["created_ms"]) if row else None
