"""Ordered lists of sounds, private or shared by link."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from webapp.clock import Clock
from webapp.database import Database, Row
from webapp.errors import Conflict, InvalidRequest, NotFound
from webapp.events import Bus, account_changed
from webapp.ids import Ids
from webapp.policy.library import MAX_PLAYLISTS, MAX_TRACKS, PlaylistChange, is_generation_id
from webapp.services.accounts.identity import Identity
from webapp.services.library.browse import find_item
from webapp.services.library.views import ITEM_COLUMNS, ITEM_JOINS, LISTED, LibraryItemView, item_view

NOT_FOUND: Final = "Playlist not found"
# What a reader sees of a playlist; takes the reader's account, or null. Others' sounds only while listed.
VISIBLE: Final = f"(({LISTED}) OR item.account = CAST({{}} AS integer))"
_SELECT: Final = (
    "SELECT playlist.*, account.username AS owner,"
    " (SELECT COUNT(*) FROM playlist_track JOIN library_item AS item ON item.id = playlist_track.item"
    f"  WHERE playlist_track.playlist = playlist.id AND {VISIBLE}) AS track_count"
    " FROM playlist JOIN account ON account.id = playlist.account"
)


@dataclass(frozen=True, slots=True)
class PlaylistView:
    """A playlist as somebody sees it, and how many sounds they see in it."""

    playlist_id: str
    owner: str
    name: str
    is_shared: bool
    track_count: int
    created_ms: int
    updated_ms: int


class Playlists:
    """Playlists of accounts. A shared one opens to whoever has its link, and shows them what they may see."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, bus: Bus) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._bus = bus

    async def of_account(self, identity: Identity) -> list[PlaylistView]:
        """The account's own playlists, the last changed first."""
        rows = await self._database.fetch(
            f"{_SELECT} WHERE playlist.account = {{}} ORDER BY playlist.updated_ms DESC, playlist.id DESC",
            identity.account_id,
            identity.account_id,
        )
        return [_view(row) for row in rows]

    async def create(self, identity: Identity, change: PlaylistChange) -> PlaylistView:
        """Make an empty playlist. Raises Conflict when the account has as many as it may."""
        async with self._changing(identity):
            return _view(await self._row(identity, await self._insert(identity, change)))

    async def create_with(self, identity: Identity, change: PlaylistChange, sound_id: str) -> PlaylistView:
        """Make a playlist that holds a sound, or none.

        Raises NotFound for the sound, and Conflict when the account has as many playlists as it may.
        """
        async with self._changing(identity):
            playlist_id = await self._insert(identity, change)
            await self._append(identity, await self._own(identity, playlist_id), sound_id)
            return _view(await self._row(identity, playlist_id))

    async def get(
        self, identity: Identity | None, playlist_id: str
    ) -> tuple[PlaylistView, list[LibraryItemView]]:
        """An own or shared playlist and what the reader may see in it, in order. Raises NotFound."""
        row = await self._row(identity, playlist_id)
        return _view(row), await self._tracks(row, identity)

    async def change(self, identity: Identity, playlist_id: str, change: PlaylistChange) -> PlaylistView:
        """Rename an own playlist, share it or stop. Raises NotFound."""
        async with self._changing(identity):
            row = await self._own(identity, playlist_id)
            await self._database.fetch(
                "UPDATE playlist SET name = {}, is_shared = {} WHERE id = {}",
                row["name"] if change.name is None else change.name,
                bool(row["is_shared"]) if change.is_shared is None else change.is_shared,
                row["id"],
            )
            return _view(await self._row(identity, playlist_id))

    async def delete(self, identity: Identity, playlist_id: str) -> None:
        """Delete an own playlist; its sounds stay. Raises NotFound."""
        async with self._changing(identity):
            row = await self._own(identity, playlist_id)
            await self._database.fetch("DELETE FROM playlist WHERE id = {}", row["id"])

    async def add_track(self, identity: Identity, playlist_id: str, sound_id: str) -> PlaylistView:
        """Put a sound at the end; one that is there stays where it is. Raises NotFound and Conflict."""
        async with self._changing(identity):
            await self._append(identity, await self._own(identity, playlist_id), sound_id)
            return _view(await self._row(identity, playlist_id))

    async def remove_track(self, identity: Identity, playlist_id: str, sound_id: str) -> PlaylistView:
        """Take a sound out; one that is not there is out already. Raises NotFound for the playlist."""
        async with self._changing(identity):
            row = await self._own(identity, playlist_id)
            if is_generation_id(sound_id):
                await self._database.fetch(
                    "DELETE FROM playlist_track WHERE playlist = {}"
                    " AND item = (SELECT id FROM library_item WHERE sound = {})",
                    row["id"],
                    sound_id,
                )
            return _view(await self._row(identity, playlist_id))

    async def reorder(
        self, identity: Identity, playlist_id: str, sound_ids: list[str]
    ) -> tuple[PlaylistView, list[LibraryItemView]]:
        """Put the sounds that the owner sees in this order; others, hidden meanwhile, stand after them.

        Raises NotFound, and InvalidRequest unless each of them is named once.
        """
        async with self._changing(identity):
            row = await self._own(identity, playlist_id)
            rows_of = {item.sound_id: item.row_id for item in await self._tracks(row, identity)}
            if sorted(sound_ids) != sorted(rows_of):
                raise InvalidRequest("Ids must name each sound of the playlist once", field="ids")
            await self._database.fetch(
                "UPDATE playlist_track SET place = place + {} WHERE playlist = {}", len(rows_of), row["id"]
            )
            for place, sound_id in enumerate(sound_ids, 1):
                await self._database.fetch(
                    "UPDATE playlist_track SET place = {} WHERE playlist = {} AND item = {}",
                    place,
                    row["id"],
                    rows_of[sound_id],
                )
            changed = await self._row(identity, playlist_id)
            return _view(changed), await self._tracks(changed, identity)

    @asynccontextmanager
    async def _changing(self, identity: Identity) -> AsyncIterator[None]:
        """One transaction, after which the account's own pages are told."""
        async with self._database.transaction():
            yield
        self._bus.publish(account_changed(identity.account_id))

    async def _insert(self, identity: Identity, change: PlaylistChange) -> str:
        """A new row's id. Raises Conflict."""
        # Taken so that two at once count each other.
        lock = " FOR UPDATE" if self._database.dialect == "postgres" else ""
        await self._database.fetch(f"SELECT id FROM account WHERE id = {{}}{lock}", identity.account_id)
        rows = await self._database.fetch(
            "SELECT COUNT(*) AS total FROM playlist WHERE account = {}", identity.account_id
        )
        if rows[0]["total"] >= MAX_PLAYLISTS:
            raise Conflict(f"There may be at most {MAX_PLAYLISTS} playlists")
        now_ms, playlist_id = self._clock.now_ms(), self._ids.generation_id()
        await self._database.fetch(
            "INSERT INTO playlist (playlist_id, account, name, is_shared, created_ms, updated_ms)"
            " VALUES ({}, {}, {}, {}, {}, {})",
            playlist_id,
            identity.account_id,
            change.name or "",
            bool(change.is_shared),
            now_ms,
            now_ms,
        )
        return playlist_id

    async def _append(self, identity: Identity, playlist: Row, sound_id: str) -> None:
        """Put a sound at the end of an own playlist unless it is there. Raises NotFound and Conflict."""
        item = await find_item(self._database, identity, sound_id, to_change=True)
        found = await self._database.fetch(
            "SELECT COUNT(*) AS total, MAX(place) AS last,"
            " SUM(CASE WHEN item = {} THEN 1 ELSE 0 END) AS present"
            " FROM playlist_track WHERE playlist = {}",
            item.row_id,
            playlist["id"],
        )
        if found[0]["present"]:
            return
        if found[0]["total"] >= MAX_TRACKS:
            raise Conflict(f"A playlist holds at most {MAX_TRACKS} sounds")
        await self._database.fetch(
            "INSERT INTO playlist_track (playlist, item, place) VALUES ({}, {}, {})",
            playlist["id"],
            item.row_id,
            (found[0]["last"] or 0) + 1,
        )

    async def _row(self, identity: Identity | None, playlist_id: str) -> Row:
        reader = identity.account_id if identity else None
        rows = []
        if is_generation_id(playlist_id):
            rows = await self._database.fetch(
                f"{_SELECT} WHERE playlist.playlist_id = {{}}", reader, playlist_id
            )
        if not rows or not (rows[0]["is_shared"] or rows[0]["account"] == reader):
            raise NotFound(NOT_FOUND)
        return rows[0]

    async def _own(self, identity: Identity, playlist_id: str) -> Row:
        """The account's own playlist, taken so that nobody else changes it before this transaction ends."""
        rows = []
        if is_generation_id(playlist_id):
            rows = await self._database.fetch(
                "UPDATE playlist SET updated_ms = {} WHERE playlist_id = {} AND account = {} RETURNING *",
                self._clock.now_ms(),
                playlist_id,
                identity.account_id,
            )
        if not rows:
            raise NotFound(NOT_FOUND)
        return rows[0]

    async def _tracks(self, playlist: Row, identity: Identity | None) -> list[LibraryItemView]:
        rows = await self._database.fetch(
            f"SELECT {ITEM_COLUMNS} FROM playlist_track"
            f" JOIN library_item AS item ON item.id = playlist_track.item{ITEM_JOINS}"
            f" WHERE playlist_track.playlist = {{}} AND {VISIBLE}"
            " ORDER BY playlist_track.place, playlist_track.id",
            playlist["id"],
            identity.account_id if identity else None,
        )
        return [item_view(row) for row in rows]


def _view(row: Row) -> PlaylistView:
    return PlaylistView(
        playlist_id=row["playlist_id"],
        owner=row["owner"],
        name=row["name"],
        is_shared=bool(row["is_shared"]),
        track_count=row["track_count"],
        created_ms=row["created_ms"],
        updated_ms=row["updated_ms"],
    )
