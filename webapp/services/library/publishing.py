"""What owners and admins do to sounds: publish, name, delete."""

import json
from collections.abc import Mapping

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


class Publishing:
    """Changes sounds. Who may not see one is told that there is none; who may not change it, so."""

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
            await self._write(item, await self._changed_columns(item, change))
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
            rows = await self._database.fetch(
                "DELETE FROM sound WHERE generation_id = {} RETURNING storage_key, job", sound_id
            )
            for row in rows:
                # The files go after the commit; a crash in between leaves them to the next start.
                await self._storage.loosen(row["storage_key"])
        for row in rows:
            await self._storage.delete(row["storage_key"])
            self._bus.publish(Event("job", row["job"]))
        self._bus.publish(Event("library"), account_changed(item.account_id))

    async def _changed_columns(self, item: LibraryItemView, change: SoundChange) -> dict[str, object]:
        columns: dict[str, object] = {}
        if change.is_public is not None:
            columns["is_public"] = change.is_public
        if change.title is None and change.tags is None:
            return columns
        rows = await self._database.fetch("SELECT title, tags FROM library_item WHERE id = {}", item.row_id)
        title = rows[0]["title"] if change.title is None else change.title
        tags = json.loads(rows[0]["tags"]) if change.tags is None else change.tags
        title_words, words = words_of(title, item.prompt, tags)
        return columns | {
            "title": title, "tags": tags_text(tags), "title_words": title_words, "words": words,
        }  # fmt: skip

    async def _write(self, item: LibraryItemView, columns: Mapping[str, object]) -> None:
        assignments = ", ".join(f"{name} = {{}}" for name in columns)
        await self._database.fetch(
            f"UPDATE library_item SET {assignments} WHERE id = {{}}", *columns.values(), item.row_id
        )
