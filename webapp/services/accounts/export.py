"""Everything that is stored about an account, for its owner to take along."""

from typing import Any, Final

from webapp.database import Database
from webapp.errors import NotFound

# Sounds that others have taken back or an admin has hidden are told to nobody.
_SEEN: Final = "(item.account = {} OR (item.is_public AND NOT item.is_hidden))"
# What is left out: hashes of secrets, how jobs were handed to workers, and the notes of admins. Each part
# takes the account as often as it has a place for it.
_PARTS: Final = {
    "tokens": (
        "SELECT label, created_ms, expires_ms, last_used_ms FROM api_token WHERE account = {} ORDER BY id"
    ),
    "sessions": (
        "SELECT created_ms, expires_ms, last_seen_ms, address, user_agent"
        " FROM web_session WHERE account = {} ORDER BY id"
    ),
    "aura": (
        "SELECT kind, amount, balance_after, reason, job_id, author, created_ms"
        " FROM aura_entry WHERE account = {} ORDER BY id"
    ),
    "jobs": (
        "SELECT job_id, generation_id, status, created_ms, started_ms, finished_ms, prompt, model,"
        " duration_s, is_loopable, seed, seed_was_given, temperature, top_k, top_p, guidance, tier,"
        " skipped_ms, retry_count, error FROM job WHERE account = {} ORDER BY sequence"
    ),
    "sounds": (
        "SELECT generation_id, job AS job_id, created_ms, engine, engine_label, checkpoint, license, seed,"
        " duration_s, sample_rate, channels, loudness_lufs, true_peak_dbtp, quality_score, quality_reasons,"
        " bytes_total FROM sound WHERE account = {} ORDER BY created_ms, generation_id"
    ),
    "library": (
        "SELECT sound AS generation_id, title, tags, prompt, model, is_public, is_hidden, upvotes, downvotes,"
        " plays, downloads FROM library_item WHERE account = {} ORDER BY id"
    ),
    "votes": (
        "SELECT item.sound AS generation_id, sound_vote.vote FROM sound_vote"
        " JOIN library_item AS item ON item.id = sound_vote.item"
        f" WHERE sound_vote.account = {{}} AND {_SEEN} ORDER BY sound_vote.id"
    ),
    "favorites": (
        "SELECT item.sound AS generation_id, favorite.created_ms FROM favorite"
        " JOIN library_item AS item ON item.id = favorite.item"
        f" WHERE favorite.account = {{}} AND {_SEEN} ORDER BY favorite.id"
    ),
    "playlists": (
        "SELECT playlist_id, name, is_shared, created_ms, updated_ms"
        " FROM playlist WHERE account = {} ORDER BY id"
    ),
    "playlist_tracks": (
        "SELECT playlist.playlist_id, item.sound AS generation_id FROM playlist_track"
        " JOIN playlist ON playlist.id = playlist_track.playlist"
        " JOIN library_item AS item ON item.id = playlist_track.item"
        f" WHERE playlist.account = {{}} AND {_SEEN} ORDER BY playlist.id, playlist_track.place"
    ),
    "spoken_texts": (
        "SELECT generation_id, status, created_ms, finished_ms, text, voice, speed, duration_s"
        " FROM speech_request WHERE account = {} ORDER BY created_ms, request_id"
    ),
}
_FLAGS: Final = frozenset(
    {"is_admin", "is_loopable", "seed_was_given", "is_public", "is_hidden", "is_shared"}
)


async def export_account(database: Database, account_id: int) -> dict[str, Any]:
    """An account and all that belongs to it, by kind, as values for JSON; times in ms UTC.

    The files of a sound are found under its `generation_id`. Raises NotFound.
    """
    rows = await database.fetch(
        "SELECT username, tier, is_admin, aura_balance, created_ms FROM account WHERE id = {}", account_id
    )
    if not rows:
        raise NotFound("Account not found")
    parts = {name: await database.fetch(sql, *[account_id] * sql.count("{}")) for name, sql in _PARTS.items()}
    return {
        "account": _plain(rows[0]),
        **{name: [_plain(row) for row in found] for name, found in parts.items()},
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row with truth values where one of the databases has numbers."""
    return {name: bool(value) if name in _FLAGS else value for name, value in row.items()}
