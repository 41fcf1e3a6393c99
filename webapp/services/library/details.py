"""What single sounds tell beyond what lists do: waveforms, quality, how they were made."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from webapp.database import Database
from webapp.errors import NotFound
from webapp.services.accounts.identity import Identity
from webapp.services.library.browse import NOT_FOUND, find_item
from webapp.services.library.sounds import SOUND_COLUMNS, SOUND_PREFIX, SoundView, sound_view
from webapp.services.library.views import LibraryItemView

_COLUMNS = ", ".join(f"sound.{column} AS {SOUND_PREFIX}{column}" for column in SOUND_COLUMNS)


class NewestSound(NamedTuple):
    """The row of a sound, higher with each that is made, and when it was made."""

    row_id: int
    created_ms: int


class SoundDetails:
    """Reads what lists leave out, so that they stay quick."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, identity: Identity | None, sound_id: str) -> tuple[LibraryItemView, SoundView]:
        """A sound with everything about it. Raises NotFound, also for one that is not for this reader."""
        item = await find_item(self._database, identity, sound_id)
        rows = await self._database.fetch(
            f"SELECT {_COLUMNS} FROM sound WHERE generation_id = {{}}", sound_id
        )
        sound = sound_view(rows[0]) if rows else None
        if sound is None:
            raise NotFound(NOT_FOUND)
        return item, sound

    async def peaks(self, sound_ids: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """The waveforms of sounds that the reader has in a list: lows and highs in turn, -127 to 127."""
        if not sound_ids:
            return {}
        rows = await self._database.fetch(
            "SELECT generation_id, peaks FROM sound"
            f" WHERE generation_id IN ({', '.join('{}' for _ in sound_ids)})",
            *sound_ids,
        )
        return {row["generation_id"]: tuple(json.loads(row["peaks"])) for row in rows}

    async def newest_of(self, account_id: int) -> NewestSound | None:
        """The account's newest sound, if it has any."""
        rows = await self._database.fetch(
            "SELECT id, created_ms FROM library_item WHERE account = {} ORDER BY id DESC LIMIT 1", account_id
        )
        return NewestSound(rows[0]["id"], rows[0]["created_ms"]) if rows else None
