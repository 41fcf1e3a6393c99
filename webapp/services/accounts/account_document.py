"""The account document: everything that is stored about an account, as JSON.

An owner can download it by itself, or as `account.json` in an archive with their sounds: see
`webapp.services.library.export`.
"""

from typing import Any, Final

from piccolo.columns.combination import And, Or
from piccolo.query.methods.select import Select

from webapp.errors import NotFound
from webapp.tables import (
    Account,
    ApiToken,
    AuraEntry,
    Favorite,
    Job,
    LibraryItem,
    Playlist,
    PlaylistTrack,
    Sound,
    SoundVote,
    SpeechRequest,
    Upload,
    WebSession,
)

_FLAGS: Final = frozenset(
    {"is_admin", "is_loopable", "seed_was_given", "is_public", "is_hidden", "is_shared"}
)


async def account_document(account_id: int) -> dict[str, Any]:
    """Return an account and everything that belongs to it, by kind, as values for JSON; times are in ms UTC.

    A sound's files are named by its `generation_id`. Hashes of secrets, leases and moderation notes are left
    out. Raises NotFound.
    """
    account = await (
        Account.select(
            Account.username, Account.tier, Account.is_admin, Account.aura_balance, Account.created_ms
        )
        .where(Account.id == account_id)
        .first()
    )
    if account is None:
        raise NotFound("Account not found")
    parts = _of_account(account_id) | _of_queue(account_id) | _of_library(account_id) | _of_speech(account_id)
    return {
        "account": _plain(account),
        **{name: [_plain(row) for row in await query] for name, query in parts.items()},
    }


def _of_account(account_id: int) -> dict[str, Select[Any]]:
    return {
        "tokens": ApiToken.select(
            ApiToken.label, ApiToken.created_ms, ApiToken.expires_ms, ApiToken.last_used_ms
        )
        .where(ApiToken.account == account_id)
        .order_by(ApiToken.id),
        "sessions": WebSession.select(
            WebSession.created_ms,
            WebSession.expires_ms,
            WebSession.last_seen_ms,
            WebSession.address,
            WebSession.user_agent,
        )
        .where(WebSession.account == account_id)
        .order_by(WebSession.id),
        "aura": AuraEntry.select(
            AuraEntry.kind,
            AuraEntry.amount,
            AuraEntry.balance_after,
            AuraEntry.reason,
            AuraEntry.job_id,
            AuraEntry.author,
            AuraEntry.created_ms,
        )
        .where(AuraEntry.account == account_id)
        .order_by(AuraEntry.id),
    }


def _of_queue(account_id: int) -> dict[str, Select[Any]]:
    job, sound = Job, Sound
    return {
        "jobs": job.select(
            job.job_id, job.generation_id, job.status, job.created_ms, job.started_ms, job.finished_ms,
            job.prompt, job.model, job.duration_s, job.is_loopable, job.seed, job.seed_was_given,
            job.temperature, job.top_k, job.top_p, job.guidance, job.tier, job.skipped_ms, job.retry_count,
            job.error, job.melody_from, job.continues, job.continues_from_s,
        )
        .where(job.account == account_id)
        .order_by(job.sequence),
        "sounds": sound.select(
            sound.generation_id, sound.job.as_alias("job_id"), sound.created_ms, sound.engine,
            sound.engine_label, sound.checkpoint, sound.license, sound.seed, sound.duration_s,
            sound.sample_rate, sound.channels, sound.loudness_lufs, sound.true_peak_dbtp,
            sound.quality_score, sound.quality_reasons, sound.bytes_total,
        )
        .where(sound.account == account_id)
        .order_by(sound.created_ms, sound.generation_id),
        "uploads": Upload.select(
            Upload.upload_id, Upload.kind, Upload.created_ms, Upload.expires_ms, Upload.duration_s,
            Upload.sample_rate, Upload.channels, Upload.bytes_total,
        )
        .where((Upload.account == account_id) & Upload.is_ready.eq(True))
        .order_by(Upload.created_ms, Upload.upload_id),
    }  # fmt: skip


def _of_library(account_id: int) -> dict[str, Select[Any]]:
    item, track = LibraryItem, PlaylistTrack
    return {
        "library": item.select(
            item.sound.as_alias("generation_id"), item.title, item.tags, item.prompt, item.model,
            item.is_public, item.is_hidden, item.upvotes, item.downvotes, item.plays, item.downloads,
        )
        .where(item.account == account_id)
        .order_by(item.id),
        "votes": SoundVote.select(SoundVote.item.sound.as_alias("generation_id"), SoundVote.vote)
        .where((SoundVote.account == account_id) & _is_visible(SoundVote.item._, account_id))
        .order_by(SoundVote.id),
        "favorites": Favorite.select(Favorite.item.sound.as_alias("generation_id"), Favorite.created_ms)
        .where((Favorite.account == account_id) & _is_visible(Favorite.item._, account_id))
        .order_by(Favorite.id),
        "playlists": Playlist.select(
            Playlist.playlist_id, Playlist.name, Playlist.is_shared, Playlist.created_ms, Playlist.updated_ms
        )
        .where(Playlist.account == account_id)
        .order_by(Playlist.id),
        "playlist_tracks": track.select(
            track.playlist.playlist_id, track.item.sound.as_alias("generation_id")
        )
        .where((track.playlist.account == account_id) & _is_visible(track.item._, account_id))
        .order_by(track.playlist.id, track.place),
    }  # fmt: skip


def _of_speech(account_id: int) -> dict[str, Select[Any]]:
    speech = SpeechRequest
    return {
        "spoken_texts": speech.select(
            speech.generation_id, speech.status, speech.created_ms, speech.finished_ms, speech.text,
            speech.voice, speech.speed, speech.duration_s,
        )
        .where(speech.account == account_id)
        .order_by(speech.created_ms, speech.request_id),
    }  # fmt: skip


def _is_visible(item: type[LibraryItem], account_id: int) -> And | Or:
    """Leave out other accounts' sounds that have become private or that an admin has hidden."""
    return (item.account == account_id) | (item.is_public.eq(True) & item.is_hidden.eq(False))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with booleans in place of SQLite's numbers."""
    return {name: bool(value) if name in _FLAGS else value for name, value in row.items()}
