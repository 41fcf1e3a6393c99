"""Ordered lists of sounds, private or shared by link."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from piccolo.columns import Column
from piccolo.query.functions import Count, Max

from webapp.clock import Clock
from webapp.database import Database, Row
from webapp.errors import Conflict, InvalidRequest, NotFound
from webapp.events import Bus, account_changed
from webapp.ids import Ids
from webapp.policy.library.fields import MAX_PLAYLISTS, MAX_TRACKS, PlaylistChange, is_generation_id
from webapp.services.accounts.identity import Identity
from webapp.services.library import queries
from webapp.services.library.browse import find_item, find_items_to_change
from webapp.services.library.views import LibraryItemView, item_view
from webapp.tables import Account, LibraryItem, Playlist, PlaylistTrack

NOT_FOUND: Final = "Playlist not found"


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
    """Playlists of accounts. Whoever has the link of a shared one sees the sounds that they may see."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, bus: Bus) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._bus = bus

    async def of_account(self, identity: Identity) -> list[PlaylistView]:
        """Read the account's playlists, the last changed first."""
        rows = await queries.playlists_of(self._database, identity.account_id)
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
        """Read an own or shared playlist and what the reader may see in it, in order. Raises NotFound."""
        row = await self._row(identity, playlist_id)
        return _view(row), await self._tracks(row, identity)

    async def change(self, identity: Identity, playlist_id: str, change: PlaylistChange) -> PlaylistView:
        """Rename an own playlist, share it or stop. Raises NotFound."""
        async with self._changing(identity):
            row = await self._own(identity, playlist_id)
            values: dict[Column | str, Any] = {}
            if change.name is not None:
                values[Playlist.name] = change.name
            if change.is_shared is not None:
                values[Playlist.is_shared] = change.is_shared
            if values:
                await Playlist.update(values).where(Playlist.id == row["id"])
            return _view(await self._row(identity, playlist_id))

    async def delete(self, identity: Identity, playlist_id: str) -> None:
        """Delete an own playlist; its sounds stay. Raises NotFound."""
        async with self._changing(identity):
            row = await self._own(identity, playlist_id)
            await Playlist.delete().where(Playlist.id == row["id"])

    async def add_track(self, identity: Identity, playlist_id: str, sound_id: str) -> PlaylistView:
        """Append a sound, unless it is there. Raises NotFound and Conflict."""
        async with self._changing(identity):
            await self._append(identity, await self._own(identity, playlist_id), sound_id)
            return _view(await self._row(identity, playlist_id))

    async def add_all(
        self, identity: Identity, playlist: str | PlaylistChange, sound_ids: list[str]
    ) -> tuple[PlaylistView, int]:
        """Append sounds to an own playlist, given by its id, or to a new one: all or none.

        Also returns how many of them are in it now. Those that are there stay in their place, and those that
        are gone meanwhile are left out. Raises NotFound for the playlist and Conflict.
        """
        async with self._changing(identity):
            if isinstance(playlist, PlaylistChange):
                playlist_id = await self._insert(identity, playlist)
            else:
                playlist_id = playlist
            row = await self._own(identity, playlist_id)
            there = {
                item.sound_id for item in await find_items_to_change(self._database, identity, sound_ids)
            }
            for sound_id in sound_ids:
                if sound_id in there:
                    await self._append(identity, row, sound_id)
            return _view(await self._row(identity, playlist_id)), len(there)

    async def remove_track(self, identity: Identity, playlist_id: str, sound_id: str) -> PlaylistView:
        """Remove a sound, if it is there. Raises NotFound for the playlist."""
        async with self._changing(identity):
            row = await self._own(identity, playlist_id)
            if is_generation_id(sound_id):
                items = LibraryItem.select(LibraryItem.id).where(LibraryItem.sound == sound_id)
                await PlaylistTrack.delete().where(
                    PlaylistTrack.playlist == row["id"], PlaylistTrack.item.is_in(items)
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
            # Tracks that the owner cannot see now come after those that are ordered.
            await PlaylistTrack.update({PlaylistTrack.place: PlaylistTrack.place + len(rows_of)}).where(
                PlaylistTrack.playlist == row["id"]
            )
            await queries.order_tracks(
                self._database, row["id"], [rows_of[sound_id] for sound_id in sound_ids]
            )
            changed = await self._row(identity, playlist_id)
            return _view(changed), await self._tracks(changed, identity)

    @asynccontextmanager
    async def _changing(self, identity: Identity) -> AsyncIterator[None]:
        """Open one transaction, and notify the account's pages when it has committed."""
        async with self._database.transaction():
            yield
        self._bus.publish(account_changed(identity.account_id))

    async def _insert(self, identity: Identity, change: PlaylistChange) -> str:
        """Insert a playlist and return its id. Raises Conflict."""
        # Locked so that two at once count each other. SQLite's writing transaction is the lock itself.
        if self._database.dialect == "postgres":
            await Account.select(Account.id).where(Account.id == identity.account_id).lock_rows("UPDATE")
        if await Playlist.count().where(Playlist.account == identity.account_id) >= MAX_PLAYLISTS:
            raise Conflict(f"There may be at most {MAX_PLAYLISTS} playlists")
        now_ms, playlist_id = self._clock.now_ms(), self._ids.generation_id()
        await Playlist.insert(
            Playlist(
                playlist_id=playlist_id,
                account=identity.account_id,
                name=change.name or "",
                is_shared=bool(change.is_shared),
                created_ms=now_ms,
                updated_ms=now_ms,
            )
        )
        return playlist_id

    async def _append(self, identity: Identity, playlist: Row, sound_id: str) -> None:
        """Append a sound to an own playlist, unless it is there. Raises NotFound and Conflict."""
        item = await find_item(self._database, identity, sound_id, to_change=True)
        in_playlist = PlaylistTrack.playlist == playlist["id"]
        if await PlaylistTrack.exists().where(in_playlist, PlaylistTrack.item == item.row_id):
            return
        (found,) = await PlaylistTrack.select(
            Count(alias="total"), Max(PlaylistTrack.place, alias="last")
        ).where(in_playlist)
        if found["total"] >= MAX_TRACKS:
            raise Conflict(f"A playlist holds at most {MAX_TRACKS} sounds")
        await PlaylistTrack.insert(
            PlaylistTrack(playlist=playlist["id"], item=item.row_id, place=(found["last"] or 0) + 1)
        )

    async def _row(self, identity: Identity | None, playlist_id: str) -> Row:
        reader = identity.account_id if identity else None
        row = None
        if is_generation_id(playlist_id):
            row = await queries.playlist_row(self._database, playlist_id, reader)
        if row is None or not (row["is_shared"] or row["account"] == reader):
            raise NotFound(NOT_FOUND)
        return row

    async def _own(self, identity: Identity, playlist_id: str) -> Row:
        """Read the account's own playlist, locked until this transaction ends."""
        rows: list[Row] = []
        if is_generation_id(playlist_id):
            rows = (
                await Playlist.update({Playlist.updated_ms: self._clock.now_ms()})
                .where(Playlist.playlist_id == playlist_id, Playlist.account == identity.account_id)
                .returning(Playlist.id, Playlist.account)
            )
        if not rows:
            raise NotFound(NOT_FOUND)
        return rows[0]

    async def _tracks(self, playlist: Row, identity: Identity | None) -> list[LibraryItemView]:
        reader = identity.account_id if identity else None
        rows = await queries.playlist_items(self._database, playlist["id"], reader)
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
