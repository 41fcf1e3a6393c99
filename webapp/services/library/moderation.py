"""What admins do about sounds that should not be seen: hide them, show them again, note why."""

from dataclasses import dataclass
from typing import Final, Literal

from webapp.clock import Clock
from webapp.database import Database
from webapp.events import Bus, Event
from webapp.policy.library import LibraryQuery
from webapp.services.accounts.identity import Identity, require_admin
from webapp.services.library.browse import Browser, find_item
from webapp.services.library.listing import Scope
from webapp.services.library.views import LISTED, LibraryItemView, LibraryPage

# `seen`: everybody may see it. `hidden`: by an admin. `moderated`: hidden, shown again or noted about.
ModerationState = Literal["all", "seen", "hidden", "moderated"]
# What nobody but its owner ever saw is no matter for moderation.
_SCOPES: Final[dict[ModerationState, Scope]] = {
    "all": Scope("(item.is_public OR item.moderated_ms IS NOT NULL)"),
    "seen": Scope(LISTED),
    "hidden": Scope("item.is_hidden AND item.moderated_ms IS NOT NULL"),
    "moderated": Scope("item.moderated_ms IS NOT NULL"),
}


@dataclass(frozen=True, slots=True)
class ModeratedSound:
    """A sound as admins see it. `moderator` is empty and `moderated_ms` None while no admin did anything."""

    item: LibraryItemView
    note: str
    moderator: str
    moderated_ms: int | None


@dataclass(frozen=True, slots=True)
class ModerationPage:
    """Part of a list, with what admins did about each sound of it."""

    sounds: tuple[ModeratedSound, ...]
    page: LibraryPage


class Moderation:
    """Hides sounds from everybody but their owners and admins. Everything here is for admins only."""

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
        """Note something about a sound for other admins. Raises NotAuthorized and NotFound."""
        return await self._moderate(identity, sound_id, is_hidden=None, note=note)

    async def list(
        self, identity: Identity, query: LibraryQuery, state: ModerationState = "all"
    ) -> ModerationPage:
        """Sounds that others see or saw, found like any. Raises NotAuthorized."""
        require_admin(identity)
        page = await self._browser.within(_SCOPES[state], query)
        return ModerationPage(await self._told(page.items), page)

    async def _moderate(
        self, identity: Identity, sound_id: str, *, is_hidden: bool | None, note: str | None
    ) -> ModeratedSound:
        require_admin(identity)
        async with self._database.transaction():
            item = await find_item(self._database, identity, sound_id, to_change=True)
            columns: dict[str, object] = {
                "moderator": identity.username,
                "moderated_ms": self._clock.now_ms(),
            }
            if is_hidden is not None:
                columns["is_hidden"] = is_hidden
            if note is not None:
                columns["moderation_note"] = note
            assignments = ", ".join(f"{name} = {{}}" for name in columns)
            await self._database.fetch(
                f"UPDATE library_item SET {assignments} WHERE id = {{}}", *columns.values(), item.row_id
            )
            told = await self._told((await find_item(self._database, identity, sound_id),))
        self._bus.publish(Event("library"))
        return told[0]

    async def _told(self, items: tuple[LibraryItemView, ...]) -> tuple[ModeratedSound, ...]:
        if not items:
            return ()
        marks = ", ".join("{}" for _ in items)
        rows = await self._database.fetch(
            f"SELECT id, moderation_note, moderator, moderated_ms FROM library_item WHERE id IN ({marks})",
            *(item.row_id for item in items),
        )
        found = {row["id"]: row for row in rows}
        # One that was deleted since the page was read is left out.
        return tuple(
            ModeratedSound(item, row["moderation_note"], row["moderator"], row["moderated_ms"])
            for item in items
            if (row := found.get(item.row_id)) is not None
        )
