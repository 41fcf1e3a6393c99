"""SQL of the library that Piccolo's query builder cannot express, or not fast enough.

Lists and searches have their own module: `listing_queries`. Decision 0131 has the rules.
"""

from collections.abc import Collection, Sequence
from typing import Final, Literal

from webapp.database import Database, Row, literals
from webapp.policy.queue.job_status import ACTIVE
from webapp.services.shared.tallies import STORED, stored_by

Counter = Literal["plays", "downloads"]

ITEM_COLUMNS: Final = (
    "item.id AS row_id, item.sound AS sound_id, item.title, item.prompt, item.model, item.duration_s,"
    " item.tags, item.upvotes, item.downvotes, item.plays, item.downloads, item.quality_score,"
    " item.is_loopable, item.is_public, item.is_hidden, item.created_ms, item.account AS account_id,"
    " sound.seed, sound.engine, sound.license, account.username AS owner"
)
ITEM_JOINS: Final = (
    " JOIN sound ON sound.generation_id = item.sound JOIN account ON account.id = item.account"
)
LISTED: Final = "item.is_public AND NOT item.is_hidden"
# Takes the reader's account, or null. PostgreSQL cannot tell the type of a parameter that is null.
_VISIBLE: Final = f"(({LISTED}) OR item.account = CAST({{}} AS integer))"
_PLAYLIST: Final = (
    "SELECT playlist.*, account.username AS owner,"
    " (SELECT COUNT(*) FROM playlist_track JOIN library_item AS item ON item.id = playlist_track.item"
    f"  WHERE playlist_track.playlist = playlist.id AND {_VISIBLE}) AS track_count"
    " FROM playlist JOIN account ON account.id = playlist.account"
)
# The columns of a sound that an export's manifest has beyond those of its item.
_EXPORTED_COLUMNS: Final = (
    "sound.engine_label, sound.checkpoint, sound.sample_rate, sound.channels, sound.loudness_lufs,"
    " sound.true_peak_dbtp, sound.storage_key, sound.quality_reasons"
)
_UNFINISHED: Final = f"status IN {literals(ACTIVE)}"

# The names that files may have, and the owners of those that have one: sounds, and the samples of voices.
# The attempts at a job or text are numbered up to its `fence`. Raw: the builder has no UNION, and a backup
# reads the same statement from its snapshot.
OWNED_KEYS: Final = (
    "SELECT generation_id, NULL AS storage_key, fence, 0 AS is_sound FROM job"
    " UNION ALL SELECT generation_id, storage_key, 0 AS fence, 1 AS is_sound FROM sound"
    " UNION ALL SELECT generation_id, CASE WHEN account IS NULL AND status = 'completed'"
    " THEN generation_id || '-' || fence END AS storage_key, fence, 0 AS is_sound FROM speech_request"
)


async def owned_keys(database: Database, first: str = "0", last: str = "g") -> list[Row]:
    """Read `OWNED_KEYS` of the generation ids between two, both included; of all, if none are named."""
    return await database.fetch(
        f"SELECT * FROM ({OWNED_KEYS}) AS owned WHERE generation_id BETWEEN {{}} AND {{}}", first, last
    )


async def item_row(database: Database, sound_id: str, *, is_locked: bool) -> Row | None:
    """Read one item as `ITEM_COLUMNS`, locked for the present transaction if `is_locked`.

    Raw: every action on a sound reads it; the builder joins from the left only, cannot lock one table of a
    join, and its row locks raise on SQLite, whose writing transaction is the lock itself.
    """
    lock = " FOR NO KEY UPDATE OF item" if is_locked and database.dialect == "postgres" else ""
    rows = await database.fetch(
        f"SELECT {ITEM_COLUMNS} FROM library_item AS item{ITEM_JOINS} WHERE item.sound = {{}}{lock}",
        sound_id,
    )
    return rows[0] if rows else None


async def upsert_vote(database: Database, item: int, account_id: int, vote: int) -> None:
    """Store an account's vote in place of an earlier one.

    Raw: a hot path, measured; the builder makes a row of every column first.
    """
    await database.fetch(
        "INSERT INTO sound_vote (item, account, vote) VALUES ({}, {}, {})"
        " ON CONFLICT (item, account) DO UPDATE SET vote = excluded.vote",
        item,
        account_id,
        vote,
    )


