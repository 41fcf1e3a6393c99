"""Actions of owners and admins on sounds: publish, name, delete."""

import json
from typing import Any

from piccolo.columns import Column

from webapp.database import Database
from webapp.errors import NotAuthorized
from webapp.events import Bus, Event, account_changed
from webapp.policy.library import SoundChange
from webapp.services.accounts.identity import Identity
from webapp.services.admin.audit import AuditLog
from webapp.services.library.adding import tags_text, words_of
from webapp.services.library.browse import find_item
from webapp.services.library.views import LibraryItemView
from webapp.services.shared.essential import essential
from webapp.storage import Storage
from webapp.tables import LibraryItem, Sound


class Publishing:
    """Changes sounds. Raises NotFound for who may not see one, NotAuthorized for who may not change it."""

    def __init__(self, database: Database, storage: Storage, bus: Bus, audit: AuditLog) -> None:
        self._database = database
        self._storage = storage
        self._bus = bus
        self._audit = audit

    async def change(self, identity: Identity, sound_id: str, change: SoundChange) -> LibraryItemView:
        """Change an own sound. Raises NotFound, and NotAuthorized for somebody else's."""
        async with self._database.transaction():
            item = await find_item(self._database, identity, sound_id, to_change=True)
            if item.account_id != identity.account_id:
                raise NotAuthorized("Not authorized to change this sound")
            values = await self._changed_values(item, change)
            await LibraryItem.update(values).where(LibraryItem.id == item.row_id)
            changed = await find_item(self._database, identity, sound_id)
        self._bus.publish(Event("library"), account_changed(item.account_id))
        return changed

    @essential
    async def delete(self, identity: Identity, sound_id: str) -> None:
        """Delete a sound with its files, for its owner and admins. Raises NotFound and NotAuthorized.

        Its job stays, without a sound: the hour's quota counts it, and estimates learn from it.
        """
        async with self._database.transaction():
            item = await find_item(self._database, identity, sound_id, to_change=True)
            if item.account_id != identity.account_id and not identity.is_admin:
                raise NotAuthorized("Not authorized to delete this sound")
            if item.account_id != identity.account_id:
                await self._audit.record(identity.username, "delete sound", (sound_id,), detail=item.owner)
            rows = (
                await Sound.delete()
                .where(Sound.generation_id == sound_id)
                .returning(Sound.storage_key, Sound.job)
            )
            for row in rows:
                # The files go after the commit; a crash in between leaves them to the next start.
                await self._storage.loosen(row["storage_key"])
        for row in rows:
            await self._storage.delete(row["storage_key"])
            self._bus.publish(Event("job", row["job"]))
        self._bus.publish(Event("library"), account_changed(item.account_id))

    async def _changed_values(self, item: LibraryItemView, change: SoundChange) -> dict[Column | str, Any]:
        values: dict[Column | str, Any] = {}
        if change.is_public is not None:
            values[LibraryItem.is_public] = change.is_public
        if change.title is None and change.tags is None:
            return values
        (row,) = await LibraryItem.select(LibraryItem.title, LibraryItem.tags).where(
            LibraryItem.id == item.row_id
        )
        title = row["title"] if change.title is None else change.title
        tags = json.loads(row["tags"]) if change.tags is None else change.tags
        title_words, words = words_of(title, item.prompt, tags)
        return values | {
            LibraryItem.title: title,
            LibraryItem.tags: tags_text(tags),
            LibraryItem.title_words: title_words,
            LibraryItem.words: words,
        }
