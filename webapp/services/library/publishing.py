"""Actions of owners and admins on sounds: publish, name, delete."""

import json
from collections.abc import Sequence
from typing import Any

from piccolo.columns import Column

from webapp.database import Database, Row
from webapp.errors import NotAuthorized
from webapp.events import Bus, Event, account_changed
from webapp.policy.library.fields import SoundChange
from webapp.services.accounts.identity import Identity
from webapp.services.admin.audit_log import AuditLog
from webapp.services.library.adding import tags_text, words_of
from webapp.services.library.browse import find_item, find_items_to_change
from webapp.services.library.views import LibraryItemView
from webapp.services.shared.essential import essential
from webapp.services.shared.loose_files import LooseGroups
from webapp.tables import LibraryItem, Sound


class Publishing:
    """Changes sounds. Raises NotFound for who may not see one, NotAuthorized for who may not change it."""

    def __init__(self, database: Database, loose: LooseGroups, bus: Bus, audit: AuditLog) -> None:
        self._database = database
        self._loose = loose
        self._bus = bus
        self._audit = audit

    async def change(self, identity: Identity, sound_id: str, change: SoundChange) -> LibraryItemView:
        """Change an own sound. Raises NotFound, and NotAuthorized for somebody else's."""
        async with self._database.transaction():
            item = await find_item(self._database, identity, sound_id, to_change=True)
            await self._change(identity, [item], change)
            changed = await find_item(self._database, identity, sound_id)
        self._announce([item])
        return changed

    async def change_all(self, identity: Identity, sound_ids: Sequence[str], change: SoundChange) -> int:
        """Change several own sounds in one transaction, and return how many of them were found.

        Raises NotAuthorized if one is somebody else's; then none is changed.
        """
        async with self._database.transaction():
            items = await find_items_to_change(self._database, identity, sound_ids)
            await self._change(identity, items, change)
        self._announce(items)
        return len(items)

    @essential
    async def delete(self, identity: Identity, sound_id: str) -> None:
        """Delete a sound with its files, for its owner and admins. Raises NotFound and NotAuthorized.

        Its job stays, without a sound: the hour's quota counts it, and estimates learn from it.
        """
        async with self._database.transaction():
            item = await find_item(self._database, identity, sound_id, to_change=True)
            rows = await self._delete(identity, [item])
        await self._clean_up(rows)
        self._announce([item])

    @essential
    async def delete_all(self, identity: Identity, sound_ids: Sequence[str]) -> int:
        """Delete several sounds in one transaction, as `delete` does, and return how many were found.

        Raises NotAuthorized if one may not be deleted; then none is.
        """
        async with self._database.transaction():
            items = await find_items_to_change(self._database, identity, sound_ids)
            rows = await self._delete(identity, items)
        await self._clean_up(rows)
        self._announce(items)
        return len(items)

    async def _change(
        self, identity: Identity, items: Sequence[LibraryItemView], change: SoundChange
    ) -> None:
        for item in items:
            if item.account_id != identity.account_id:
                raise NotAuthorized("Not authorized to change this sound")
            values = await self._changed_values(item, change)
            await LibraryItem.update(values).where(LibraryItem.id == item.row_id)

    async def _delete(self, identity: Identity, items: Sequence[LibraryItemView]) -> list[Row]:
        """Delete rows, and record that their files are to go, whatever prevents `_clean_up`."""
        for item in items:
            if item.account_id == identity.account_id:
                continue
            if not identity.is_admin:
                raise NotAuthorized("Not authorized to delete this sound")
            await self._audit.record(identity.username, "delete sound", (item.sound_id,), detail=item.owner)
        if not items:
            return []
        rows: list[Row] = (
            await Sound.delete()
            .where(Sound.generation_id.is_in([item.sound_id for item in items]))
            .returning(Sound.storage_key, Sound.job)
        )
        await self._loose.doom([row["storage_key"] for row in rows])
        return rows

    async def _clean_up(self, deleted: Sequence[Row]) -> None:
        """Delete the files of deleted rows, once their transaction has committed."""
        await self._loose.remove([row["storage_key"] for row in deleted])
        self._bus.publish(*(Event("job", row["job"]) for row in deleted))

    def _announce(self, items: Sequence[LibraryItemView]) -> None:
        """Notify the pages that show these sounds, once their transaction has committed."""
        if items:
            owners = sorted({item.account_id for item in items})
            self._bus.publish(Event("library"), *map(account_changed, owners))

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