async def increment(database: Database, counter: Counter, item: int) -> int:
    """Add one to a counter of an item, and return the new count.

    Raw: a hot path, measured.
    """
    rows = await database.fetch(
        f"UPDATE library_item SET {counter} = {counter} + 1 WHERE id = {{}} RETURNING {counter} AS total",
        item,
    )
    total: int = rows[0]["total"]
    return total


async def playlists_of(database: Database, account_id: int) -> list[Row]:
    """Read an account's playlists, the last changed first, each with its `owner` and `track_count`.

    Raw, as `playlist_row`: the builder has no correlated subquery among its columns.
    """
    return await database.fetch(
        f"{_PLAYLIST} WHERE playlist.account = {{}} ORDER BY playlist.updated_ms DESC, playlist.id DESC",
        account_id,
        account_id,
    )


async def playlist_row(database: Database, playlist_id: str, reader: int | None) -> Row | None:
    """Read a playlist with its `owner` and how many tracks the reader sees."""
    rows = await database.fetch(f"{_PLAYLIST} WHERE playlist.playlist_id = {{}}", reader, playlist_id)
    return rows[0] if rows else None


async def playlist_items(database: Database, playlist: int, reader: int | None) -> list[Row]:
    """Read what a reader sees of a playlist, in order, as `ITEM_COLUMNS`.

    Raw: it shares its columns and joins with `item_row`.
    """
    return await database.fetch(
        f"SELECT {ITEM_COLUMNS} FROM playlist_track"
        f" JOIN library_item AS item ON item.id = playlist_track.item{ITEM_JOINS}"
        f" WHERE playlist_track.playlist = {{}} AND {_VISIBLE}"
        " ORDER BY playlist_track.place, playlist_track.id",
        playlist,
        reader,
    )


async def order_tracks(database: Database, playlist: int, items: Sequence[int]) -> None:
    """Number these items of a playlist from 1 in the given order.

    Raw: one prepared statement for all rows, which the builder does not offer.
    """
    await database.execute_many(
        "UPDATE playlist_track SET place = {} WHERE playlist = {} AND item = {}",
        [(number, playlist, item) for number, item in enumerate(items, 1)],
    )


async def exportable_rows(database: Database, account_id: int, sound_ids: Sequence[str]) -> list[Row]:
    """Read those of these sounds that the account may export, with all that a manifest has of them.

    Raw: it shares its columns and joins with `item_row`.
    """
    return await database.fetch(
        f"SELECT {ITEM_COLUMNS}, item.title AS own_title, {_EXPORTED_COLUMNS}"
        f" FROM library_item AS item{ITEM_JOINS}"
        f" WHERE {_VISIBLE} AND item.sound IN ({_parameters(sound_ids)})",
        account_id,
        *sound_ids,
    )


async def is_sound_id_taken(database: Database, sound_id: str) -> bool:
    """Look for a sound with this id, or one that is still to be made.

    Raw: one statement reads one state; three of the builder's could miss a job that finishes in between.
    """
    rows = await database.fetch(
        "SELECT 1 AS one FROM sound WHERE generation_id = {}"
        f" UNION ALL SELECT 1 AS one FROM job WHERE generation_id = {{}} AND {_UNFINISHED}"
        f" UNION ALL SELECT 1 AS one FROM speech_request WHERE generation_id = {{}} AND {_UNFINISHED}",
        sound_id,
        sound_id,
        sound_id,
    )
    return bool(rows)


async def stored_bytes(database: Database, account_ids: Collection[int]) -> dict[int | None, int]:
    """Return the bytes of all sounds, under None, and of each of these accounts.

    Raw: a hot path, measured; every accepted job asks.
    """
    names: dict[str, int | None] = {STORED: None, **{stored_by(one): one for one in account_ids}}
    rows = await database.fetch(
        "SELECT name, CAST(SUM(bytes) AS BIGINT) AS stored FROM tally"
        f" WHERE name IN ({_parameters(names)}) GROUP BY name",
        *names,
    )
    return dict.fromkeys(names.values(), 0) | {names[row["name"]]: row["stored"] for row in rows}


def _parameters(values: Collection[object]) -> str:
    return ", ".join("{}" for _ in values)
