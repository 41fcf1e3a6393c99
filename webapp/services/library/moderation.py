"""Moderation by admins: hide sounds, show them again, annotate why."""

from dataclasses import dataclass
from typing import Any, Final, Literal

from piccolo.columns import Column

from webapp.clock import Clock
from webapp.database import Database
from webapp.events import Bus, Event
from webapp.policy.library.fields import LibraryQuery
from webapp.services.accounts.identity import Identity, require_admin
from webapp.services.library.browse import Browser, find_item
from webapp.services.library.listing_queries import EVER_PUBLIC, HIDDEN_BY_ADMIN, MODERATED, PUBLIC, Scope
from webapp.services.library.views import LibraryItemView, LibraryPage
from webapp.tables import LibraryItem

# `seen`: everybody may see it. `hidden`: by an admin. `moderated`: hidden, shown again or annotated.
ModerationState = Literal["all", "seen", "hidden", "moderated"]
_SCOPES: Final[dict[ModerationState, Scope]] = {
    "all": EVER_PUBLIC,
    "seen": PUBLIC,
    "hidden": HIDDEN_BY_ADMIN,
    "moderated": MODERATED,
}


@dataclass(frozen=True, slots=True)
class ModeratedSound:
    """A sound as admins see it. `moderator` is empty and `moderated_ms` None until an admin acts on it."""

    item: LibraryItemView
    note: str
    moderator: str
    moderated_ms: int | None


@dataclass(frozen=True, slots=True)
class ModerationPage:
    """A page of a list, with the moderation of each sound."""

    sounds: tuple[ModeratedSound, ...]
    page: LibraryPage


class Moderation:
    """Hides sounds from everybody but their owners and admins. For admins only."""

    def __init__(self, database: Database, clock: Clock, browser: Browser, bus: Bus) -> None:
        self._database = database
        self._clock = clock
        self._bus = bus
        self._browser = browser

    async def hide(self, identity: Identity, sound_id: str, note: str | None = None) -> ModeratedSound:
        """Hide a sound; without a note an earlier one stays. Raises NotAuthorized and NotFound."""
        return await self._moderate(identity, sound_id, is_hidden=True, note=note)

    async def restore(self, identity: Identity, sound_id: str, note: str | None = None) -> ModeratedSound:
        """Show a sound again, if its owner publishes it. Raises NotAuthorized and NotFound."""
        return await self._moderate(identity, sound_id, is_hidden=False, note=note)

    async def note(self, identity: Identity, sound_id: str, note: str) -> ModeratedSound:
        """Annotate a sound for other admins. Raises NotAuthorized and NotFound."""
        return await self._moderate(identity, sound_id, is_hidden=None, note=note)

    async def list(
        self, identity: Identity, query: LibraryQuery, state: ModerationState = "all"
    ) -> ModerationPage:
        """Search the sounds that others see or saw. Raises NotAuthorized."""
        require_admin(identity)
        page = await self._browser.within(_SCOPES[state], query)
        return ModerationPage(await _with_moderation(page.items), page)

    async def _moderate(
        self, identity: Identity, sound_id: str, *, is_hidden: bool | None, note: str | None
    ) -> ModeratedSound:
        require_admin(identity)
        async with self._database.transaction():
            item = await find_item(self._database, identity, sound_id, to_change=True)
            values: dict[Column | str, Any] = {
                LibraryItem.moderator: identity.username,
                LibraryItem.moderated_ms: self._clock.now_ms(),
            }
            if is_hidden is not None:
                values[LibraryItem.is_hidden] = is_hidden
            if note is not None:
                values[LibraryItem.moderation_note] = note
            await LibraryItem.update(values).where(LibraryItem.id == item.row_id)
            (moderated,) = await _with_moderation((await find_item(self._database, identity, sound_id),))
        self._bus.publish(Event("library"))
        return moderated


async def _with_moderation(items: tuple[LibraryItemView, ...]) -> tuple[ModeratedSound, ...]:
    """Add the moderation of each item. An item that was deleted since it was read is left out."""
    if not items:
        return ()
    rows = await LibraryItem.select(
        LibraryItem.id, LibraryItem.moderation_note, LibraryItem.moderator, LibraryItem.moderated_ms
    ).where(LibraryItem.id.is_in([item.row_id for item in items]))
    found = {row["id"]: row for row in rows}
    return tuple(
        ModeratedSound(item, row["moderation_note"], row["moderator"], row["moderated_ms"])
        for item in items
        if (row := found.get(item.row_id)) is not None
    )
